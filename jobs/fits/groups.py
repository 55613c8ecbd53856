"""Groups fitted one by one: few are collected and fitted on the driver, many where their rows are.

Only groups fitted together have tests of their differences, since these need the cases' influence; many
groups are fitted on the executors, and results alone reach the driver. Cases are put in order first, so
that neither the order of rows nor partitions show in a result; one BLAS thread, so that cores do not. A
bootstrap's replicates are a function of seed and group: few groups spread them over the executors, many
groups draw them where they are fitted.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from math import ceil
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from threadpoolctl import threadpool_limits

from jobs.fits.plan import FitPlan
from jobs.fits.results import Fits, joined, lost, of_report, whole
from jobs.sem.bootstrap import replicates
from jobs.sem.bootstrap.replicates import Drawing
from jobs.sem.groups.fit import fit_groups
from jobs.sem.trouble import ModelError, Trouble, verdict
from jobs.spark.frames import quoted
from jobs.spark.spread import ship_code, spread
from jobs.spark.tables import collected

GROUPS_A_TASK = 20
RESULT = "fits binary"
Tell = Callable[[int, int], None]


def on_driver(cases: DataFrame, plan: FitPlan, tell: Tell | None = None) -> Fits:
    """All groups of `cases`, collected; `tell` hears how many parts of a bootstrap are done."""
    spark = cases.sparkSession
    return fitted(collected(cases), plan, lambda replicate, tasks: spread(spark, replicate, tasks, tell=tell))


def on_executors(cases: DataFrame, plan: FitPlan, groups: int) -> Fits:
    """Each of the `groups` groups of `cases` where its rows are."""
    ship_code(cases.sparkSession)
    tasks = max(ceil(groups / GROUPS_A_TASK), min(groups, _partitions(cases)))

    def fit_one(rows: pd.DataFrame) -> pd.DataFrame:  # Spark counts the arguments of what it is given
        return _fit_one(rows, plan)

    # A number of partitions that is asked for stays as it is; adaptive execution would join them to one.
    by_group = cases.repartition(tasks, quoted(plan.group)).groupBy(quoted(plan.group))
    return joined([pickle.loads(row["fits"]) for row in by_group.applyInPandas(fit_one, RESULT).collect()])


def _fit_one(rows: pd.DataFrame, plan: FitPlan) -> pd.DataFrame:
    """One group's fits, pickled in one cell; what cannot be fitted is a status, not a failed task."""
    try:
        fits = fitted(rows, plan, replicates.in_turn)
    except (ModelError, Trouble) as error:
        fits = lost(str(rows[plan.group].iloc[0]), len(rows), verdict(error)[1])
    return pd.DataFrame({"fits": [pickle.dumps(fits)]})


def fitted(rows: pd.DataFrame, plan: FitPlan, mapped: Any) -> Fits:
    cases = in_order(rows, plan)
    with threadpool_limits(1):
        tables = of_report(fit_groups(plan.model, cases, plan.group, plan.method))
        if plan.replicates:
            drawn = replicates.bootstrap(
                plan.model, cases, plan.group, plan.method, Drawing(plan.replicates, plan.seed), mapped
            )
            tables |= {
                "bootstrap_estimates": drawn.estimates,
                "bootstrap_differences": drawn.differences,
                "bootstrap_status": drawn.status,
            }
    return whole(tables)


def in_order(rows: pd.DataFrame, plan: FitPlan) -> pd.DataFrame:
    """Cases in the order of their key, which is left out then, or of their values."""
    by = [plan.key] if plan.key else list(rows.columns)
    cases = rows.sort_values(by, kind="stable").reset_index(drop=True)
    return cases.drop(columns=plan.key) if plan.key else cases


def _partitions(cases: DataFrame) -> int:
    return int(cases.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
