"""Fit: the model is fitted in each group of each slice, from its sample, column-pruned.

Samples of few slices are collected, those of many are fitted on the executors. A sample above
`fit.collect_limit` is summed on the executors, and its sums are fitted.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.errors import DiamantError, FitsFailed, SettingsError
from jobs.fits import slices
from jobs.fits.plan import FitPlan
from jobs.fits.results import Fits
from jobs.run.context import Batch, Outcome, Results
from jobs.sem.bootstrap.replicates import TABLES as BOOTSTRAP
from jobs.sem.groups.rows import CONVERGED, DIAGNOSIS
from jobs.sem.model.structure import ModelError, structure_of
from jobs.settings import models, resources, schemas
from jobs.settings.methods import method
from jobs.settings.sections import FitSettings
from jobs.settings.slices import Slice, SliceSettings
from jobs.spark.frames import rows_of
from jobs.spark.tables import Tables

NAME = "fit"
TABLES = (
    *DIAGNOSIS,
    *BOOTSTRAP,
    *("influences", "moments", "support", "estimates", "fit_measures", "group_differences", "fit_status"),
)
ROWS: tuple[str, ...] = ()
READS = ("linked",)
SIDES = 2  # groups of a slice: the firms for which the column of the groups is true, and the others


def inputs(settings: SliceSettings, tables: Tables) -> list[Any]:
    return [settings.fit, settings.model and resources.digest(settings.model)]


def run(batch: Batch) -> Results:
    results = Results()
    tables: dict[str, list[pd.DataFrame]] = {}
    for (name, chosen), part in batch.alike(lambda own: (own.model, own.fit)).items():
        surveyed = part.only(slice for slice, own in part.slices.items() if own.survey and name)
        for slice in set(part.slices) - set(surveyed.slices):
            results.outcomes[slice] = Outcome(0, 0, notes=("no model is fitted for this wave",))
        if not surveyed.slices:
            continue
        plan = plan_of(name, chosen)
        sample = _sample(surveyed, name, plan, chosen)
        sizes = _sizes(surveyed, sample)
        too_large = [slice for slice, size in sizes.items() if plan.is_summed(size) and not plan.from_sums]
        for slice in too_large:
            results.fail(slice, _too_large(sizes.pop(slice), plan))
        for slice, fitted in slices.fit(sample, plan, sizes, SIDES).items():
            try:
                if not isinstance(fitted, Fits):
                    raise SettingsError(f"{name}: {fitted}; mend the model.")
                results.outcomes[slice] = _outcome(slice, fitted, chosen, _way(sizes[slice], plan))
            except DiamantError as error:
                results.fail(slice, error)
            if isinstance(fitted, Fits):
                for table, frame in _frames(fitted, chosen).items():
                    tables.setdefault(table, []).append(frame.assign(**slice.keys))
    results.frames = {
        table: _rows(table, pd.concat(frames, ignore_index=True)) for table, frames in tables.items()
    }
    for table in set(TABLES) - {*DIAGNOSIS, *BOOTSTRAP} - set(results.frames):
        results.frames[table] = rows_of(table)
    return results


def plan_of(name: str, chosen: FitSettings) -> FitPlan:
    """How the model of this name is fitted."""
    return FitPlan(
        model=models.read(resources.find(name), name),
        method=method(chosen),
        error=chosen.primary_error,
        group="group",
        key="firm_id",
        replicates=chosen.bootstrap,
        seed=chosen.seed,
        collect_limit=chosen.collect_limit,
    )


def _too_large(firms: int, plan: FitPlan) -> SettingsError:
    return SettingsError(
        f"{firms} firms are more than fit.collect_limit ({plan.collect_limit}), and only estimator ml with "
        "missing listwise, without diagnosis and bootstrap, works without collecting them; take those, or "
        "raise the limit."
    )


def _way(firms: int, plan: FitPlan) -> str:
    # The words are the same wherever the firms of a slice were brought together.
    way = "summed on the executors" if plan.is_summed(firms) else "collected"
    return f"{firms} firms were {way}"


def _outcome(slice: Slice, fits: Fits, chosen: FitSettings, note: str) -> Outcome:
    """What came of a slice. Raises FitsFailed where too many of its groups have no trustworthy fit."""
    failed = fits.status[fits.status.status != CONVERGED]
    if len(failed) > chosen.max_failed_groups:
        words = "; ".join(f"{row.group}: {row.status} ({row.detail})" for row in failed.itertuples())
        raise FitsFailed(
            f"{len(failed)} of {len(fits.status)} groups of wave {slice.wave} have no trustworthy fit: "
            f"{words} Mend the model or the groups, or raise fit.max_failed_groups."
        )
    used, missing = int(fits.status.cases_used.sum()), int(fits.status.cases_missing.sum())
    notes = [f"{row.group}: {row.status}, {row.cases_used} firms" for row in fits.status.itertuples()]
    return Outcome(used + missing, used, missing, notes=(*notes, note))


def _sample(batch: Batch, name: str, plan: FitPlan, chosen: FitSettings) -> DataFrame:
    """The firms of the samples with nothing but what the model needs."""
    linked = batch.read("linked")
    try:
        observed = structure_of(plan.model).observed
    except ModelError as error:
        raise SettingsError(f"{name}: {error}; mend the model.") from None
    absent = [column for column in observed if column not in linked.columns]
    if absent:
        raise SettingsError(
            f"{name} names {absent[0]}, which is no column of the linked firms; see schemas/linked.yaml."
        )
    weight = ["weight"] if chosen.weighted else []
    columns = ["country", "wave", "firm_id", "group", *chosen.clusters, *weight, *observed]
    return linked.where("excluded_by is null").select(*dict.fromkeys(columns))


def _sizes(batch: Batch, sample: DataFrame) -> dict[Slice, int]:
    """The firms in the sample of each slice."""
    rows = sample.groupBy("country", "wave").agg(F.count("*").alias("firms")).collect()
    counted = {Slice(row["country"], row["wave"]): row["firms"] for row in rows}
    return {slice: counted.get(slice, 0) for slice in batch.slices}


def _frames(fits: Fits, chosen: FitSettings) -> dict[str, pd.DataFrame]:
    """The tables to be written."""
    return {
        **({name: getattr(fits, name) for name in DIAGNOSIS} if chosen.diagnosis else {}),
        **({name: getattr(fits, name) for name in BOOTSTRAP} if chosen.bootstrap else {}),
        "influences": fits.influences,
        "moments": fits.moments,
        "support": fits.support,
        "estimates": fits.estimates,
        "fit_measures": fits.fit_measures,
        "group_differences": fits.differences,
        "fit_status": fits.status,
    }


def _rows(name: str, frame: pd.DataFrame) -> pa.Table:
    """The rows of a small table; pandas' not-a-number becomes null."""
    table = schemas.table(name)
    plain = frame[table.names].astype(object).where(frame[table.names].notna(), None)
    kinds = [column.type for column in table.columns]
    rows = [
        tuple(_typed(value, kind) for value, kind in zip(row, kinds, strict=True))
        for row in plain.itertuples(index=False, name=None)
    ]
    return rows_of(name, rows)


def _typed(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "array<double>":
        return [float(part) for part in value]
    return {"double": float, "int": int, "bigint": int, "boolean": bool}.get(kind, str)(value)


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
