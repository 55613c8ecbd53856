"""Harmonise: the wave map turns a questionnaire's columns and codes into the canonical survey."""

from __future__ import annotations

from collections.abc import Hashable
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from jobs.amounts import WORDS
from jobs.checks.quarantine import noted, reasons_by_slice, set_aside, too_many
from jobs.errors import DiamantError, ValidationStopped
from jobs.run import conversions
from jobs.run.context import Batch, Outcome, Results
from jobs.settings import classifications, resources, wave_maps
from jobs.settings.classifications import Classification
from jobs.settings.inputs import SurveyInput
from jobs.settings.slices import Slice, SliceSettings
from jobs.settings.wave_maps import WaveMap
from jobs.spark.frames import rows_of
from jobs.spark.tables import Tables
from jobs.transforms.doubts import doubts
from jobs.transforms.flows import Codes
from jobs.transforms.harmonise import codes_in, contradictions, doubtful, harmonise
from jobs.transforms.lookup import of_slices

NAME = "harmonise"
TABLES = ("quarantine", "harmonised")
ROWS = ("harmonised",)
READS = ("answers",)
Judged = dict[Slice, tuple[Row, list[tuple[str, str, Column]]]]  # the counts of a slice, and what was doubted


def inputs(settings: SliceSettings, tables: Tables) -> list[Any]:
    maps = [wave_maps.digest(settings.survey.map)] if settings.survey else []
    classes = [resources.digest(file) for file in (settings.regions, settings.sectors)]
    return [settings.survey, *maps, *classes, conversions.inputs(settings, settings.survey)]


def run(batch: Batch) -> Results:
    results = Results()
    frames: list[DataFrame] = []
    judged: Judged = {}
    words: dict[Slice, list[str]] = {}
    notes: dict[Slice, list[str]] = {}
    for form, part in batch.alike(_form).items():
        if form is None:
            silent = Outcome(0, notes=("the wave has no survey",))
            results.outcomes |= dict.fromkeys(part.slices, silent)
            continue
        wave_map = wave_maps.read(form[0])
        of_codes, named = _codes(part, wave_map, results)
        if not named:
            continue
        notes |= of_codes
        several = len(named) > 1
        codes: list[Codes] = [
            (of_slices(slices) if several else None, regions, sectors) for slices, regions, sectors in named
        ]
        frame, counts = _harmonised(part.only(of_codes), wave_map, codes, form[1:])
        frames.append(frame)
        judged |= counts
        words |= {slice: [check.words for check in wave_map.contradictions] for slice in part.slices}
    if not frames:
        results.frames = {name: rows_of(name) for name in TABLES}
        return results
    whole = reduce(DataFrame.unionByName, frames)
    aside = set_aside(whole.where(F.size("faults") > 0), NAME, "survey", F.to_json("answers"))
    any_aside = any(counts["aside"] for counts, _ in judged.values())
    reasons = reasons_by_slice(aside) if any_aside else {}
    for slice, (sums, doubted) in judged.items():
        survey = batch.slices[slice].survey
        assert survey is not None
        try:
            _stop_on_doubts(survey, list(zip(doubted, sums["tallies"], strict=True)))
            why = reasons.get(slice, [])
            too_many(survey.max_quarantined, sums["rows"], sums["aside"], why, NAME, survey.path)
        except DiamantError as error:
            results.fail(slice, error)
            continue
        results.outcomes[slice] = _outcome(survey, sums, why, words[slice], notes[slice])
    results.frames = {
        "quarantine": aside if any_aside else rows_of("quarantine"),
        "harmonised": whole.where(F.size("faults") == 0),
    }
    return results


def _form(settings: SliceSettings) -> tuple[str, str, str | None] | None:
    """What surveys have in common that are harmonised together: the map and the marks of numbers."""
    survey = settings.survey
    if survey is None:
        return None
    # Typed files write numbers with a point; their columns of text may have the declared mark.
    decimal = survey.decimal if survey.format == "csv" else "".join(sorted({".", survey.decimal}))
    return survey.map, decimal, survey.thousands


def _harmonised(
    batch: Batch, wave_map: WaveMap, codes: list[Codes], marks: tuple[str, str | None]
) -> tuple[DataFrame, Judged]:
    """The firms of surveys of one form, kept in memory, with the counts of each slice."""
    answers = batch.read("answers")
    frame = harmonise(answers, wave_map, codes, *marks).persist()
    differing = contradictions(answers, wave_map, *marks)
    judged, doubted = doubtful(frame, wave_map, *marks)
    rows = judged.groupBy("country", "wave").agg(
        F.count("*").alias("rows"),
        F.count_if(F.size("faults") > 0).alias("aside"),
        F.count_if(F.col("sector").isNull() & (F.size("faults") == 0)).alias("unplaced"),
        F.array(*[F.count_if(condition) for _, condition in differing]).alias("differing"),
        F.array(*[tallies for _, _, tallies in doubted]).alias("tallies"),
    )
    return frame, {Slice(row["country"], row["wave"]): (row, doubted) for row in rows.collect()}


def _codes(
    batch: Batch, wave_map: WaveMap, results: Results
) -> tuple[dict[Slice, list[str]], list[tuple[list[Slice], Classification, Classification]]]:
    """The regions and sectors of the slices by the codes of their surveys, and notes on them.

    A slice whose codes cannot be converted leaves the run.
    """
    found = _regions_found(batch, wave_map)

    def key(settings: SliceSettings) -> Hashable:
        survey = settings.survey
        assert survey is not None
        own = (survey.nuts, survey.correspondence, survey.correspondence_weight, survey.largest)
        regions = frozenset(found.get(settings.slice, ()))
        return (settings.regions, settings.sectors, settings.country, settings.nuts, own, regions)

    notes: dict[Slice, list[str]] = {}
    named = []
    for part in batch.alike(key).values():
        first = next(iter(part.slices.values()))
        try:
            regions, words = conversions.survey_regions(
                first, classifications.read(first.regions), found.get(first.slice, ())
            )
            sectors = conversions.survey_sectors(first, classifications.read(first.sectors))
        except DiamantError as error:
            for slice in part.slices:
                results.fail(slice, error)
            continue
        named.append((list(part.slices), regions, sectors))
        notes |= dict.fromkeys(part.slices, words)
    return notes, named


def _regions_found(batch: Batch, wave_map: WaveMap) -> dict[Slice, set[str]]:
    """The codes of regions in the surveys of slices whose regions may be of another version of NUTS."""
    of_versions = batch.only(slice for slice, own in batch.slices.items() if own.nuts)
    found: dict[Slice, set[str]] = {}
    if of_versions.slices:
        for row in codes_in(of_versions.read("answers"), wave_map, "region").collect():
            found.setdefault(Slice(row["country"], row["wave"]), set()).add(row["code"])
    return found


def _outcome(
    survey: SurveyInput, counts: Row, why: list[str], words: list[str], of_codes: list[str]
) -> Outcome:
    wave_map = wave_maps.read(survey.map)
    notes = [*of_codes, *noted(counts["aside"], why)]
    if survey.correspondence and counts["unplaced"]:
        notes.append(f"{counts['unplaced']:,} firms have a code of activity that stands for no one sector")
    notes += [
        f"{count:,} firms: {question}" for question, count in zip(words, counts["differing"], strict=True)
    ]
    notes += [f"series break: {of}" for of in wave_map.breaks]
    detail: dict[str, Any] = {"map": survey.map, "population": wave_map.population}
    detail |= {"breaks": list(wave_map.breaks), "public": of_codes}
    if survey.correspondence:
        detail["unplaced"] = counts["unplaced"]
    return Outcome(counts["rows"], None, counts["aside"], tuple(notes), detail)


def _stop_on_doubts(survey: SurveyInput, doubted: list[tuple[tuple[str, str, Column], Row]]) -> None:
    """Raise ValidationStopped, with the remedies, where columns of numbers are in doubt."""
    remedies = {
        "thousands": "give survey.thousands and survey.decimal in the run file if they are thousands",
        "nines": "declare that code under missing if it stands for no answer",
    }
    judged = [(rule, column, doubts(tallies)) for (rule, column, _), tallies in doubted]
    for doubt, remedy in remedies.items():
        odd = [(rule, column) for rule, column, verdict in judged if verdict[doubt]]
        if odd:
            rules, columns = (list(dict.fromkeys(names)) for names in zip(*odd, strict=True))
            raise ValidationStopped(
                f"{survey.path}: column {', '.join(columns)}: {WORDS[doubt]}; {remedy}, or, if the numbers "
                f"are meant so, write as_written: true in the rule {', '.join(rules)} of {survey.map}."
            )


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
