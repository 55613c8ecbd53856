"""A simulated study as the files that an office would deliver, and the truth beside them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.output import owned, rooms
from jobs.settings.inputs import LABELS
from jobs.simulate.answers import answers, broken, questionnaire, truth
from jobs.simulate.draws import Draws
from jobs.simulate.firms import Plan, firms
from jobs.simulate.flows import biregional, deliveries
from jobs.transforms.flows import VALUE
from jobs.transforms.indicators import commonality, complementarity, left_out
from jobs.transforms.lookup import looked_up

ENCODING = "ISO-8859-1"
LARGE = 200_000  # firms above which the survey is a folder of files, written in parallel


def names(wave: str) -> tuple[str, str, str]:
    """The files of a wave: the survey, the input-output tables, the true parameters."""
    return f"survey_{wave}.csv", f"flows_{wave}.csv", "truth.csv"


def write(spark: SparkSession, plan: Plan, folder: Path, layout: str, label: str) -> tuple[list[Path], int]:
    """Survey, input-output tables and true parameters of a plan's one country and wave, below `folder`.

    Gives the paths of survey and tables, and the number of firms with the spoilt rows. `label` is the setting
    that names the folder.
    Raises SettingsError where a file of these names stands there that the simulation did not write.
    """
    (wave,) = plan.waves
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    owned.check(folder, names(wave), label)
    full = deliveries(spark, plan).persist()
    population = with_indicators(firms(spark, plan), full, plan).persist()
    drawn = survey(population, plan).persist()
    table = biregional(full) if layout == "biregional" else full
    *paths, truths = [folder / name for name in names(wave)]
    order = Draws(plan.seed, "number").uniform("order in the file")
    single = plan.firms <= LARGE
    _write(drawn, paths[0], [order] if single else None, ["country", "wave", "number"], label)
    decimals = F.replace(F.col("value").cast("string"), F.lit("."), F.lit(","))
    _write(
        table.withColumn("value", decimals),
        paths[1],
        list(LABELS) if single else None,
        ["country", "wave"],
        label,
    )
    _write_truth(truths, plan, label)
    rows = drawn.count()
    for frame in (drawn, population, full):
        frame.unpersist()
    return paths, rows


def survey(population: DataFrame, plan: Plan) -> DataFrame:
    """The questionnaires, a few spoilt rows included, of firms with their indicators."""
    filled = questionnaire(answers(population, plan), plan)
    return filled.unionByName(broken(filled, plan))


def with_indicators(population: DataFrame, full: DataFrame, plan: Plan) -> DataFrame:
    """Firms with complementarity and commonality within their sector, as the pipeline computes them."""
    keys = ["country", "wave", "region", "sector"]
    numbers = [plan.regions.numbers, plan.sectors.numbers] * 2  # of the seller, then of the buyer
    flows = full.select(
        "country",
        "wave",
        *[
            looked_up(label, of).cast("smallint").alias(label)
            for label, of in zip(LABELS, numbers, strict=True)
        ],
        F.col("value").cast(VALUE).alias("value"),
    )
    shares = complementarity(flows, "sales", [(None, plan.regions, plan.sectors)]).select(
        *keys, "complementarity_within"
    )
    common = commonality(population).select(
        *keys, "commonality_within_numerator", "commonality_within_denominator"
    )
    linked = population.join(F.broadcast(common), keys, "left").join(F.broadcast(shares), keys, "left")
    return linked.withColumn("commonality_within", left_out("commonality_within"))


def _write(frame: DataFrame, path: Path, order: list[Any] | None, drop: list[str], label: str) -> None:
    """One CSV file in an order (or, without one, a folder of files for large input), whole or not at all."""
    if order:
        frame = frame.coalesce(1).sortWithinPartitions(*order)
    rooms.sweep(path)
    with rooms.room(path) as room:
        draft = room / rooms.CONTENT
        frame.drop(*drop).write.csv(
            str(draft), sep=";", header=True, encoding=ENCODING, emptyValue="", nullValue=""
        )
        if order:
            (part,) = draft.glob("part-*.csv")
            owned.put(part, path, label)
        else:
            owned.put(draft, path, label)


def _write_truth(path: Path, plan: Plan, label: str) -> None:
    with rooms.room(path) as room:
        draft = room / rooms.CONTENT / path.name
        draft.parent.mkdir()
        with draft.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["group", "lhs", "op", "rhs", "value"])
            writer.writerows(truth(plan.parameters))
        owned.put(draft, path, label)
