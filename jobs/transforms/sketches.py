"""Sketches of sets of firms: enough to bound how many firms differ between two, too little to tell which.

Each firm falls into one of BUCKETS buckets by a keyed hash of its identifier; a bucket holds the exclusive or
of keyed hashes of identifier and answers. A firm that is added, removed or changed moves one bucket, so that
two sets differ in at least as many firms as buckets. The sketch of a union of disjoint sets is the exclusive
or of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.transforms.indicators import counted
from jobs.transforms.partner_origin import size_class_and_origin

BUCKETS = 128
ANSWERS = (
    *("region", "sector", "weight", "innovative_share", "competitive_contribution", "rd_effort"),
    *("other_effort", "source_suppliers", "source_clients", "source_competitors", "source_universities"),
    "source_fairs",
)


def sketches(survey: DataFrame, linked: DataFrame, edges: Sequence[int], key: str) -> DataFrame:
    """Country, wave, table, first, second, bucket, value, firms: the innermost sets behind published figures.

    Table `estimates`: the firms of each group's sample (`first`); `partner_origin`: each size class (`first`)
    and exclusive origin (`second`) of Table 1; `cluster_indicators`: each region and sector of commonality.
    `key`: the secret of the hashes.
    """
    sample = linked.where("excluded_by is null and `group` is not null")
    origins = size_class_and_origin(survey, edges, ("firm_id",))
    commonality = survey.where(counted())
    parts = [
        _sketch(sample, "estimates", F.col("group"), F.lit(""), ANSWERS, key),
        _sketch(
            origins,
            "partner_origin",
            F.col("size_class"),
            F.col("exclusive"),
            ("weight", "turnover", "innovative_share"),
            key,
        ),
        _sketch(
            commonality, "cluster_indicators", F.col("region"), F.col("sector"), ("weight", "innovator"), key
        ),
    ]
    return reduce(DataFrame.unionByName, parts)


def _sketch(
    firms: DataFrame, table: str, first: Column, second: Column, values: Sequence[str], key: str
) -> DataFrame:
    answers = [F.coalesce(F.col(name).cast("string"), F.lit("")) for name in values]
    keyed = firms.select(
        "country",
        "wave",
        F.lit(table).alias("table"),
        first.alias("first"),
        second.alias("second"),
        (_hash(F.lit(key), F.col("firm_id")) % BUCKETS).cast("int").alias("bucket"),
        _hash(F.lit(key), F.col("firm_id"), *answers).alias("value"),
    )
    return keyed.groupBy("country", "wave", "table", "first", "second", "bucket").agg(
        F.bit_xor("value").alias("value"), F.count("*").alias("firms")
    )


def _hash(*parts: Column) -> Column:
    """32 bits of the sha256 over texts."""
    return F.conv(F.substring(F.sha2(F.concat_ws("\x1f", *parts), 256), 1, 8), 16, 10).cast("bigint")
