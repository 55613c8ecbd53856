"""Numbers in texts are judged alike in Python and on Spark, whatever stands in the cells."""

from __future__ import annotations

import random

import pytest
from pyspark.sql import functions as F

from jobs import amounts
from jobs.spark.frames import local
from jobs.transforms.cells import EXACT, bare, with_point
from jobs.transforms.doubts import doubts, evidence, tallied

ALPHABET = ["1.234", "12.345", "123.456", "-1.000", "1.2345", "0.123", "12", "999", "9999", "99999999"]
ALPHABET += [
    "999.9",
    "999999999",
    "9999.999",
    "998",
    "100000",
    "1e3",
    "1E300",
    "3.5",
    "1,234",
    "12,5",
    ".5",
    "7.",
]
COLUMNS = 400


@pytest.mark.parametrize("mark", [".", ","])
def test_columns_are_doubted_alike(spark, mark):
    draw = random.Random(7)
    columns = []
    for _ in range(COLUMNS):
        kinds = [cell.replace(".", mark) for cell in draw.sample(ALPHABET, draw.randint(1, 4))]
        columns.append([draw.choice(kinds) for _ in range(draw.randint(1, 12))])
    known = [[(cell, float(cell.replace(",", "."))) for cell in cells] for cells in columns]
    rows = [(place, text, value) for place, cells in enumerate(known) for text, value in cells]
    frame = local(spark, rows, "place int, text string, value double")
    of_cells = evidence(F.col("text"), F.col("value").try_cast(EXACT), mark)
    judged = frame.groupBy("place").agg(tallied(of_cells).alias("tallies")).collect()
    wanted = {
        row["place"]: {doubt for doubt, holds in doubts(row["tallies"]).items() if holds} for row in judged
    }
    got = {
        place: amounts.doubts([text for text, _ in cells], [value for _, value in cells], mark)
        for place, cells in enumerate(known)
    }
    assert got == wanted
    assert {frozenset(odd) for odd in got.values()} >= {
        frozenset(),
        frozenset({"nines"}),
        frozenset({"thousands"}),
    }


@pytest.mark.parametrize(
    ("mark", "thousands"), [(".", None), (",", None), (".", ","), (",", "."), (",", " "), (".", "'")]
)
def test_marks_are_read_alike(spark, mark, thousands):
    draw = random.Random(11)
    pieces = [
        "1",
        "12",
        "123",
        "1234",
        "000",
        ".",
        ",",
        "'",
        "\u2019",
        " ",
        "\u00a0",
        "\u202f",
        "-",
        "+",
        "e5",
        "x",
    ]
    cells = ["".join(draw.choices(pieces, k=draw.randint(1, 6))) for _ in range(2000)]
    frame = local(spark, enumerate(cells), "place int, text string")
    rows = frame.select("place", with_point(bare(F.col("text")), mark, thousands).alias("plain")).collect()
    wanted = {row["place"]: row["plain"] for row in rows}
    assert {place: amounts.with_point(cell, mark, thousands) for place, cell in enumerate(cells)} == wanted
