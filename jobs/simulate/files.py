"""Simulated studies as the files that offices would deliver, and the truth beside them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.output import owned, rooms
from jobs.settings.classifications import Classification, Item
from jobs.settings.inputs import LABELS
from jobs.simulate.answers import answers, broken, questionnaire, truth
from jobs.simulate.draws import Draws
from jobs.simulate.firms import Plan, firms, places
from jobs.simulate.flows import biregional, deliveries
from jobs.spark.frames import local
from jobs.transforms.flow_sums import sums
from jobs.transforms.flows import VALUE
from jobs.transforms.indicators import commonality, complementarity, left_out, sums_of
from jobs.transforms.lookup import looked_up

ENCODING = "ISO-8859-1"
LARGE = 200_000  # firms above which the survey is a folder of files, written in parallel
TASKS = 16  # most tasks that write the files of a batch; each writes a slice's file whole

Ready = Callable[[DataFrame], DataFrame]


def names(wave: str) -> tuple[str, str, str]:
    """The files of a wave: the survey, the input-output tables, the true parameters."""
    return f"survey_{wave}.csv", f"flows_{wave}.csv", "truth.csv"


def write(
    spark: SparkSession, plan: Plan, folders: Mapping[str, Path], layout: str, label: str
) -> tuple[list[Path], int]:
    """Survey, input-output tables and true parameters of a plan's slices, each in its country's folder.

    A plan of LARGE slices has one only. Gives the paths of all surveys, then of all tables, and the number
    of firms with the spoilt rows. `label` is the setting that names the folders.
    Raises SettingsError where a file of these names stands there that the simulation did not write.
    """
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        owned.check(folder, [name for wave in plan.waves for name in names(wave)], label)
    surveys, flows = ([folders[c] / names(w)[kind] for c, w in plan.slices] for kind in (0, 1))
    single = plan.firms <= LARGE
    full = deliveries(spark, plan)
    table = biregional(full) if layout == "biregional" else full
    order = Draws(plan.seed, "number").uniform("order in the file")
    decimals = F.replace(F.col("value").cast("string"), F.lit("."), F.lit(","))
    with _kept() as ready:
        population = with_indicators(ready(firms(spark, plan)), full, plan, ready)
        drawn = _with_slice(survey(population, plan, ready), plan)
        _write(drawn, surveys, [order] if single else None, ["number"], label)
    _write(
        _with_slice(table, plan).withColumn("value", decimals),
        flows,
        list(LABELS) if single else None,
        [],
        label,
    )
    for country in plan.countries:
        _write_truth(folders[country] / names(plan.waves[0])[2], plan, label)
    spoilt = min(plan.parameters["survey"]["broken_rows"], plan.firms)
    return [*surveys, *flows], len(plan.slices) * (plan.firms + spoilt)


def survey(population: DataFrame, plan: Plan, ready: Ready = lambda frame: frame) -> DataFrame:
    """The questionnaires, a few spoilt rows included, of firms with their indicators."""
    filled = questionnaire(answers(population, plan, ready), plan)
    return filled.unionByName(broken(filled, plan))


def with_indicators(
    population: DataFrame, full: DataFrame, plan: Plan, ready: Ready = lambda frame: frame
) -> DataFrame:
    """Firms with complementarity and commonality within their sector, as the pipeline computes them.

    `ready` is given the indicators before they are joined to the firms, as in `answers`.
    """
    keys = ["country", "wave", "region", "sector"]
    common = commonality(population).select(
        *keys, "commonality_within_numerator", "commonality_within_denominator"
    )
    shares = _complementarity(full, plan).select(*keys, "complementarity_within")
    linked = population.join(F.broadcast(ready(common)), keys, "left")
    linked = linked.join(F.broadcast(ready(shares)), keys, "left")
    return linked.withColumn("commonality_within", left_out("commonality_within"))


def _complementarity(full: DataFrame, plan: Plan) -> DataFrame:
    """Complementarity within each sector, from deliveries within sectors: the others are in none of its sums.

    A region's number is its place, which means a region of its own in each country.
    """
    at = places(full.sparkSession, plan).select("country", "region", "place")
    flows = full.where(F.col("origin_sector") == F.col("destination_sector"))
    for side in ("origin", "destination"):
        codes = at.toDF("country", f"{side}_region", f"{side}_place")
        flows = flows.join(F.broadcast(codes), ["country", f"{side}_region"])
    numbered = flows.select(
        "country",
        "wave",
        *[
            F.col(f"{side}_place").cast("smallint").alias(f"{side}_region")
            for side in ("origin", "destination")
        ],
        *[
            looked_up(f"{side}_sector", plan.sectors.numbers).cast("smallint").alias(f"{side}_sector")
            for side in ("origin", "destination")
        ],
        F.col("value").cast(VALUE).alias("value"),
    )
    items = tuple(Item(code=str(place), name=str(place)) for place in plan.places)
    by_place = Classification(version="places", source="places", items=items)
    shares = complementarity(sums_of(sums(numbered), "sales"), "sales", [(None, by_place, plan.sectors)])
    shares = shares.withColumn("place", F.col("region").cast("int")).drop("region")
    return shares.join(F.broadcast(at), ["country", "place"])


@contextmanager
def _kept() -> Iterator[Ready]:
    """While this holds, a function that computes a frame at once and keeps it.

    A join that is told to broadcast a frame waits for it no longer than Spark's time limit; a frame that is
    there already is only read, however long it took to compute.
    """
    frames: list[DataFrame] = []

    def ready(frame: DataFrame) -> DataFrame:
        frames.append(frame.persist())
        frame.count()
        return frame

    try:
        yield ready
    finally:
        for frame in frames:
            frame.unpersist()


def _with_slice(frame: DataFrame, plan: Plan) -> DataFrame:
    """The rows with the number of their slice in the plan instead of country and wave."""
    rows = [(*slice, number) for number, slice in enumerate(plan.slices)]
    slices = local(frame.sparkSession, rows, "country string, wave string, slice int")
    return frame.join(F.broadcast(slices), ["country", "wave"]).drop("country", "wave")


def _write(frame: DataFrame, paths: list[Path], order: list[Any] | None, drop: list[str], label: str) -> None:
    """One CSV file a slice, its rows in an order, or without one the only slice's folder of files.

    Each is put in its place whole or not at all. Columns of `drop` order the rows and are not written.
    """
    for path in paths:
        rooms.sweep(path)
    text: dict[str, Any] = {
        "sep": ";",
        "header": True,
        "encoding": ENCODING,
        "emptyValue": "",
        "nullValue": "",
    }
    with rooms.room(paths[0]) as room:
        draft = room / rooms.CONTENT
        if not order:
            (path,) = paths
            frame.drop(*drop, "slice").write.csv(str(draft), **text)
            owned.put(draft, path, label)
            return
        # One task sorts a slice and writes it as one file, in a folder with the slice's number.
        whole = frame.repartition(min(len(paths), TASKS), "slice").sortWithinPartitions("slice", *order)
        whole.drop(*drop).write.partitionBy("slice").csv(str(draft), **text)
        for number, path in enumerate(paths):
            (part,) = (draft / f"slice={number}").glob("part-*.csv")
            owned.put(part, path, label)


def _write_truth(path: Path, plan: Plan, label: str) -> None:
    with rooms.room(path) as room:
        draft = room / rooms.CONTENT / path.name
        draft.parent.mkdir()
        with draft.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["group", "lhs", "op", "rhs", "value"])
            writer.writerows(truth(plan.parameters))
        owned.put(draft, path, label)
