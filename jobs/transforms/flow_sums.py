"""What cells of input-output tables add up to on both ends of a region and sector: schemas/flow_sums.yaml."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.settings.classifications import REST

SUM = "decimal(34,9)"  # of values
UNKNOWN = -1  # in the place of a number of buying sectors


def sums(flows: DataFrame) -> DataFrame:
    """The sums of cells; `flows` and the result as in schemas/.

    `doubtful`: on the end that delivers, whether cells of intermediate deliveries stand there more than
    once: a bit is set for each buying sector, 64 to a number, and there are more cells than bits.
    One scan an end, to a hundredth of the table.
    """
    known = F.col("destination_sector") > 0
    bit = F.when(known, F.expr("shiftleft(1L, cast(destination_sector % 64 as int))"))
    bucket = F.when(known, F.expr("destination_sector DIV 64")).otherwise(UNKNOWN)
    buyers = ["country", "wave", "origin_region", "origin_sector", "destination_region"]
    in_buckets = flows.groupBy(*buyers, bucket.alias("bucket"), _same().alias("same")).agg(
        F.count("*").alias("cells"), F.sum("value").alias("value"), F.bit_or(bit).alias("present")
    )
    known_buckets = F.col("bucket") != UNKNOWN
    origin = of_side(
        in_buckets,
        "origin",
        {"same": F.col("same"), "known": known_buckets},
        {
            "cells": F.sum("cells"),
            "value": F.sum("value"),
            "doubtful": F.max(known_buckets & (F.col("cells") > F.bit_count("present"))),
        },
    )
    destination = of_side(
        flows,
        "destination",
        {"same": _same(), "known": known},
        {"cells": F.count("*"), "value": F.sum("value"), "doubtful": F.lit(False)},
    )
    return origin.unionByName(destination)


def added_up(sums: DataFrame, others: DataFrame) -> DataFrame:
    """Sums of some cells and of others of the same slices, without `doubtful`."""
    keys = [column for column in sums.columns if column not in ("cells", "value")]
    amounts = [F.sum("cells").alias("cells"), F.sum("value").cast(SUM).alias("value")]
    return sums.unionByName(others).groupBy(*keys).agg(*amounts)


def of_side(
    cells: DataFrame, side: str, kinds: Mapping[str, Column], measures: Mapping[str, Column]
) -> DataFrame:
    """Aggregates of cells by slice, region and sector of one end, and by what the cells are like.

    `kinds`: further conditions that cells are told apart by.
    """
    conditions = {
        "across": F.col("origin_region") != F.col("destination_region"),
        "from_rest": F.col("origin_region") == REST,
        "to_rest": F.col("destination_region") == REST,
        **kinds,
    }
    region, sector = (F.col(f"{side}_{kind}").alias(kind) for kind in ("region", "sector"))
    keys = [condition.alias(name) for name, condition in conditions.items()]
    aggregates = cells.groupBy("country", "wave", region, sector, *keys).agg(
        *[measure.alias(name) for name, measure in measures.items()]
    )
    return aggregates.withColumn("side", F.lit(side))


def _same() -> Column:
    return F.col("origin_sector") == F.col("destination_sector")
