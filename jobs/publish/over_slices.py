"""What a run says over its slices, as tables of a page: pooled paths, one model of all slices, its tests."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from jobs.output.diagram import DAGGER
from jobs.publish.grids import Table, grid, interval, number, p_value, whole, words
from jobs.sem.groups.pooled_slices import ALL

NAMES = ("pooled_paths", "equal_paths", "equality_tests")  # the published tables
SPREAD = {"tau2": ("tau²", 4), "i2": ("I²", 2)}  # how far slices differ


def grids(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[Table]]:
    """The grids for over_slices.html.j2; `tables`: those of NAMES that the run has."""
    grids_by_name: dict[str, list[Table]] = {"pooled": [], "apart": [], "equal": []}
    if "pooled_paths" in tables:
        pooled = tables["pooled_paths"]
        grids_by_name["pooled"] = _paths(pooled[pooled.pool == ALL], SPREAD)
        grids_by_name["apart"] = _paths(pooled[pooled.pool != ALL], SPREAD)
    if "equal_paths" in tables:
        grids_by_name["equal"] = _paths(tables["equal_paths"], {})
    return {**grids_by_name, "tests": _tests(tables.get("equality_tests"))}


def _paths(paths: pd.DataFrame, more: Mapping[str, tuple[str, int]]) -> list[Table]:
    """A table a pool and group, one row a path; `more`: further columns, with their heads and digits."""
    columns = ["path", "estimate", "error", "interval", "p", "slices", "left out"]
    columns += [head for head, _ in more.values()]
    tables = []
    for (pool, group), part in paths.groupby(["pool", "group"], sort=True):
        rows = [
            [
                f"{words(row.rhs)} → {words(row.lhs)}",
                number(row.est, 4) + ("" if row.reliable or pd.isna(row.est) else DAGGER),
                number(row.se, 4),
                str(row.detail) if pd.isna(row.est) else interval(row.ci_lower, row.ci_upper),
                p_value(row.pvalue),
                whole(row.slices),
                whole(row.left_out),
                *[number(getattr(row, name), digits) for name, (_, digits) in more.items()],
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
