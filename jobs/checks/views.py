"""The small views that table rules look at: one row per thing that can fail, with its slice and its label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.settings.classifications import REST, Classification
from jobs.settings.inputs import LABELS
from jobs.spark.frames import local
from jobs.transforms.lookup import by_slice, looked_up

BALANCE_RELATIVE = 1e-5
BALANCE_ABSOLUTE = 0.5  # million: sums of rounded cells differ that much at most


SLICE = ("country", "wave")


@dataclass(frozen=True)
class Names:
    """What the numbers of the flows of some slices stand for; `condition` tells their rows (see by_slice)."""

    condition: Column | None
    regions: Classification
    sectors: Classification
    rest: str = "REST"


def repeated(flows: DataFrame) -> DataFrame:
    """Cells of intermediate deliveries that stand there more than once: their key and `times`.

    First a bit for each buying sector, 64 to a number: where more cells were counted than bits are set, the
    cells are looked at one by one. That moves a number for up to 64 cells from one task to another. It is
    done at once, since Spark would sort all cells while it finds out that none is to be looked at.
    """
    cells = flows.where("destination_sector > 0").withColumn("bucket", F.expr("destination_sector DIV 64"))
    buckets = [*SLICE, "origin_region", "origin_sector", "destination_region", "bucket"]
    bit = F.expr("shiftleft(1L, cast(destination_sector % 64 as int))")
    suspects = (
        cells.groupBy(*buckets)
        .agg(F.count("*").alias("cells"), F.bit_or(bit).alias("present"))
        .where(F.col("cells") > F.bit_count("present"))
        .select(*buckets)
        .persist()
    )
    if suspects.isEmpty():
        cells = cells.where(F.lit(False))
    return (
        cells.join(suspects, buckets, "left_semi")
        .groupBy(*SLICE, *LABELS)
        .agg(F.count("*").alias("times"))
        .where("times > 1")
    )


def duplicates(cells: DataFrame, names: Sequence[Names]) -> DataFrame:
    """One row per cell of `repeated`: country, wave, its label and `failing` 1."""

    def side(end: str) -> list[Column]:
        region, sector = _number(f"{end}_region"), _number(f"{end}_sector")
        return [
            by_slice(
                [(of.condition, looked_up(region, {REST: of.rest, **of.regions.codes})) for of in names]
            ),
            by_slice([(of.condition, looked_up(sector, of.sectors.codes)) for of in names]),
        ]

    origin = F.concat_ws(" ", *side("origin"))
    destination = F.concat_ws(" ", *side("destination"))
    label = F.concat_ws(" to ", origin, destination).alias("label")
    return cells.select(*SLICE, label, F.lit(1).alias("failing"))


def totals(sums: DataFrame, names: Sequence[Names]) -> DataFrame:
    """One row per sector of a slice; `failing` is 1 where it sells or buys the sum of all others.

    `sums` as schemas/flow_sums.yaml.
    """
    by_sector = (
        sums.where("sector > 0")
        .groupBy(*SLICE, "side", F.col("sector").alias("number"))
        .agg(F.sum("value").alias("total"))
    )
    of_side = Window.partitionBy(*SLICE, "side")
    both = by_sector.withColumns(
        {"whole": F.sum("total").over(of_side), "sectors": F.count("*").over(of_side)}
    )
    others = (F.col("whole") - F.col("total")).cast("double")
    same = (
        (others > 0)
        & (F.abs(F.col("total").cast("double") - others) <= 1e-6 * others)
        & (F.col("sectors") > 2)
    )
    either = both.groupBy(*SLICE, "number").agg(F.max(same.cast("int")).alias("failing"))
    return _named(either, names)


def balance(sums: DataFrame, names: Sequence[Names]) -> DataFrame:
    """One row per delivering sector of a slice; `failing` is 1 where trade with the rest is unbalanced.

    Over the whole country, what the regions deliver to the rest equals what they get from it. Tables
    that hold one side only, or no rest of the country, are not tested. `sums` as schemas/flow_sums.yaml.
    """
    to_rest = F.when(F.col("to_rest"), F.col("value"))
    from_rest = F.when(F.col("from_rest"), F.col("value"))
    both = (
        sums.where(F.col("side") == "origin")
        .groupBy(*SLICE, F.col("sector").alias("number"))
        .agg(F.sum(to_rest).alias("out"), F.sum(from_rest).alias("in"))
    )
    gap = F.abs(F.col("out") - F.col("in")).cast("double")
    larger = F.greatest("out", "in").cast("double")
    differs = (gap > BALANCE_RELATIVE * larger) & (gap > BALANCE_ABSOLUTE * BALANCE_RELATIVE)
    failing = F.coalesce(differs, F.lit(False)).cast("int")
    return _named(both.select(*SLICE, "number", failing.alias("failing")), names)


def regions_without_firms(survey: DataFrame, codes: Iterable[tuple[str, str, str]]) -> DataFrame:
    """One row per region of a slice; `missing` is 1 where no firm of the survey has it.

    `codes`: country, wave and code of the regions that should be there.
    """
    wanted = local(survey.sparkSession, codes, "country string, wave string, label string")
    present = survey.select(*SLICE, F.col("region").alias("label")).distinct().withColumn("there", F.lit(1))
    joined = wanted.join(present, [*SLICE, "label"], "left")
    return joined.select(*SLICE, "label", F.when(F.col("there").isNull(), 1).otherwise(0).alias("missing"))


def _named(frame: DataFrame, names: Sequence[Names]) -> DataFrame:
    number = _number("number")
    label = by_slice([(of.condition, looked_up(number, of.sectors.codes)) for of in names])
    return frame.select(*SLICE, label.alias("label"), "failing")


def _number(column: str) -> Column:
    return F.col(column).cast("int")
