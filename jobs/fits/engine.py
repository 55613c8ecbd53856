"""The one way from a table of cases to the fits of its groups, for `diamant run` and `diamant fit`.

Here alone it is decided where groups are fitted: on the driver where they are few, on the executors where
they are many, from sums where the cases are too many to collect, and all at once where the plan says so.
"""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame

from jobs.fits import groups, joint
from jobs.fits.groups import Tell
from jobs.fits.plan import FitPlan
from jobs.fits.results import Fits, of_report, whole
from jobs.fits.totals import totals
from jobs.sem.groups.fit import fit_totals
from jobs.sem.model.structure import structure_of

FEW = 10  # groups that are fitted on the driver


def fit(
    cases: DataFrame, plan: FitPlan, count: int, size: int, few: int = FEW, tell: Tell | None = None
) -> Fits:
    """The plan carried out on `cases`, which have `count` groups and `size` rows.

    `cases` holds the columns that the model, weights and clusters name, the plan's `group` and its `key`.
    `tell` hears how many parts of a bootstrap are done. Raises ModelError where the model does not fit the
    columns, or needs the cases where they are only summed.
    """
    if plan.joint:
        return joint.fit(cases, plan)
    if plan.is_summed(size):
        return _from_sums(cases, plan)
    fits = groups.on_driver(cases, plan, tell) if count <= few else groups.on_executors(cases, plan, count)
    return replace(fits, invariance=joint.invariance(cases, plan)) if plan.invariance else fits


def _from_sums(cases: DataFrame, plan: FitPlan) -> Fits:
    assert plan.key is not None, "cases are summed in buckets by their key"
    observed, method = structure_of(plan.model).observed, plan.method
    sums, without_group = totals(cases, plan.key, plan.group, observed, method.weights, method.clusters)
    return whole(of_report(fit_totals(plan.model, sums, plan.group, method, without_group)))
