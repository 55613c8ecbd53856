"""Indicators: complementarity and commonality for every region and sector of a slice."""

from __future__ import annotations

from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.errors import DiamantError, SettingsError
from jobs.run import numbers
from jobs.run.context import Batch, Outcome, Results
from jobs.settings import resources, schemas
from jobs.settings.sections import IndicatorSettings
from jobs.settings.slices import Slice, SliceSettings
from jobs.spark.frames import local
from jobs.spark.tables import Tables
from jobs.transforms.indicators import SIDES, commonality, complementarity, sides_present, sums_of
from jobs.transforms.lookup import of_slices

NAME = "indicators"
TABLES = ("cluster_indicators",)
ROWS = ("cluster_indicators",)
READS = ("flow_sums", "survey")
KEYS = ["country", "wave", "region", "sector"]


def inputs(settings: SliceSettings, tables: Tables) -> list[Any]:
    return [settings.indicators, *[resources.digest(name) for name in (settings.regions, settings.sectors)]]


def run(batch: Batch) -> Results:
    results = Results()
    frames = []
    for chosen, part in batch.alike(lambda own: own.indicators).items():
        with_flows, sums = part.only(()), None
        if chosen.complementarity:
            with_flows, sums = _with_direction(part, chosen, results)
        sound = part.only(set(part.slices) - set(results.failures))
        surveyed = sound.only(slice for slice, own in sound.slices.items() if own.survey)
        if not chosen.commonality:
            surveyed = sound.only(())
        frames.append(_indicators(with_flows, sums, surveyed, chosen))
        for slice, own in sound.slices.items():
            results.outcomes[slice] = Outcome(0, notes=_notes(own))
    frame = reduce(DataFrame.unionByName, frames).persist()
    rows = {
        (row["country"], row["wave"]): row["count"]
        for row in frame.groupBy("country", "wave").count().collect()
    }
    for slice, outcome in results.outcomes.items():
        results.outcomes[slice] = Outcome(rows.get(slice, 0), notes=outcome.notes)
    results.frames = {"cluster_indicators": frame}
    return results


def _with_direction(
    batch: Batch, chosen: IndicatorSettings, results: Results
) -> tuple[Batch, DataFrame | None]:
    """The slices with tables, without those whose tables cannot give the direction, and the sums of all.

    The sums are kept: they are asked twice.
    """
    with_flows = batch.only(slice for slice, own in batch.slices.items() if own.flows)
    if not with_flows.slices:
        return with_flows, None
    sums = sums_of(with_flows.read("flow_sums"), chosen.direction).persist()
    present = sides_present(sums)
    for slice in with_flows.slices:
        try:
            _demand_direction(chosen.direction, present.get(slice, dict.fromkeys(SIDES, False)), slice)
        except DiamantError as error:
            results.fail(slice, error)
    return with_flows.only(set(with_flows.slices) - set(results.failures)), sums


def _demand_direction(direction: str, present: dict[str, bool], slice: Slice) -> None:
    """Refuse a direction the tables cannot give; without the other regions every share would be 1."""
    wanted = list(present) if direction == "both" else [direction]
    missing = [side for side in wanted if not present[side]]
    if missing:
        raise SettingsError(
            f"the input-output tables of wave {slice.wave} hold no {missing[0]} across regions, so "
            f"complementarity by {missing[0]} is undefined; set indicators.direction to what they hold."
        )


def _indicators(
    with_flows: Batch, sums: DataFrame | None, surveyed: Batch, chosen: IndicatorSettings
) -> DataFrame:
    """Both families of slices with the same settings, side by side; `sums` as in `_with_direction`."""
    cells = shares = local(with_flows.spark, [], ", ".join(f"{key} string" for key in KEYS))
    if with_flows.slices and sums is not None:
        own = sums.where(of_slices(with_flows.slices))
        cells = complementarity(own, chosen.direction, numbers.codes(with_flows))
    if surveyed.slices:
        shares = commonality(surveyed.read("survey"))
    joined = cells.join(shares, KEYS, "full")
    if "direction" not in joined.columns:
        joined = joined.withColumn("direction", F.lit(chosen.direction))
    joined = joined.withColumn("direction", F.coalesce("direction", F.lit(chosen.direction)))
    return _complete(joined, chosen)


def _notes(own: SliceSettings) -> tuple[str, ...]:
    notes = []
    if own.indicators.complementarity and not own.flows:
        notes.append("no complementarity: the wave has no input-output tables")
    if own.indicators.commonality and not own.survey:
        notes.append("no commonality: the wave has no survey")
    return tuple(notes)


def _complete(frame: DataFrame, chosen: IndicatorSettings) -> DataFrame:
    """All columns of the table; where a region and sector are in one source only, the other says why."""
    words = {
        "complementarity": "no deliveries of the sector in the tables"
        if chosen.complementarity
        else "not asked for",
        "commonality": "no firms of the sector in the survey" if chosen.commonality else "not asked for",
    }
    table = schemas.table("cluster_indicators")
    for column in table.columns:
        if column.name not in frame.columns:
            frame = frame.withColumn(column.name, F.lit(None).cast(column.type))
    for family, reason in words.items():
        for kind in ("within", "general"):
            name = f"{family}_{kind}"
            said = F.when(F.col(name).isNull(), F.coalesce(f"{name}_reason", F.lit(reason)))
            frame = frame.withColumn(f"{name}_reason", said)
    return frame.select(*table.names)


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
