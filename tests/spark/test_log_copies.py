"""Tables on HDFS: what tasks and the driver write lies there whole, or another driver committed before."""

from __future__ import annotations

import pytest

from jobs.errors import SliceHeld
from jobs.settings import schemas
from jobs.spark import data_files, driver_tables
from jobs.spark.frames import local, rows_of
from jobs.spark.tables import Tables

A, B = ({"country": "NL", "wave": wave} for wave in "ab")


@pytest.fixture
def tables(spark, hdfs, tmp_path):
    return Tables(lambda: spark, str(hdfs / tmp_path.name))


def waterfall(wave, *firms):
    steps = [("NL", wave, number, "a filter", 9, 0, rest) for number, rest in enumerate(firms)]
    return rows_of("sample_waterfall", steps)


def data(folder):
    return {name for name, _ in folder.walk() if name.endswith(".parquet") and "_delta_log" not in name}


def test_rows_of_tasks_lie_in_the_folder_of_their_slice(spark, tables):
    cells = [("NL", wave, number, 1, 1, 1, number) for wave in "ab" for number in (1, 2)]
    rows = local(spark, cells, schemas.table("flows").struct).coalesce(1)
    commit = tables.replace("flows", rows, [A, B], {"mark": "x"})
    assert commit.rows == {("NL", "a"): 2, ("NL", "b"): 2}
    folder = tables.folder("flows")
    assert sorted(name.rpartition("/")[0] for name in data(folder)) == [
        "country=NL/wave=a",
        "country=NL/wave=b",
    ]
    assert set(tables.digests("flows", ("NL", "a"))) < data(folder)
    by_delta = spark.read.format("delta").load(tables.path("flows")).collect()
    assert sorted(by_delta) == sorted(tables.read("flows", [A, B]).collect()) and len(by_delta) == 4


def test_the_number_of_rows_is_read_from_the_end_of_a_file_however_long_it_is(spark, tables, monkeypatch):
    monkeypatch.setattr(data_files, "END", 100)
    rows = local(spark, [("NL", "a", 1, 1, 1, 1, 7)], schemas.table("flows").struct)
    assert tables.replace("flows", rows, [A], {}).rows == {("NL", "a"): 1}


def test_what_a_killed_run_left_is_cleared_by_the_next(spark, tables):
    rows = local(spark, [("NL", "a", 1, 1, 1, 1, 7)], schemas.table("flows").struct)
    tables.replace("flows", rows, [A], {})
    folder = tables.folder("flows")
    whole = data(folder)
    for left in (f"{data_files.DRAFT}x/country=NL/wave=a/x.parquet", "country=NL/wave=b/x.parquet"):
        (folder / left).write_bytes(b"of a killed run")
    Tables(lambda: spark, tables.root).replace("flows", rows_of("flows"), [B], {})
    assert data(folder) - whole != set(), "the driver's own rows are committed without a look at the others"
    Tables(lambda: spark, tables.root).replace("flows", rows.where("false"), [B], {})
    assert data(folder) == whole


def test_a_commit_that_another_made_first_is_refused_and_leaves_nothing(tables, monkeypatch):
    tables.replace("sample_waterfall", waterfall("a", 9), [A], {})
    other, write = Tables(lambda: None, tables.root), driver_tables.write_deltalake

    def overtaken(*given, **options):
        """Another driver commits after the log was copied, and before this one's commit is sent."""
        monkeypatch.setattr(driver_tables, "write_deltalake", write)
        other.replace("sample_waterfall", waterfall("b", 3), [B], {})
        return write(*given, **options)

    monkeypatch.setattr(driver_tables, "write_deltalake", overtaken)
    with pytest.raises(SliceHeld, match="another run wrote to the table sample_waterfall meanwhile"):
        tables.replace("sample_waterfall", waterfall("a", 8), [A], {})
    state = tables._whole_state("sample_waterfall")
    assert state.version == 2 and data(tables.folder("sample_waterfall")) == set(state.files)
    assert tables.replace("sample_waterfall", waterfall("a", 7, 6), [A], {}).rows == {("NL", "a"): 2}


def test_a_checkpoint_is_sent_with_the_commit_and_read_by_delta(spark, tables):
    for number in range(10):
        tables.replace("sample_waterfall", waterfall("a", *range(number)), [A], {})
    log = tables.folder("sample_waterfall") / "_delta_log"
    assert any(log.glob("*.checkpoint.parquet")) and (log / "_last_checkpoint").is_file()
    assert tables.damage("sample_waterfall") is None
    assert spark.read.format("delta").load(tables.path("sample_waterfall")).count() == 9
