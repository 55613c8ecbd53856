"""Files that tasks wrote become part of a table in one commit, and are read by their names."""

from __future__ import annotations

from decimal import Decimal
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from jobs.errors import SliceHeld
from jobs.readers.one_pass import SCHEMA
from jobs.settings import schemas
from jobs.spark import data_files, driver_tables
from jobs.spark.delta_log import File
from jobs.spark.driver_tables import Change
from jobs.spark.frames import local

SLICE = {"country": "NL", "wave": "a"}


def written(tables, name, *cells, wave="a"):
    """A file of cells in the table's folder."""
    slice = {"country": "NL", "wave": wave}
    place = f"{data_files.folder_of(schemas.table('flows'), slice)}/{name}"
    path = tables.space("flows") / place
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [list(column) for column in zip(*cells, strict=True)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), path)
    return File(place, path.stat().st_size, len(cells), slice)


def cell(number, value="1.5"):
    return (number, 1, 1, 1, Decimal(value))


def rows(spark, *cells):
    return local(spark, [("NL", "a", *of) for of in cells], schemas.table("flows").struct)


def shown(tables):
    return sorted((row.wave, row.origin_region, str(row.value)) for row in tables.read("flows").collect())


def test_files_and_rows_stand_in_the_place_of_a_slice(spark, tables):
    other = written(tables, "cells-b.parquet", cell(9), wave="b")
    tables.replace("flows", None, [{"country": "NL", "wave": "b"}], {}, [other])
    tables.replace("flows", rows(spark, cell(7)), [SLICE], {})
    file = written(tables, "cells-a.parquet", cell(1), cell(2, "0.000000001"))
    commit = tables.replace("flows", rows(spark, cell(3)), [SLICE], {"mark": "x"}, [file])
    assert commit.rows == {("NL", "a"): 3}
    expected = [("a", 1, "1.500000000"), ("a", 2, "1E-9"), ("a", 3, "1.500000000"), ("b", 9, "1.500000000")]
    assert shown(tables) == expected
    assert tables.latest("flows")[("NL", "a")][1]["mark"] == "x"
    assert set(tables.digests("flows", ("NL", "a"))) >= {file.path}
    tables.replace("flows", rows(spark), [SLICE], {})
    assert shown(tables) == expected[-1:]


def test_files_of_a_run_that_was_killed_are_deleted(spark, tables):
    former = written(tables, "former.parquet", cell(1))
    tables.replace("flows", None, [SLICE], {}, [former])
    tables.replace("flows", rows(spark), [SLICE], {})
    folder = tables.folder("flows")
    for again in (lambda: tables.space("flows"), lambda: tables.replace("flows", rows(spark), [SLICE], {})):
        written(tables, "lost.parquet", cell(2))
        draft = folder / f"{data_files.DRAFT}x"
        draft.mkdir()
        again()
        assert [path.name for path in folder.rglob("*.parquet")] == ["former.parquet"], "older states stay"
        assert not draft.exists()


def test_rows_of_a_frame_lie_in_the_folder_of_their_slice_with_their_checksums(spark, tables):
    tables.replace("flows", rows(spark, cell(3), cell(4)).coalesce(1), [SLICE], {})
    (path,) = {path for path in tables.digests("flows", ("NL", "a")) if path.endswith(".parquet")}
    assert path.startswith("country=NL/wave=a/")
    names = {entry.name for entry in tables.folder("flows").iterdir()}
    assert names == {"_delta_log", "country=NL"}
    files = list((tables.folder("flows") / "country=NL/wave=a").iterdir())
    assert sorted(file.suffix for file in files) == [".crc", ".parquet"]
    assert {file.stat().st_mode & 0o077 for file in files} == {0}


def test_a_row_without_what_the_table_demands_is_refused(spark, tables):
    lacking = rows(spark, cell(3)).withColumn("value", F.lit(None))
    with pytest.raises(ValueError, match="the table flows takes no row without value"):
        tables.replace("flows", lacking, [SLICE], {})
    assert tables.read("flows", [SLICE]).count() == 0


@pytest.mark.parametrize("wave", ["2004", "007", "1e3", "2004-05-06", "true"])
def test_names_of_waves_that_look_like_something_else_stay_names(spark, tables, wave):
    own = local(spark, [("NL", wave, *cell(1))], schemas.table("flows").struct)
    tables.replace("flows", own, [{"country": "NL", "wave": wave}], {})
    assert [row.wave for row in tables.read("flows", [{"country": "NL"}]).collect()] == [wave]


def test_what_is_read_by_names_of_files_is_what_delta_reads(spark, tables, monkeypatch):
    for wave in "abc":
        own = written(tables, "own.parquet", cell(1), wave=wave)
        tables.replace("flows", None, [{"country": "NL", "wave": wave}], {}, [own])
    slices = [{"country": "NL", "wave": wave} for wave in "ac"]
    of_delta = sorted(tables.read("flows").where(F.col("wave") != "b").collect())
    for few, reads in ((2, 1), (1, 0)):
        monkeypatch.setattr(data_files, "FEW", few)
        read = Mock(wraps=data_files.read)
        monkeypatch.setattr(data_files, "read", read)
        frame = tables.read("flows", slices)
        assert read.call_count == reads and sorted(frame.collect()) == of_delta
        assert frame.columns == schemas.table("flows").names


def test_a_late_writer_is_refused(tables, monkeypatch):
    file = written(tables, "own.parquet", cell(1))
    path = tables.folder("flows")
    commit = driver_tables.commit

    def overtaken(*given):
        """Another writer commits between the look at the table and the commit."""
        commit(path, [file], [], Change("", ("diamant/flows", 7), "{}"), 0)
        return commit(*given)

    monkeypatch.setattr(driver_tables, "commit", overtaken)
    with pytest.raises(SliceHeld):
        tables.replace("flows", None, [SLICE], {}, [file])
