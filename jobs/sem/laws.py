"""Probabilities and quantiles of the laws that tests and intervals follow.

From scipy.special: `scipy.stats` gives the same figures by the same functions, but takes longer to import
than a model of a small table takes to be fitted. Arguments may be numbers or arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special


def chi2_tail(statistic: Any, df: Any) -> Any:
    """The probability of a chi-square above `statistic`."""
    return special.chdtrc(df, np.maximum(statistic, 0.0))


def noncentrality(statistic: float, df: float, share: float) -> float:
    """The noncentrality of the chi-square that is below `statistic` with probability `share`."""
    return float(special.chndtrinc(statistic, df, share))


def f_tail(statistic: Any, df: Any, df_error: Any) -> Any:
    """The probability of an F above `statistic`; with infinite `df_error` that of a chi-square over df."""
    return np.where(
        np.isinf(df_error),
        chi2_tail(np.multiply(statistic, df), df),
        special.fdtrc(df, df_error, np.maximum(statistic, 0.0)),
    )


def t_tail(statistic: Any, df: Any) -> Any:
    """The probability of a t above `statistic`; infinite `df` give the normal law."""
    return special.stdtr(df, np.negative(statistic))


def t_quantile(probability: Any, df: Any) -> Any:
    """The quantile of a t; infinite `df` give the normal law."""
    return np.where(np.isinf(df), special.ndtri(probability), special.stdtrit(df, probability))
