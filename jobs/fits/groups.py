"""The fits: few groups are collected and fitted on the driver, many where their rows are.

Only groups fitted together have tests of their differences, since these need the cases' influence; many
groups are fitted one by one on the executors, and results alone reach the driver. Cases are put in
the order of their values first, so that neither the order of rows nor partitions show in a result; one
BLAS thread, so that cores do not. A bootstrap's replicates are a function of seed and group: few groups
spread them over the executors, many groups draw them where they are fitted.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, fields
from math import ceil
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from threadpoolctl import threadpool_limits

from jobs.sem.bootstrap import replicates as boot
from jobs.sem.groups.fit import fit_groups
from jobs.sem.groups.rows import DIAGNOSIS, DIFFERENCES, ESTIMATES, MEASURES, STATUS, FitReport
from jobs.sem.joint.hypotheses import HYPOTHESES
from jobs.sem.joint.invariance import COLUMNS as STEPS
from jobs.sem.routes.settings import FitSettings
from jobs.sem.trouble import ModelError, Trouble, verdict
from jobs.spark.spread import ship_code, spread
from jobs.spark.tables import collected

GROUP = "_group"  # the group's name: its columns' values, joined
JOIN = ", "
FEW = 10  # groups that are fitted on the driver
GROUPS_A_TASK = 20
RESULT = "fits binary"
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """What is computed of each group; `replicates` 0 is no bootstrap."""

    model: str
    settings: FitSettings
    replicates: int = 0
    seed: int = 1


@dataclass(frozen=True)
class Fits:
    """What became of the groups, a table a kind of result; empty where it is not asked for."""

    estimates: pd.DataFrame
    fit_measures: pd.DataFrame
    differences: pd.DataFrame
    status: pd.DataFrame
    residuals: pd.DataFrame
    modification_indices: pd.DataFrame
    reliability: pd.DataFrame
    standardised: pd.DataFrame
    replicated: pd.DataFrame
    replications: pd.DataFrame
    hypotheses: pd.DataFrame
    invariance: pd.DataFrame


COLUMNS = {
    **{"estimates": ESTIMATES, "fit_measures": MEASURES, "differences": DIFFERENCES, "status": STATUS},
    **DIAGNOSIS,
    **{"replicated": boot.ESTIMATES, "replications": boot.STATUS},
    **{"hypotheses": HYPOTHESES, "invariance": STEPS},
}


def fit(cases: DataFrame, asked: Asked, groups: int, few: int = FEW, told: Tell | None = None) -> Fits:
    """The model in each group of `cases` (columns as source.cases gives them); `groups` is their number.

    `told` hears how many parts of a bootstrap are done.
    """
    spark = cases.sparkSession
    if groups <= few:
        return _fitted(collected(cases), asked, lambda one, tasks: spread(spark, one, tasks, told=told))
    ship_code(spark)
    tasks = max(ceil(groups / GROUPS_A_TASK), min(groups, _partitions(cases)))

    def one(rows: pd.DataFrame) -> pd.DataFrame:  # Spark counts the arguments of what it is given
        return _fit_one(rows, asked)

    # A number of partitions that is asked for stays as it is; adaptive execution would join them to one.
    found = cases.repartition(tasks, GROUP).groupBy(GROUP).applyInPandas(one, RESULT)
    return _joined([pickle.loads(row["fits"]) for row in found.collect()])


def _fit_one(rows: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """One group's fits, pickled in one cell; what cannot be fitted is a status, not a failed task."""
    try:
        fits = _fitted(rows, asked, boot.in_turn)
    except (ModelError, Trouble) as error:
        fits = _lost(str(rows[GROUP].iloc[0]), len(rows), verdict(error)[1])
    return pd.DataFrame({"fits": [pickle.dumps(fits)]})


def _fitted(rows: pd.DataFrame, asked: Asked, mapped: Any) -> Fits:
    ordered = in_order(rows)
    with threadpool_limits(1):
        report: FitReport = fit_groups(asked.model, ordered, GROUP, asked.settings)
        tables = {name: table for name, table in vars(report).items() if table is not None}
        if asked.replicates:
            again = boot.bootstrap(
                asked.model, ordered, GROUP, asked.settings, asked.replicates, asked.seed, mapped
            )
            tables |= {"replicated": again.estimates, "replications": again.status}
    return whole(tables)


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Cases in the order of their values."""
    return rows.sort_values(list(rows.columns), kind="stable").reset_index(drop=True)


def _lost(group: str, cases: int, detail: str) -> Fits:
    status = dict.fromkeys(STATUS) | {"group": group, "status": "failed", "detail": detail}
    status |= {"cases_in": cases, "cases_used": 0, "cases_missing": 0}
    return whole({"status": pd.DataFrame([status], columns=STATUS)})


def whole(tables: dict[str, pd.DataFrame]) -> Fits:
    """The fits with these tables, the others empty."""
    empty = {name: pd.DataFrame(columns=columns) for name, columns in COLUMNS.items()}
    return Fits(**empty | tables)


def _joined(several: list[Fits]) -> Fits:
    """One of many, groups in the order of their names."""
    tables = {}
    for field in fields(Fits):
        parts = [getattr(one, field.name) for one in several if len(getattr(one, field.name))]
        if parts:
            table = pd.concat(parts, ignore_index=True)
            if "group" in table:
                table = table.sort_values("group", kind="stable").reset_index(drop=True)
            tables[field.name] = table
    return whole(tables)


def _partitions(cases: DataFrame) -> int:
    return int(cases.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
