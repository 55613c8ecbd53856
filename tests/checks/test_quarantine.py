"""Rows set aside: a line a fault, and the stop above the allowed share."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import functions as F

from jobs.checks.quarantine import noted, reasons_by_slice, set_aside, too_many
from jobs.errors import ValidationStopped
from jobs.spark.frames import local

FAULTY = (
    "country string, wave string, part string, row_number bigint, "
    "faults array<struct<rule: string, reason: string>>, "
    "secret string"
)
CELL = ("origin_region", "origin_sector", "destination_region", "destination_sector")


@pytest.fixture(scope="module")
def aside(spark):
    """Rows 2 to 4 of ten; row 2 broke two rules."""
    number, code = (
        {"rule": "number", "reason": "emp is no number"},
        {"rule": "code", "reason": "sbi is no code"},
    )
    rows = [
        ("NL", "w", None, 2, [number, code], "4711"),
        ("NL", "w", None, 3, [number], "4712"),
        ("NL", "w", None, 4, [code], "4713"),
        ("NL", "w", None, 5, [number], "4714"),
    ]
    return set_aside(local(spark, rows, FAULTY), "harmonise", "survey", F.col("secret")).persist()


def reasons(quarantined) -> list[str]:
    """The reasons of the one slice of a test."""
    (of_slice,) = reasons_by_slice(quarantined).values()
    return of_slice


def test_a_line_a_row_and_broken_rule(aside):
    found = [tuple(row) for row in aside.orderBy("row_number", "rule").collect()]
    assert found[:3] == [
        ("NL", "w", "harmonise", "survey", None, 2, "code", "sbi is no code", "4711"),
        ("NL", "w", "harmonise", "survey", None, 2, "number", "emp is no number", "4711"),
        ("NL", "w", "harmonise", "survey", None, 3, "number", "emp is no number", "4712"),
    ]
    assert len(found) == 5


def test_a_share_that_is_allowed_passes_and_a_larger_one_stops(aside):
    """Four rows of ten, though there are five lines."""
    too_many(0.4, 10, 4, reasons(aside), "harmonise", "survey.csv")
    with pytest.raises(ValidationStopped) as stopped:
        too_many(0.39, 10, 4, reasons(aside), "harmonise", "survey.csv")
    words = str(stopped.value)
    assert words.startswith("survey.csv: harmonise set 4 of 10 rows aside, more than the 39.0% allowed")
    assert words.index("emp is no number (3 rows") < words.index("sbi is no code (2 rows")
    assert "471" not in words, "no value of a row reaches the message"


def test_nothing_set_aside_passes_even_where_nothing_is_allowed(aside):
    assert reasons_by_slice(aside.where("false")) == {}
    too_many(0.0, 10, 0, [], "ingest", "survey.csv")


def test_the_reasons_are_noted_without_a_stop(aside):
    """The number of rows, then the commonest reason first, with its first row."""
    assert noted(4, reasons(aside)) == [
        "4 rows set aside: emp is no number (3 rows, the first is 2); sbi is no code (2 rows, the first is 2)"
    ]
    assert noted(0, []) == []


def test_the_reasons_of_slices_are_told_apart(aside):
    """The same rows as of another wave, without their second row."""
    other = aside.where("row_number != 3").withColumn("wave", F.lit("v"))
    both = reasons_by_slice(aside.unionByName(other))
    assert both["NL", "w"] == reasons(aside)
    # As many rows each: then in the order of the rules.
    assert both["NL", "v"] == [
        "sbi is no code (2 rows, the first is 2)",
        "emp is no number (2 rows, the first is 2)",
    ]
    assert reasons_by_slice(aside, ["source"])["NL", "w", "survey"] == reasons(aside)


def quarantined(spark, source, *rows):
    """Rows (part, row number, reason, record) of one input."""
    frame = [("NL", "w", *row[:2], [{"rule": "r", "reason": row[2]}], row[3]) for row in rows]
    return set_aside(local(spark, frame, FAULTY), "ingest", source, F.col("secret"))


def test_a_row_of_a_folder_is_named_by_its_part(spark):
    rows = [("b.csv", 2, "emp is no number", "4711"), ("a.csv", 14, "emp is no number", "4712")]
    assert reasons(quarantined(spark, "survey", *rows)) == [
        "emp is no number (2 rows, the first is 14 of a.csv)"
    ]


def cell(*labels, value="4711"):
    return json.dumps({**dict(zip(CELL, labels, strict=True)), "value": value})


def test_a_cell_is_named_by_its_labels_and_never_by_its_value(spark):
    """In the order of the labels, since rows of the tables have no number."""
    rows = [
        (None, 0, "the value is no number", cell("HU12", "28", "HU11", "28")),
        (None, 0, "the value is no number", cell("HU11", "10-12", "HU21", "28")),
        (None, 0, "the value is negative", cell("HU11", "28", "REST", None)),
        (None, 0, "the row has too few or too many fields", "HU11;28;4711"),
    ]
    said = reasons(quarantined(spark, "flows", *rows))
    assert said == [
        "the value is no number (2 rows, the first is HU11 10-12 to HU21 28)",
        "the row has too few or too many fields (1 rows)",
        "the value is negative (1 rows, the first is HU11 28 to REST)",
    ]


def test_answers_named_like_labels_are_not_shown(spark):
    """A column of the survey may have any name; only cells of tables are named by their labels."""
    rows = [(None, 3, "emp is no number", cell("4711", "4711", "4711", "4711"))]
    assert reasons(quarantined(spark, "survey", *rows)) == ["emp is no number (1 rows, the first is 3)"]


def test_more_than_three_reasons_are_counted(spark):
    rows = [(None, row, f"column {row} is no number", "x") for row in range(2, 7)]
    said = reasons(quarantined(spark, "survey", *rows))
    assert len(said) == 4 and said[-1] == "and 2 more reasons"
