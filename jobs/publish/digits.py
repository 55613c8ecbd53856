"""How many digits of a model are published: as many as its standard errors bear.

All digits of a small group's estimates fix the answers of its firms: sums of whole numbers over few firms are
few. A standard error has three significant digits (two where the firms are fewer than MANY), and the estimate
with its interval ends at the same place. What follows from both (z, p-value) is computed from the rounded
figures, so that it adds nothing to them. Calculations are made before; only published tables are rounded.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.sem.laws import t_tail

SIGNIFICANT, OF_FEW = 3, 2  # digits of a standard error, and of an estimate that has none
MANY = 100  # firms
INTERVAL = ("ci_lower", "ci_upper")
BCA = ("bca_lower", "bca_upper")
TIED = {  # columns that end at the place of the column `se`, the estimate first
    "estimates": ("est", *INTERVAL),
    "standardised": ("est_std", *INTERVAL),
    "group_differences": ("difference",),
    "bootstrap_estimates": ("est", "bias", *INTERVAL, *BCA),
    "bootstrap_differences": ("est", "bias", *INTERVAL, *BCA),
    "pooled_paths": ("est", *INTERVAL),
    "equal_paths": ("est", *INTERVAL),
}
DECIMALS = {
    "estimates": {"std_all": 3, "df": 2},
    "standardised": {"df": 2},
    "group_differences": {"df": 2},
    "pooled_paths": {"df": 2, "tau2": 6, "i2": 3, "q": 3, "q_pvalue": 4},
    "equal_paths": {"df": 2},
    "equality_tests": {"chisq": 3, "f": 3, "f_df": 2, "f_df_error": 2, "pvalue": 4},
    "hypotheses": {"statistic": 3, "df_error": 2, "pvalue": 4},
    "invariance": {
        **{"chisq": 3, "pvalue": 4, "cfi": 3, "rmsea": 3},
        **{"delta_chisq": 3, "delta_pvalue": 4, "delta_cfi": 3},
    },
    "residuals": {"residual": 3, "z": 3},
    "modification_indices": {"mi": 3, "mi_robust": 3, "epc": 3, "sepc_all": 3},
    "reliability": {"omega": 3, "omega_std": 3, "ave": 3},
}
P_DECIMALS, Z_DECIMALS = 4, 3
# By the beginning of their names.
MEASURES = {"logl": 2, "aic": 2, "bic": 2, "pvalue": P_DECIMALS, "clusters": 0}
COUNTING = ("largest_cluster",)  # with the firms of the group it would give the firms of one region
OTHER_MEASURES = 3
Array = NDArray[np.float64]


def published(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with the digits that are published; those of no model stay as they are.

    `tables` holds fit_status, which tells how many firms a group has.
    """
    out = dict(tables)
    for name in TIED.keys() & tables.keys():
        out[name] = _tied(out[name], TIED[name], _digits(out[name], tables["fit_status"]))
    for name in DECIMALS.keys() & tables.keys():
        out[name] = out[name].assign(
            **{
                column: out[name][column].astype(float).round(decimals)
                for column, decimals in DECIMALS[name].items()
                if column in out[name]
            }
        )
    if "fit_measures" in tables:
        out["fit_measures"] = _measures(out["fit_measures"])
    return out


def _digits(table: pd.DataFrame, status: pd.DataFrame) -> Array:
    """The significant digits of each row (n): by the firms of its group, or of the smaller of two."""
    keys = ["country", "wave", "group"]
    firms = status.set_index(keys).cases_used.astype(float)
    sides = [side for side in ("group", "group_a", "group_b") if side in table]
    if not sides or "country" not in table:  # a path over many slices
        return np.full(len(table), float(SIGNIFICANT))
    of_side = [
        firms.reindex(pd.MultiIndex.from_frame(table[[*keys[:2], side]])).fillna(0).to_numpy()
        for side in sides
    ]
    return np.where(np.minimum.reduce(of_side) < MANY, float(OF_FEW), float(SIGNIFICANT))


def _tied(table: pd.DataFrame, columns: tuple[str, ...], significant: Array) -> pd.DataFrame:
    """Errors to their significant digits (n), `columns` to the same place, and what follows from them."""
    out = table.copy()
    se = table["se"].to_numpy(dtype=float)
    places = _places(se, significant)
    out["se"] = _at(se, places)
    estimate = table[columns[0]].to_numpy(dtype=float)
    alone = np.where(np.isnan(places), _places(estimate, significant), places)
    for column in columns:
        out[column] = _at(table[column].to_numpy(dtype=float), alone)
    if "pvalue" in table:
        ratio = out[columns[0]].to_numpy(dtype=float) / np.where(out["se"] > 0, out["se"], np.nan)
        df = table["df"].to_numpy(dtype=float)
        out["pvalue"] = np.round(2 * t_tail(np.abs(ratio), np.where(np.isnan(df), np.inf, df)), P_DECIMALS)
        for column, value in (("z", ratio), ("statistic", ratio**2)):
            if column in table:
                out[column] = np.round(value, Z_DECIMALS)
    return out


def _places(values: Array, significant: Array) -> Array:
    """The decimal place of the last significant digit of each value (n); NaN for 0 and what is missing."""
    size = np.abs(np.where(np.isfinite(values) & (values != 0), values, np.nan))
    # 0.0999999 is shown as 0.100, which has its first digit one place before.
    return significant - 1 - np.floor(np.log10(size * (1 + 0.5 * 10.0**-significant)))


def _at(values: Array, places: Array) -> Array:
    """Each value (n) rounded to its own decimal place (n); one without a place stays."""
    power = 10.0 ** np.where(np.isnan(places), 0.0, places)
    return np.where(np.isnan(places), values, np.round(values * power) / power)


def _measures(table: pd.DataFrame) -> pd.DataFrame:
    def decimals(measure: str) -> int:
        beginnings = [places for start, places in MEASURES.items() if measure.startswith(start)]
        return beginnings[0] if beginnings else OTHER_MEASURES

    table = table[~table.measure.isin(COUNTING)]
    values = [
        round(value, decimals(measure)) if pd.notna(value) else value
        for measure, value in zip(table.measure, table.value, strict=True)
    ]
    return table.assign(value=pd.Series(values, index=table.index, dtype=float))
