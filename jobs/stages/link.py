"""Link: firms to their region's indicators, the sample filter, the groups, and the waterfall."""

from __future__ import annotations

from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.errors import DiamantError
from jobs.run.context import Batch, Outcome, Results
from jobs.settings.slices import Slice, SliceSettings
from jobs.spark.frames import rows_of
from jobs.spark.tables import Tables
from jobs.transforms.link import filters, grouped, link, sampled, waterfall

NAME = "link"
TABLES = ("sample_waterfall", "linked")
ROWS = ("linked",)
READS = ("survey", "cluster_indicators")


def inputs(settings: SliceSettings, tables: Tables) -> list[Any]:
    return [settings.sample, settings.groups, settings.indicators]


def run(batch: Batch) -> Results:
    results = Results()
    frames: list[DataFrame] = []
    steps: list[tuple[Any, ...]] = []
    for part in batch.alike(lambda own: (own.sample, own.groups, own.indicators.leave_one_out)).values():
        settings = next(iter(part.slices.values()))
        chosen = filters(**settings.sample.model_dump())
        survey = part.read("survey")
        linked = link(survey, part.read("cluster_indicators"), settings.indicators.leave_one_out)
        groups = settings.groups
        named = grouped(linked, groups.column, groups.when_true, groups.when_false)
        firms = sampled(named, chosen).persist()
        frames.append(firms)
        counts = _counts(firms)
        for slice, rows_in in _rows(part, survey).items():
            of_slice = counts.get(slice, {})
            _demand_each_firm_once(slice, rows_in, sum(of_slice.values()))
            if part.slices[slice].survey:
                steps += [(*slice, *step) for step in waterfall(of_slice, chosen)]
            sample = of_slice.get(None, 0)
            note = f"{sample:,} firms in the model sample"
            results.outcomes[slice] = Outcome(rows_in, notes=(note,), detail={"sample": sample})
    results.frames = {
        "sample_waterfall": rows_of("sample_waterfall", steps),
        "linked": reduce(DataFrame.unionByName, frames),
    }
    return results


def _counts(firms: DataFrame) -> dict[Slice, dict[str | None, int]]:
    """How many firms of each slice each filter took first; under None those of the sample."""
    counts: dict[Slice, dict[str | None, int]] = {}
    for row in firms.groupBy("country", "wave", "excluded_by").agg(F.count("*").alias("firms")).collect():
        counts.setdefault(Slice(row["country"], row["wave"]), {})[row["excluded_by"]] = row["firms"]
    return counts


def _rows(batch: Batch, survey: DataFrame) -> dict[Slice, int]:
    """The rows of each slice of the survey, counted before they are joined to anything."""
    rows = survey.groupBy("country", "wave").agg(F.count("*").alias("rows")).collect()
    counted = {Slice(row["country"], row["wave"]): row["rows"] for row in rows}
    return {slice: counted.get(slice, 0) for slice in batch.slices}


def _demand_each_firm_once(slice: Slice, rows_in: int, rows_out: int) -> None:
    if rows_in != rows_out:
        raise DiamantError(
            f"link of {slice} made {rows_out} rows of {rows_in}: a region and sector stands twice among the "
            "indicators; please report this."
        )


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
