"""Firms that stand in two waves of their country. Pure functions of frames."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

PAIRS = "country string, wave string, before string"


def in_both(survey: DataFrame, pairs: DataFrame) -> DataFrame:
    """How many firms stand in both waves of a pair, and how many of them innovate in both.

    `survey` is the table of that name, whose identifiers have to mean the same firm in both waves; `pairs`
    has the columns of PAIRS. A row a pair in which any firm stands twice: PAIRS, `firms_in_both` and
    `innovators_in_both`.
    """
    firms = survey.select("country", "wave", "firm_id", F.coalesce("innovator", F.lit(False)).alias("now"))
    earlier = firms.select("country", F.col("wave").alias("before"), "firm_id", F.col("now").alias("then"))
    both = firms.join(F.broadcast(pairs), ["country", "wave"]).join(earlier, ["country", "before", "firm_id"])
    return both.groupBy("country", "wave", "before").agg(
        F.count("*").alias("firms_in_both"),
        F.count_if(F.col("now") & F.col("then")).alias("innovators_in_both"),
    )
