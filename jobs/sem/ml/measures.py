"""How well a model fits, with the meaning lavaan gives each measure.

Fixed exogenous variables are no restrictions: their moments count neither in the degrees of freedom nor
in the likelihood. The baseline model has uncorrelated endogenous variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.estimate import Estimate
from jobs.sem.laws import chi2_tail, noncentrality
from jobs.sem.ml.adjusted import adjusted_test


def measures(
    estimate: Estimate,
    moments: Moments,
    factors: tuple[float, float] | None = None,
    products: Iterator[tuple[Matrix, Matrix]] | None = None,
) -> dict[str, float]:
    """chi-square and its relatives; RMSEA's interval is of 90 % (Browne and Cudeck 1993).

    The scaled ones too, where `factors` has the factors of the statistic and of the baseline's, times their
    degrees of freedom, and the adjusted test of fit, where `products` has what it is made of.
    """
    structure, n = estimate.structure, moments.n
    p, x = structure.p, structure.exogenous
    endogenous = [place for place in range(p) if place not in x]
    df = p * (p + 1) // 2 - len(x) * (len(x) + 1) // 2 - estimate.counted
    chisq = n * max(estimate.objective, 0.0)
    base_chisq = n * _baseline(moments.covariance, endogenous, x)
    base_df = p * (p + 1) // 2 - len(x) * (len(x) + 1) // 2 - len(endogenous)
    logl = _likelihood(estimate.sigma, moments, x)
    scaled = {}
    if factors is not None and df and min(factors) > 0:
        model, base = factors
        statistics = Statistic(chisq, df, model / df), Statistic(base_chisq, base_df, base / base_df)
        scaled = scaled_indices(*statistics, n)
    if products is not None and df:
        scaled |= adjusted_test(estimate, moments, products, chisq)
    return {
        "npar": float(estimate.counted),
        "nobs": float(n),
        "chisq": chisq,
        "df": float(df),
        "pvalue": float(chi2_tail(chisq, df)) if df else np.nan,
        **indices(chisq, df, base_chisq, base_df, n),
        "srmr": _srmr(estimate.sigma, moments.covariance),
        "logl": logl,
        "aic": -2 * logl + 2 * estimate.counted,
        "bic": -2 * logl + np.log(n) * estimate.counted,
        **scaled,
    }


def indices(chisq: float, df: float, base_chisq: float, base_df: float, n: int) -> dict[str, float]:
    """CFI, TLI and RMSEA of a chi-square beside the baseline's, plain or scaled."""
    lower, upper = _rmsea_interval(chisq, df, n)
    return {
        "cfi": _cfi(chisq, df, base_chisq, base_df),
        "tli": _tli(chisq, df, base_chisq, base_df),
        "rmsea": float(np.sqrt(max(chisq - df, 0.0) / (df * n))) if df else 0.0,
        "rmsea_ci_lower": lower,
        "rmsea_ci_upper": upper,
    }


class Statistic(NamedTuple):
    """A chi-square statistic, its degrees of freedom and its scaling factor."""

    chisq: float
    df: float
    factor: float


def scaled_indices(model: Statistic, base: Statistic, n: int) -> dict[str, float]:
    """The model's statistic divided by its scaling factor, and the indices on it, as lavaan's ".scaled".

    `base` is the test of the baseline model, `n` the number of cases.

    RMSEA's interval keeps the statistic and scales its degrees of freedom (Li and Bentler 2006).
    """
    chisq, df, factor = model
    scaled = chisq / factor
    values = indices(scaled, df, base.chisq / base.factor, base.df, n)
    values["rmsea_ci_lower"], values["rmsea_ci_upper"] = _rmsea_interval(chisq, factor * df, n)
    return {
        "chisq_scaled": scaled,
        "df_scaled": float(df),
        "pvalue_scaled": float(chi2_tail(scaled, df)),
        "chisq_scaling_factor": factor,
        **{f"{name}_scaled": value for name, value in values.items()},
    }


def _baseline(covariance: Matrix, endogenous: list[int], exogenous: list[int]) -> float:
    """F of the model without any relation but those among the exogenous variables."""
    implied = np.zeros_like(covariance)
    implied[endogenous, endogenous] = covariance[endogenous, endogenous]
    block = np.ix_(exogenous, exogenous)
    implied[block] = covariance[block]
    return float(np.linalg.slogdet(implied)[1] - np.linalg.slogdet(covariance)[1])


def _cfi(chisq: float, df: float, base_chisq: float, base_df: float) -> float:
    """Comparative fit index (Bentler 1990)."""
    excess = max(chisq - df, 0.0)
    base = max(base_chisq - base_df, excess, 0.0)
    return 1.0 if base == 0 else 1 - excess / base


def _tli(chisq: float, df: float, base_chisq: float, base_df: float) -> float:
    """Tucker-Lewis index (Tucker and Lewis 1973)."""
    if df == 0 or base_df == 0:
        return 1.0
    ratio, base = chisq / df, base_chisq / base_df
    return float((base - ratio) / (base - 1)) if base != 1 else np.nan


def _rmsea_interval(chisq: float, df: float, n: int) -> tuple[float, float]:
    """Ends of the 90 % interval of RMSEA, from the noncentral chi-square."""
    if df == 0:
        return 0.0, 0.0
    ends = []
    for share in (0.95, 0.05):
        if 1 - chi2_tail(chisq, df) < share:
            ends.append(0.0)
            continue
        ends.append(float(np.sqrt(noncentrality(chisq, df, share) / (n * df))))
    return ends[0], ends[1]


def _srmr(sigma: Matrix, covariance: Matrix) -> float:
    """Standardised root mean square residual (Bentler 1995): both matrices over the sample's deviations."""
    deviations = np.sqrt(np.diag(covariance))
    residual = (covariance - sigma) / np.outer(deviations, deviations)
    return float(np.sqrt((residual[np.tril_indices(len(sigma))] ** 2).mean()))


def _likelihood(sigma: Matrix, moments: Moments, exogenous: list[int]) -> float:
    """Log-likelihood of the cases given their exogenous variables."""
    sample, n = moments.covariance, moments.n

    def joint(implied: Matrix, observed: Matrix) -> float:
        logdet = np.linalg.slogdet(implied)[1]
        return (
            -n
            / 2
            * (len(implied) * np.log(2 * np.pi) + logdet + np.trace(np.linalg.solve(implied, observed)))
        )

    block = np.ix_(exogenous, exogenous)
    return float(joint(sigma, sample) - (joint(sample[block], sample[block]) if exogenous else 0.0))
