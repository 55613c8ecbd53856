"""The study's Table 1: co-operating product innovators by origin of their partners."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

ALL = "all"
EXCLUSIVE = ("domestic only", "foreign only", "both", "unknown")
OVERLAPPING = ("any domestic", "any foreign")
ORIGINS = (*EXCLUSIVE, *OVERLAPPING, ALL)
MONEY = "decimal(38,9)"


def size_class(edges: Sequence[int]) -> Column:
    """The firm's size class: '<10', '10-49', …, '250+' for the edges (10, 50, 250); null where unknown."""
    employees = F.col("employees")
    chosen = F.when(employees < edges[0], F.lit(f"<{edges[0]}"))
    for low, high in pairwise(edges):
        chosen = chosen.when(employees < high, F.lit(f"{low}-{high - 1}"))
    return chosen.when(employees >= edges[-1], F.lit(f"{edges[-1]}+")).otherwise("unknown")


def size_classes(edges: Sequence[int]) -> list[str]:
    """All size classes in their order, the total last."""
    between = [f"{low}-{high - 1}" for low, high in pairwise(edges)]
    return [f"<{edges[0]}", *between, f"{edges[-1]}+", "unknown", ALL]


def partner_origin(survey: DataFrame, edges: Sequence[int]) -> DataFrame:
    """One row per country, wave, size class and origin, with what disclosure control needs to judge it.

    Counts are unweighted; `share` is weighted and of the firms with a known origin; `innovative_turnover`
    is sum(w turnover share) / sum(w turnover) over the firms that answered. `largest` and `second` are the
    greatest unweighted turnovers behind the ratio, `turnover` their unweighted total, `answered` the
    firms: they never leave the publication stage.
    """
    cells = _cells(_firms(survey, edges))
    whole = cells.where(F.col("origin") == ALL).select(
        "country", "wave", "size_class", F.col("known_weight").alias("base")
    )
    frame = cells.join(F.broadcast(whole), ["country", "wave", "size_class"])
    share = F.try_divide(F.col("weight").cast("double"), F.col("base").cast("double"))
    return frame.select(
        "country",
        "wave",
        "size_class",
        "origin",
        "firms",
        F.when(F.col("origin") != "unknown", F.when(F.col("origin") == ALL, 1.0).otherwise(share)).alias(
            "share"
        ),
        F.try_divide(F.col("innovative").cast("double"), F.col("mass").cast("double")).alias(
            "innovative_turnover"
        ),
        "answered",
        F.col("turnover").cast("double").alias("turnover"),
        F.try_element_at("top", F.lit(1)).cast("double").alias("largest"),
        F.try_element_at("top", F.lit(2)).cast("double").alias("second"),
    )


def _firms(survey: DataFrame, edges: Sequence[int]) -> DataFrame:
    """The co-operating product innovators, with their size class and the origin of their partners."""
    home, away = F.col("partners_domestic"), F.col("partners_foreign")
    known = F.coalesce(home, F.lit(False)) | F.coalesce(away, F.lit(False))
    origin = (
        F.when(~known, "unknown")
        .when(home & away, "both")
        .when(home, "domestic only")
        .otherwise("foreign only")
    )
    return survey.where("cooperates and product_innovator").select(
        "country",
        "wave",
        size_class(edges).alias("size_class"),
        origin.alias("exclusive"),
        F.col("weight").cast("decimal(28,12)").alias("weight"),
        F.col("turnover").cast(MONEY).alias("turnover"),
        F.col("innovative_share").cast("decimal(20,12)").alias("innovative_share"),
    )


def _member_of() -> Column:
    """The origins that a firm counts in: its own, those that overlap, and all."""
    return (
        F.when(F.col("exclusive") == "both", F.array(*map(F.lit, ["both", *OVERLAPPING, ALL])))
        .when(
            F.col("exclusive") == "domestic only",
            F.array(*map(F.lit, ["domestic only", "any domestic", ALL])),
        )
        .when(
            F.col("exclusive") == "foreign only", F.array(*map(F.lit, ["foreign only", "any foreign", ALL]))
        )
        .otherwise(F.array(F.lit("unknown"), F.lit(ALL)))
    )


def _cells(firms: DataFrame) -> DataFrame:
    """Counts and sums of each cell; `top` holds the two greatest turnovers that were answered."""
    answered = F.col("innovative_share").isNotNull() & F.col("turnover").isNotNull()
    return (
        firms.withColumn("origin", F.explode(_member_of()))
        .withColumn("size_class", F.explode(F.array("size_class", F.lit(ALL))))
        .withColumn("counted", F.when(answered, F.col("turnover")))
        .groupBy("country", "wave", "size_class", "origin")
        .agg(
            F.count("*").alias("firms"),
            F.sum("weight").alias("weight"),
            F.sum(F.when(F.col("exclusive") != "unknown", F.col("weight"))).alias("known_weight"),
            F.sum(
                (
                    F.col("weight").cast("double")
                    * F.col("counted").cast("double")
                    * F.col("innovative_share").cast("double")
                ).cast("decimal(38,9)")
            ).alias("innovative"),
            F.sum(
                (F.col("weight").cast("double") * F.col("counted").cast("double")).cast("decimal(38,9)")
            ).alias("mass"),
            F.count("counted").alias("answered"),
            F.sum("counted").alias("turnover"),
            F.slice(F.sort_array(F.collect_list("counted"), asc=False), 1, 2).alias("top"),
        )
    )
