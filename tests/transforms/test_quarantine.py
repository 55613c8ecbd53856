"""Rows set aside: a line a fault, and the stop above the allowed share."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from jobs.errors import ValidationStopped
from jobs.frames import local
from jobs.transforms.quarantine import set_aside, stop_above

FAULTY = (
    "country string, wave string, part string, row_number bigint, "
    "faults array<struct<rule: string, reason: string>>, "
    "secret string"
)


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
    stop_above(0.4, 10, aside, "harmonise", "survey.csv")
    with pytest.raises(ValidationStopped) as stopped:
        stop_above(0.39, 10, aside, "harmonise", "survey.csv")
    words = str(stopped.value)
    assert words.startswith("survey.csv: harmonise set 4 of 10 rows aside, more than the 39.0% allowed")
    assert words.index("emp is no number (3 rows") < words.index("sbi is no code (2 rows")
    assert "471" not in words, "no value of a row reaches the message"


def test_nothing_set_aside_passes_even_where_nothing_is_allowed(aside):
    stop_above(0.0, 10, aside.where("false"), "ingest", "survey.csv")
