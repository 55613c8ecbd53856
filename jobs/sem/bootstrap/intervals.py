"""Intervals from bootstrap replicates: percentile and BCa (Efron 1987, JASA 82, 171-185).

BCa moves the percentiles by z0, the median bias of the replicates, and a, the acceleration: how fast the
standard error changes with the value, from the skewness of the jackknife over the units that are drawn.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from jobs.sem.arrays import Matrix


def percentile(replicates: Matrix, confidence: float) -> tuple[float, float]:
    """Ends of the interval from the replicates (R) of one value; NaN where there are none."""
    if not len(replicates):
        return np.nan, np.nan
    lower, upper = np.quantile(replicates, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(lower), float(upper)


def bca(replicates: Matrix, value: float, jackknife: Matrix, confidence: float) -> tuple[float, float]:
    """Ends of the bias-corrected and accelerated interval.

    `replicates` (R) and `value` of the whole sample; `jackknife`: values without each unit, less their mean
    (for a difference of samples drawn apart: those of both, the second's negative). NaN where all replicates
    lie on one side of the value, or a jackknife value is missing.
    """
    if not len(replicates) or not np.isfinite(jackknife).all() or not np.any(jackknife):
        return np.nan, np.nan
    share = (np.sum(replicates < value) + np.sum(replicates <= value)) / (2 * len(replicates))
    if not 0 < share < 1:
        return np.nan, np.nan
    bias = special.ndtri(share)
    acceleration = -np.sum(jackknife**3) / (6 * np.sum(jackknife**2) ** 1.5)
    z = bias + special.ndtri([0.5 - confidence / 2, 0.5 + confidence / 2])
    lower, upper = np.quantile(replicates, special.ndtr(bias + z / (1 - acceleration * z)))
    return float(lower), float(upper)
