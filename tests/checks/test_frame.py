"""The frame of an input-output table: what belongs to it, and what a table lacks of it.

A cell is drawn as (origin region, origin sector, destination region, destination sector); region 0 is the
rest of the country, sector 0 final demand or a buyer that is not known.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from jobs.checks import frame, views
from jobs.checks.frame import Counts, Gap, compare
from jobs.settings.classifications import Classification
from jobs.settings.slices import Slice
from jobs.spark.frames import local
from jobs.transforms import flow_sums

SLICE = Slice("HU", "w")
KEYS = (
    "country string, wave string, origin_region smallint, origin_sector smallint, "
    "destination_region smallint, destination_sector smallint"
)
REGIONS = Classification(
    version="t", source="t", items=[{"code": code, "name": code} for code in ("HU11", "HU12", "HU21")]
)
SECTORS = Classification(
    version="t",
    source="t",
    items=[
        {"code": "10-12", "name": "food", "industrial": True},
        {"code": "28", "name": "machines", "industrial": True},
        {"code": "35", "name": "energy", "industrial": False},
    ],
)


def interregional(regions: int, sectors: int) -> set:
    sides = list(product(range(1, regions + 1), range(1, sectors + 1)))
    return {(*origin, *destination) for origin in sides for destination in sides}


def biregional(regions: int, sectors: int, *blocks: str) -> set:
    """Deliveries within each region, and the blocks named: to_rest, to_unknown, from_rest."""
    numbers = range(1, sectors + 1)
    cells = set()
    for region in range(1, regions + 1):
        cells |= {(region, s, region, t) for s in numbers for t in numbers}
        if "to_rest" in blocks:
            cells |= {(region, s, 0, t) for s in numbers for t in numbers}
        if "to_unknown" in blocks:
            cells |= {(region, s, 0, 0) for s in numbers}
        if "from_rest" in blocks:
            cells |= {(0, s, region, t) for s in numbers for t in numbers}
    return cells


def counts(cells) -> Counts:
    """What `frame.count` gives, cell by cell and without Spark."""
    counted: Counter = Counter()
    for origin, s, destination, t in cells:
        if (origin == 0 and destination == 0) or (t == 0 and destination):
            block = "outside"
        elif t == 0:
            block = "to_unknown"
        else:
            block = "from_rest" if origin == 0 else "to_rest" if destination == 0 else "inner"
        counted[("delivers", origin, s, block)] += 1
        if t:
            counted[("buys", destination, t, block)] += 1
    across = any(cell[0] and cell[2] and cell[3] and cell[0] != cell[2] for cell in cells)
    return Counts(dict(counted), across)


def lacks(cells, regions: int = 3):
    return compare(counts(cells), range(1, regions + 1))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (interregional(3, 2), 36),
        (interregional(1, 2), 4),
        (biregional(3, 2), 12),
        (biregional(3, 2, "to_rest"), 24),
        (biregional(3, 2, "from_rest"), 24),
        (biregional(3, 2, "to_unknown", "from_rest"), 12 + 6 + 12),
        (biregional(3, 2, "to_rest", "to_unknown", "from_rest"), 36),  # beside known buyers: final demand
        (interregional(3, 2) | biregional(3, 2, "to_rest", "from_rest"), 36 + 24),
        (interregional(3, 2) | {(1, 1, 1, 0), (0, 1, 0, 2), (0, 1, 2, 0)}, 36),  # final demand, rest to rest
    ],
)
def test_a_complete_table_lacks_nothing(cells, expected):
    regions = max(cell[0] for cell in cells)
    compared = lacks(cells, regions)
    assert (compared.expected, compared.gaps, compared.silent_regions, compared.silent_sectors) == (
        expected,
        (),
        (),
        (),
    )


def test_a_region_that_delivers_nothing():
    compared = lacks({cell for cell in interregional(3, 2) if cell[0] != 3})
    assert (
        compared.absent == 12
        and compared.silent_regions == (("delivers", 3),)
        and compared.silent_sectors == ()
    )
    assert compared.gaps == (Gap("delivers", 3, 1, 6, 6), Gap("delivers", 3, 2, 6, 6))


def test_a_region_that_buys_nothing_is_named_on_the_side_where_it_is_absent():
    compared = lacks({cell for cell in interregional(3, 2) if cell[2] != 3})
    assert compared.absent == 12 and compared.silent_regions == (("buys", 3),)
    assert compared.gaps == (Gap("buys", 3, 1, 6, 6), Gap("buys", 3, 2, 6, 6))


def test_a_region_that_is_nowhere_lacks_both_sides():
    compared = lacks(interregional(2, 2))
    assert compared.silent_regions == (("delivers", 3), ("buys", 3)) and compared.absent == 36 - 16


def test_a_sector_that_one_region_does_not_deliver():
    compared = lacks({cell for cell in interregional(3, 2) if cell[:2] != (1, 2)})
    assert compared.gaps == (Gap("delivers", 1, 2, 6, 6),)
    assert compared.silent_sectors == (("delivers", 1, 2),) and compared.silent_regions == ()


def test_a_table_that_is_cut_short():
    """The last third of the rows and one cell before it, in the order of the labels."""
    cells = sorted(interregional(3, 2))[:23]
    compared = lacks(cells)
    assert compared.absent == 13
    assert compared.gaps == (
        Gap("delivers", 3, 1, 6, 6),
        Gap("delivers", 3, 2, 6, 6),
        Gap("delivers", 2, 2, 1, 6),
    )


def test_purchases_from_the_rest_that_one_region_lacks():
    cells = {c for c in biregional(3, 2, "to_rest", "from_rest") if not (c[0] == 0 and c[2:] == (2, 1))}
    assert lacks(cells).gaps == (Gap("buys", 2, 1, 2, 2),)


def test_deliveries_to_unknown_buyers_are_one_cell_a_sector_whatever_their_number():
    """Final demand of the rest beside exports: two rows for one delivering sector, none for another."""
    cells = sorted(biregional(2, 2, "to_unknown") - {(2, 2, 0, 0)})
    compared = compare(counts([*cells, (1, 1, 0, 0)]), [1, 2])
    assert compared.gaps == (Gap("delivers", 2, 2, 1, 3),)


def test_a_table_without_cells():
    compared = lacks(set())
    assert compared.expected == compared.absent == 0 and len(compared.silent_regions) == 6


def frame_of(cells, regions: int) -> set:
    """The cells of the frame, written out from its definition."""
    sectors = sorted({s for _, s, _, _ in cells} | {t for *_, t in cells if t})
    own = range(1, regions + 1)
    between = [cell for cell in cells if cell[3] and cell[0] and cell[2]]
    pairs = [(r, q) for r in own for q in own if r == q or any(c[0] != c[2] for c in between)]
    if any(cell[0] and not cell[2] and cell[3] for cell in cells):
        pairs += [(r, 0) for r in own]
    elif any(cell[0] and not cell[2] for cell in cells):
        pairs += [(r, None) for r in own]
    if any(not cell[0] and cell[2] and cell[3] for cell in cells):
        pairs += [(0, r) for r in own]
    framed = set()
    for r, q in pairs:
        framed |= {(r, s, q or 0, t) for s in sectors for t in (sectors if q is not None else [0])}
    return framed


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_exactly_the_cells_that_were_dropped_are_absent(data):
    regions, sectors = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    blocks = data.draw(st.sets(st.sampled_from(["to_rest", "to_unknown", "from_rest"])))
    whole = biregional(regions, sectors, *blocks)
    if data.draw(st.booleans()):
        whole |= interregional(regions, sectors)
    dropped = data.draw(st.sets(st.sampled_from(sorted(whole))))
    left = whole - dropped
    compared = lacks(left, regions)
    framed = frame_of(left, regions)
    assert compared.expected == len(framed)
    assert compared.absent == len(framed - left)
    for side, region, sector in (
        (side, *cell[:2]) for side in ("delivers", "buys") for cell in framed if cell[0]
    ):
        place = 0 if side == "delivers" else 2
        silent = not any(cell[place : place + 2] == (region, sector) for cell in left & framed)
        region_silent = (side, region) in compared.silent_regions
        assert ((side, region, sector) in compared.silent_sectors) == (silent and not region_silent)


def test_spark_counts_the_cells_as_drawn_and_a_cell_twice_once(spark):
    """A duplicate does not hide the absent cell beside it."""
    cells = sorted(
        interregional(2, 2) | biregional(2, 2, "to_unknown", "from_rest") | {(1, 1, 1, 0), (0, 1, 0, 1)}
    )
    left = [cell for cell in cells if cell != (1, 1, 2, 1)]
    twice = [(1, 1, 2, 2)] * 2
    other = interregional(2, 1)  # of another wave, whose table is whole
    rows = [(*SLICE, *cell) for cell in left + twice] + [("HU", "v", *cell) for cell in sorted(other)]
    flows = local(spark, rows, KEYS).withColumn("value", F.lit(1))
    counted = frame.count(flow_sums.sums(flows), views.repeated(flows))
    assert counted == {SLICE: counts(left), Slice("HU", "v"): counts(other)}
    assert compare(counted[SLICE], [1, 2]).gaps == (Gap("delivers", 1, 1, 1, 5),)


def test_the_view_names_what_is_absent():
    """HU21 delivers nothing, HU11 does not deliver 28, and energy is no sector of the table."""
    cells = {c for c in interregional(3, 2) if c[0] != 3 and c[:2] != (1, 2)}
    seen = frame.view(lacks(cells), REGIONS, SECTORS, absent_is_zero=False)
    assert seen == [
        ("HU21 delivers nothing", 1, 0, 0, 0),
        ("HU11 28 delivers (6 of 6)", 0, 6, 0, 0),
        ("HU21 10-12 delivers (6 of 6)", 0, 6, 0, 0),
        ("HU21 28 delivers (6 of 6)", 0, 6, 0, 0),
        ("HU11 28 delivers nothing", 0, 0, 1, 0),
    ]
    zero = frame.view(lacks(cells), REGIONS, SECTORS, absent_is_zero=True)
    assert [row[0] for row in zero] == [
        "HU21 delivers nothing",
        "HU11 28 delivers nothing",
    ]


def test_only_industrial_sectors_are_missed_where_they_stand_nowhere():
    seen = frame.view(lacks(interregional(3, 1)), REGIONS, SECTORS, absent_is_zero=False)
    assert seen == [("28", 0, 0, 0, 1)]
