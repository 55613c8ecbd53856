"""Columns of numbers that are told before they are believed, a drawn column a case."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from jobs.spark.frames import local
from jobs.transforms.cells import number
from jobs.transforms.doubts import doubts, evidence, tallied

NOTHING, THOUSANDS, NINES = (False, False), (True, False), (False, True)
IN_THOUSANDS = ["12.345", "3.640", "1.000", "250.125", "7.125"]
UP_TO_998 = list(map(str, range(1, 999)))

COLUMNS = {
    "thousands with a point": (IN_THOUSANDS, ".", THOUSANDS),
    "thousands with a comma": ([text.replace(".", ",") for text in IN_THOUSANDS], ",", THOUSANDS),
    "in a typed file": ([text.replace(".", ",") for text in IN_THOUSANDS], ".,", THOUSANDS),
    "thousands beside hundreds": ([*IN_THOUSANDS, "0", "999", "12", ""], ".", THOUSANDS),
    "thousands beside millions": ([*IN_THOUSANDS, "1.234.567"], ".", THOUSANDS),
    "thousands beside words": ([*IN_THOUSANDS, "n.b.", "c"], ".", THOUSANDS),
    "negative thousands": ([f"-{text}" for text in IN_THOUSANDS], ".", THOUSANDS),
    "too few": (IN_THOUSANDS[:4], ".", NOTHING),
    "one number only": (IN_THOUSANDS[:1] * 9, ".", NOTHING),
    "two digits once": ([*IN_THOUSANDS, "1.25"], ".", NOTHING),
    "four digits once": ([*IN_THOUSANDS, "1.2345"], ".", NOTHING),
    "a zero in front": ([*IN_THOUSANDS, "0.125"], ".", NOTHING),
    "a whole number of four digits": ([*IN_THOUSANDS, "1234"], ".", NOTHING),
    "four digits in front": ([*IN_THOUSANDS, "1234.500"], ".", NOTHING),
    "the other mark": (IN_THOUSANDS, ",", NOTHING),
    "nines twice among 60": (["999999999"] * 2 + [str(50 + n) for n in range(58)], ".", NINES),
    "nines once, far away": (["9999", *map(str, range(1, 500))], ".", NINES),
    "nines with a fraction of zeros": (["999999.0", "12.5", "7"], ".", NINES),
    "nines with a fraction of nines": (["9999.99", "12.5", "7"], ".", NINES),
    "nines of six digits twice": (["999999", "999999", "800000"], ".", NINES),
    "nines twice, twice the next": (["999", "999", "400"], ".", NINES),
    "nothing but nines": (["99999", "99999"], ".", NINES),
    "nine hundred and ninety-nine employees": (["999", *UP_TO_998], ".", NOTHING),
    "two firms of 999": (["999", "999", *UP_TO_998], ".", NOTHING),
    "a larger number": (["9999", "120000", "5"], ".", NOTHING),
    "shares up to 99": (["99", "99", "1", "0"], ".", NOTHING),
    "shares up to 100": (["99.9", "100", "1"], ".", NOTHING),
    "a single answer": (["999"], ".", NOTHING),
    "ordinary amounts": (["12.5", "3400.25", "17"], ".", NOTHING),
    "no answer": ([None, ""], ".", NOTHING),
}


@pytest.fixture(scope="module")
def judged(spark) -> dict[str, tuple[bool, bool]]:
    """What is said of each column of COLUMNS, by a frame of all their cells."""
    cells = [(name, decimal, text) for name, (texts, decimal, _) in COLUMNS.items() for text in texts]
    frame = local(spark, cells, "name string, decimal string, text string")
    verdicts = {}
    for decimal in {decimal for _, decimal, _ in cells}:
        value = number(F.col("text"), decimal)
        column = frame.where(F.col("decimal") == decimal)
        column = column.select("name", evidence(F.col("text"), value, decimal).alias("evidence"))
        for row in column.groupBy("name").agg(tallied(F.col("evidence")).alias("tallies")).collect():
            verdicts[row["name"]] = tuple(doubts(row["tallies"]).values())
    return verdicts


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_doubted(judged, name):
    assert judged[name] == COLUMNS[name][2]
