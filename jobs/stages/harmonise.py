"""Harmonise: the wave map turns a questionnaire's columns and codes into the canonical survey."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from jobs import classifications, resources, wavemaps
from jobs.context import Context, Outcome
from jobs.frames import nothing
from jobs.settings import WaveSettings
from jobs.transforms.harmonise import contradictions, harmonise
from jobs.transforms.quarantine import reasons_noted, set_aside, stop_above

NAME = "harmonise"
TABLES = ("quarantine", "harmonised")


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    files = [settings.regions, settings.sectors, *([wave.survey.map] if wave.survey else [])]
    return [wave.survey, *[resources.digest(file) for file in files]]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    settings, tables, slice = context.settings, context.tables, context.slice(wave)
    if wave.survey is None:
        tables.replace("harmonised", nothing(context.spark, "harmonised"), slice, fingerprint)
        return Outcome(0, 0, notes=("the wave has no survey",))
    wave_map = wavemaps.read(wave.survey.map)
    answers = tables.read("answers", slice)
    frame = harmonise(
        answers,
        wave_map,
        classifications.read(settings.regions),
        classifications.read(settings.sectors),
        wave.survey.decimal,
    ).persist()
    try:
        rows_in = frame.count()
        faulty = frame.where(F.size("faults") > 0)
        aside = set_aside(faulty, "harmonise", "survey", F.to_json("answers"))
        quarantined = tables.replace("quarantine", aside, context.slice(wave, stage=NAME), fingerprint)
        rows_aside = faulty.count()
        stop_above(wave.survey.max_quarantined, rows_in, aside, NAME, wave.survey.path)
        reasons = reasons_noted(aside, rows_aside)
        differing = contradictions(answers, wave_map, wave.survey.decimal)
        counts = (
            frame.agg(*[F.sum(condition.cast("int")) for _, condition in differing]).first()
            if differing
            else ()
        )
        notes = [
            f"{count or 0:,} firms: {words}"
            for (words, _), count in zip(differing, counts or (), strict=True)
        ]
        commit = tables.replace("harmonised", frame.where(F.size("faults") == 0), slice, fingerprint)
    finally:
        frame.unpersist()
    return Outcome(
        rows_in,
        commit.rows,
        rows_aside,
        notes=(*reasons, *notes, *(f"series break: {words}" for words in wave_map.breaks)),
        detail={"faults": quarantined.rows, "map": wave.survey.map, "population": wave_map.population},
    )


if __name__ == "__main__":
    from jobs.cli import stage_job

    stage_job(NAME)
