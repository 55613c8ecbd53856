"""Fit: the model is fitted in each group, from its sample, collected and column-pruned.

A sample above `fit.collect_limit` is summed on the executors, and its sums are fitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

from jobs.errors import FitsFailed, SettingsError
from jobs.fits import engine
from jobs.fits.plan import FitPlan
from jobs.fits.results import CONVERGED, Fits
from jobs.run.context import Context, Outcome
from jobs.sem.groups.rows import DIAGNOSIS
from jobs.sem.model.structure import ModelError, structure_of
from jobs.settings import models, resources, schemas
from jobs.settings.inputs import WaveSettings
from jobs.settings.methods import method
from jobs.spark.frames import local, nothing

NAME = "fit"
TABLES = (*DIAGNOSIS, "estimates", "fit_measures", "group_differences", "fit_status")
READS = ("linked",)
SIDES = 2  # groups of a run: the firms for which the column of the groups is true, and the others


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    return [settings.fit, settings.model and resources.digest(settings.model)]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    settings, tables, slice = context.settings, context.tables, context.slice(wave)
    if settings.model is None or wave.survey is None:
        _empty(context, TABLES, slice, fingerprint)
        return Outcome(0, 0, notes=("no model is fitted for this wave",))
    model = models.read(resources.find(settings.model), settings.model)
    plan = FitPlan(
        model=model,
        method=method(settings.fit),
        error=settings.fit.primary_error,
        group="group",
        key="firm_id",
        collect_limit=settings.fit.collect_limit,
    )
    try:
        fits, note = fitted(_sample(context, slice, model), plan)
    except ModelError as error:
        raise SettingsError(f"{settings.model}: {error}; mend the model.") from None
    if not settings.fit.diagnosis:
        _empty(context, DIAGNOSIS, slice, fingerprint)
    for name, frame in _frames(fits, settings.fit.diagnosis).items():
        tables.replace(name, _spark_frame(context, name, frame, slice), slice, fingerprint)
    failed = fits.status[fits.status.status != CONVERGED]
    if len(failed) > settings.fit.max_failed_groups:
        words = "; ".join(f"{row.group}: {row.status} ({row.detail})" for row in failed.itertuples())
        raise FitsFailed(
            f"{len(failed)} of {len(fits.status)} groups of wave {wave.wave} have no trustworthy fit: "
            f"{words} Mend the model or the groups, or raise fit.max_failed_groups."
        )
    used, missing = int(fits.status.cases_used.sum()), int(fits.status.cases_missing.sum())
    notes = [f"{row.group}: {row.status}, {row.cases_used} firms" for row in fits.status.itertuples()]
    return Outcome(used + missing, used, missing, notes=(*notes, note))


def fitted(sample: DataFrame, plan: FitPlan) -> tuple[Fits, str]:
    """The fits of both groups of the sample, and a note on the way that its firms took.

    Raises SettingsError where the firms are too many to collect and the plan needs each of them.
    """
    firms, limit = sample.count(), plan.collect_limit
    summed = plan.is_summed(firms)
    if summed and not plan.from_sums:
        raise SettingsError(
            f"{firms} firms are more than fit.collect_limit ({limit}), and only estimator ml with missing "
            "listwise and no diagnosis works without collecting them; take those, or raise the limit."
        )
    note = f"{firms} firms were {'summed on the executors' if summed else 'collected'}"
    return engine.fit(sample, plan, SIDES, firms), note


def _sample(context: Context, slice: dict[str, str], model: str) -> DataFrame:
    """The sample's firms with nothing but what the model needs."""
    settings = context.settings
    linked = context.tables.read("linked", slice)
    try:
        observed = structure_of(model).observed
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
    return linked.where("excluded_by is null").select(*columns)


def _empty(context: Context, names: Iterable[str], slice: dict[str, str], fingerprint: str) -> None:
    """Remove what an earlier run left in these tables.

    A table of the diagnosis that does not exist yet is not made for that.
    """
    for name in names:
        if name not in DIAGNOSIS or context.tables.exists(name):
            context.tables.replace(name, nothing(context.spark, name), slice, fingerprint)


def _frames(fits: Fits, diagnosis: bool) -> dict[str, pd.DataFrame]:
    """The tables to be written; the last one is the stage's commit point."""
    return {
        **({name: getattr(fits, name) for name in DIAGNOSIS} if diagnosis else {}),
        "estimates": fits.estimates,
        "fit_measures": fits.fit_measures,
        "group_differences": fits.differences,
        "fit_status": fits.status,
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
    from jobs.stages.order import stage_job

    stage_job(NAME)
