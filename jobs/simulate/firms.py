"""The simulated survey's firms: kind, size, region, sector, weight. Counts are exact, not expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.settings.classifications import Classification
from jobs.simulate.draws import Draws
from jobs.spark.frames import local

KINDS = ("domestic_only", "foreign_only", "both", "stand_alone", "process_only", "others")
SIZES = ((10, 50), (50, 250), (250, 1000))  # employees: from, below
SLOTS = 1 << 14  # cells are drawn through a table of equally likely slots


@dataclass(frozen=True)
class Plan:
    """What is simulated: which countries and waves, how many firms each, and the parameters.

    A slice is one wave of one country. Every country has regions of its own, the same number of them, and
    what is drawn for a region depends on its place among its country's.
    """

    countries: tuple[str, ...]
    waves: tuple[str, ...]
    regions: Mapping[str, Classification]  # by country
    sectors: Classification
    firms: int
    seed: int
    parameters: dict[str, Any]
    nonresponse: float = 0.03

    def __post_init__(self) -> None:
        if len({len(self.regions[country].items) for country in self.countries}) > 1:
            raise ValueError("the countries of a plan have the same number of regions")

    @property
    def places(self) -> range:
        """The places of a country's regions, beginning with 1."""
        return range(1, len(self.regions[self.countries[0]].items) + 1)

    @property
    def slices(self) -> list[tuple[str, str]]:
        """Country and wave of each slice."""
        return [(country, wave) for country in self.countries for wave in self.waves]


def places(spark: SparkSession, plan: Plan) -> DataFrame:
    """Country, place and code of each region, and its weight (mass) in firms and deliveries."""
    weights = plan.parameters["region_weights"]
    rows = [
        (country, place, region.code, float(weights[place - 1]) if place <= len(weights) else 1.0)
        for country in plan.countries
        for place, region in enumerate(plan.regions[country].items, start=1)
    ]
    return local(spark, rows, "country string, place int, region string, mass double")


def firms(spark: SparkSession, plan: Plan) -> DataFrame:
    """One row per firm: country, wave, number, kind, region, sector, employees, exports, weight, …"""
    survey = plan.parameters["survey"]
    draws = Draws(plan.seed, "country", "wave", "number")
    slices = local(spark, plan.slices, "country string, wave string")
    frame = spark.range(plan.firms).withColumnRenamed("id", "number").crossJoin(F.broadcast(slices))

    bounds = _bounds(survey["quotas"], plan.firms, survey["firms"])
    frame = frame.withColumn("kind", _by_bound("number", dict(zip(KINDS, bounds, strict=True))))
    frame = frame.withColumn("size", _size(frame, bounds, survey["size_shares"]))
    innovates = F.col("kind") != "others"
    frame = frame.withColumn("innovator", innovates)
    frame = frame.withColumn("product_innovator", F.col("kind").isin(list(KINDS[:4])))
    frame = frame.withColumn("cooperates", F.col("kind").isin(list(KINDS[:3])))
    frame = frame.withColumn(
        "process_innovator",
        (F.col("kind") == "process_only") | (F.col("product_innovator") & (draws.uniform("process") < 0.5)),
    )
    exporting = survey["exporting"]
    frame = frame.withColumn(
        "exports",
        draws.uniform("exports") < F.when(innovates, exporting["innovators"]).otherwise(exporting["others"]),
    )
    frame = frame.withColumn("employees", _employees(draws, survey["below_ten"]))
    frame = frame.withColumn(
        "turnover",
        F.round(F.col("employees") * (300 + 60 * draws.bounded("turnover")), 3).cast("decimal(18,3)"),
    )
    weights = F.array(*[F.lit(float(weight)) for weight in survey["weights"]])
    frame = frame.withColumn("weight", F.element_at(weights, F.col("size") + 1))

    industrial = draws.uniform("industrial") < survey["industrial"]
    slot = F.floor(draws.uniform("cell") * SLOTS).cast("int")
    frame = frame.withColumns({"industrial": industrial, "slot": slot, "tilted": innovates})
    frame = frame.join(F.broadcast(_slots(spark, plan)), ["industrial", "tilted", "slot"])
    regions = places(spark, plan).select("country", "place", "region")
    return frame.join(F.broadcast(regions), ["country", "place"]).drop("slot", "tilted", "place")


def _bounds(quotas: dict[str, int], firms: int, standard: int) -> list[int]:
    """Where each kind ends in the firms' numbering."""
    ends = list(accumulate(round(quotas[kind] * firms / standard) for kind in KINDS[:-1]))
    return [*ends, firms]


def _by_bound(column: str, ends: dict[str, int]) -> Column:
    chosen = None
    for name, end in ends.items():
        condition = F.col(column) < end
        chosen = F.when(condition, name) if chosen is None else chosen.when(condition, name)
    assert chosen is not None
    return chosen


def _size(frame: DataFrame, bounds: list[int], shares: dict[str, list[float]]) -> Column:
    """0 small, 1 medium, 2 large: exact shares within each kind, spread over its numbers by a stride."""
    chosen = None
    for kind, start, end in zip(KINDS, [0, *bounds], bounds, strict=False):
        count = max(end - start, 1)
        place = ((F.col("number") - start) * 7919) % count  # 7919 is prime: every place is taken once
        small, medium = round(shares[kind][0] * count), round((shares[kind][0] + shares[kind][1]) * count)
        size = F.when(place < small, 0).when(place < medium, 1).otherwise(2)
        condition = F.col("kind") == kind
        chosen = F.when(condition, size) if chosen is None else chosen.when(condition, size)
    assert chosen is not None
    return chosen


def _employees(draws: Draws, below_ten: float) -> Column:
    """Log-uniform within the size; some small firms have fewer than ten."""
    u = draws.uniform("employees")
    sized = None
    for size, (low, high) in enumerate(SIZES):
        value = F.floor(F.lit(low) * F.pow(F.lit(high / low), u))
        sized = (
            F.when(F.col("size") == size, value)
            if sized is None
            else sized.when(F.col("size") == size, value)
        )
    assert sized is not None
    tiny = (F.col("size") == 0) & (draws.uniform("tiny") < below_ten)
    return F.when(tiny, F.floor(u * 9) + 1).otherwise(sized).cast("int")


def _slots(spark: SparkSession, plan: Plan) -> DataFrame:
    """Slot to a region's place and sector, for industrial and other sectors, innovators (tilted) and others.

    Each cell gets slots in proportion to its probability, by largest remainder.
    """
    weights = plan.parameters["region_weights"]
    tilt = plan.parameters["survey"]["tilt"]
    rows = []
    for industrial in (True, False):
        items = [item for item in plan.sectors.items if item.industrial == industrial]
        cells = [
            (
                place,
                item.code,
                weights[place - 1] if place <= len(weights) else 1.0,
                _leaning(plan.seed, place - 1, item.code),
            )
            for place in plan.places
            for item in items
        ]
        for tilted in (True, False):
            mass = [weight * (1 + (tilt * leaning if tilted else 0.0)) for _, _, weight, leaning in cells]
            for slot, cell in enumerate(_apportion(mass, SLOTS)):
                rows.append((industrial, tilted, slot, cells[cell][0], cells[cell][1]))
    return local(spark, rows, "industrial boolean, tilted boolean, slot int, place int, sector string")


def _leaning(seed: int, region: int, sector: str) -> float:
    """A fixed number in [-1, 1] for a cell: how much innovators favour it."""
    import hashlib

    digest = hashlib.sha256(f"{seed}/{region}/{sector}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**31 - 1


def _apportion(mass: list[float], slots: int) -> list[int]:
    """`slots` places shared out in proportion to `mass`, largest remainders first; the cell of each place."""
    total = sum(mass)
    exact = [slots * part / total for part in mass]
    counts = [int(part) for part in exact]
    by_remainder = sorted(range(len(mass)), key=lambda cell: (counts[cell] - exact[cell], cell))
    for cell in by_remainder[: slots - sum(counts)]:
        counts[cell] += 1
    return [cell for cell, count in enumerate(counts) for _ in range(count)]
