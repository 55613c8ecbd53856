"""Indicators: complementarity and commonality for every region and sector of the wave."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from jobs.errors import SettingsError
from jobs.run import numbers
from jobs.run.context import Context, Outcome
from jobs.settings import resources
from jobs.settings.inputs import WaveSettings
from jobs.spark.frames import local
from jobs.transforms.indicators import commonality, complementarity, sides_present

NAME = "indicators"
TABLES = ("cluster_indicators",)
READS = ("flows", "survey")


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    return [settings.indicators, *[resources.digest(name) for name in (settings.regions, settings.sectors)]]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    settings, tables, slice = context.settings, context.tables, context.slice(wave)
    chosen = settings.indicators
    cells = local(context.spark, [], "country string, wave string, region string, sector string")
    shares = cells
    notes: list[str] = []
    if chosen.complementarity and wave.flows:
        flows = tables.read("flows", slice)
        _demand_direction(chosen.direction, sides_present(flows), wave)
        cells = complementarity(
            flows,
            chosen.direction,
            *numbers.known(context),
        )
    elif chosen.complementarity:
        notes.append("no complementarity: the wave has no input-output tables")
    if chosen.commonality and wave.survey:
        shares = commonality(tables.read("survey", slice))
    elif chosen.commonality:
        notes.append("no commonality: the wave has no survey")
    keys = ["country", "wave", "region", "sector"]
    joined = cells.join(shares, keys, "full")
    if "direction" not in joined.columns:
        joined = joined.withColumn("direction", F.lit(chosen.direction))
    joined = joined.withColumn("direction", F.coalesce("direction", F.lit(chosen.direction)))
    complete = _complete(joined, chosen.complementarity, chosen.commonality)
    commit = tables.replace("cluster_indicators", complete, slice, fingerprint)
    return Outcome(commit.rows, commit.rows, notes=tuple(notes))


def _demand_direction(direction: str, present: dict[str, bool], wave: WaveSettings) -> None:
    """Refuse a direction the tables cannot give; without the other regions every share would be 1."""
    wanted = list(present) if direction == "both" else [direction]
    missing = [side for side in wanted if not present[side]]
    if missing:
        raise SettingsError(
            f"the input-output tables of wave {wave.wave} hold no {missing[0]} across regions, so "
            f"complementarity by {missing[0]} is undefined; set indicators.direction to what they hold."
        )


def _complete(frame, complementarity_asked: bool, commonality_asked: bool):
    """All columns of the table; where a region and sector are in one source only, the other says why."""
    from jobs.settings import schemas

    words = {
        "complementarity": "no deliveries of the sector in the tables"
        if complementarity_asked
        else "not asked for",
        "commonality": "no firms of the sector in the survey" if commonality_asked else "not asked for",
    }
    for column in schemas.table("cluster_indicators").columns:
        if column.name not in frame.columns:
            frame = frame.withColumn(column.name, F.lit(None).cast(column.type))
    for family, reason in words.items():
        for kind in ("within", "general"):
            name = f"{family}_{kind}"
            said = F.when(F.col(name).isNull(), F.coalesce(f"{name}_reason", F.lit(reason)))
            frame = frame.withColumn(f"{name}_reason", said)
    return frame


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
