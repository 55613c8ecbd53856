"""Link: firms to their region's indicators, the sample filter, the groups, and the waterfall."""

from __future__ import annotations

from typing import Any

from jobs.errors import DiamantError
from jobs.run.context import Context, Outcome
from jobs.settings import schemas
from jobs.settings.inputs import WaveSettings
from jobs.spark.frames import local
from jobs.transforms.link import filters, grouped, link, sampled, waterfall

NAME = "link"
TABLES = ("sample_waterfall", "linked")
READS = ("survey", "cluster_indicators")


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    return [settings.sample, settings.groups, settings.indicators]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    settings, tables, slice = context.settings, context.tables, context.slice(wave)
    survey = tables.read("survey", slice)
    chosen = filters(**settings.sample.model_dump())
    linked = link(survey, tables.read("cluster_indicators", slice), settings.indicators.leave_one_out)
    groups = settings.groups
    firms = sampled(grouped(linked, groups.column, groups.when_true, groups.when_false), chosen).persist()
    try:
        counts = {row["excluded_by"]: row["count"] for row in firms.groupBy("excluded_by").count().collect()}
        rows_in, rows_out = survey.count(), sum(counts.values())
        if rows_in != rows_out:
            raise DiamantError(
                f"link of wave {wave.wave} made {rows_out} rows of {rows_in}: a region and sector stands "
                "twice among the indicators; please report this."
            )
        steps = [(*slice.values(), *step) for step in waterfall(counts, chosen)] if wave.survey else []
        frame = local(context.spark, steps, schemas.table("sample_waterfall").struct)
        tables.replace("sample_waterfall", frame, slice, fingerprint)
        commit = tables.replace("linked", firms, slice, fingerprint)
    finally:
        firms.unpersist()
    sample = counts.get(None, 0)
    return Outcome(
        rows_in, commit.rows, notes=(f"{sample:,} firms in the model sample",), detail={"sample": sample}
    )


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
