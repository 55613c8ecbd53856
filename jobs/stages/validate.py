"""Validate: great-expectations suites over survey and flows; rows with errors go to quarantine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import classifications, resources, workfolder
from jobs.context import Context, Outcome
from jobs.errors import ValidationStopped
from jobs.frames import nothing
from jobs.output import manifests
from jobs.output.publication import replacing
from jobs.settings import WaveSettings
from jobs.transforms import rules
from jobs.transforms.quarantine import set_aside, stop_above
from jobs.validation import Result, Validator

NAME = "validate"
TABLES = ("quarantine", "survey")


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    suites = ["expectations/survey.yaml", "expectations/flows.yaml"]
    return [[resources.digest(name) for name in (*suites, settings.regions, settings.sectors)]]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    tables, slice = context.tables, context.slice(wave)
    validator = Validator()
    results: list[Result] = []
    accepted = nothing(context.spark, "survey")
    rows_in = rows_aside = 0
    if wave.survey:
        suite = rules.read("survey")
        frame = rules.flagged(tables.read("harmonised", slice), suite.row_rules)
        frame = frame.withColumn("faults", rules.faults(suite.row_rules)).persist()
        rows_in = frame.count()
        results += validator.rows("survey", frame, suite.row_rules)
        faulty = frame.where(F.size("faults") > 0)
        rows_aside = faulty.count()
        plain = [
            column for column in frame.columns if not column.startswith("broken_") and column != "faults"
        ]
        aside = set_aside(faulty, NAME, "survey", F.to_json(F.struct(*plain)))
        tables.replace("quarantine", aside, context.slice(wave, stage=NAME), fingerprint)
        stop_above(wave.survey.max_quarantined, rows_in, aside, NAME, wave.survey.path)
        accepted = frame.where(F.size("faults") == 0).select(*plain)
        results += _tables(validator, suite, _survey_views(context, accepted))
    else:
        nobody = nothing(context.spark, "quarantine")
        tables.replace("quarantine", nobody, context.slice(wave, stage=NAME), fingerprint)
    if wave.flows:
        results += _tables(validator, rules.read("flows"), _flow_views(context, tables.read("flows", slice)))
    _write_pages(validator, workfolder.pages(context.settings.work, wave.wave))
    _stop_on_failure(results)
    commit = tables.replace("survey", accepted, slice, fingerprint)
    warned = [result for result in results if result.status == "warning"]
    return Outcome(
        rows_in,
        commit.rows,
        rows_aside,
        notes=tuple(f"warning: {result.reason} ({result.failing:,})" for result in warned),
        detail={"results": [result.plain() for result in results]},
    )


def _write_pages(validator: Validator, folder: Path) -> None:
    """great-expectations' pages in the place of the wave's former ones."""
    with replacing(folder, manifests.PAGES, "work") as draft:
        validator.write_docs(draft)
        manifests.write(draft, {"data_docs": folder.name})


Views = dict[str, tuple[DataFrame, str]]  # a view, and the column that marks what fails


def _survey_views(context: Context, survey: DataFrame) -> Views:
    codes = list(classifications.read(context.settings.regions).numbers)
    return {"survey": (survey, ""), "regions": (rules.regions_without_firms(survey, codes), "missing")}


def _flow_views(context: Context, flows: DataFrame) -> Views:
    regions = classifications.read(context.settings.regions).numbers
    sectors = classifications.read(context.settings.sectors).numbers
    return {
        "flows": (flows, ""),
        "duplicates": (rules.duplicates(flows), "failing"),
        "coverage": (rules.coverage(flows, regions), "failing"),
        "totals": (rules.totals(flows, sectors), "failing"),
        "balance": (rules.balance(flows, sectors), "failing"),
    }


def _tables(validator: Validator, suite: rules.Suite, views: Views) -> list[Result]:
    """Check the table rules view by view; a failing view names the labels (public codes) that fail."""
    results: list[Result] = []
    for name in dict.fromkeys(rule.view for rule in suite.table_rules):
        frame, marker = views[name]
        chosen = [rule for rule in suite.table_rules if rule.view == name]
        for result in validator.table(suite.table, name, frame, chosen):
            if result.status != "passed" and marker:
                labels = [
                    row["label"]
                    for row in frame.where(F.col(marker) == 1).orderBy("label").limit(5).collect()
                ]
                result = Result(**{**result.plain(), "reason": f"{result.reason}: {', '.join(labels)}"})
            results.append(result)
    return results


def _stop_on_failure(results: list[Result]) -> None:
    """Row rules that failed set rows aside; a table rule that failed stops the run."""
    table_rules = {rule.id for name in ("survey", "flows") for rule in rules.read(name).table_rules}
    failed = [result for result in results if result.status == "failed" and result.rule in table_rules]
    if failed:
        first = failed[0]
        more = f" ({len(failed) - 1} more rules failed)" if len(failed) > 1 else ""
        raise ValidationStopped(
            f"{first.table}: {first.reason}; rule {first.rule} of expectations/{first.table}.yaml stopped "
            f"the run{more}. Mend the input, or the rule where it does not fit your data."
        )


if __name__ == "__main__":
    from jobs.cli import stage_job

    stage_job(NAME)
