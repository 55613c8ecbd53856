"""What the driver commits without Spark is what Spark commits: rows, words, numbers, and what is refused."""

from __future__ import annotations

import errno

import pytest
from deltalake.exceptions import CommitFailedError

from jobs.errors import InputError, SliceHeld
from jobs.spark import delta_log, driver_tables
from jobs.spark.frames import rows_of
from jobs.spark.tables import Tables

HERE, ON_HDFS = "on this machine", "on HDFS"
SLICES = [{"country": "NL", "wave": wave} for wave in "ab"]


@pytest.fixture(params=[HERE, ON_HDFS])
def tables(request, spark, hdfs, tmp_path):
    return Tables(lambda: spark, str(tmp_path if request.param == HERE else hdfs / tmp_path.name))


def waterfall(wave, *firms):
    """Steps from all firms to the model's sample, as the stage `link` makes them on the driver."""
    steps = [("NL", wave, number, "a filter", 9, 0, rest) for number, rest in enumerate(firms)]
    return rows_of("sample_waterfall", steps)


def read(tables, **of):
    rows = tables.read("sample_waterfall", **of).collect()
    return sorted((row.wave, row.rows_out) for row in rows)


def test_a_slice_is_replaced_as_spark_replaces_it(spark, tables):
    for wave, slice in zip("ab", SLICES, strict=True):
        tables.replace("sample_waterfall", waterfall(wave, 9, 7), [slice], {"said": wave})
    first = tables.replace("sample_waterfall", waterfall("a", 9, 8, 4), [SLICES[0]], {"said": "driver"})
    assert read(tables) == [("a", 4), ("a", 8), ("a", 9), ("b", 7), ("b", 9)]
    assert first.rows == {("NL", "a"): 3}
    assert tables.latest("sample_waterfall")["NL", "a"][1]["said"] == "driver"

    by_spark = spark.createDataFrame(waterfall("a", 5).to_pandas())
    tables.replace("sample_waterfall", by_spark, [SLICES[0]], {"said": "by Spark"})
    tables.replace("sample_waterfall", rows_of("sample_waterfall"), [SLICES[1]], {"said": "emptied"})
    assert read(tables) == [("a", 5)]
    assert read(tables, version=first.version) == [("a", 4), ("a", 8), ("a", 9), ("b", 7), ("b", 9)]
    assert tables.damage("sample_waterfall") is None
    sequences = [info["sequence"] for _, info in tables.latest("sample_waterfall").values()]
    assert sorted(sequences) == [4, 5]


def test_a_commit_of_another_run_meanwhile_ends_this_one(tables, monkeypatch):
    tables.replace("sample_waterfall", waterfall("a", 9), [SLICES[0]], {})
    before = tables._whole_state("sample_waterfall")
    other = Tables(lambda: None, tables.root)
    other.replace("sample_waterfall", waterfall("b", 3), [SLICES[1]], {})
    monkeypatch.setattr(tables, "_whole_state", lambda name: before)
    with pytest.raises(SliceHeld, match="another run wrote to the table sample_waterfall meanwhile"):
        tables.replace("sample_waterfall", waterfall("a", 8), [SLICES[0]], {})
    assert other.counted("sample_waterfall", [("NL", "a"), ("NL", "b")]) == {("NL", "a"): 1, ("NL", "b"): 1}


def test_a_row_that_does_not_fit_is_refused_and_not_told(tables):
    with pytest.raises(ValueError) as refused:
        tables.replace("sample_waterfall", waterfall("secret", 9), [SLICES[0]], {})
    assert "secret" not in str(refused.value) and refused.value.__cause__ is None
    with pytest.raises(ValueError, match="delta-rs does not take these rows"):
        tables.replace("sample_waterfall", waterfall("a", None), [SLICES[0]], {})
    assert read(tables) == []


def test_a_full_disk_is_told(tables, monkeypatch):
    def full(*args, **options):
        raise driver_tables.DeltaError(f"failed to write: No space left on device (os error {errno.ENOSPC})")

    monkeypatch.setattr(driver_tables, "write_deltalake", full)
    with pytest.raises(InputError, match="no space is left on the disk for the table sample_waterfall"):
        tables.replace("sample_waterfall", waterfall("a", 9), [SLICES[0]], {})


@pytest.mark.parametrize("tables", [HERE], indirect=True)
def test_damage_of_a_commit_shows_by_its_checksum(tables):
    tables.replace("sample_waterfall", waterfall("a", 9), [SLICES[0]], {})
    log = tables.folder("sample_waterfall") / "_delta_log"
    assert {path.name for path in log.glob(".*.crc")} == {f".{n:020}.json.crc" for n in (0, 1)}
    commit = log / f"{1:020}.json"
    assert delta_log.fits_checksum(commit)
    commit.write_bytes(commit.read_bytes().replace(b"delta-rs", b"delta-sr"))
    assert tables.damage("sample_waterfall") == "commit 1 of its log is damaged"


def test_a_version_that_is_not_the_newest_is_not_built_upon(tables):
    tables.replace("sample_waterfall", waterfall("a", 9), [SLICES[0]], {})
    folder = tables.folder("sample_waterfall")
    change = driver_tables.Change("country = 'NL' AND wave = 'a'", ("diamant/sample_waterfall", 9), "{}")
    with pytest.raises(CommitFailedError):
        driver_tables.replace(folder, waterfall("a", 1), change, version=0)


def test_what_the_driver_reads_is_what_spark_reads(spark, tables):
    first = tables.replace("sample_waterfall", waterfall("a", 9, 7), [SLICES[0]], {})
    tables.replace(
        "sample_waterfall", spark.createDataFrame(waterfall("b", 5, 3).to_pandas()), [SLICES[1]], {}
    )
    tables.replace("sample_waterfall", waterfall("a", 1), [SLICES[0]], {})
    for slices, version in (SLICES, None), (SLICES[1:], None), (SLICES, first.version), ([], None):
        key = [(name, "ascending") for name in ("country", "wave", "step")]
        by_spark = tables.read("sample_waterfall", slices, version).toArrow().sort_by(key)
        rows = tables.on_driver("sample_waterfall", slices, version).sort_by(key)
        assert rows.to_pylist() == by_spark.to_pylist()
    with pytest.raises(InputError, match="the table estimates does not exist yet"):
        tables.on_driver("estimates", SLICES, None)
