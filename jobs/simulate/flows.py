"""Simulated input-output tables: deliveries between the industrial sectors of a country's regions."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.simulate.decimals import units
from jobs.simulate.draws import Floats, Hashes, begun, of_texts, uniform
from jobs.simulate.firms import Plan

DECIMALS = 3  # of a value in millions; a unit is a thousandth
HOME = (4.0, 20.0)  # how much more a sector delivers in its own region than elsewhere: from, to
REST = "REST"  # the rest of the country
BLOCK = 1 << 18  # deliveries that are drawn at a time

Places = NDArray[np.int64]
Side = tuple[str, str]  # region and sector of a seller or a buyer


class Cells(NamedTuple):
    """Some cells of a table: the numbers of their sellers and buyers among its sides, and the units."""

    seller: Places
    buyer: Places
    units: Floats


def table(plan: Plan, layout: str) -> tuple[list[Side], Iterator[Cells]]:
    """The sides of a plan's table in a layout, and its cells in their order, some at a time."""
    drawn = Deliveries(plan)
    return (drawn.sides, drawn.cells()) if layout == "long" else biregional(drawn)


class Deliveries:
    """The deliveries of a plan. Regions and sectors stand in the order of their codes."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.order = sorted(range(len(plan.region_codes)), key=plan.region_codes.__getitem__)
        self.regions = [plan.region_codes[place] for place in self.order]
        self.sectors = sorted(plan.sectors.industrial)
        self.mass = np.array([plan.masses[place] for place in self.order])
        technology = of_texts(of_texts(begun(plan.seed, "technology"), self.sectors), self.sectors)
        self.technology = 0.2 + 1.6 * uniform(technology)
        homes = of_texts(of_texts(begun(plan.seed, "home", plan.country), self.regions), self.sectors)
        self.home = HOME[0] + (HOME[1] - HOME[0]) * uniform(homes)
        sellers = of_texts(begun(plan.seed, "delivery", plan.country, plan.wave), self.regions)
        self.sellers = of_texts(sellers, self.sectors)

    @property
    def sides(self) -> list[Side]:
        """The sellers, which are the buyers too, in their order."""
        return list(product(self.regions, self.sectors))

    def blocks(self) -> Iterator[tuple[Places, Places, Floats]]:
        """Region and sector of some sellers, and what each delivers by the buyer's region and sector.

        All sellers in their order, so many at a time that their deliveries fill a block.
        """
        count = len(self.regions) * len(self.sectors)
        step = max(BLOCK // max(count, 1), 1)
        for start in range(0, count, step):
            region, sector = np.divmod(np.arange(start, min(start + step, count)), len(self.sectors))
            cells = of_texts(of_texts(self.sellers[region, sector], self.regions), self.sectors)
            technology = self.technology[sector][:, np.newaxis]
            yield region, sector, self._units(region, sector, technology, cells)

    def cells(self) -> Iterator[Cells]:
        """The whole table, by seller and buyer."""
        count = len(self.regions) * len(self.sectors)
        for region, sector, delivered in self.blocks():
            sellers = region * len(self.sectors) + sector
            buyers = np.tile(np.arange(count), len(sellers))
            yield Cells(np.repeat(sellers, count), buyers, delivered.ravel())

    def complementarity(self) -> Floats:
        """What a sector delivers to itself in its region, as a share of what it delivers to itself at all.

        By the plan's cells of regions and sectors; NaN where a sector delivers nothing to itself.
        """
        shares = np.full((len(self.regions), len(self.plan.sector_codes)), np.nan)
        region = np.arange(len(self.regions))
        for place, code in enumerate(self.sectors):
            cells = of_texts(of_texts(self.sellers[:, place], self.regions), [code])
            sector = np.full(len(region), place)
            delivered = self._units(region, sector, self.technology[place, [place]], cells)[..., 0]
            whole, scale = delivered.sum(axis=1), 10.0**DECIMALS
            own = np.divide(
                delivered.diagonal() / scale, whole / scale, out=np.full(len(whole), np.nan), where=whole > 0
            )
            shares[self.order, self.plan.sector_codes.index(code)] = own
        return shares.ravel()

    def _units(self, region: Places, sector: Places, technology: Floats, cells: Hashes) -> Floats:
        """Deliveries of sellers by the buyer's region and sector, from the hashes of the cells."""
        masses = 2 * self.mass[region][:, np.newaxis] * self.mass
        at_home = region[:, np.newaxis] == np.arange(len(self.regions))
        home = np.where(at_home, self.home[region, sector][:, np.newaxis], 1.0)
        value = masses[..., np.newaxis] * technology * (0.5 + uniform(cells)) * home[..., np.newaxis]
        return units(value, DECIMALS)


def biregional(drawn: Deliveries) -> tuple[list[Side], Iterator[Cells]]:
    """The table of each region with the rest of the country: own to own, own to rest, rest to own."""
    regions, sectors = len(drawn.regions), len(drawn.sectors)
    own = np.empty((regions, sectors, sectors))  # by region, seller's sector, buyer's sector
    sold, bought = np.empty_like(own), np.zeros_like(own)
    for region, sector, delivered in drawn.blocks():
        for at, (of, by) in enumerate(zip(region, sector, strict=True)):
            own[of, by] = delivered[at, of]
            sold[of, by] = delivered[at].sum(axis=0) - own[of, by]
            bought[:, by] += delivered[at]
    bought -= own
    names = [*drawn.regions]
    rest = bisect(names, REST)
    names.insert(rest, REST)
    region, seller, buyer = (axis.ravel() for axis in np.indices(own.shape))
    region += region >= rest
    at_home, elsewhere = region * sectors, rest * sectors
    parts = [(at_home + seller, at_home + buyer, own)]
    if regions > 1:
        parts.append((at_home + seller, elsewhere + buyer, sold))
        parts.append((elsewhere + seller, at_home + buyer, bought))
    sellers, buyers, values = (
        np.concatenate([np.ravel(column) for column in columns]) for columns in zip(*parts, strict=True)
    )
    order = np.lexsort((buyers, sellers))
    return list(product(names, drawn.sectors)), iter([Cells(sellers[order], buyers[order], values[order])])
