"""Cells between parts become cells between regions and sectors: sums by hand, totals kept, doubles seen."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import pytest

from jobs.settings.classifications import FIRST_PART
from jobs.settings.inputs import LABELS
from jobs.settings.slices import Slice
from jobs.transforms.conversion import SHARES, Conversion, Goal, converted, occurring, renamed, rows
from jobs.transforms.flows import LEFT_OUT

CELLS = (
    "country string, wave string, part string, row_number long, origin_region smallint, "
    "origin_sector smallint, destination_region smallint, destination_sector smallint, "
    "value decimal(24,9), finer long, pattern string"
)
W = Slice("NL", "w")
A, B, C = FIRST_PART, FIRST_PART - 1, FIRST_PART - 2  # parts of regions
# A is region 1 whole; B is 1 and 2; C is region 2 whole.
GOALS = {
    A: (Goal(1, 1.0, 2),),
    B: (Goal(1, 0.25, 2), Goal(2, 0.75, 2)),
    C: (Goal(2, 1.0, 2),),
}


def frame(spark, cells: list[tuple[tuple[int, int, int, int], str]]):
    """Cells by their four numbers; those with parts have a hash of their own labels and a pattern."""
    made = []
    for number, (labels, value) in enumerate(cells):
        is_part = [label <= FIRST_PART for label in labels]
        finer = hash(labels) if any(is_part) else None
        pattern = " ".join("4" if part else "0" for part in is_part) if any(is_part) else None
        made.append((*W, None, number, *labels, Decimal(value), finer, pattern))
    return spark.createDataFrame(made, CELLS)


def shares(spark, goals=None):
    conversion = Conversion({"region": goals or GOALS, "sector": {}})
    return spark.createDataFrame(list(rows({W: conversion})), SHARES)


def by_cell(cells) -> dict[tuple[int, ...], float]:
    found = cells.collect()
    keys = [tuple(row[label] for label in LABELS) for row in found]
    assert len(set(keys)) == len(keys), "a cell came out twice"
    return {key: float(row["value"]) for key, row in zip(keys, found, strict=True)}


def test_a_cell_goes_to_the_product_of_its_shares_and_is_added_up(spark):
    cells = frame(spark, [((A, 5, B, 6), "8"), ((B, 5, B, 6), "16"), ((1, 7, 2, 7), "3")])
    assert by_cell(converted(cells, shares(spark))) == {
        (1, 5, 1, 6): 8 * 0.25 + 16 * 0.0625,
        (1, 5, 2, 6): 8 * 0.75 + 16 * 0.1875,
        (2, 5, 1, 6): 16 * 0.1875,
        (2, 5, 2, 6): 16 * 0.5625,
        (1, 7, 2, 7): 3.0,
    }


def test_how_much_of_the_deliveries_was_shared_out(spark):
    """Of 8 + 16 + 4 + 3 those with a region that is shared out: 8 and 16."""
    whole = {**GOALS, FIRST_PART - 9: (Goal(1, 1.0, 1),)}
    cells = [((A, 5, B, 6), "8"), ((B, 5, B, 6), "16"), ((FIRST_PART - 9, 5, 1, 5), "4"), ((1, 7, 2, 7), "3")]
    came = converted(frame(spark, cells), shares(spark, whole)).collect()
    assert float(sum(row["value"] for row in came)) == 31 and float(sum(row["shared"] for row in came)) == 24


def test_totals_are_kept_whatever_the_shares_and_the_order_of_rows(spark):
    draw = random.Random(4)
    parts = range(FIRST_PART - 19, FIRST_PART + 1)
    goals = {}
    for part in parts:
        weights = [draw.random() for _ in range(draw.randint(1, 4))]
        targets = draw.sample(range(1, 8), len(weights))
        goals[part] = tuple(
            Goal(to, weight / math.fsum(weights), 1) for to, weight in zip(targets, weights, strict=True)
        )
    cells = [((o, 1, d, 1), f"{draw.uniform(0, 1e6):.9f}") for o in parts for d in parts]
    came = by_cell(converted(frame(spark, cells), shares(spark, goals)))
    total = math.fsum(float(value) for _, value in cells)
    assert math.isclose(math.fsum(came.values()), total, rel_tol=1e-9)
    draw.shuffle(cells)
    assert by_cell(converted(frame(spark, cells).repartition(7), shares(spark, goals))) == came


def test_parts_that_are_one_code_each_are_renamed_and_nothing_else(spark):
    one_to_one = {A: (Goal(2, 1.0, 1),), B: (Goal(1, 1.0, 1),)}
    assert Conversion({"region": one_to_one, "sector": {}}).only_renames
    assert not Conversion({"region": one_to_one, "sector": {}}, with_inner=True).only_renames
    assert not Conversion({"region": GOALS, "sector": {}}).only_renames
    assert not Conversion({"region": {A: (Goal(LEFT_OUT, 1.0, 1),)}, "sector": {}}).only_renames
    cells = frame(spark, [((A, 5, B, 6), "8.5"), ((1, 7, 2, 7), "3")])
    came = by_cell(renamed(cells, shares(spark, one_to_one)))
    assert came == {(2, 5, 1, 6): 8.5, (1, 7, 2, 7): 3.0}
    assert came == by_cell(converted(cells, shares(spark, one_to_one)))


@pytest.mark.parametrize(
    ("cells", "times"),
    [
        ([((A, 5, A, 6), "8"), ((A, 5, A, 6), "8")], 2),  # a cell of parts twice
        ([((A, 5, A, 6), "8"), ((1, 5, 1, 6), "8")], 2),  # in parts and as a whole
        ([((A, 5, A, 6), "8"), ((A, 5, 1, 6), "8")], 2),  # in two ways of parts
        ([((A, 5, A, 6), "8"), ((A, 5, B, 6), "8")], 1),
    ],
)
def test_what_stands_there_twice_comes_out_twice(spark, cells, times):
    came = converted(frame(spark, cells), shares(spark)).where(
        "origin_region = 1 and destination_region = 1 and origin_sector = 5"
    )
    assert came.count() == times


def test_cells_that_lack_parts_are_marked(spark):
    whole = [((o, 5, d, 6), "1") for o in (A, B) for d in (A, B)]
    lacking = {
        (row["origin_region"], row["destination_region"])
        for row in converted(frame(spark, whole), shares(spark)).where("lacking").collect()
    }
    assert lacking == {(1, 2), (2, 1), (2, 2)}, "region 2 has a part that no cell is of"


def test_what_occurs_is_found_in_one_pass(spark):
    cells = frame(spark, [((A, 5, B, 6), "8"), ((A, 5, 1, 6), "8"), ((1, 7, 2, 7), "3")])
    (row,) = cells.where("finer is not null").agg(*occurring()).collect()
    assert set(row["region_parts"]) == {A, B} and row["sector_parts"] == []
    assert set(row["patterns"]) == {"4 0 4 0", "4 0 0 0"}
