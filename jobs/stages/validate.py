"""Validate: great-expectations suites over survey and flows; rows with errors go to quarantine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.checks import flags, frame, quarantine, rules, views
from jobs.checks.suites import Result, Validator
from jobs.errors import ValidationStopped
from jobs.output import manifests
from jobs.output.publication import replacing
from jobs.run import numbers, workfolder
from jobs.run.context import Context, Outcome
from jobs.settings import classifications, resources
from jobs.settings.inputs import FlowsInput, WaveSettings
from jobs.spark.frames import nothing

NAME = "validate"
TABLES = ("quarantine", "survey")
READS = ("harmonised", "flows")
SHOWN = 5  # labels that a message names


@dataclass(frozen=True)
class Survey:
    """The survey after its row rules: the accepted rows, and those with errors as rows of quarantine."""

    accepted: DataFrame
    aside: DataFrame
    rows: int = 0
    rows_aside: int = 0
    results: tuple[Result, ...] = ()


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    files = [resources.digest(name) for name in (settings.regions, settings.sectors)]
    return [rules.read("survey"), rules.read("flows"), files, wave.flows and wave.flows.absent]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    tables, slice = context.tables, context.slice(wave)
    of_survey, of_flows = rules.read("survey"), rules.read("flows")
    validator = Validator()
    for suite in (of_survey, of_flows):
        validator.check(suite)
    survey = Survey(nothing(context.spark, "survey"), nothing(context.spark, "quarantine"))
    if wave.survey:
        survey = _survey(tables.read("harmonised", slice), validator, of_survey)
    tables.replace("quarantine", survey.aside, context.slice(wave, stage=NAME), fingerprint)
    notes: list[str] = []
    results: list[Result] = []
    if wave.survey:
        allowed, path = wave.survey.max_quarantined, wave.survey.path
        quarantine.stop_above(allowed, survey.rows, survey.aside, NAME, path)
        notes += quarantine.reasons_noted(survey.aside, survey.rows_aside)
        results += _tables(validator, of_survey, _survey_views(context, survey.accepted))
    if wave.flows:
        flow_results, flow_notes = _flows(context, wave.flows, tables.read("flows", slice), validator)
        results, notes = results + flow_results, notes + flow_notes
    _write_pages(validator, workfolder.pages(context.settings.work, context.settings.country, wave.wave))
    _stop_on_failure(results, wave)
    commit = tables.replace("survey", survey.accepted, slice, fingerprint)
    results = [*survey.results, *results]
    warned = [result for result in results if result.status == "warning"]
    notes += [f"warning: {result.reason} ({result.failing:,})" for result in warned]
    return Outcome(
        survey.rows,
        commit.rows,
        survey.rows_aside,
        notes=tuple(notes),
        detail={"results": [result.plain() for result in results]},
    )


def _survey(harmonised: DataFrame, validator: Validator, suite: rules.Suite) -> Survey:
    """Judge every row; the frame is kept, since counts, quarantine and the accepted rows all need it."""
    flagged = flags.flagged(harmonised, suite.row_rules)
    flagged = flagged.withColumn("faults", flags.faults(suite.row_rules)).persist()
    faulty = flagged.where(F.size("faults") > 0)
    plain = harmonised.columns
    return Survey(
        accepted=flagged.where(F.size("faults") == 0).select(*plain),
        aside=quarantine.set_aside(faulty, NAME, "survey", F.to_json(F.struct(*plain))),
        rows=flagged.count(),
        rows_aside=faulty.count(),
        results=tuple(validator.rows("survey", flagged, suite.row_rules)),
    )


def _write_pages(validator: Validator, folder: Path) -> None:
    """great-expectations' pages in the place of the wave's former ones."""
    with replacing(folder, manifests.PAGES, "work") as draft:
        validator.write_docs(draft)
        manifests.write(draft, {"data_docs": folder.name})


Views = dict[str, DataFrame]


def _survey_views(context: Context, survey: DataFrame) -> Views:
    codes = list(classifications.read(context.settings.regions).numbers)
    return {"survey": survey, "regions": views.regions_without_firms(survey, codes)}


def _flows(
    context: Context, settings: FlowsInput, flows: DataFrame, validator: Validator
) -> tuple[list[Result], list[str]]:
    """Results of the table rules over the flows, and a note where absent cells count as zero."""
    regions, sectors = numbers.known(context)
    zero = settings.absent == "zero"
    repeated = views.repeated(flows).persist()  # few rows that take the longest to find
    try:
        compared = frame.compare(frame.count(flows, repeated), regions.codes)
        given = {
            "flows": flows,
            "duplicates": views.duplicates(repeated, regions, sectors, settings.rest),
            "frame": frame.view(context.spark, compared, regions, sectors, absent_is_zero=zero),
            "totals": views.totals(flows, sectors),
            "balance": views.balance(flows, sectors),
        }
        results = _tables(validator, rules.read("flows"), given)
    finally:
        repeated.unpersist()
    if not (zero and compared.absent):
        return results, []
    cells = f"{compared.absent:,} of {compared.expected:,} cells"
    return results, [f"{cells} of the frame are absent and count as zero"]


def _tables(validator: Validator, suite: rules.Suite, given: Views) -> list[Result]:
    """Check the table rules view by view; a failing one names the labels (public codes) that fail."""
    results: list[Result] = []
    for name in dict.fromkeys(rule.view for rule in suite.table_rules):
        chosen = [rule for rule in suite.table_rules if rule.view == name]
        checked = validator.table(suite.table, name, given[name], chosen)
        for rule, result in zip(chosen, checked, strict=True):
            column = rule.kwargs.get("column")
            if result.status != "passed" and column and "label" in given[name].columns:
                labels = _labels(given[name], column)
                result = replace(result, reason=": ".join(filter(None, (result.reason, labels))))
            results.append(result)
    return results


def _labels(view: DataFrame, column: str) -> str:
    """The labels that fail, those that fail most first, how many more there are, and of how many cells.

    Empty where no label does, as with a table that holds nothing.
    """
    failing = view.where(F.col(column) > 0).select("label", column)
    rows = failing.orderBy(F.desc(column), "label").limit(SHOWN).collect()
    number, cells = failing.agg(F.count("*"), F.coalesce(F.sum(column), F.lit(0))).collect()[0]
    words = ", ".join(row["label"] for row in rows)
    words += f", and {number - len(rows):,} more" if number > len(rows) else ""
    return words + (f"; {cells:,} in all" if cells > number else "")


def _stop_on_failure(results: list[Result], wave: WaveSettings) -> None:
    """Row rules that failed set rows aside; a table rule that failed stops the run."""
    failed = [result for result in results if result.status == "failed"]
    if not failed:
        return
    first = failed[0]
    source = wave.survey.path if first.table == "survey" and wave.survey else ""
    if first.table == "flows" and wave.flows:
        source = ", ".join(wave.flows.paths.values())
    (rule,) = [rule for rule in rules.read(first.table).table_rules if rule.id == first.rule]
    more = f" ({len(failed) - 1} more rules failed)" if len(failed) > 1 else ""
    raise ValidationStopped(
        f"{first.table}: {first.reason}; rule {rule.id} of expectations/{first.table}.yaml stopped "
        f"the run{more}. Mend {source}, or {rule.remedy}."
    )


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
