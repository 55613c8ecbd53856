"""Slices are replaced in one transaction, numbered, and older states stay readable."""

from __future__ import annotations

import threading

import pytest

from jobs import schemas
from jobs.errors import InputError

SLICE = {"country": "NL", "wave": "a"}


def answers(spark, wave, *firms):
    rows = [("NL", wave, number, {"firm": firm}) for number, firm in enumerate(firms, start=2)]
    return spark.createDataFrame(rows, schemas.table("answers").struct)


def test_a_slice_is_replaced_and_the_others_stay(spark, tables):
    tables.replace("answers", answers(spark, "a", "F1", "F2"), SLICE, "first")
    tables.replace("answers", answers(spark, "b", "F9"), {"country": "NL", "wave": "b"}, "first")
    commit = tables.replace("answers", answers(spark, "a", "F3"), SLICE, "corrected")

    assert (commit.sequence, commit.rows, commit.fingerprint) == (2, 1, "corrected")
    firms = [(row.wave, row.answers["firm"]) for row in tables.read("answers").collect()]
    assert sorted(firms) == [("a", "F3"), ("b", "F9")]


def test_the_state_before_a_correction_stays_readable(spark, tables):
    first = tables.replace("answers", answers(spark, "a", "F1", "F2"), SLICE, "first")
    tables.replace("answers", answers(spark, "a", "F3"), SLICE, "corrected")

    assert tables.read("answers", SLICE, version=first.version).count() == 2
    assert tables.read("answers", SLICE).count() == 1


def test_rows_of_another_slice_are_refused_and_nothing_is_written(spark, tables):
    tables.replace("answers", answers(spark, "a", "F1"), SLICE, "first")
    with pytest.raises(Exception, match="REPLACE_WHERE"):
        tables.replace("answers", answers(spark, "b", "F2"), SLICE, "second")
    assert tables.last_commit("answers", SLICE).fingerprint == "first"


def test_the_log_holds_no_minimum_or_maximum_of_micro_data(spark, tables, tmp_path):
    tables.replace("answers", answers(spark, "a", "CANARY"), SLICE, "first")
    log = "".join(file.read_text() for file in (tmp_path / "tables/answers/_delta_log").glob("*.json"))
    assert "CANARY" not in log
    assert '"minValues"' not in log.replace("\\", "")


def test_two_writers_of_one_slice_leave_one_whole_state(spark, tables):
    tables.replace("answers", answers(spark, "a", "F0"), SLICE, "start")
    barrier, ended = threading.Barrier(2), []

    def write(mark: str, count: int) -> None:
        frame = answers(spark, "a", *[f"{mark}{number}" for number in range(count)])
        barrier.wait()
        try:
            tables.replace("answers", frame, SLICE, mark)
            ended.append((mark, "written"))
        except Exception as error:
            ended.append((mark, type(error).__name__))

    writers = [threading.Thread(target=write, args=pair) for pair in (("X", 3), ("Y", 4))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    marks = {row.answers["firm"][0] for row in tables.read("answers", SLICE).collect()}
    last = tables.last_commit("answers", SLICE)
    assert len(marks) == 1 and marks == {last.fingerprint}
    assert tables.read("answers", SLICE).count() == last.rows
    assert set(kind for _, kind in ended) <= {"written", "SliceHeld"}
    assert (last.fingerprint, "written") in ended


def test_a_missing_table_is_an_input_error_that_names_it(tables):
    with pytest.raises(InputError, match="survey does not exist"):
        tables.read("survey")
    assert tables.last_commit("survey", SLICE) is None


@pytest.mark.parametrize("name", schemas.names())
def test_every_schema_is_complete(name):
    table = schemas.table(name)
    assert set(table.key) <= set(table.names)
    assert set(table.slices) <= set(table.key)
    assert all(column.meaning for column in table.columns)
    assert table.micro or not any(column.confidential for column in table.columns)
