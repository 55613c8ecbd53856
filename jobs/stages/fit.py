"""Fit: the group samples are collected, column-pruned, and the model is fitted in each group."""

from __future__ import annotations

from typing import Any

import pandas as pd

from jobs import resources, schemas
from jobs.context import Context, Outcome
from jobs.errors import FitsFailed, SettingsError
from jobs.frames import local, nothing
from jobs.sem import FitReport, FitSettings, fit_groups
from jobs.sem.structure import ModelError, Structure
from jobs.settings import WaveSettings
from jobs.tables import collected

NAME = "fit"
TABLES = ("estimates", "fit_measures", "group_differences", "fit_status")
GOOD = "converged"


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    return [settings.fit, settings.model and resources.digest(settings.model)]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    settings, tables, slice = context.settings, context.tables, context.slice(wave)
    if settings.model is None or wave.survey is None:
        for name in TABLES:
            tables.replace(name, nothing(context.spark, name), slice, fingerprint)
        return Outcome(0, 0, notes=("no model is fitted for this wave",))
    asked = settings.fit
    model = resources.find(settings.model).read_text(encoding="utf-8")
    sample = _collected(context, slice, model)
    try:
        report = fit_groups(
            model,
            sample,
            "group",
            FitSettings(
                estimator=asked.estimator,
                missing=asked.missing,
                ordered=asked.ordered,
                clusters=asked.clusters,
                weights="weight" if asked.weighted else None,
                confidence=asked.confidence,
            ),
        )
    except ModelError as error:
        raise SettingsError(f"{settings.model}: {error}; mend the model.") from None
    for name, frame in _frames(report).items():
        tables.replace(name, _spark_frame(context, name, frame, slice), slice, fingerprint)
    failed = report.status[report.status.status != GOOD]
    if len(failed) > asked.max_failed_groups:
        words = "; ".join(f"{row.group}: {row.status} ({row.detail})" for row in failed.itertuples())
        raise FitsFailed(
            f"{len(failed)} of {len(report.status)} groups of wave {wave.wave} have no trustworthy fit: "
            f"{words} Mend the model or the groups, or raise fit.max_failed_groups."
        )
    used, missing = int(report.status.cases_used.sum()), int(report.status.cases_missing.sum())
    notes = [f"{row.group}: {row.status}, {row.cases_used} firms" for row in report.status.itertuples()]
    return Outcome(used + missing, used, missing, notes=tuple(notes))


def _collected(context: Context, slice: dict[str, str], model: str) -> pd.DataFrame:
    """The sample's firms with nothing but what the model needs, in a fixed order."""
    settings = context.settings
    linked = context.tables.read("linked", slice)
    try:
        observed = Structure(model).observed
    except ModelError as error:
        raise SettingsError(f"{settings.model}: {error}; mend the model.") from None
    absent = [name for name in observed if name not in linked.columns]
    if absent:
        raise SettingsError(
            f"{settings.model} names {absent[0]}, which is no column of the linked firms; "
            "see schemas/linked.yaml."
        )
    weight = ["weight"] if settings.fit.weighted else []
    columns = ["firm_id", "group", *settings.fit.clusters, *weight, *observed]
    sample = collected(linked.where("excluded_by is null").select(*columns))
    return sample.sort_values("firm_id", kind="stable").drop(columns="firm_id").reset_index(drop=True)


def _frames(report: FitReport) -> dict[str, pd.DataFrame]:
    return {
        "estimates": report.estimates,
        "fit_measures": report.fit_measures,
        "group_differences": report.differences,
        "fit_status": report.status,
    }


def _spark_frame(context: Context, name: str, frame: pd.DataFrame, slice: dict[str, str]):
    """A small table as a Spark frame; pandas' not-a-number becomes null."""
    table = schemas.table(name)
    keyed = frame.assign(**slice)
    plain = keyed[table.names].astype(object).where(keyed[table.names].notna(), None)
    kinds = {column.name: column.type for column in table.columns}
    rows = [
        tuple(_typed(value, kinds[column]) for column, value in zip(table.names, row, strict=True))
        for row in plain.itertuples(index=False, name=None)
    ]
    return local(context.spark, rows, table.struct)


def _typed(value: Any, kind: str) -> Any:
    if value is None:
        return None
    return {"double": float, "int": int, "bigint": int, "boolean": bool}.get(kind, str)(value)


if __name__ == "__main__":
    from jobs.cli import stage_job

    stage_job(NAME)
