"""Firms with indicators, filters in their order, groups, and a waterfall that adds up."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from jobs.spark.frames import local
from jobs.transforms.link import BEHIND, INDICATORS, filters, grouped, link, sampled, waterfall

FIRMS = (
    "country string, wave string, firm_id string, region string, sector string, industrial boolean, "
    "innovator boolean, exports boolean, product_innovator boolean, cooperates boolean, employees int, "
    "rd_expenditure decimal(18,3), other_expenditure decimal(18,3), weight double"
)
CELLS = ", ".join(
    [f"{key} string" for key in ("country", "wave", "region", "sector")]
    + [f"{name} double" for name in (*INDICATORS, *BEHIND)]
)


def firm(name, region="A", sector="x", industrial=True, innovator=True, exports=True, product=True, **more):
    given = {"cooperates": True, "employees": 50, "rd": Decimal(100), "other": Decimal(0), "weight": 2.0}
    given |= more
    return (
        *("NL", "w", name, region, sector, industrial, innovator, exports, product),
        *(given[key] for key in ("cooperates", "employees", "rd", "other", "weight")),
    )


ROWS = [
    firm("plain"),
    firm("other sector", sector="y"),
    firm("other region", region="C"),
    firm("nowhere", region=None),
    firm("nobody", employees=0),
    firm("silent", employees=None, rd=None, cooperates=None),
    firm("services", industrial=False),
    firm("small", employees=9),
    firm("edge", employees=10, cooperates=False),
    firm("top", employees=200),
    firm("large", employees=201),
    firm("at home", exports=False),
    firm("unknown exports", exports=None),
    firm("process", product=False),
]
# complementarity within, general; commonality within, general; numerators and denominators of both
INDICATOR_ROWS = [
    ("NL", "w", "A", "x", 0.5, 0.6, 0.5, 0.4, 6.0, 12.0, 8.0, 20.0),
    ("NL", "w", "A", "_all", None, 0.7, None, 0.4, None, None, 8.0, 20.0),
]


@pytest.fixture(scope="module")
def firms(spark):
    """Firm to its linked row, with and without itself in commonality."""
    survey, cells = local(spark, ROWS, FIRMS), local(spark, INDICATOR_ROWS, CELLS)
    return {
        without: {row["firm_id"]: row for row in link(survey, cells, without).collect()}
        for without in (False, True)
    }


def test_every_firm_stays_once(firms):
    assert len(firms[True]) == len(firms[False]) == len(ROWS)


def test_a_firm_has_the_indicators_of_its_region_and_sector(firms):
    row = firms[False]["plain"]
    assert [row[name] for name in INDICATORS] == [0.5, 0.6, 0.5, 0.4]
    assert row["cell"] == "A:x"


def test_a_firm_is_out_of_its_own_commonality_where_the_run_says_so(firms):
    """Its weight is 2: 4 of 10 innovators of the sector are left, 6 of 18 of the region."""
    row = firms[True]["plain"]
    assert row["commonality_within"] == pytest.approx(4 / 10)
    assert row["commonality_general"] == pytest.approx(6 / 18)
    assert row["complementarity_within"] == 0.5


def test_a_sector_without_a_row_has_the_regions_general_indicators(firms):
    row = firms[False]["other sector"]
    assert [row[name] for name in INDICATORS] == [None, 0.7, None, 0.4]
    assert [firms[False]["other region"][name] for name in INDICATORS] == [None] * 4


def test_effort_is_a_logarithm_a_person(firms):
    assert firms[True]["plain"]["rd_effort"] == pytest.approx(math.log(1 + 100 / 50))
    assert firms[True]["plain"]["other_effort"] == 0.0
    assert firms[True]["nobody"]["rd_effort"] is None
    assert firms[True]["silent"]["rd_effort"] is None


def test_the_first_filter_that_takes_a_firm_names_it(spark):
    chosen = filters(True, True, True, 10, 200)
    frame = sampled(grouped(local(spark, ROWS, FIRMS), "cooperates", "with", "alone"), chosen)
    found = {row["firm_id"]: (row["group"], row["excluded_by"]) for row in frame.collect()}
    assert found == {
        "plain": ("with", None),
        "other sector": ("with", None),
        "other region": ("with", None),
        "nowhere": ("with", "region and sector known"),
        "nobody": ("with", "10 employees or more"),
        "silent": (None, "10 employees or more"),
        "services": ("with", "industrial sector"),
        "small": ("with", "10 employees or more"),
        "edge": ("alone", None),
        "top": ("with", None),
        "large": ("with", "200 employees or fewer"),
        "at home": ("with", "exporting"),
        "unknown exports": ("with", "exporting"),
        "process": ("with", "product innovator"),
    }


def test_filters_can_be_left_out(spark):
    names = [name for name, _ in filters(False, False, False, None, None)]
    assert names == ["region and sector known", "group known"]
    frame = grouped(local(spark, ROWS, FIRMS), "cooperates", "with", "alone")
    left = sampled(frame, filters(False, False, False, None, None)).where(F.col("excluded_by").isNull())
    assert left.count() == len(ROWS) - 2


def test_the_waterfall_adds_up(spark):
    chosen = filters(True, False, False, 10, None)
    steps = waterfall({None: 5, "exporting": 3, "group known": 2}, chosen)
    assert steps == [
        (0, "validated survey", 10, 0, 10),
        (1, "exporting", 10, 3, 7),
        (2, "10 employees or more", 7, 0, 7),
        (3, "region and sector known", 7, 0, 7),
        (4, "group known", 7, 2, 5),
    ]
