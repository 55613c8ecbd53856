"""Slices are replaced in one transaction, numbered, and older states stay readable."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from jobs.errors import InputError
from jobs.settings import schemas
from jobs.spark.tables import Tables

SLICE = {"country": "NL", "wave": "a"}
OTHER = {"country": "NL", "wave": "b"}
KEYS = ("NL", "a")


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    """A log that seems damaged is looked at as often as ever, but for a shorter time."""
    monkeypatch.setattr("jobs.spark.tables.PAUSES", (0.01,) * 3)


def put(tables, frame, mark):
    """Commit a frame as the slice of the tests."""
    return tables.replace("answers", frame, [SLICE], {"mark": mark})


def last_mark(tables):
    return tables.latest("answers")[KEYS][1]["mark"]


def answers(spark, wave, *firms):
    rows = [("NL", wave, None, number, {"firm": firm}) for number, firm in enumerate(firms, start=2)]
    return spark.createDataFrame(rows, schemas.table("answers").struct)


def test_a_slice_is_replaced_and_the_others_stay(spark, tables):
    put(tables, answers(spark, "a", "F1", "F2"), "first")
    tables.replace("answers", answers(spark, "b", "F9"), [OTHER], {})
    commit = put(tables, answers(spark, "a", "F3"), "corrected")

    assert commit.rows == {KEYS: 1} and last_mark(tables) == "corrected"
    firms = [(row.wave, row.answers["firm"]) for row in tables.read("answers").collect()]
    assert sorted(firms) == [("a", "F3"), ("b", "F9")]


def test_the_state_before_a_correction_stays_readable(spark, tables):
    first = put(tables, answers(spark, "a", "F1", "F2"), "first")
    put(tables, answers(spark, "a", "F3"), "corrected")

    assert tables.read("answers", [SLICE], version=first.version).count() == 2
    assert tables.read("answers", [SLICE]).count() == 1


def test_a_reader_keeps_the_state_that_it_began_with(spark, tables):
    """Firms in files of their own, one of which is read after the correction."""
    put(tables, answers(spark, "a", "F1", "F2", "F4").repartition(3, "row_number"), "first")
    frame = tables.read("answers")
    assert frame.rdd.getNumPartitions() > 1
    begun = frame.toLocalIterator()
    read = [next(begun)]
    put(tables, answers(spark, "a", "F3"), "corrected")

    assert sorted(row.answers["firm"] for row in [*read, *begun]) == ["F1", "F2", "F4"]


@pytest.mark.parametrize("years", [-20, 20])
def test_a_clock_that_jumps_loses_no_state(spark, tables, tmp_path, years):
    """The files of a table are of the past or of the future when the next commit comes."""
    first = put(tables, answers(spark, "a", "F1", "F2"), "first")
    for file in (path for path in Path(tables.root).rglob("*") if path.is_file()):
        moved = file.stat().st_mtime + years * 365 * 86400
        os.utime(file, (moved, moved))
    moved_on = Tables(lambda: spark, str(tmp_path / "on another day"))
    shutil.copytree(tables.root, moved_on.root)  # Spark remembers the state of a table by its place
    put(moved_on, answers(spark, "a", "F3"), "corrected")

    assert [row.answers["firm"] for row in moved_on.read("answers").collect()] == ["F3"]
    assert moved_on.read("answers", [SLICE], version=first.version).count() == 2
    assert last_mark(Tables(lambda: spark, moved_on.root)) == "corrected"


def test_rows_of_another_slice_are_refused_and_nothing_is_written(spark, tables):
    put(tables, answers(spark, "a", "F1"), "first")
    with pytest.raises(Exception, match="rows of other slices"):
        put(tables, answers(spark, "b", "F2"), "second")
    assert last_mark(tables) == "first"


def test_the_log_holds_no_minimum_or_maximum_of_micro_data(spark, tables, tmp_path):
    put(tables, answers(spark, "a", "CANARY"), "first")
    log = "".join(file.read_text() for file in (tmp_path / "tables/answers/_delta_log").glob("*.json"))
    assert "CANARY" not in log
    assert '"minValues"' not in log.replace("\\", "")


def test_several_slices_are_replaced_in_one_commit(spark, tables):
    put(tables, answers(spark, "a", "F1", "F2"), "first")
    third = {"country": "BE", "wave": "a"}
    tables.replace("answers", answers(spark, "c", "F7"), [{"country": "NL", "wave": "c"}], {"mark": "c"})
    both = answers(spark, "a", "F3").unionByName(answers(spark, "b", "F4", "F5"))
    commit = tables.replace("answers", both, [SLICE, OTHER, third], {"mark": "both"})
    assert commit.rows == {KEYS: 1, ("NL", "b"): 2, ("BE", "a"): 0}
    firms = sorted((row.wave, row.answers["firm"]) for row in tables.read("answers").collect())
    assert firms == [("a", "F3"), ("b", "F4"), ("b", "F5"), ("c", "F7")]
    marks = {keys: info["mark"] for keys, (_, info) in tables.latest("answers").items()}
    assert marks == {KEYS: "both", ("NL", "b"): "both", ("BE", "a"): "both", ("NL", "c"): "c"}
    folders = {path.parent.name for path in Path(tables.path("answers")).glob("country=NL/wave=*/*.parquet")}
    assert folders == {"wave=a", "wave=b", "wave=c"}, "a file is of one slice"


def test_some_slices_are_read(spark, tables):
    tables.replace("answers", answers(spark, "b", "F9"), [OTHER], {})
    put(tables, answers(spark, "a", "F1", "F2"), "first")
    assert tables.read("answers", [OTHER]).count() == 1
    assert tables.read("answers", [SLICE, OTHER]).count() == 3
    assert tables.read("answers", [{"country": "NL"}]).count() == 3
    assert tables.read("answers", []).count() == 0


def test_two_writers_of_one_table_leave_one_whole_state(spark, tables):
    put(tables, answers(spark, "a", "F0"), "start")
    barrier, ended = threading.Barrier(2), []

    def write(mark: str, count: int) -> None:
        own = Tables(lambda: spark, tables.root)
        frame = answers(spark, "a", *[f"{mark}{number}" for number in range(count)])
        barrier.wait()
        try:
            put(own, frame, mark)
            ended.append((mark, "written"))
        except Exception as error:
            ended.append((mark, type(error).__name__))

    writers = [threading.Thread(target=write, args=pair) for pair in (("X", 3), ("Y", 4))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    marks = {row.answers["firm"][0] for row in tables.read("answers", [SLICE]).collect()}
    assert marks == {last_mark(tables)}
    assert tables.read("answers", [SLICE]).count() == tables.counted("answers", [KEYS])[KEYS]
    assert set(kind for _, kind in ended) <= {"written", "SliceHeld"}
    assert (last_mark(tables), "written") in ended


def test_a_missing_table_is_an_input_error_that_names_it(tables):
    with pytest.raises(InputError, match="survey does not exist"):
        tables.read("survey")
    assert tables.latest("survey") == {} and tables.version("survey") is None


@pytest.mark.parametrize("name", schemas.names())
def test_every_schema_is_complete(name):
    table = schemas.table(name)
    assert set(table.key) <= set(table.names)
    assert set(table.slices) <= set(table.key)
    assert all(column.meaning for column in table.columns)
    assert table.micro or not any(column.confidential for column in table.columns)


def newest(tables, pattern):
    """The newest file of the log that fits a pattern."""
    return max((Path(tables.path("answers")) / "_delta_log").glob(pattern))


def data_file(tables):
    """A data file of the slice, which may have several."""
    return min(Path(tables.path("answers")).glob("country=NL/wave=a/*.parquet"))


def cut(file):
    file.write_bytes(file.read_bytes()[:-40])


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def without_checksum(file):
    file.with_name(f".{file.name}.crc").unlink()
    return file


def action_lost(file, kind):
    """The commit without one of its actions of a kind."""
    lines = file.read_text().splitlines(keepends=True)
    lines.remove(next(line for line in lines if line.startswith(f'{{"{kind}"')))
    without_checksum(file).write_text("".join(lines))


LOG_DAMAGE = {
    "the log is gone": (lambda tables: shutil.rmtree(newest(tables, "*.json").parent), "its log is gone"),
    "a commit is cut": (
        lambda tables: cut(without_checksum(newest(tables, "*.json"))),
        "commit 1 of its log is damaged",
    ),
    "a commit has lost a file": (
        lambda tables: action_lost(newest(tables, "*.json"), "add"),
        "commit 1 of its log is damaged",
    ),
    "a commit has lost that a file is gone": (
        lambda tables: (
            put(tables, answers(tables.spark, "a", "F3"), "second"),
            action_lost(newest(tables, "*.json"), "remove"),
        ),
        "commit 2 of its log is damaged",
    ),
    "a commit is empty": (
        lambda tables: newest(tables, "*.json").write_text(""),
        "commit 1 of its log is damaged",
    ),
    "a commit is no JSON": (
        lambda tables: newest(tables, "*.json").write_bytes(b"\xff\xfe"),
        "commit 1 of its log is damaged",
    ),
    "a commit does not fit its checksum": (
        lambda tables: newest(tables, "*.json").write_text(newest(tables, "*.json").read_text() + "\n"),
        "commit 1 of its log is damaged",
    ),
    "a checksum of the log is damaged": (
        lambda tables: flip(newest(tables, ".*.json.crc")),
        "commit 1 of its log is damaged",
    ),
    "the last commit is gone": (
        lambda tables: newest(tables, "*.json").unlink(),
        "commit 1 of its log is gone",
    ),
    "the first commit is gone": (
        lambda tables: min(newest(tables, "*.json").parent.glob("*.json")).unlink(),
        "commit 0 of its log is gone",
    ),
    "the pointer to the checkpoint is no JSON": (
        lambda tables: (newest(tables, "*.json").parent / "_last_checkpoint").write_text("{"),
        "the pointer to its log's checkpoint is damaged",
    ),
    "the pointer leads nowhere": (
        lambda tables: (newest(tables, "*.json").parent / "_last_checkpoint").write_text('{"version": 10}'),
        "the pointer to its log's checkpoint is damaged",
    ),
    "the table is a file": (
        lambda tables: (
            shutil.rmtree(tables.path("answers")),
            Path(tables.path("answers")).write_text("a file of the user"),
        ),
        "its log is gone",
    ),
}
DATA_DAMAGE = {
    "a data file is gone": (lambda file: file.unlink(), "a data file is gone"),
    "a data file is cut": (cut, "a data file is damaged"),
    "a data file is flipped": (flip, "a data file is damaged"),
    "a data file without a checksum is flipped": (
        lambda file: flip(without_checksum(file)),
        "a data file is damaged",
    ),
    "a checksum is flipped": (
        lambda file: flip(file.with_name(f".{file.name}.crc")),
        "a data file is damaged",
    ),
    "a checksum is empty": (
        lambda file: file.with_name(f".{file.name}.crc").write_text(""),
        "a data file is damaged",
    ),
}


@pytest.mark.parametrize(("spoil", "words"), LOG_DAMAGE.values(), ids=LOG_DAMAGE)
def test_a_damaged_log_is_named_moved_aside_and_made_again(spark, tables, spoil, words):
    put(tables, answers(spark, "a", "F1", "F2"), "first")
    assert tables.damage("answers") is None
    spoil(tables)
    assert tables.damage("answers") == words
    with pytest.raises(InputError, match=f"the table answers is damaged: {words}"):
        tables.latest("answers")
    aside = tables.move_aside("answers")
    assert aside.name == "answers-1" and aside.exists() and tables.damage("answers") is None
    again = put(tables, answers(spark, "a", "F1", "F2"), "first")
    assert (again.version, again.rows) == (1, {KEYS: 2})
    assert tables.read("answers", [SLICE]).count() == 2


@pytest.mark.parametrize(("spoil", "words"), DATA_DAMAGE.values(), ids=DATA_DAMAGE)
def test_a_damaged_slice_is_named_and_made_again(spark, tables, spoil, words):
    put(tables, answers(spark, "a", "F1", "F2"), "first")
    digests = tables.digests("answers", KEYS)
    assert str(data_file(tables).relative_to(tables.path("answers"))) in digests
    spoil(data_file(tables))
    assert tables.damage("answers") is None, "the log is whole"
    assert tables.slice_damage("answers", KEYS, digests) == words
    damaged = data_file(tables)
    put(tables, answers(spark, "a", "F1", "F2"), "again")
    assert tables.read("answers", [SLICE]).count() == 2
    again = tables.digests("answers", KEYS)
    assert tables.slice_damage("answers", KEYS, again) is None
    assert damaged.exists() or "gone" in words, "what is damaged stays, as a file of an older state"


def test_a_whole_slice_is_whole_and_read_once(spark, tables, monkeypatch):
    put(tables, answers(spark, "a", "F1"), "first")
    digests = tables.digests("answers", KEYS)
    tables.replace("answers", answers(spark, "b", "F9"), [OTHER], {})
    assert tables.slice_damage("answers", KEYS, digests) is None
    monkeypatch.setattr("jobs.spark.tables.digest", None)
    assert tables.slice_damage("answers", KEYS, digests) is None
    changed = {path: "0" * 64 for path in digests}
    monkeypatch.undo()
    assert tables.slice_damage("answers", KEYS, changed) == "a data file is damaged"


@pytest.mark.parametrize("spoil", [cut, flip, Path.unlink])
def test_files_that_are_not_whole_have_no_digests(spark, tables, spoil):
    put(tables, answers(spark, "a", "F1"), "first")
    spoil(data_file(tables))
    assert tables.digests("answers", KEYS) is None


def test_a_table_with_other_columns_is_of_another_version(spark, tables):
    rows = spark.createDataFrame([("NL", "a", 2)], "country string, wave string, row_number bigint")
    rows.write.format("delta").partitionBy("country", "wave").save(tables.path("answers"))
    assert tables.damage("answers") == "another version of the program wrote it"


def test_a_checkpoint_is_compared_with_the_commits(spark, tables):
    for number in range(11):
        put(tables, answers(spark, "a", f"F{number}"), str(number))
    checkpoint = newest(tables, "*.checkpoint.parquet")
    assert tables.damage("answers") is None and last_mark(tables) == "10"
    whole = checkpoint.read_bytes()
    for spoil in (cut, flip, lambda file: file.write_bytes(b"")):
        spoil(checkpoint)
        assert tables.damage("answers") == "checkpoint 9 of its log is damaged"
        checkpoint.write_bytes(whole)
    without_checksum(checkpoint).write_bytes(whole[:-40])
    assert tables.damage("answers") == "checkpoint 9 of its log is damaged"
    checkpoint.unlink()
    assert tables.damage("answers") == "the pointer to its log's checkpoint is damaged"


@pytest.mark.parametrize("folder", ["w[1]", "w{a,b}*?", "w 1%20", "w:1#2", "w\\1", "w'1\"é"])
def test_a_folder_of_any_name_holds_tables(spark, tmp_path, folder):
    """A name is a name and no pattern, for tables too."""
    tables = Tables(lambda: spark, str(tmp_path / folder / "tables"))
    put(tables, answers(spark, "a", "F1"), "mark")
    assert tables.read("answers", [SLICE]).count() == 1
    assert tables.counted("answers", [KEYS]) == {KEYS: 1}
    assert (tmp_path / folder / "tables" / "answers" / "_delta_log").is_dir()
