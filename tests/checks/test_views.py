"""The views that table rules look at: what fails, and under which label."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import functions as F

from jobs.checks import frame, views
from jobs.checks.views import Names
from jobs.settings.classifications import Classification
from jobs.spark.frames import local
from jobs.transforms import flow_sums

REGIONS = Classification(
    version="t", source="t", items=[{"code": "A", "name": "a"}, {"code": "B", "name": "b"}]
)
SLICE = ("NL", "w")
FLOWS = (
    "country string, wave string, origin_region smallint, origin_sector smallint, "
    "destination_region smallint, destination_sector smallint, value decimal(24,9)"
)


def sectors(*codes: str) -> Classification:
    return Classification(version="t", source="t", items=[{"code": code, "name": code} for code in codes])


def names(*codes: str) -> list[Names]:
    """What the numbers of the one slice of a test stand for."""
    return [Names(None, REGIONS, sectors(*codes))]


def flows(spark, *cells):
    return local(spark, [(*SLICE, *cell[:4], Decimal(str(cell[4]))) for cell in cells], FLOWS)


def sums(spark, *cells):
    return flow_sums.sums(flows(spark, *cells))


def failing(view, column="failing"):
    return sorted(row["label"] for row in view.where(f"{column} = 1").collect())


def test_double_cells_are_found_beyond_64_sectors(spark):
    """The buying sectors are looked at 64 at a time; numbers that share a bit are not taken for one."""
    cells = [(1, 1, 1, sector, 5) for sector in (63, 64, 127, 128, 32000)]
    assert views.repeated(flows(spark, *cells)).count() == 0 and not frame.doubtful(sums(spark, *cells))
    assert frame.doubtful(sums(spark, *cells, (1, 1, 1, 127, 6)))
    (double,) = views.repeated(flows(spark, *cells, (1, 1, 1, 127, 6))).collect()
    assert (double["destination_sector"], double["times"]) == (127, 2)


def test_a_cell_that_stands_there_twice_is_named_by_its_labels(spark):
    """From sector x of A to y of B, and from the rest of the country; final demand (0) may repeat."""
    twice = [(1, 1, 2, 2, 5), (1, 1, 2, 2, 7), (0, 1, 2, 2, 5), (0, 1, 2, 2, 5)]
    once = [(1, 1, 2, 1, 5), (1, 1, 2, 0, 1), (1, 1, 2, 0, 1)]
    repeated = views.repeated(flows(spark, *twice, *once))
    assert {(row["origin_region"], row["times"]) for row in repeated.collect()} == {(1, 2), (0, 2)}
    labelled = views.duplicates(repeated, names("x", "y"))
    assert failing(labelled) == ["A x to B y", "REST x to B y"]


def test_no_cell_twice_leaves_no_row(spark):
    labelled = views.duplicates(views.repeated(flows(spark, (1, 1, 2, 2, 5))), names("x", "y"))
    assert labelled.isEmpty()


def test_numbers_mean_what_they_mean_in_their_slice(spark):
    """Region 1 is A in one country, B in the other; each has a cell twice, and a total."""
    twice = [(1, 1, 1, 2, 5), (1, 1, 1, 2, 7)]
    rows = [(country, "w", *cell[:4], Decimal(cell[4])) for country in ("NL", "BE") for cell in twice]
    turned = Classification(version="t", source="t", items=[{"code": "B", "name": "b"}])
    of_slices = [
        Names(F.col("country") == "NL", REGIONS, sectors("x", "y")),
        Names(F.col("country") == "BE", turned, sectors("p", "q")),
    ]
    labelled = views.duplicates(views.repeated(local(spark, rows, FLOWS)), of_slices)
    assert {tuple(row) for row in labelled.collect()} == {
        ("NL", "w", "A x to A y", 1),
        ("BE", "w", "B p to B q", 1),
    }


def test_a_sector_that_is_the_sum_of_the_others(spark):
    """Sector 3 sells 3 + 5 = 8, what 1 and 2 sell together."""
    cells = [(1, 1, 1, 1, 1), (1, 1, 1, 2, 2), (1, 2, 1, 1, 3), (1, 2, 1, 2, 2)]
    total = [(1, 3, 1, 1, 4), (1, 3, 1, 2, 4)]
    three = names("one", "two", "total")
    assert failing(views.totals(sums(spark, *cells, *total), three)) == ["total"]
    assert failing(views.totals(sums(spark, *cells, (1, 3, 1, 1, 4), (1, 3, 1, 2, 5)), three)) == []
    assert failing(views.totals(sums(spark, *cells), names("one", "two"))) == []


def test_trade_with_the_rest_of_the_country_balances(spark):
    two = names("one", "two")
    even = [(1, 1, 0, 1, 100), (2, 1, 0, 2, 50), (0, 1, 1, 1, 90), (0, 1, 2, 1, 60)]
    assert failing(views.balance(sums(spark, *even), two)) == []
    assert failing(views.balance(sums(spark, *even, (0, 1, 2, 2, 1)), two)) == ["one"]
    rounding = [*even, (0, 1, 2, 2, "0.001")]  # 1e-3 of 150 is less than 1e-5
    assert failing(views.balance(sums(spark, *rounding), two)) == []
    one_side = [(1, 2, 0, 1, 100), (1, 1, 2, 2, 3)]
    assert failing(views.balance(sums(spark, *one_side), two)) == []


def test_a_region_without_firms(spark):
    rows = [("NL", "w", "A"), ("NL", "w", "A"), ("NL", "w", None), ("NL", "v", "B")]
    survey = local(spark, rows, "country string, wave string, region string")
    wanted = [("NL", "w", "A"), ("NL", "w", "B"), ("NL", "v", "B")]
    missing = views.regions_without_firms(survey, wanted).where("missing = 1").collect()
    assert [tuple(row)[:3] for row in missing] == [("NL", "w", "B")]
