"""What comes out of the fits of groups: one set of tables, whichever way the groups were fitted."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pandas as pd

from jobs.sem.bootstrap import TABLES as BOOTSTRAP
from jobs.sem.groups.rows import (
    DIAGNOSIS,
    DIFFERENCES,
    ESTIMATES,
    INFLUENCES,
    MEASURES,
    MOMENTS,
    STATUS,
    FitReport,
)
from jobs.sem.groups.support import SUPPORT
from jobs.sem.joint import HYPOTHESES, INVARIANCE

ALL = "all"  # the group of what belongs to all groups together


@dataclass(frozen=True)
class Fits:
    """What became of the groups, one table per kind of result; empty where it is not asked for."""

    estimates: pd.DataFrame
    fit_measures: pd.DataFrame
    differences: pd.DataFrame
    status: pd.DataFrame
    influences: pd.DataFrame
    moments: pd.DataFrame
    support: pd.DataFrame
    residuals: pd.DataFrame
    modification_indices: pd.DataFrame
    reliability: pd.DataFrame
    standardised: pd.DataFrame
    bootstrap_estimates: pd.DataFrame
    bootstrap_differences: pd.DataFrame
    bootstrap_status: pd.DataFrame
    hypotheses: pd.DataFrame
    invariance: pd.DataFrame


COLUMNS = {
    **{"estimates": ESTIMATES, "fit_measures": MEASURES, "differences": DIFFERENCES, "status": STATUS},
    "influences": INFLUENCES,
    "moments": MOMENTS,
    "support": SUPPORT,
    **DIAGNOSIS,
    **BOOTSTRAP,
    **{"hypotheses": HYPOTHESES, "invariance": INVARIANCE},
}


def whole(tables: dict[str, pd.DataFrame]) -> Fits:
    """The fits with these tables, the others empty."""
    empty = {name: pd.DataFrame(columns=columns) for name, columns in COLUMNS.items()}
    return Fits(**empty | tables)


def of_report(report: FitReport) -> dict[str, pd.DataFrame]:
    """The tables of a report of groups that were fitted one by one."""
    return {name: table for name, table in vars(report).items() if table is not None}


def lost(group: str, cases: int, detail: str) -> Fits:
    """The fits of a group that could not be fitted, for the reason in `detail`."""
    status = dict.fromkeys(STATUS) | {"group": group, "status": "failed", "detail": detail}
    status |= {"cases_in": cases, "cases_used": 0, "cases_missing": 0}
    return whole({"status": pd.DataFrame([status], columns=STATUS)})


def joined(several: list[Fits]) -> Fits:
    """The fits of many groups as one, in the order of the groups' names."""
    tables = {}
    for field in fields(Fits):
        parts = [getattr(fits, field.name) for fits in several if len(getattr(fits, field.name))]
        if parts:
            table = pd.concat(parts, ignore_index=True)
            if "group" in table:
                table = table.sort_values("group", kind="stable").reset_index(drop=True)
            tables[field.name] = table
    return whole(tables)
