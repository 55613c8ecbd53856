"""Harmonise: the wave map turns a questionnaire's columns and codes into the canonical survey."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, Row
from pyspark.sql import functions as F

from jobs.checks.quarantine import reasons_noted, set_aside, stop_above
from jobs.errors import ValidationStopped
from jobs.run.context import Context, Outcome
from jobs.settings import classifications, resources, wave_maps
from jobs.settings.inputs import SurveyInput, WaveSettings
from jobs.spark.frames import nothing
from jobs.transforms.doubts import WORDS
from jobs.transforms.harmonise import contradictions, doubtful, harmonise

NAME = "harmonise"
TABLES = ("quarantine", "harmonised")
READS = ("answers",)


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    files = [settings.regions, settings.sectors, *([wave.survey.map] if wave.survey else [])]
    return [wave.survey, *[resources.digest(file) for file in files]]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    settings, tables, slice = context.settings, context.tables, context.slice(wave)
    if wave.survey is None:
        nobody = nothing(context.spark, "quarantine")
        tables.replace("quarantine", nobody, context.slice(wave, stage=NAME), fingerprint)
        tables.replace("harmonised", nothing(context.spark, "harmonised"), slice, fingerprint)
        return Outcome(0, 0, notes=("the wave has no survey",))
    survey, wave_map = wave.survey, wave_maps.read(wave.survey.map)
    answers = tables.read("answers", slice)
    # Typed files write numbers with a point; their columns of text may have the declared mark.
    decimal = survey.decimal if survey.format == "csv" else "".join(sorted({".", survey.decimal}))
    frame = harmonise(
        answers,
        wave_map,
        classifications.read(settings.regions),
        classifications.read(settings.sectors),
        decimal,
        survey.thousands,
    ).persist()
    try:
        differing = contradictions(answers, wave_map, decimal, survey.thousands)
        judged, doubted = doubtful(frame, wave_map, decimal, survey.thousands)
        counts = judged.agg(
            F.count("*").alias("rows"),
            F.count_if(F.size("faults") > 0).alias("aside"),
            F.array(*[F.count_if(condition) for _, condition in differing]).alias("differing"),
            F.array(*[doubt for _, _, doubt in doubted]).alias("doubts"),
        ).first()
        assert counts is not None
        _stop_on_doubts(survey, list(zip(doubted, counts["doubts"], strict=True)))
        faulty = frame.where(F.size("faults") > 0)
        aside = set_aside(faulty, "harmonise", "survey", F.to_json("answers"))
        quarantined = tables.replace("quarantine", aside, context.slice(wave, stage=NAME), fingerprint)
        stop_above(survey.max_quarantined, counts["rows"], aside, NAME, survey.path)
        reasons = reasons_noted(aside, counts["aside"])
        commit = tables.replace("harmonised", frame.where(F.size("faults") == 0), slice, fingerprint)
    finally:
        frame.unpersist()
    notes = [
        f"{count:,} firms: {words}" for (words, _), count in zip(differing, counts["differing"], strict=True)
    ]
    return Outcome(
        counts["rows"],
        commit.rows,
        counts["aside"],
        notes=(*reasons, *notes, *(f"series break: {words}" for words in wave_map.breaks)),
        detail={"faults": quarantined.rows, "map": survey.map, "population": wave_map.population},
    )


def _stop_on_doubts(survey: SurveyInput, doubted: list[tuple[tuple[str, str, Column], Row]]) -> None:
    """Stop the run where columns of numbers are in doubt. Raises ValidationStopped with the remedies."""
    remedies = {
        "thousands": "give survey.thousands and survey.decimal in the run file if they are thousands",
        "nines": "declare that code under missing if it stands for no answer",
    }
    for doubt, remedy in remedies.items():
        odd = [(rule, column) for (rule, column, _), verdict in doubted if verdict[doubt]]
        if odd:
            rules, columns = (list(dict.fromkeys(names)) for names in zip(*odd, strict=True))
            raise ValidationStopped(
                f"{survey.path}: column {', '.join(columns)}: {WORDS[doubt]}; {remedy}, or, if the numbers "
                f"are meant so, write as_written: true in the rule {', '.join(rules)} of {survey.map}."
            )


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
