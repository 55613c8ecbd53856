"""Simulated input-output tables: deliveries between the industrial sectors of a country's regions."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.settings.inputs import LABELS
from jobs.simulate.draws import Draws
from jobs.simulate.firms import Plan, places
from jobs.spark.frames import local

HOME = (4.0, 20.0)  # how much more a sector delivers in its own region than elsewhere: from, to


def deliveries(spark: SparkSession, plan: Plan) -> DataFrame:
    """The full table: country, wave, labels of both sides, value (million, 3 decimals)."""
    sectors = local(spark, [(sector,) for sector in plan.sectors.industrial], "sector string")
    slices = local(spark, plan.slices, "country string, wave string")
    sides = places(spark, plan).crossJoin(F.broadcast(sectors)).select("country", "region", "sector", "mass")
    origin = sides.toDF("country", "origin_region", "origin_sector", "origin_mass")
    destination = sides.toDF("country", "destination_region", "destination_sector", "destination_mass")
    frame = origin.join(F.broadcast(slices), "country").join(F.broadcast(destination), "country")
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
    sold, bought = (
        ["country", "wave", *[label for label in LABELS if label != others]]
        for others in ("destination_region", "origin_region")
    )
    # Both sums in one pass: a delivery counts once among its seller's and once among its buyer's.
    sums = full.where(~at_home).groupingSets([sold, bought], "country", "wave", *LABELS)
    totals = sums.agg(F.sum("value").cast("decimal(18,3)").alias("value"))
    labels = [F.coalesce(F.col(label), F.lit(rest)).alias(label) for label in LABELS]
    return full.where(at_home).unionByName(totals.select("country", "wave", *labels, "value"))
