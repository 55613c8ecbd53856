"""The study's Table 1 from a survey of a few firms, worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from jobs.spark.frames import local
from jobs.transforms.origins import size_classes
from jobs.transforms.partner_origin import in_the_sample, partner_origin

FIRMS = (
    "country string, wave string, cooperates boolean, product_innovator boolean, partners_domestic boolean, "
    "partners_foreign boolean, employees int, weight double, turnover decimal(18,3), innovative_share double"
)
EDGES = (10, 50, 250)


def firm(home, away, employees, weight, turnover, share, cooperates=True, product=True):
    return (
        "NL",
        "w",
        cooperates,
        product,
        home,
        away,
        employees,
        weight,
        turnover and Decimal(turnover),
        share,
    )


@pytest.fixture(scope="module")
def cells(spark):
    rows = [
        firm(True, False, 20, 4.0, 100, 0.10),
        firm(True, False, 30, 2.0, 300, 0.40),
        firm(False, True, 49, 1.0, 500, 0.20),
        firm(True, True, 20, 3.0, 50, None),  # did not tell the share
        firm(None, None, 20, 5.0, 10, 0.90),  # origin not known
        firm(False, False, 20, 1.0, 10, 0.90),  # ticked no partner
        firm(True, True, 250, 1.0, 1000, 0.50),
        firm(True, None, None, 1.0, 200, 0.30),  # size not known
        firm(True, False, 20, 9.0, 900, 1.00, cooperates=False),
        firm(True, False, 20, 9.0, 900, 1.00, product=False),
        firm(True, False, 20, 9.0, 900, 1.00, cooperates=None),
    ]
    found = partner_origin(local(spark, rows, FIRMS), EDGES).collect()
    return {(row["size_class"], row["origin"]): row for row in found}


@pytest.mark.parametrize(
    ("cell", "firms", "share", "turnover"),
    [
        # (4 x 100 x 0.1 + 2 x 300 x 0.4) / (4 x 100 + 2 x 300); weight 6 of the known 4 + 2 + 1 + 3
        (("10-49", "domestic only"), 2, 6 / 10, 280 / 1000),
        (("10-49", "foreign only"), 1, 1 / 10, 0.20),
        (("10-49", "both"), 1, 3 / 10, None),
        (("10-49", "unknown"), 2, None, 0.90),
        # both has weight 3 and no answer on turnover
        (("10-49", "any domestic"), 3, 9 / 10, 280 / 1000),
        (("10-49", "any foreign"), 2, 4 / 10, 0.20),
        (("10-49", "all"), 6, 1.0, (280 + 100 + 45 + 9) / (1000 + 500 + 50 + 10)),
        (("250+", "both"), 1, 1.0, 0.50),
        (("unknown", "domestic only"), 1, 1.0, 0.30),
        (("all", "domestic only"), 3, 7 / 12, (280 + 60) / (1000 + 200)),
        (("all", "any domestic"), 5, 11 / 12, (280 + 60 + 500) / (1000 + 200 + 1000)),
        (("all", "all"), 8, 1.0, (280 + 60 + 100 + 54 + 500) / (1000 + 200 + 500 + 60 + 1000)),
    ],
)
def test_counts_are_unweighted_and_shares_are_ratios_of_weighted_totals(cells, cell, firms, share, turnover):
    row = cells[cell]
    assert row["firms"] == firms
    assert row["share"] == (share and pytest.approx(share))
    assert row["innovative_turnover"] == (turnover and pytest.approx(turnover))


def test_overlapping_shares_add_up_as_the_studys_do(cells):
    """any domestic + any foreign - both = 100 %."""
    for size in ("10-49", "all"):
        share = {name: cells[size, name]["share"] for name in ("any domestic", "any foreign", "both")}
        assert share["any domestic"] + share["any foreign"] - share["both"] == pytest.approx(1.0)


def test_what_disclosure_control_needs_is_of_the_firms_that_answered(cells):
    row = cells["10-49", "any domestic"]
    assert (row["answered"], row["turnover"], row["turnovers"]) == (2, 400.0, [300.0, 100.0])
    assert (row["mass"], row["innovative"], row["masses"]) == (1000.0, 280.0, [600.0, 400.0])
    assert cells["250+", "both"]["turnovers"] == [1000.0]
    assert cells["10-49", "both"]["answered"] == 0
    all_origins = cells["10-49", "all"]
    assert (all_origins["weight"], all_origins["weights"]) == (16.0, [4.0, 3.0, 2.0, 1.0]), "of known origin"


def test_cells_are_crossed_with_what_became_of_their_firms(spark):
    rows = [firm(True, False, 20, 1.0, 100, 0.1), firm(True, False, 30, 1.0, 100, 0.1)]
    rows += [firm(True, True, 300, 1.0, 100, 0.1), firm(True, False, 20, 1.0, 100, 0.1, cooperates=False)]
    survey = local(spark, [(*row, f"f{k}") for k, row in enumerate(rows)], f"{FIRMS}, firm_id string")
    fates = [("f0", None, "in"), ("f1", "industrial", "in"), ("f2", None, "in"), ("f3", None, "out")]
    linked = local(
        spark,
        [(*rows[0][:2], *fate) for fate in fates],
        "country string, wave string, firm_id string, excluded_by string, `group` string",
    )
    counts = {
        (row["size_class"], row["origin"], row["excluded_by"], row["group"]): row["firms"]
        for row in in_the_sample(survey, linked, EDGES).collect()
    }
    assert counts == {
        ("10-49", "domestic only", None, "in"): 1,
        ("10-49", "domestic only", "industrial", None): 1,
        ("250+", "both", None, "in"): 1,
    }


def test_a_class_without_firms_has_no_row(cells):
    assert ("50-249", "all") not in cells and ("<10", "all") not in cells


def test_size_classes_in_their_order():
    assert size_classes(EDGES) == ["<10", "10-49", "50-249", "250+", "unknown", "all"]
    assert size_classes((20,)) == ["<20", "20+", "unknown", "all"]
