"""Simulated input-output tables: the full one, and the biregional one, which is the full one summed."""

from __future__ import annotations

import pandas as pd
import pytest

from jobs.settings.classifications import Classification, Item
from jobs.simulate import flows
from jobs.simulate.firms import Plan

KEYS = ["origin_region", "origin_sector", "destination_region", "destination_sector"]


def plan(regions: str, sectors: str = "ba") -> Plan:
    """A plan with regions and sectors of one letter each, the sectors a to f industrial ones."""
    places, branches = (
        Classification(
            version="t",
            source="t",
            items=tuple(Item(code=code, name=code, industrial=code < "g") for code in codes),
        )
        for codes in (regions, sectors)
    )
    return Plan("NL", "w", places, branches, 100, 1, {"region_weights": [1.5, 0.5]})


def table(plan: Plan, layout: str) -> pd.Series:
    """The values in thousandths by labels, in the order of the cells."""
    sides, blocks = flows.table(plan, layout)
    rows = [
        (*sides[seller], *sides[buyer], units)
        for cells in blocks
        for seller, buyer, units in zip(*(column.tolist() for column in cells), strict=True)
    ]
    return pd.DataFrame(rows, columns=[*KEYS, "units"]).set_index(KEYS).units


def test_each_industrial_sector_delivers_to_all_in_the_order_of_the_codes():
    full = table(plan("YZX", "bxa"), "long")
    assert len(full) == (3 * 2) ** 2 and (full > 0).all() and list(full.index) == sorted(full.index)
    assert set(full.index.get_level_values("origin_sector")) == {"a", "b"}


def test_deliveries_do_not_depend_on_the_blocks(monkeypatch):
    whole = {layout: table(plan("YZX", "bac"), layout) for layout in ("long", "biregional")}
    monkeypatch.setattr(flows, "BLOCK", 20)  # two sellers at a time
    for layout, known in whole.items():
        pd.testing.assert_series_equal(table(plan("YZX", "bac"), layout), known)


def test_a_region_has_its_value_whatever_regions_stand_beside_it():
    """A region's weight is that of its place, all else that of its code."""
    few, many = table(plan("YZ"), "long"), table(plan("YZXVW"), "long")
    pd.testing.assert_series_equal(many.loc[few.index], few)


def test_the_biregional_table_is_the_full_one_with_the_others_summed():
    full, folded = (table(plan("RSZ"), layout) for layout in ("long", "biregional"))
    assert len(folded) == 3 * 3 * 2 * 2 and list(folded.index) == sorted(folded.index)
    assert folded["R", "a", "R", "b"] == full["R", "a", "R", "b"]
    assert folded["R", "a", "REST", "b"] == full["R", "a", "S", "b"] + full["R", "a", "Z", "b"]
    assert folded["REST", "a", "R", "b"] == full["S", "a", "R", "b"] + full["Z", "a", "R", "b"]


def test_a_region_alone_has_no_rest():
    pd.testing.assert_series_equal(table(plan("R"), "biregional"), table(plan("R"), "long"))


@pytest.mark.parametrize("layout", ["long", "biregional"])
def test_without_industrial_sectors_there_are_no_deliveries(layout):
    assert table(plan("RS", "xyz"), layout).empty
