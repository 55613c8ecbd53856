"""Simulated input-output tables: deliveries between the industrial sectors of a country's regions."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.settings.inputs import LABELS
from jobs.simulate.draws import Draws
from jobs.simulate.firms import Plan
from jobs.spark.frames import local

HOME = (4.0, 20.0)  # how much more a sector delivers in its own region than elsewhere: from, to


def deliveries(spark: SparkSession, plan: Plan) -> DataFrame:
    """The full table: country, wave, labels of both sides, value (million, 3 decimals)."""
    weights = plan.parameters["region_weights"]
    cells = [
        (region.code, sector, float(weights[place]) if place < len(weights) else 1.0)
        for place, region in enumerate(plan.regions.items)
        for sector in plan.sectors.industrial
    ]
    sides = local(spark, cells, "region string, sector string, mass double")
    slices = local(spark, [(c, w) for c in plan.countries for w in plan.waves], "country string, wave string")
    origin = sides.toDF("origin_region", "origin_sector", "origin_mass")
    destination = sides.toDF("destination_region", "destination_sector", "destination_mass")
    frame = origin.crossJoin(F.broadcast(destination)).crossJoin(F.broadcast(slices))
    technology = 0.2 + 1.6 * Draws(plan.seed, "origin_sector", "destination_sector").uniform("technology")
    noise = 0.5 + Draws(plan.seed, "country", "wave", *LABELS).uniform("delivery")
    home = HOME[0] + (HOME[1] - HOME[0]) * Draws(
        plan.seed, "country", "origin_region", "origin_sector"
    ).uniform("home")
    at_home = F.col("origin_region") == F.col("destination_region")
    value = (
        2
        * F.col("origin_mass")
        * F.col("destination_mass")
        * technology
        * noise
        * F.when(at_home, home).otherwise(1.0)
    )
    return frame.select("country", "wave", *LABELS, value.cast("decimal(18,3)").alias("value"))


def biregional(full: DataFrame, rest: str = "REST") -> DataFrame:
    """The table of each region with the rest of the country: own to own, own to rest, rest to own."""
    at_home = F.col("origin_region") == F.col("destination_region")
    own = full.where(at_home)
    away = full.where(~at_home)
    return own.unionByName(_summed(away, "destination_region", rest)).unionByName(
        _summed(away, "origin_region", rest)
    )


def _summed(frame: DataFrame, side: str, rest: str) -> DataFrame:
    others: list[Column | str] = [F.lit(rest).alias(label) if label == side else label for label in LABELS]
    keys = ["country", "wave", *[label for label in LABELS if label != side]]
    total = frame.groupBy(*keys).agg(F.sum("value").cast("decimal(18,3)").alias("value"))
    return total.select("country", "wave", *others, "value")
