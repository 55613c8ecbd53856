"""The small views that table rules look at: one row per thing that can fail, with its label."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.settings.classifications import REST, Classification
from jobs.settings.inputs import LABELS
from jobs.spark.frames import local
from jobs.transforms.lookup import looked_up

BALANCE_RELATIVE = 1e-5
BALANCE_ABSOLUTE = 0.5  # million: sums of rounded cells differ that much at most


def repeated(flows: DataFrame) -> DataFrame:
    """Cells of intermediate deliveries that stand there more than once: their key and `times`."""
    return (
        flows.where("destination_sector > 0")
        .groupBy(*LABELS)
        .agg(F.count("*").alias("times"))
        .where("times > 1")
    )


def duplicates(
    cells: DataFrame, regions: Classification, sectors: Classification, rest: str = "REST"
) -> DataFrame:
    """One row per cell of `repeated`, with its label and `failing` 1.

    `rest` is the name of the rest of the country.
    """
    names = {REST: rest, **regions.codes}

    def side(name: str) -> list[Column]:
        region, sector = _number(f"{name}_region"), _number(f"{name}_sector")
        return [looked_up(region, names), looked_up(sector, sectors.codes)]

    origin = F.concat_ws(" ", *side("origin"))
    destination = F.concat_ws(" ", *side("destination"))
    label = F.concat_ws(" to ", origin, destination).alias("label")
    return _or_none(cells.select(label, F.lit(1).alias("failing")))


def totals(flows: DataFrame, sectors: Classification) -> DataFrame:
    """One row per sector; `failing` is 1 where its deliveries or purchases are the sum of all others'."""
    frames = []
    for side in ("origin_sector", "destination_sector"):
        sums = (
            flows.where(F.col(side) > 0)
            .groupBy(F.col(side).alias("number"))
            .agg(F.sum("value").alias("total"))
        )
        whole = sums.agg(F.sum("total").alias("whole"), F.count("*").alias("sectors"))
        both = sums.crossJoin(F.broadcast(whole))
        others = (F.col("whole") - F.col("total")).cast("double")
        same = (
            (others > 0)
            & (F.abs(F.col("total").cast("double") - others) <= 1e-6 * others)
            & (F.col("sectors") > 2)
        )
        frames.append(both.select("number", same.cast("int").alias("failing")))
    either = reduce(DataFrame.union, frames).groupBy("number").agg(F.max("failing").alias("failing"))
    return _or_none(_named(either, sectors))


def balance(flows: DataFrame, sectors: Classification) -> DataFrame:
    """One row per delivering sector; `failing` is 1 where trade with the rest of the country is unbalanced.

    Over the whole country, what the regions deliver to the rest equals what they get from it. Tables
    that hold one side only, or no rest of the country, are not tested.
    """
    to_rest = F.when(F.col("destination_region") == REST, F.col("value"))
    from_rest = F.when(F.col("origin_region") == REST, F.col("value"))
    sums = flows.groupBy(F.col("origin_sector").alias("number")).agg(
        F.sum(to_rest).alias("out"), F.sum(from_rest).alias("in")
    )
    gap = F.abs(F.col("out") - F.col("in")).cast("double")
    larger = F.greatest("out", "in").cast("double")
    differs = (gap > BALANCE_RELATIVE * larger) & (gap > BALANCE_ABSOLUTE * BALANCE_RELATIVE)
    failing = F.coalesce(differs, F.lit(False)).cast("int")
    return _or_none(_named(sums.select("number", failing.alias("failing")), sectors))


def regions_without_firms(survey: DataFrame, codes: list[str]) -> DataFrame:
    """One row per region: `missing` is 1 where no firm of the survey has it."""
    wanted = local(survey.sparkSession, [(code,) for code in codes], "label string")
    present = survey.select(F.col("region").alias("label")).distinct().withColumn("there", F.lit(1))
    joined = wanted.join(present, "label", "left")
    return joined.select("label", F.when(F.col("there").isNull(), 1).otherwise(0).alias("missing"))


def _named(frame: DataFrame, sectors: Classification) -> DataFrame:
    return frame.select(looked_up(_number("number"), sectors.codes).alias("label"), "failing")


def _number(column: str) -> Column:
    return F.col(column).cast("int")


def _or_none(frame: DataFrame) -> DataFrame:
    """The frame and one row without failure, so that a sum over it is never null."""
    return frame.unionByName(local(frame.sparkSession, [("", 0)], "label string, failing int"))
