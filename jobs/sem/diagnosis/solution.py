"""What a referee asks after the fit of a group: what the model misses, how well its factors are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.laws import t_quantile, t_tail
from jobs.sem.model.structure import Parameter

RESIDUALS = ["lhs", "rhs", "residual", "z"]
MODIFICATION_INDICES = ["lhs", "op", "rhs", "mi", "mi_robust", "epc", "sepc_all"]
RELIABILITY = ["factor", "items", "scale", "omega", "omega_std", "ave", "note"]
STANDARDISED = ["lhs", "op", "rhs", "est_std", "error", "se", "z", "pvalue", "df", "ci_lower", "ci_upper"]


@dataclass(frozen=True)
class Diagnosis:
    """Tables as `residuals`, `modification` and `reliability` describe them.

    `std_jacobian` (k x k'): derivatives of the standardised values of k parameters by the k' values, for the
    errors of a standardised solution.
    """

    residuals: pd.DataFrame
    modification_indices: pd.DataFrame
    reliability: pd.DataFrame
    std_jacobian: Matrix


def standardised_solution(
    parameters: list[Parameter],
    est_std: list[float],
    jacobian: Matrix,
    covariances: dict[str, Matrix],
    df: dict[str, Matrix | float],
    confidence: float,
) -> pd.DataFrame:
    """Standardised estimates with delta-method errors, one row per parameter and kind of error.

    `jacobian` (k x k') turns each covariance matrix (k' x k') of the estimates into one of the standardised
    values, with `df` degrees of freedom by kind of error (k, or one for all), infinite for the normal law and
    NaN where there is no error. A value that is fixed has none.
    """
    tables = []
    for error, covariance in covariances.items():
        variance = ((jacobian @ covariance) * jacobian).sum(axis=1)
        # Rounding leaves a trace of error where the standardised value is fixed, as a single item's loading.
        se = np.where((variance > 1e-14) & ~np.isnan(df[error]), np.sqrt(np.maximum(variance, 0.0)), np.nan)
        value, width = np.array(est_std), t_quantile(0.5 + confidence / 2, df[error])
        tables.append(
            pd.DataFrame(
                {
                    "lhs": [parameter.lhs for parameter in parameters],
                    "op": [parameter.op for parameter in parameters],
                    "rhs": [parameter.rhs for parameter in parameters],
                    "est_std": value,
                    "error": error,
                    "se": se,
                    "z": value / se,
                    "pvalue": 2 * t_tail(np.abs(value / se), df[error]),
                    "df": np.where(np.isfinite(df[error]), df[error], np.nan),
                    "ci_lower": value - width * se,
                    "ci_upper": value + width * se,
                }
            )
        )
    return pd.concat(tables, ignore_index=True).astype({"df": float})
