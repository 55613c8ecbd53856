"""Porter's two cluster dimensions of a region and sector: complementarity and commonality.

Definitions: De Bruijn, Muskens and Manshanden, "Clusters geen walhalla voor innovatie" (ESB). Sums come
before ratios; a total over sectors is a ratio of totals; a zero denominator gives null and a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.settings.classifications import REST, WHOLE
from jobs.transforms.flows import Codes
from jobs.transforms.lookup import by_slice, looked_up
from jobs.transforms.partner_origin import largest

ALL = WHOLE
MONEY = "decimal(28,9)"
WEIGHT = "decimal(28,12)"  # weights are summed exactly, so that no order of rows shows
SIDES = {"sales": "origin", "purchases": "destination"}  # the side a direction looks from
PARTS = ("general_numerator", "general_denominator", "within_numerator", "within_denominator")


def complementarity(sums: DataFrame, direction: str, codes: Sequence[Codes]) -> DataFrame:
    """Within-region deliveries as a share of all domestic deliveries, a country, wave, region and sector.

    `sums` as `sums_of` gives them of the same direction; the rest of the country (region 0) counts in
    denominators only.
    `direction`: 'sales' (the sector's deliveries), 'purchases' (what it buys), 'both' (sums of the two).
    The row with sector '_all' is the region as a whole. Columns as schemas/cluster_indicators.yaml. `codes`:
    what the numbers of regions and sectors stand for (see transforms.flows).
    """
    parts = _parts(sums)
    keys = ["country", "wave", "region_number", "sector_number"]
    by_sector = parts.groupBy(*keys).agg(*[_total(part) for part in PARTS])
    whole = (
        parts.withColumn("sector_number", F.lit(0).cast("smallint"))
        .groupBy(*keys)
        .agg(*[_total(p) for p in PARTS])
    )
    named = by_sector.where("sector_number > 0").unionByName(whole)
    region_number, sector_number = (F.col(f"{kind}_number").cast("int") for kind in ("region", "sector"))
    region = [(condition, looked_up(region_number, regions.codes)) for condition, regions, _ in codes]
    sector = [
        (condition, looked_up(sector_number, {0: ALL, **sectors.codes})) for condition, _, sectors in codes
    ]
    frame = named.select(
        "country",
        "wave",
        by_slice(region).alias("region"),
        by_slice(sector).alias("sector"),
        F.lit(direction).alias("direction"),
        *[F.col(part).alias(f"complementarity_{part}") for part in PARTS],
    )
    for kind, words in (
        ("within", "no domestic deliveries within the sector"),
        ("general", "no domestic deliveries"),
    ):
        name = f"complementarity_{kind}"
        zero = F.coalesce(F.col(f"{name}_denominator"), F.lit(0)) == 0
        ratio = F.col(f"{name}_numerator").cast("double") / F.col(f"{name}_denominator").cast("double")
        frame = frame.withColumns({name: F.when(~zero, ratio), f"{name}_reason": F.when(zero, F.lit(words))})
    return frame


def sums_of(flow_sums: DataFrame, direction: str) -> DataFrame:
    """What `complementarity` needs of the sums of tables, as schemas/flow_sums.yaml has them.

    Final demand counts nowhere. `sales`, `purchases`: whether cells of the row go from a region of the run
    to another region, or from another one to it.
    """
    chosen = list(SIDES.values()) if direction == "both" else [SIDES[direction]]
    return flow_sums.where(F.col("known") & F.col("side").isin(chosen)).select(
        "country",
        "wave",
        F.col("region").alias("region_number"),
        F.col("sector").alias("sector_number"),
        (~F.col("across")).alias("at_home"),
        "same",
        "value",
        (~F.col("from_rest") & F.col("across")).alias("sales"),
        (~F.col("to_rest") & F.col("across")).alias("purchases"),
    )


def sides_present(sums: DataFrame) -> dict[tuple[str, str], dict[str, bool]]:
    """Which directions the tables of a country's wave can give; `sums` as `sums_of` gives them."""
    rows = sums.groupBy("country", "wave").agg(*[F.max(side).alias(side) for side in SIDES]).collect()
    return {(row["country"], row["wave"]): {side: bool(row[side]) for side in SIDES} for row in rows}


def _parts(sums: DataFrame) -> DataFrame:
    """Numerators and denominators of the rows of `sums_of` that are of a region of the run."""
    conditions = {
        "general_numerator": F.col("at_home"),
        "general_denominator": F.lit(True),
        "within_numerator": F.col("at_home") & F.col("same"),
        "within_denominator": F.col("same"),
    }
    return sums.where(F.col("region_number") != REST).select(
        "country",
        "wave",
        "region_number",
        "sector_number",
        *[
            F.when(condition, F.col("value")).otherwise(0).cast(MONEY).alias(part)
            for part, condition in conditions.items()
        ],
    )


def _total(part: str) -> Column:
    return F.sum(part).cast(MONEY).alias(part)


def commonality(survey: DataFrame) -> DataFrame:
    """Weighted innovators as a share of weighted firms, a country, wave, region and industrial sector.

    `survey` as schemas/survey.yaml; over industrial firms whose region, weight and innovator are known.
    In general (sector '_all') over all industrial sectors of the region. Columns: country, wave, region,
    sector, and numerator, denominator, firms, innovators of the sector in the region and of the region.
    """
    firms = survey.where(counted())
    weight = F.col("weight").cast(WEIGHT)
    measures = {
        "numerator": F.sum(F.when(F.col("innovator"), weight).otherwise(0)),
        "denominator": F.sum(weight),
        "firms": F.count("*"),
        "innovators": F.sum(F.col("innovator").cast("bigint")),
    }
    sums = [measure.alias(name) for name, measure in measures.items()]
    by_sector = firms.groupBy("country", "wave", "region", "sector").agg(*sums)
    again = {
        "numerator": F.sum("numerator"),
        "denominator": F.sum("denominator"),
        "firms": F.sum("firms"),
        "innovators": F.sum("innovators"),
    }
    # The region's totals come from the cells' sums: the firms are read and shuffled once.
    by_region = by_sector.groupBy("country", "wave", "region").agg(
        *[m.alias(f"region_{n}") for n, m in again.items()]
    )
    whole = by_region.select(
        "country",
        "wave",
        "region",
        F.lit(ALL).alias("sector"),
        *[F.col(f"region_{name}").alias(name) for name in measures],
    )
    frame = by_sector.unionByName(whole).join(F.broadcast(by_region), ["country", "wave", "region"])
    return frame.select(
        "country",
        "wave",
        "region",
        "sector",
        *_ratio("commonality_within", "", "no weighted firms of the sector in the region"),
        *_ratio("commonality_general", "region_", "no weighted firms in the region"),
    )


def largest_weights(survey: DataFrame) -> DataFrame:
    """The largest weights behind each commonality: country, wave, region, sector ('_all') and `weights`.

    In falling order, at most as many as the dominance rule may look at.
    """
    firms = survey.where(counted()).withColumn("weight", F.col("weight").cast("double"))
    sectors = F.explode(F.array("sector", F.lit(ALL))).alias("sector")
    return (
        firms.select("country", "wave", "region", sectors, "weight")
        .groupBy("country", "wave", "region", "sector")
        .agg(largest("weight").alias("weights"))
    )


def counted() -> Column:
    """Firms that commonality counts: industrial, with region, innovation status and a weight."""
    known = [F.col(name).isNotNull() for name in ("region", "sector", "innovator", "weight")]
    return reduce(lambda a, b: a & b, known) & F.col("industrial")


def _ratio(name: str, prefix: str, words: str) -> list[Column]:
    numerator, denominator = F.col(f"{prefix}numerator"), F.col(f"{prefix}denominator")
    zero = denominator == 0
    return [
        F.when(~zero, numerator.cast("double") / denominator.cast("double")).alias(name),
        numerator.cast("double").alias(f"{name}_numerator"),
        denominator.cast("double").alias(f"{name}_denominator"),
        F.col(f"{prefix}firms").alias(f"{name}_firms"),
        F.col(f"{prefix}innovators").alias(f"{name}_innovators"),
        F.when(zero, F.lit(words)).alias(f"{name}_reason"),
    ]


def left_out(indicator: str) -> Column:
    """Commonality of a firm's region (and sector) with the firm itself out of both sums.

    Over a frame with the firm's `weight` and `innovator` and the indicator's numerator and denominator.
    Null where the firm is alone.
    """
    own = F.when(counted(), F.col("weight").cast(WEIGHT)).otherwise(0)
    firms = F.col(f"{indicator}_denominator").cast(WEIGHT) - own
    innovators = F.col(f"{indicator}_numerator").cast(WEIGHT) - F.when(F.col("innovator"), own).otherwise(0)
    return F.when(firms > 0, innovators.cast("double") / firms.cast("double"))
