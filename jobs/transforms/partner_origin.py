"""The study's Table 1: co-operating product innovators by origin of their partners."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.transforms.origins import ALL, OVERLAPPING

MONEY = "decimal(38,9)"
MOST = 5  # firms that the dominance rule may look at


def size_class(edges: Sequence[int]) -> Column:
    """The firm's size class: '<10', '10-49', …, '250+' for the edges (10, 50, 250); null where unknown."""
    employees = F.col("employees")
    chosen = F.when(employees < edges[0], F.lit(f"<{edges[0]}"))
    for low, high in pairwise(edges):
        chosen = chosen.when(employees < high, F.lit(f"{low}-{high - 1}"))
    return chosen.when(employees >= edges[-1], F.lit(f"{edges[-1]}+")).otherwise("unknown")


def partner_origin(survey: DataFrame, edges: Sequence[int]) -> DataFrame:
    """One row per country, wave, size class and origin, with what disclosure control needs to judge it.

    Counts are unweighted; `share` is weighted and of the firms with a known origin; `innovative_turnover`
    is sum(w turnover share) / sum(w turnover) over the firms that answered. Never published are: `weight`,
    the sum of weights; `answered`, the firms behind the ratio; `turnover`, their unweighted turnover;
    `innovative` and `mass`, the ratio's two sums; and the MOST largest of the weights of a known origin
    (`weights`), of the turnovers and of the weighted turnovers (`masses`), in falling order.
    """
    cells = _cells(size_class_and_origin(survey, edges))
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
        *[F.col(name).cast("double").alias(name) for name in ("weight", "turnover", "innovative", "mass")],
        *[F.col(name).cast("array<double>").alias(name) for name in ("weights", "turnovers", "masses")],
    )


def in_the_sample(survey: DataFrame, linked: DataFrame, edges: Sequence[int]) -> DataFrame:
    """How many firms of each innermost cell of Table 1 the sample holds, by group, and each filter took.

    One row per country, wave, size class, exclusive origin, `excluded_by` and `group` (see schemas/linked).
    """
    keys = ["country", "wave", "firm_id"]
    firms = size_class_and_origin(survey, edges, ("firm_id",))
    joined = firms.join(linked.select(*keys, "excluded_by", "group"), keys)
    inner = joined.withColumn("group", F.when(F.col("excluded_by").isNull(), F.col("group")))
    return inner.groupBy(
        "country", "wave", "size_class", F.col("exclusive").alias("origin"), "excluded_by", "group"
    ).agg(F.count("*").alias("firms"))


def size_class_and_origin(survey: DataFrame, edges: Sequence[int], further: Sequence[str] = ()) -> DataFrame:
    """The co-operating product innovators, with size class, origin of partners and the columns `further`.

    The columns are country, wave, `further`, size_class, exclusive (the origin), weight, turnover and
    innovative_share.
    """
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
        *further,
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


def largest(column: str) -> Column:
    """The MOST largest values of a column, in falling order; nulls do not count."""
    return F.slice(F.sort_array(F.collect_list(column), asc=False), 1, MOST)


def _cells(firms: DataFrame) -> DataFrame:
    """Counts, sums and largest values of each cell."""
    known = F.when(F.col("exclusive") != "unknown", F.col("weight"))
    answered = F.col("innovative_share").isNotNull() & F.col("turnover").isNotNull()
    return (
        firms.withColumn("origin", F.explode(_member_of()))
        .withColumn("size_class", F.explode(F.array("size_class", F.lit(ALL))))
        .withColumn("counted", F.when(answered, F.col("turnover")))
        .withColumn("known", known)
        .withColumn("grossed", F.col("weight").cast("double") * F.col("counted").cast("double"))
        .groupBy("country", "wave", "size_class", "origin")
        .agg(
            F.count("*").alias("firms"),
            F.sum("weight").alias("weight"),
            F.sum("known").alias("known_weight"),
            F.sum((F.col("grossed") * F.col("innovative_share").cast("double")).cast(MONEY)).alias(
                "innovative"
            ),
            F.sum(F.col("grossed").cast(MONEY)).alias("mass"),
            F.count("counted").alias("answered"),
            F.sum("counted").alias("turnover"),
            largest("known").alias("weights"),
            largest("counted").alias("turnovers"),
            largest("grossed").alias("masses"),
        )
    )
