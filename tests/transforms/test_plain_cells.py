"""What is read at sight is what all rules for labels and values make of it; the rest is left to them."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from jobs.settings.classifications import Classification, FileCodes, parts
from jobs.settings.inputs import LABELS
from jobs.spark.frames import local
from jobs.transforms import plain_cells
from jobs.transforms.flows import Notation, numbered

CELL = (
    "country string, wave string, part string, row_number long, origin_region string, origin_sector string, "
    "destination_region string, destination_sector string, value string, elsewhere boolean, _corrupt string"
)


def classification(*codes):
    return Classification(version="t", source="t", items=[{"code": code, "name": code} for code in codes])


REGIONS, SECTORS = classification("A", "B"), classification("1", "2")
CODES = [(None, REGIONS, SECTORS)]


def cells(spark, *rows, wave="w"):
    """Cells of four labels and a value, in the order in which they are given."""
    numbered_rows = [("NL", wave, None, place, *row, None, None) for place, row in enumerate(rows)]
    return local(spark, numbered_rows, CELL)


def both(spark, frame, codes=CODES, **notation):
    """The cells that are read at sight, with all rules for comparison, and those that are left, as rows."""
    given = Notation(**notation)
    known = local(spark, plain_cells.rows(codes, given), plain_cells.MEANINGS)
    seen = plain_cells.at_sight(plain_cells.with_numbers(frame, LABELS, known, codes), given)
    plain, left = plain_cells.read_at_sight(seen), plain_cells.unread(seen)
    by_rules = numbered(frame.join(left, ["wave", "row_number"], "left_anti"), codes, given)
    assert sorted(by_rules.columns) == sorted(plain.columns)
    columns = [name for name in by_rules.columns if name not in ("part", "row_number")]
    # A value of a cell that is left out is read by nobody.
    shown = [F.when(~F.col("dropped"), F.col(name)).alias(name) for name in (*LABELS, "value")]
    others = [name for name in columns if name not in (*LABELS, "value")]
    ordered = [sorted(map(str, each.select(*others, *shown).collect())) for each in (plain, by_rules)]
    assert ordered[0] == ordered[1]
    return plain.collect(), left.collect()


def test_codes_and_numbers_as_they_are_declared_are_read_at_sight(spark):
    rows = [("A", "1", "B", "2", text) for text in ("3.25", "0", "1e3", "007", "1.2345678905", "999999999")]
    plain, left = both(spark, cells(spark, *rows, ("B", "2", "B", "2", "12.345")))
    assert len(plain) == 7 and left == []


@pytest.mark.parametrize(
    "cell",
    [
        ("A ", "1", "B", "2", "1"),
        ("A", "1.0", "B", "2", "1"),
        ("A", "1", "X", "2", "1"),
        ("A", "1", "B", None, "1"),
        ("A", "1", "B", "2", "-1"),
        ("A", "1", "B", "2", "n/a"),
        ("A", "1", "B", "2", None),
        ("A", "1", "B", "2", "1e15"),
        ("A", "1", "B", "2", "NaN"),
    ],
)
def test_a_cell_that_has_to_be_looked_at_is_left_as_it_came(spark, cell):
    plain, (left,) = both(spark, cells(spark, cell, ("A", "1", "B", "2", "1")))
    assert len(plain) == 1 and tuple(left)[4:9] == cell


def test_labels_with_a_meaning_of_their_own(spark):
    rows = [
        ("A", "1", "B", "Total", "no number"),
        ("A", "1", "B", "Households", "1"),
        ("A", "1", "REST", None, "1"),
        ("REST", "1", "A", "2", "1"),
    ]
    plain, left = both(spark, cells(spark, *rows), drop=("Total",), final=("Households",))
    assert len(plain) == 4 and left == [] and sum(row["dropped"] for row in plain) == 1


def test_numbers_in_other_notations(spark):
    rows = [("A", "1", "B", "2", text) for text in ("1.234,5", "12,5", "1.5", "0,0000000001")]
    plain, left = both(spark, cells(spark, *rows), decimal=",", thousands=".")
    assert [row["value"] for row in left] == ["1.5"] and len(plain) == 3
    zero = [("A", "1", "B", "2", text) for text in ("-", "9", "")]
    plain, left = both(spark, cells(spark, *zero), zero=("-", "9", "blank"))
    assert plain == [] and len(left) == 3


def test_codes_that_stand_for_others_keep_their_labels_apart(spark):
    regions = REGIONS.named_by(FileCodes({"A": 1, "B": 2, **parts({"A1": "A1", "A2": "A2"})}))
    rows = [("A1", "1", "B", "2", "1"), ("A2", "1", "A1", "2", "1"), ("A", "1", "B", "2", "1")]
    plain, left = both(spark, cells(spark, *rows), [(None, regions, SECTORS)])
    assert left == [] and sorted(str(row["pattern"]) for row in plain) == ["2 0 0 0", "2 0 2 0", "None"]


def test_slices_have_codes_of_their_own(spark):
    turned = classification("B", "A")
    codes = [(F.col("wave") == "w", REGIONS, SECTORS), (F.col("wave") == "v", turned, SECTORS)]
    of_w, of_v = [("A", "1", "B", "2", "1")], [("A", "1", "A", "2", "1"), ("A", "1", "C", "2", "1")]
    frame = cells(spark, *of_w).unionByName(cells(spark, *of_v, wave="v"))
    plain, (left,) = both(spark, frame, codes)
    assert {row["wave"]: row["origin_region"] for row in plain} == {"w": 1, "v": 2}
    assert left["destination_region"] == "C"


def test_rows_at_fault_and_of_another_year(spark):
    frame = local(
        spark,
        [
            ("NL", "w", None, 0, None, None, None, None, None, None, "A;1;B"),
            ("NL", "w", None, 1, "X", "1", "A", "1", "x", True, None),
        ],
        CELL,
    )
    (dropped,), (left,) = both(spark, frame)
    assert dropped["dropped"] and left["_corrupt"] == "A;1;B"
