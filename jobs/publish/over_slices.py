"""What a run says over its slices, as tables of a page: pooled paths, one model of all slices, its tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from jobs.output.diagram import DAGGER
from jobs.publish.grids import Table, grid, number, p_value, whole, words
from jobs.sem.groups.pooled_slices import ALL

NAMES = ("pooled_paths", "equal_paths", "equality_tests")  # the published tables


def grids(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[Table]]:
    """The grids for over_slices.html.j2; `tables`: those of NAMES that the run has."""
    pooled = tables.get("pooled_paths")
    return {
        "pooled": _pooled(pooled, of_all=True),
        "apart": _pooled(pooled, of_all=False),
        "equal": _equal(tables.get("equal_paths")),
        "tests": _tests(tables.get("equality_tests")),
    }


def _pooled(pooled: pd.DataFrame | None, of_all: bool) -> list[Table]:
    """A table a pool and group: each path's mean over all slices, or those of countries and of waves."""
    if pooled is None:
        return []
    chosen = pooled[(pooled.pool == ALL) == of_all]
    columns = ["path", "mean", "error", "interval", "p", "slices", "left out", "tau²", "I²"]
    tables = []
    for (pool, group), part in chosen.groupby(["pool", "group"], sort=True):
        rows = [
            [
                f"{words(row.rhs)} → {words(row.lhs)}",
                number(row.est, 4) + ("" if row.reliable or pd.isna(row.est) else DAGGER),
                number(row.se, 4),
                _interval(row),
                p_value(row.pvalue),
                whole(row.slices),
                whole(row.left_out),
                number(row.tau2, 4),
                number(row.i2, 2),
            ]
            for row in part.itertuples()
        ]
        tables.append(grid(f"{group} firms, {pool}", columns, rows))
    return tables


def _equal(equal: pd.DataFrame | None) -> list[Table]:
    """A table a pool and group: the paths that all slices share."""
    columns = ["path", "estimate", "error", "interval", "p", "slices", "left out"]
    tables = []
    for (pool, group), part in () if equal is None else equal.groupby(["pool", "group"], sort=True):
        rows = [
            [
                f"{words(row.rhs)} → {words(row.lhs)}",
                number(row.est, 4) + ("" if row.reliable or pd.isna(row.est) else DAGGER),
                number(row.se, 4),
                _interval(row),
                p_value(row.pvalue),
                whole(row.slices),
                whole(row.left_out),
            ]
            for row in part.itertuples()
        ]
        tables.append(grid(f"{group} firms, {pool}", columns, rows))
    return tables


def _tests(tests: pd.DataFrame | None) -> list[Table]:
    """The tests that loadings, and then paths, are equal."""
    if tests is None or tests.empty:
        return []
    columns = ["slices of", "firms", "equal", "chi-square", "df", "F", "df", "df of the error", "p"]
    rows = [
        [
            row.pool,
            row.group,
            words(row.equal),
            number(row.chisq, 2),
            whole(row.chisq_df),
            number(row.f, 3),
            number(row.f_df, 1),
            number(row.f_df_error, 1),
            p_value(row.pvalue) if pd.notna(row.pvalue) else row.detail,
        ]
        for row in tests.itertuples()
    ]
    return [grid("Are they equal?", columns, rows, 3)]


def _interval(row: Any) -> str:
    """The ends of an interval, or why there is none."""
    if pd.isna(row.est):
        return str(row.detail)
    return f"{number(row.ci_lower, 4)} to {number(row.ci_upper, 4)}"
