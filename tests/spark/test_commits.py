"""Files that tasks wrote become part of a table in one commit, beside rows of a frame."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.errors import SliceHeld
from jobs.readers.one_pass import SCHEMA
from jobs.settings import schemas
from jobs.spark import commits
from jobs.spark.delta_log import File
from jobs.spark.driver_tables import Change
from jobs.spark.frames import local

SLICE = {"country": "NL", "wave": "a"}


def written(tables, name, *cells, wave="a"):
    """A file of cells in the table's folder."""
    path = tables.space("flows") / name
    columns = [list(column) for column in zip(*cells, strict=True)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), path)
    return File(name, path.stat().st_size, len(cells), {"country": "NL", "wave": wave})


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
    assert set(tables.digests("flows", ("NL", "a"))) >= {"cells-a.parquet"}
    tables.replace("flows", rows(spark), [SLICE], {})
    assert shown(tables) == expected[-1:]


def test_files_of_a_run_that_was_killed_are_deleted(spark, tables):
    former = written(tables, commits.new_name(), cell(1))
    tables.replace("flows", None, [SLICE], {}, [former])
    tables.replace("flows", rows(spark), [SLICE], {})
    lost, foreign = commits.new_name(), "cells-mine.parquet"
    for name in (lost, foreign):
        written(tables, name, cell(2))
    left = {path.name for path in tables.space("flows").glob("*.parquet")}
    assert left == {former.path, foreign}, "older states and files of others stay"


def test_a_number_counts_once_and_a_late_writer_is_refused(spark, tables, monkeypatch):
    file = written(tables, "cells-a.parquet", cell(1))
    path = tables.path("flows")

    def numbered(sequence):
        return Change("", ("diamant/flows", sequence), "{}")

    assert commits.commit(spark, path, ([file], None), [], numbered(1))
    assert not commits.commit(spark, path, ([file], None), [], numbered(1))

    def overtaken(*given):
        """Another writer commits between the look at the table and the commit."""
        monkeypatch.setattr(commits, "_stats", stats)
        commits.commit(spark, path, ([file], None), [], numbered(7))
        return stats(*given)

    stats = commits._stats
    monkeypatch.setattr(commits, "_stats", overtaken)
    with pytest.raises(SliceHeld):
        tables.replace("flows", None, [SLICE], {}, [file])
