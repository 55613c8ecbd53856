"""The tables that `diamant fit --data` writes: pandas in, pandas out, with lavaan's column names."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.anytable.request import Request
from jobs.fits.results import Fits
from jobs.publish.rules import WITHHELD
from jobs.sem.groups.multiple import benjamini_hochberg, family
from jobs.sem.groups.pooling import pool_paths
from jobs.sem.groups.rows import CONVERGED, DIAGNOSIS

NO_ERROR = "no error"
NAMES = {
    **{"se_boot": "se.boot", "ci_boot_lower": "ci.boot.lower", "ci_boot_upper": "ci.boot.upper"},
    **{"ci_boot_bca_lower": "ci.boot.bca.lower", "ci_boot_bca_upper": "ci.boot.bca.upper"},
    **{"reliable_boot": "reliable.boot", "replicates_failed": "replicates.failed"},
    **{"std_all": "std.all", "ci_lower": "ci.lower", "ci_upper": "ci.upper", "pvalue_bh": "pvalue.bh"},
    **{"cases_in": "cases.in", "cases_used": "cases.used", "cases_missing": "cases.missing"},
    **{"mi_robust": "mi.robust", "sepc_all": "sepc.all", "est_std": "est.std", "omega_std": "omega.std"},
    **{"df_error": "df.error", "delta_chisq": "delta.chisq", "delta_df": "delta.df"},
    **{"delta_pvalue": "delta.pvalue", "delta_cfi": "delta.cfi"},
    **{"left_out": "left.out", "q_df": "q.df", "q_pvalue": "q.pvalue"},
}
ESTIMATES = [
    *("group", "lhs", "op", "rhs", "label", "est", "se", "z", "pvalue", "ci_lower", "ci_upper", "std_all"),
    *("error", "df", "clusters", "reliable", "pvalue_bh"),
]
FIGURES = ("est", "se", "z", "pvalue", "ci_lower", "ci_upper", "std_all", "df")
COUNTS = ("cases_in", "cases_used", "cases_missing", "parameters")
BOOT = {  # columns of a bootstrap: the name it gives, and the name here
    **{"se": "se_boot", "ci_lower": "ci_boot_lower", "ci_upper": "ci_boot_upper"},
    **{"bca_lower": "ci_boot_bca_lower", "bca_upper": "ci_boot_bca_upper"},
    **{"replicates": "replicates", "reliable": "reliable_boot"},
}


@dataclass(frozen=True)
class Groups:
    """The groups of the table: `keys` has one row per group, its name in the column `group`.

    `sharing`: names of the pools whose groups have clusters of the same name.
    """

    keys: pd.DataFrame
    sharing: frozenset[str]


def tables(fits: Fits, groups: Groups, request: Request) -> dict[str, pd.DataFrame]:
    """estimates, fit_measures, status; differences where there are some; what else is asked for."""
    chosen = _chosen(fits.estimates, request.chosen_error).astype(dict.fromkeys(FIGURES, float))
    chosen["clusters"] = chosen.clusters.astype("Int64")
    chosen["pvalue_bh"] = _false_discovery(chosen, request)
    written = {
        "estimates": _with_bootstrap(chosen[ESTIMATES], fits) if request.bootstrap else chosen[ESTIMATES],
        "fit_measures": fits.fit_measures.assign(measure=fits.fit_measures.measure.str.replace("_", ".")),
        "status": _status(fits, chosen, groups, request),
    }
    differences = _chosen(fits.differences, request.chosen_error)
    if len(differences):
        written["differences"] = differences
    if request.diagnosis:
        written |= {name: getattr(fits, name) for name in DIAGNOSIS}
        written["standardised"] = _chosen(fits.standardised, request.chosen_error)
    written |= {name: getattr(fits, name) for name in ("hypotheses", "invariance") if getattr(request, name)}
    if request.pool:
        written["pooled"] = pooled(chosen, differences, groups, request, converged(written["status"]))
    return written


def converged(status: pd.DataFrame) -> set[str]:
    """The groups whose fit can be trusted."""
    return set(status.group[status.status == CONVERGED])


def pooled(
    chosen: pd.DataFrame,
    differences: pd.DataFrame,
    groups: Groups,
    request: Request,
    trusted: Set[str],
) -> pd.DataFrame:
    """Each parameter of the family pooled over the values of the pooled columns; `trusted` groups count."""
    mine = chosen[_in_family(chosen, request) & chosen.se.notna().to_numpy()]
    mine = mine.assign(reliable=mine.group.isin(trusted))  # few clusters are pooling's own matter
    pools = dict(zip(groups.keys.group, pool_names(groups.keys, request), strict=True))
    return pool_paths(mine, pools, groups.sharing, differences, request.confidence)


def pool_names(keys: pd.DataFrame, request: Request) -> list[str]:
    """The pool of each group: the values of the group columns that are not pooled."""
    kept = [column for column in request.groups if column not in request.pool]
    return [", ".join(row) or "all" for row in keys[kept].itertuples(index=False, name=None)]


def written(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the column names of its file."""
    return table.rename(columns=NAMES)


def _chosen(table: pd.DataFrame, error: str) -> pd.DataFrame:
    return table[table.error == error].reset_index(drop=True)


def _with_bootstrap(estimates: pd.DataFrame, fits: Fits) -> pd.DataFrame:
    """Each parameter's percentile and BCa interval beside it, where the replicates gave it."""
    again = fits.bootstrap_estimates[fits.bootstrap_estimates.quantity.isin(["est", "defined"])]
    names = ["group", "lhs", "op", "rhs"]
    wide = again[[*names, *BOOT]].rename(columns=BOOT).astype({"replicates": "Int64"})
    return estimates.merge(wide, on=names, how="left", sort=False)


def _false_discovery(chosen: pd.DataFrame, request: Request) -> pd.Series:
    """P-values adjusted over the family; a parameter that groups share is one test, with one error."""
    repeated = chosen.duplicated(["est", "se"]) & request.joint
    adjusted = benjamini_hochberg(chosen.pvalue, _in_family(chosen, request) & ~repeated.to_numpy())
    if not request.joint:
        return adjusted
    first = adjusted.groupby([chosen.est, chosen.se]).transform("first")
    return first.where(_in_family(chosen, request))


def _in_family(estimates: pd.DataFrame, request: Request) -> np.ndarray:
    return family(estimates, request.family) if len(estimates) else np.zeros(0, dtype=bool)


def _status(fits: Fits, chosen: pd.DataFrame, groups: Groups, request: Request) -> pd.DataFrame:
    """One row per group, with its columns; a fit without the chosen kind of error is none to be trusted."""
    status = fits.status.drop(columns="max_gradient").astype(dict.fromkeys(COUNTS, "Int64"))
    shown = status.group.isin(chosen.group) | (request.joint and len(chosen) > 0)
    bare = (status.status == CONVERGED) & ~shown
    status.loc[bare, "status"] = NO_ERROR
    column = request.chosen_error.partition(":")[2]
    which = "a group" if request.joint else "the group"
    status.loc[bare, "detail"] = (
        f"{which} lies within one cluster of {column}; join groups, or take another --error."
    )
    if request.joint:
        return status
    if request.bootstrap:
        again = fits.bootstrap_status.rename(columns={"failed": "replicates_failed"})
        status = status.merge(again[["group", "replicates", "replicates_failed"]], on="group", how="left")
        status = status.astype({"replicates": "Int64", "replicates_failed": "Int64"})
    keys = groups.keys.rename(columns={name: f"group.{name}" for name in request.groups})
    return status.merge(keys, on="group", how="left", sort=False)


def failed(status: pd.DataFrame) -> pd.DataFrame:
    """The groups without a trustworthy fit; what disclosure control withholds is none of them."""
    return status[~status.status.isin([CONVERGED, WITHHELD])]


def words(rows: pd.DataFrame, most: int = 5) -> str:
    """What became of the groups that failed, the first of them by name."""
    said: list[Any] = [f"{row.group}: {row.status} ({row.detail})" for row in rows.head(most).itertuples()]
    more = len(rows) - most
    return "; ".join(said) + (f"; and {more} more in status.csv." if more > 0 else "")
