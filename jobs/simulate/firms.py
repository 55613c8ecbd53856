"""The simulated survey's firms: kind, size, region, sector, weight. Counts are exact, not expected."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.settings.classifications import Classification
from jobs.simulate.decimals import units
from jobs.simulate.draws import Draws, Floats

Columns = dict[str, NDArray[Any]]  # of the same number of rows, by name

KINDS = ("domestic_only", "foreign_only", "both", "stand_alone", "process_only", "others")
COOPERATING, WITH_PRODUCTS, INNOVATING = 3, 4, 5  # so many of the kinds, which is also how they are ordered
SIZES = ((10, 50), (50, 250), (250, 1000))  # employees: from, below
SLOTS = 1 << 14  # cells are drawn through a table of equally likely slots


@dataclass(frozen=True)
class Plan:
    """What is simulated: one wave of one country (a slice), how many firms, and the parameters.

    What is drawn for a region depends on its place among its country's.
    """

    country: str
    wave: str
    regions: Classification
    sectors: Classification
    firms: int
    seed: int
    parameters: dict[str, Any]
    nonresponse: float = 0.03

    @cached_property
    def region_codes(self) -> list[str]:
        """The codes of the regions in their places."""
        return [item.code for item in self.regions.items]

    @cached_property
    def sector_codes(self) -> list[str]:
        """The codes of all sectors in their places."""
        return [item.code for item in self.sectors.items]

    @cached_property
    def masses(self) -> list[float]:
        """The weight of each region in firms and deliveries."""
        given = [float(weight) for weight in self.parameters["region_weights"][: len(self.region_codes)]]
        return given + [1.0] * (len(self.region_codes) - len(given))

    @cached_property
    def ends(self) -> list[int]:
        """Where each kind ends in the firms' numbering."""
        survey = self.parameters["survey"]
        counts = [round(survey["quotas"][kind] * self.firms / survey["firms"]) for kind in KINDS[:-1]]
        return [*accumulate(counts), self.firms]

    @cached_property
    def slots(self) -> dict[tuple[bool, bool], NDArray[np.int64]]:
        """The cell of each slot, by whether its sector is industrial and whether innovators choose (tilted).

        A cell is a region and a sector; its number is the region's place times the number of sectors, and
        the sector's place. Each cell gets slots in proportion to its probability, by largest remainder.
        """
        tilt = self.parameters["survey"]["tilt"]
        table = {}
        for industrial in (True, False):
            cells = [
                (region, sector)
                for region in range(len(self.region_codes))
                for sector, item in enumerate(self.sectors.items)
                if item.industrial == industrial
            ]
            numbers = np.array([region * len(self.sector_codes) + sector for region, sector in cells], int)
            leanings = [_leaning(self.seed, region, self.sector_codes[sector]) for region, sector in cells]
            for tilted in (True, False):
                mass = [
                    self.masses[region] * (1 + (tilt * leaning if tilted else 0.0))
                    for (region, _), leaning in zip(cells, leanings, strict=True)
                ]
                table[industrial, tilted] = np.repeat(numbers, _apportion(mass, SLOTS))
        return table


def firms(plan: Plan, start: int, end: int) -> Columns:
    """The firms from a number to below another: number, kind, size, cell, region and sector (their places).

    And employees, turnover (thousand), weight, and what is true of them: innovator, product_innovator, … A
    firm is left out where no sector is of the kind that it drew, industrial or not.
    """
    survey = plan.parameters["survey"]
    number = np.arange(start, end)
    draws = Draws(number, plan.seed, plan.country, plan.wave)
    kind = np.searchsorted(np.minimum(plan.ends, plan.firms), number, side="right")
    size = _size(number, kind, plan.ends, survey["size_shares"])
    innovates, with_products = kind < INNOVATING, kind < WITH_PRODUCTS
    exporting = survey["exporting"]
    employees = _employees(draws, size, survey["below_ten"])
    turnover = employees * (300 + 60 * draws.bounded("turnover"))
    industrial = draws.uniform("industrial") < survey["industrial"]
    cell = _cells(plan, draws, industrial, innovates)
    columns = {
        "number": number,
        "kind": kind,
        "size": size,
        "innovator": innovates,
        "product_innovator": with_products,
        "cooperates": kind < COOPERATING,
        "process_innovator": (kind == WITH_PRODUCTS) | (with_products & (draws.uniform("process") < 0.5)),
        "exports": draws.uniform("exports")
        < np.where(innovates, exporting["innovators"], exporting["others"]),
        "employees": employees,
        "turnover": units(turnover, 3) / 1000.0,
        "weight": np.array(survey["weights"], float)[size],
        "industrial": industrial,
        "cell": cell,
        "region": cell // len(plan.sector_codes),
        "sector": cell % len(plan.sector_codes),
    }
    placed = cell >= 0
    return columns if placed.all() else {name: values[placed] for name, values in columns.items()}


def _size(
    number: NDArray[np.int64], kind: NDArray[np.int64], ends: list[int], shares: dict[str, list[float]]
) -> NDArray[np.int64]:
    """0 small, 1 medium, 2 large: exact shares within each kind, spread over its numbers by a stride."""
    size = np.zeros(len(number), int)
    for at, (start, end) in enumerate(pairwise([0, *ends])):
        own = kind == at
        count = max(end - start, 1)
        place = ((number[own] - start) * 7919) % count  # 7919 is prime: every place is taken once
        small, medium, _ = shares[KINDS[at]]
        beyond = [place >= round(share * count) for share in (small, small + medium)]
        size[own] = np.sum(beyond, axis=0)
    return size


def _employees(draws: Draws, size: NDArray[np.int64], below_ten: float) -> Floats:
    """Log-uniform within the size; some small firms have fewer than ten."""
    u = draws.uniform("employees")
    low, high = np.array(SIZES, float).T
    sized = np.floor(low[size] * (high / low)[size] ** u)
    tiny = (size == 0) & (draws.uniform("tiny") < below_ten)
    return np.where(tiny, np.floor(u * 9) + 1, sized)


def _cells(
    plan: Plan, draws: Draws, industrial: NDArray[np.bool_], tilted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Each firm's cell; -1 where there is none for it."""
    slot = np.floor(draws.uniform("cell") * SLOTS).astype(int)
    cell = np.full(len(slot), -1)
    for (of_industry, of_tilted), cells in plan.slots.items():
        own = (industrial == of_industry) & (tilted == of_tilted)
        if len(cells):
            cell[own] = cells[slot[own]]
    return cell


def _leaning(seed: int, region: int, sector: str) -> float:
    """A fixed number in [-1, 1] for a cell: how much innovators favour it."""
    digest = hashlib.sha256(f"{seed}/{region}/{sector}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**31 - 1


def _apportion(mass: list[float], slots: int) -> list[int]:
    """`slots` places shared out in proportion to `mass`, largest remainders first; how many each gets."""
    total = sum(mass)
    exact = [slots * part / total for part in mass]
    counts = [int(part) for part in exact]
    by_remainder = sorted(range(len(mass)), key=lambda cell: (counts[cell] - exact[cell], cell))
    for cell in by_remainder[: slots - sum(counts)]:
        counts[cell] += 1
    return counts
