"""Complementarity and commonality against tables worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from jobs.settings.classifications import Classification
from jobs.spark.frames import local
from jobs.transforms import flow_sums
from jobs.transforms.indicators import commonality, complementarity, left_out, sides_present, sums_of

REGIONS = Classification(
    version="t", source="t", items=[{"code": "A", "name": "a"}, {"code": "B", "name": "b"}]
)
SECTORS = Classification(
    version="t", source="t", items=[{"code": code, "name": code} for code in ("x", "y", "z")]
)
CODES = [(None, REGIONS, SECTORS)]
KEYS = ("NL", "w")
FLOWS = (
    "country string, wave string, origin_region smallint, origin_sector smallint, "
    "destination_region smallint, destination_sector smallint, value decimal(24,9)"
)
FIRMS = "region string, sector string, industrial boolean, innovator boolean, weight double"

# Deliveries of region A (1), from sector (rows) to sector (columns):
#          to A        to B        to the rest
#          x   y       x   y       x
#   x     10  20       5   5      10
#   y      0   4       0   6       -
# and from B: x to A x 8, y to A x 2, x to B x 7; from the rest: x to A x 12.
# Sector z of A sells to households only (buying sector 0).
CELLS = [
    (1, 1, 1, 1, 10),
    (1, 1, 1, 2, 20),
    (1, 1, 2, 1, 5),
    (1, 1, 2, 2, 5),
    (1, 1, 0, 1, 10),
    (1, 2, 1, 2, 4),
    (1, 2, 2, 2, 6),
    (2, 1, 1, 1, 8),
    (2, 2, 1, 1, 2),
    (2, 1, 2, 1, 7),
    (0, 1, 1, 1, 12),
    (1, 3, 1, 0, 100),
]


def added(cells, direction):
    """What `complementarity` takes, of cells."""
    return sums_of(flow_sums.sums(cells), direction)


def flows(spark, cells):
    rows = [("NL", "w", *cell[:4], Decimal(cell[4])) for cell in cells]
    return local(spark, rows, FLOWS)


@pytest.fixture(scope="module")
def shares(spark):
    """(direction, region, sector, kind) to numerator, denominator, share."""
    found = {}
    frame = flows(spark, CELLS)
    for direction in ("sales", "purchases", "both"):
        for row in complementarity(added(frame, direction), direction, CODES).collect():
            for kind in ("within", "general"):
                name = f"complementarity_{kind}"
                found[direction, row["region"], row["sector"], kind] = (
                    float(row[f"{name}_numerator"]),
                    float(row[f"{name}_denominator"]),
                    row[name],
                    row[f"{name}_reason"],
                )
    return found


@pytest.mark.parametrize(
    ("cell", "numerator", "denominator"),
    [
        # x of A sells 10 + 20 at home, 50 in all; to x it sells 10 at home, 10 + 5 + 10 in all.
        (("sales", "A", "x", "general"), 30, 50),
        (("sales", "A", "x", "within"), 10, 25),
        (("sales", "A", "y", "general"), 4, 10),
        (("sales", "A", "y", "within"), 4, 10),
        (("sales", "B", "x", "general"), 7, 15),
        # The region as a whole: sums of both sectors, then one ratio.
        (("sales", "A", "_all", "general"), 34, 60),
        (("sales", "A", "_all", "within"), 14, 35),
        # x of A buys 10 at home, 8 + 2 from B and 12 from the rest; of x 10 at home, 10 + 8 + 12 in all.
        (("purchases", "A", "x", "general"), 10, 32),
        (("purchases", "A", "x", "within"), 10, 30),
        (("purchases", "A", "y", "general"), 24, 24),
        (("purchases", "B", "x", "general"), 7, 12),
        (("purchases", "A", "_all", "general"), 34, 56),
        # Both: sums of the two, then one ratio.
        (("both", "A", "x", "general"), 40, 82),
        (("both", "A", "x", "within"), 20, 55),
        (("both", "A", "_all", "general"), 68, 116),
    ],
)
def test_complementarity(shares, cell, numerator, denominator):
    assert shares[cell] == (numerator, denominator, pytest.approx(numerator / denominator), None)


def test_a_sector_without_deliveries_within_it_has_no_share_and_a_reason(shares):
    assert shares["sales", "B", "y", "within"] == (0, 0, None, "no domestic deliveries within the sector")
    assert shares["sales", "B", "y", "general"][2] == 0.0


def test_final_demand_and_the_rest_of_the_country_have_no_row(shares):
    assert ("sales", "A", "z", "general") not in shares
    assert {region for _, region, _, _ in shares} == {"A", "B"}


def test_which_directions_the_tables_can_give(spark):
    both = [(1, 1, 1, 1, 1), (1, 1, 0, 1, 1)]
    assert sides_present(added(flows(spark, CELLS), "sales")) == {KEYS: {"sales": True, "purchases": True}}
    assert sides_present(added(flows(spark, both), "both")) == {KEYS: {"sales": True, "purchases": False}}
    entering = [(1, 1, 1, 1, 1), (0, 1, 1, 1, 1), (1, 1, 2, 0, 9)]
    assert sides_present(added(flows(spark, entering), "purchases")) == {
        KEYS: {"sales": False, "purchases": True}
    }


CELL = st.tuples(
    st.integers(0, 2), st.integers(1, 2), st.integers(0, 2), st.integers(0, 2), st.integers(0, 1000)
)


@settings(max_examples=2, deadline=None)
@given(st.lists(st.lists(CELL, max_size=12), min_size=10, max_size=10))
def test_shares_are_shares_and_the_order_of_cells_does_not_matter(spark, drawn):
    """Ten tables an example, as waves of one frame."""
    cells = [(f"w{wave}", *cell) for wave, some in enumerate(drawn) for cell in some if cell[0] or cell[2]]
    made = []
    for some in (cells, cells[::-1]):
        rows = [("NL", *cell[:5], Decimal(cell[5])) for cell in some]
        shares = complementarity(added(local(spark, rows, FLOWS), "both"), "both", CODES).collect()
        made.append(sorted(shares, key=lambda row: (row["wave"], row["region"], row["sector"])))
    assert made[0] == made[1]
    for row in made[0]:
        for kind in ("within", "general"):
            share = row[f"complementarity_{kind}"]
            assert share is None or 0 <= share <= 1
            assert (share is None) == (row[f"complementarity_{kind}_reason"] is not None)


# region, sector, industrial, innovator, weight
SURVEY = [
    ("A", "x", True, True, 4.0),
    ("A", "x", True, False, 4.0),
    ("A", "x", True, True, 2.0),
    ("A", "y", True, False, 1.0),
    ("A", "z", False, True, 50.0),  # no industrial sector
    ("A", "x", True, None, 50.0),  # innovation not known
    ("A", "x", True, True, None),  # weight not known
    (None, "x", True, True, 50.0),  # region not known
    ("B", "x", True, True, 3.0),
    ("B", "y", True, True, 0.0),  # a weight of nothing: no weighted firm
]


def survey(spark, rows, scale=1.0):
    scaled = [(*row[:4], None if row[4] is None else row[4] * scale) for row in rows]
    frame = local(spark, scaled, FIRMS)
    return frame.withColumns({"country": F.lit("NL"), "wave": F.lit("w")})


def common(spark, rows, scale=1.0):
    return {(row["region"], row["sector"]): row for row in commonality(survey(spark, rows, scale)).collect()}


def test_commonality(spark):
    found = common(spark, SURVEY)
    assert set(found) == {("A", "x"), ("A", "y"), ("A", "_all"), ("B", "x"), ("B", "y"), ("B", "_all")}
    cell = found["A", "x"]
    assert cell["commonality_within"] == pytest.approx(6 / 10)
    assert (cell["commonality_within_firms"], cell["commonality_within_innovators"]) == (3, 2)
    assert cell["commonality_general"] == pytest.approx(6 / 11)
    assert (cell["commonality_general_numerator"], cell["commonality_general_denominator"]) == (6.0, 11.0)
    assert found["A", "_all"]["commonality_within"] == pytest.approx(6 / 11)
    assert found["A", "y"]["commonality_within"] == 0.0
    none = found["B", "y"]
    assert none["commonality_within"] is None
    assert none["commonality_within_reason"] == "no weighted firms of the sector in the region"


def test_the_scale_of_weights_and_the_order_of_firms_do_not_matter(spark):
    one, other = common(spark, SURVEY), common(spark, SURVEY[::-1], scale=1000.0)
    for key, row in one.items():
        for kind in ("within", "general"):
            again = other[key][f"commonality_{kind}"]
            assert row[f"commonality_{kind}"] == (again and pytest.approx(again, rel=1e-12))


def test_a_firm_is_left_out_of_its_own_commonality(spark):
    """Of A x (innovators 6 of 10): 2 of 6 without the first firm, 6 of 6 without the second."""
    firms = survey(spark, SURVEY).join(
        commonality(survey(spark, SURVEY)).drop("country", "wave"), ["region", "sector"]
    )
    found = {
        (row["region"], row["sector"], row["innovator"], row["weight"]): row["left"]
        for row in firms.withColumn("left", left_out("commonality_within")).collect()
    }
    assert found["A", "x", True, 4.0] == pytest.approx(2 / 6)
    assert found["A", "x", False, 4.0] == pytest.approx(6 / 6)
    assert found["A", "x", True, 2.0] == pytest.approx(4 / 8)
    assert found["A", "x", None, 50.0] == pytest.approx(6 / 10), "it was in neither sum"
    assert found["B", "x", True, 3.0] is None, "the firm is alone"
