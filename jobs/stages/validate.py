"""Validate: great-expectations suites over survey and flows; rows with errors go to quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import NumericType

from jobs.checks import flags, frame, pages, quarantine, rules, views
from jobs.checks.rules import RowRule, Suite, TableRule
from jobs.checks.suites import ROWS as NUMBER_OF_ROWS
from jobs.checks.suites import Result, Validator, is_sum, not_evaluated
from jobs.checks.views import Names
from jobs.errors import DiamantError, ValidationStopped
from jobs.output import manifests
from jobs.output.publication import replacing
from jobs.run import numbers, workfolder
from jobs.run.context import Batch, Outcome, Results
from jobs.settings import classifications, resources
from jobs.settings.slices import Slice, SliceSettings
from jobs.spark.frames import TableRows, local, rows_of
from jobs.spark.tables import Tables
from jobs.transforms.lookup import of_slices

NAME = "validate"
TABLES = ("quarantine", "survey")
ROWS = ("survey",)
READS = ("harmonised", "flows", "flow_sums")
SHOWN = 5  # labels that a message names

ResultsOf = dict[Slice, list[Result]]
Views = Mapping[str, DataFrame]


@dataclass(frozen=True)
class Survey:
    """The surveys after their row rules: accepted rows, those with errors, counts and results by slice."""

    accepted: DataFrame
    aside: DataFrame
    counts: dict[Slice, dict[str, int]]
    results: ResultsOf


def inputs(settings: SliceSettings, tables: Tables) -> list[Any]:
    files = [resources.digest(name) for name in (settings.regions, settings.sectors)]
    return [
        rules.read("survey").model_dump(mode="json"),
        rules.read("flows").model_dump(mode="json"),
        files,
        settings.flows and settings.flows.absent,
    ]


def run(batch: Batch) -> Results:
    validator = Validator()
    for table in ("survey", "flows"):
        validator.check(rules.read(table))
    surveyed = batch.only(slice for slice, own in batch.slices.items() if own.survey)
    with_flows = batch.only(slice for slice, own in batch.slices.items() if own.flows)
    results: ResultsOf = {slice: [] for slice in batch.slices}
    notes: dict[Slice, list[str]] = {slice: [] for slice in batch.slices}
    survey: Survey | None = None
    reasons: quarantine.Reasons = {}
    set_aside: TableRows = rows_of("quarantine")
    if surveyed.slices:
        survey = _survey(surveyed, validator)
        if any(counts["aside"] for counts in survey.counts.values()):
            set_aside = survey.aside
            reasons = quarantine.reasons_by_slice(survey.aside)
        _add(results, _tables(surveyed, validator, "survey", _survey_views(surveyed, survey.accepted)))
    if with_flows.slices:
        _add(results, _flows(with_flows, validator, notes))
    outcomes = Results()
    for slice, own in batch.slices.items():
        counts = survey.counts.get(slice, {}) if survey else {}
        rows, aside, why = counts.get("rows", 0), counts.get("aside", 0), reasons.get(slice, [])
        of_rows = survey.results.get(slice, []) if survey else []
        _write_pages(batch.work, slice, [*of_rows, *results[slice]])
        try:
            if own.survey:
                allowed, path = own.survey.max_quarantined, own.survey.path
                quarantine.too_many(allowed, rows, aside, why, NAME, path)
            _stop_on_failure(results[slice], own)
        except DiamantError as error:
            outcomes.fail(slice, error)
            continue
        judged = [*of_rows, *results[slice]]
        warned = [f"warning: {each.reason} ({each.failing:,})" for each in judged if each.status == "warning"]
        outcomes.outcomes[slice] = Outcome(
            rows,
            None,
            aside,
            (*quarantine.noted(aside, why), *notes[slice], *warned),
            {"results": [result.plain() for result in judged]},
        )
    outcomes.frames = {
        "quarantine": set_aside,
        "survey": survey.accepted if survey else rows_of("survey"),
    }
    return outcomes


def _add(results: ResultsOf, more: ResultsOf) -> None:
    for slice, of_slice in more.items():
        results[slice] += of_slice


def _survey(batch: Batch, validator: Validator) -> Survey:
    """Judge every row; the frame is kept, since counts, quarantine and the accepted rows all need it."""
    suite, harmonised = rules.read("survey"), batch.read("harmonised")
    flagged = flags.flagged(harmonised, suite.row_rules)
    flagged = flagged.withColumn("faults", flags.faults(suite.row_rules)).persist()
    plain = harmonised.columns
    faulty = flagged.where(F.size("faults") > 0)
    counted = flags.counts(flagged, suite.row_rules)
    none = {"rows": 0, "aside": 0, **{rule.id: 0 for rule in suite.row_rules}}
    counts = {slice: counted.get(slice, none) for slice in batch.slices}
    return Survey(
        accepted=flagged.where(F.size("faults") == 0).select(*plain),
        aside=quarantine.set_aside(faulty, NAME, "survey", F.to_json(F.struct(*plain))),
        counts=counts,
        results=validator.judged("survey", "survey: rows", counts, suite.row_rules),
    )


def _write_pages(work: str, slice: Slice, results: list[Result]) -> None:
    """great-expectations' page in the place of the slice's former one."""
    known: dict[str, RowRule | TableRule] = {}
    for table in ("survey", "flows"):
        suite = rules.read(table)
        known |= {rule.id: rule for rule in suite.row_rules} | {rule.id: rule for rule in suite.table_rules}
    with replacing(workfolder.pages(work, slice), manifests.PAGES, "work") as draft:
        pages.write(draft, str(slice), results, known)
        manifests.write(draft, {"data_docs": slice.wave})


def _survey_views(batch: Batch, survey: DataFrame) -> Views:
    codes = [
        (*slice, code)
        for slice, own in batch.slices.items()
        for code in classifications.read(own.regions).numbers
    ]
    return {"survey": survey, "regions": views.regions_without_firms(survey, codes)}


def _flows(batch: Batch, validator: Validator, notes: dict[Slice, list[str]]) -> ResultsOf:
    """Results of the table rules over the flows, and a note where absent cells count as zero."""
    flows = batch.read("flows")
    names = _names(batch)
    sums = batch.read("flow_sums").persist()
    # Few rows that take the longest to find.
    doubtful = frame.doubtful(sums)
    repeated = views.repeated(flows.where(of_slices(doubtful) if doubtful else F.lit(False))).persist()
    counted = frame.count(sums, repeated)
    lacking: list[tuple[Any, ...]] = []
    for slice, own in batch.slices.items():
        regions, sectors = numbers.known(batch.tables, own)
        compared = frame.compare(counted.get(slice, frame.Counts({}, False)), regions.codes)
        zero = own.flows is not None and own.flows.absent == "zero"
        lacking += [(*slice, *row) for row in frame.view(compared, regions, sectors, absent_is_zero=zero)]
        if zero and compared.absent:
            cells = f"{compared.absent:,} of {compared.expected:,} cells"
            notes[slice].append(f"{cells} of the frame are absent and count as zero")
    given = {
        "flows": flows,
        "duplicates": views.duplicates(repeated, names),
        "frame": local(batch.spark, lacking, f"country string, wave string, {frame.VIEW}"),
        "totals": views.totals(sums, names),
        "balance": views.balance(sums, names),
    }
    return _tables(batch, validator, "flows", given)


def _names(batch: Batch) -> list[Names]:
    """What numbers of regions and sectors stand for, by the slices that have the same."""

    def alike(own: SliceSettings) -> tuple[str, ...]:
        return (own.country, own.regions, own.sectors, own.flows.rest if own.flows else "")

    parts = batch.alike(alike)
    several = len(parts) > 1
    return [
        Names(
            of_slices(part.slices) if several else None,
            *numbers.known(batch.tables, next(iter(part.slices.values()))),
            rest=key[-1],
        )
        for key, part in parts.items()
    ]


def _tables(batch: Batch, validator: Validator, table: str, given: Views) -> ResultsOf:
    """Check the table rules view by view; a failing one names the labels (public codes) that fail."""
    suite: Suite = rules.read(table)
    by_rule: dict[str, dict[Slice, Result]] = {}
    for name in dict.fromkeys(rule.view for rule in suite.table_rules):
        view = given[name]
        chosen = [rule for rule in suite.table_rules if rule.view == name]
        sums = [rule for rule in chosen if is_sum(rule)]
        totals = _sums(batch, table, view, sums, is_table=name == table)
        judged = validator.judged(table, f"{table}: {name}", totals, sums)
        for place, rule in enumerate(sums):
            by_rule[rule.id] = {slice: results[place] for slice, results in judged.items()}
        for rule in chosen:
            if not is_sum(rule):
                by_rule[rule.id] = {
                    slice: validator.of_frame(
                        table, f"{table}: {name}, {slice}, {rule.id}", view.where(of_slices([slice])), rule
                    )
                    for slice in batch.slices
                }
            by_rule[rule.id] |= _labelled(view, rule, by_rule[rule.id])
    return {slice: [by_rule[rule.id][slice] for rule in suite.table_rules] for slice in batch.slices}


def _sums(
    batch: Batch, table: str, view: DataFrame, chosen: list[TableRule], is_table: bool
) -> dict[Slice, dict[str, float | None]]:
    """What the rules bound, by slice: sums of a column, or numbers of rows.

    A view has a row for what fails, so that a slice without rows has a sum of 0; the sum over a table
    without rows is None.
    """
    if not chosen:
        return {}
    measures = []
    for rule in chosen:
        column = rule.kwargs.get("column")
        if rule.expectation == NUMBER_OF_ROWS:
            measures.append(F.count("*").cast("double").alias(rule.id))
        elif column not in view.columns or not isinstance(view.schema[column].dataType, NumericType):
            raise not_evaluated(table, rule.id)
        else:
            measures.append(F.sum(column).cast("double").alias(rule.id))
    rows = {
        Slice(row["country"], row["wave"]): row.asDict()
        for row in view.groupBy("country", "wave").agg(*measures).collect()
    }
    absent = {rule.id: None if is_table and rule.expectation != NUMBER_OF_ROWS else 0.0 for rule in chosen}
    return {slice: {rule.id: rows.get(slice, absent)[rule.id] for rule in chosen} for slice in batch.slices}


def _labelled(view: DataFrame, rule: TableRule, results: Mapping[Slice, Result]) -> dict[Slice, Result]:
    """The results that did not pass, with the labels that fail behind their reason.

    Those that fail most first, how many more there are, and of how many cells; nothing where no label
    fails, as with a table that holds nothing.
    """
    broken = {slice: result for slice, result in results.items() if result.status != "passed"}
    column = rule.kwargs.get("column")
    if not broken or not column or "label" not in view.columns:
        return {}
    failing = (
        view.where(of_slices(broken)).where(F.col(column) > 0).select("country", "wave", "label", column)
    )
    of_slice = Window.partitionBy("country", "wave")
    ordered = failing.withColumns(
        {
            "place": F.row_number().over(of_slice.orderBy(F.desc(column), "label")),
            "number": F.count("*").over(of_slice),
            "cells": F.sum(column).over(of_slice),
        }
    )
    rows = ordered.where(F.col("place") <= SHOWN).orderBy("country", "wave", "place").collect()
    labelled = {}
    for slice, result in broken.items():
        mine = [row for row in rows if (row["country"], row["wave"]) == slice]
        if mine:
            number, cells = mine[0]["number"], mine[0]["cells"]
            words = ", ".join(row["label"] for row in mine)
            words += f", and {number - len(mine):,} more" if number > len(mine) else ""
            words += f"; {cells:,} in all" if cells > number else ""
            labelled[slice] = replace(result, reason=f"{result.reason}: {words}")
    return labelled


def _stop_on_failure(results: list[Result], own: SliceSettings) -> None:
    """Row rules that failed set rows aside; a table rule that failed stops the slice."""
    failed = [result for result in results if result.status == "failed"]
    if not failed:
        return
    first = failed[0]
    source = own.inputs["survey"] if first.table == "survey" else ""
    if first.table == "flows":
        source = ", ".join(path for role, path in own.inputs.items() if role != "survey")
    (rule,) = [rule for rule in rules.read(first.table).table_rules if rule.id == first.rule]
    more = f" ({len(failed) - 1} more rules failed)" if len(failed) > 1 else ""
    raise ValidationStopped(
        f"{first.table}: {first.reason}; rule {rule.id} of expectations/{first.table}.yaml stopped "
        f"the run{more}. Mend {source}, or {rule.remedy}."
    )


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
