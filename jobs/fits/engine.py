"""The one way from a Spark table of cases to the fits of its groups, for `diamant run` and `diamant fit`.

Here alone it is decided where groups are fitted: on the driver where they are few, on the executors where
they are many, from sums where the cases are too many to collect, and all at once where the plan says so. Few
groups are collected; of many, results alone reach the driver. A bootstrap's replicates are a function of seed
and group: few groups spread them over the executors, many groups draw them where they are fitted.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from math import ceil

import pandas as pd
from pyspark.sql import DataFrame

from jobs.fits import groups
from jobs.fits.plan import FEW, FitPlan
from jobs.fits.results import Fits, joined, of_report, whole
from jobs.fits.totals import totals
from jobs.sem.groups.fit import fit_totals
from jobs.sem.model.structure import structure_of
from jobs.spark.frames import collected, quoted
from jobs.spark.spread import ship_code, spread

GROUPS_A_TASK = 20
RESULT = "fits binary"
Tell = Callable[[int, int], None]


def fit(
    cases: DataFrame, plan: FitPlan, count: int, size: int, few: int = FEW, tell: Tell | None = None
) -> Fits:
    """The plan carried out on `cases`, which have `count` groups and `size` rows.

    `cases` holds the columns that the model, weights and clusters name, the plan's `group` and its `key`.
    `tell` hears how many parts of a bootstrap are done. Raises ModelError where the model does not fit the
    columns, or needs the cases where they are only summed.
    """
    if not plan.joint and plan.is_summed(size):
        return _from_sums(cases, plan)
    if plan.joint or plan.invariance or count <= few:
        spark = cases.sparkSession
        return groups.fitted(
            collected(cases),
            plan,
            count,
            few,
            lambda replicate, tasks: spread(spark, replicate, tasks, tell=tell),
        )
    return _on_executors(cases, plan, count)


def _from_sums(cases: DataFrame, plan: FitPlan) -> Fits:
    assert plan.key is not None, "cases are summed in buckets by their key"
    sums, without_group = totals(cases, plan.key, plan.group, structure_of(plan.model), plan.method)
    return whole(of_report(fit_totals(plan.model, sums, plan.group, plan.method, without_group)))


def _on_executors(cases: DataFrame, plan: FitPlan, count: int) -> Fits:
    """Each of the `count` groups of `cases` where its rows are."""
    ship_code(cases.sparkSession)
    tasks = max(ceil(count / GROUPS_A_TASK), min(count, _partitions(cases)))

    def fit_one(rows: pd.DataFrame) -> pd.DataFrame:  # Spark counts the arguments of what it is given
        return pd.DataFrame({"fits": [pickle.dumps(groups.apart(rows, plan))]})

    # A number of partitions that is asked for stays as it is; adaptive execution would join them to one.
    by_group = cases.repartition(tasks, quoted(plan.group)).groupBy(quoted(plan.group))
    return joined([pickle.loads(row["fits"]) for row in by_group.applyInPandas(fit_one, RESULT).collect()])


def _partitions(cases: DataFrame) -> int:
    return int(cases.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
