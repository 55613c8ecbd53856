"""Fit of a model to incomplete data, with lavaan's meaning of each measure (missing = "fiml").

Chi-square compares the likelihoods of the model and of the unrestricted moments on the same incomplete
cases; the baseline model has unrelated endogenous variables. The scaled statistic (Yuan and Bentler 2000;
the variant of Mplus and of lavaan's MLR) divides by c = (tr(A1^-1 B1) - tr(A0^-1 B0)) / df, with A the
observed information and B the sum of products of the scores, by cluster where there are clusters, of the
unrestricted moments (1) and the model (0).

Exogenous variables are complete and fixed: their own likelihood and moments are taken out of both.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Array
from jobs.sem.cases.moments import Moments
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.fiml.adjusted import given, moment_parts
from jobs.sem.fiml.fit import FimlFit
from jobs.sem.laws import chi2_tail
from jobs.sem.ml.adjusted import adjusted
from jobs.sem.ml.measures import Statistic, indices, scaled_indices
from jobs.sem.standard_errors.covariance import cluster_sums
from jobs.sem.vech import vech_index


def measures(
    fit: FimlFit, sample: Moments, cluster: str | None = None, robust: bool = False
) -> dict[str, float]:
    """chi-square and its relatives; with `robust` the scaled ones too, clustered on `cluster` if given."""
    structure, n = fit.estimate.structure, sample.n
    p, x = structure.p, structure.exogenous
    y = [place for place in range(p) if place not in x]
    restrictions = p * (p + 1) // 2 - len(x) * (len(x) + 1) // 2
    df, base_df = restrictions - fit.estimate.counted, restrictions - len(y)
    npar = fit.estimate.counted + len(y)  # and an intercept each
    chisq = n * max(fit.estimate.objective, 0.0)
    fixed = _exogenous(fit, sample)[1]
    free = fiml.log_likelihood(*_standard(fit, sample), fit.sample)
    base_chisq = 2 * (free - fixed - sum(alone(fit.data[:, place], sample.weights)[0] for place in y))
    logl = fit.log_likelihood - fixed + float(sample.weights.sum() * np.log(_deviations(sample)[x]).sum())
    out = {
        "npar": float(npar),
        "nobs": float(n),
        "chisq": chisq,
        "df": float(df),
        "pvalue": float(chi2_tail(chisq, df)) if df else np.nan,
        **indices(chisq, df, base_chisq, base_df, n),
        "srmr": _srmr(fit, sample),
        "logl": logl,
        "aic": -2 * logl + 2 * npar,
        "bic": -2 * logl + np.log(n) * npar,
    }
    if robust and df:
        factor, base_factor = _scaling(fit, sample, cluster, df, base_df)
        out |= scaled_indices(Statistic(chisq, df, factor), Statistic(base_chisq, base_df, base_factor), n)
        out |= _adjusted(fit, sample, cluster, chisq)
    return out


def _adjusted(fit: FimlFit, sample: Moments, cluster: str | None, chisq: float) -> dict[str, float]:
    """The test by independent cases, or by cluster."""
    estimate, p = fit.estimate, fit.estimate.structure.p
    deviations = _deviations(sample)
    outer = np.outer(deviations, deviations)
    implied = (fit.mean - sample.mean) / deviations, estimate.sigma / outer
    cases, root = moment_parts(_standard(fit, sample), implied, fit.data, fit.sample)
    parts = sample.weights[:, None] * cases
    if cluster is not None:
        parts = cluster_sums(parts, sample.clusters[cluster])
    rows, columns = vech_index(p)
    moved = (estimate.derivatives * (estimate.natural[:, None, None] / outer))[:, rows, columns].T
    endogenous = [place for place in range(p) if place not in estimate.structure.exogenous]
    own = linalg.block_diag(np.eye(p)[:, endogenous], moved)
    change = np.hstack([own, given(p, estimate.structure.exogenous)])
    return adjusted([parts], np.linalg.qr(root.T @ change)[0], chisq)


def _deviations(sample: Moments) -> Array:
    return np.sqrt(np.diag(sample.covariance))


def _standard(fit: FimlFit, sample: Moments) -> tuple[Array, Array]:
    """The unrestricted moments in the units of the search: available-case standard deviations."""
    deviations = _deviations(sample)
    mean = (fit.saturated.mean - sample.mean) / deviations
    return mean, fit.saturated.cov / np.outer(deviations, deviations)


def _exogenous(fit: FimlFit, sample: Moments) -> tuple[fiml.Patterns, float]:
    """The exogenous variables as one complete pattern, and their own log-likelihood (search units)."""
    x = fit.estimate.structure.exogenous
    if not x:
        return fit.sample, 0.0
    own = fiml.patterns(fit.data[:, x], sample.weights)
    return own, fiml.log_likelihood(own.mean[0], own.cov[0], own)


def alone(values: Array, weights: Array) -> tuple[float, Array, Array]:
    """One variable (n, NaN for missing) by itself, as the baseline model has it.

    Log-likelihood, information (2 x 2) and weighted scores (n x 2) of its mean and variance.
    """
    seen = ~np.isnan(values)
    weight = np.where(seen, weights, 0.0)
    total = weight.sum()
    filled = np.where(seen, values, 0.0)
    deviation = filled - weight @ filled / total
    variance = weight @ deviation**2 / total
    scores = np.column_stack([deviation / variance, (deviation**2 / variance - 1) / (2 * variance)])
    value = -0.5 * total * (fiml.LOG_2PI + np.log(variance) + 1)
    information = np.diag([total / variance, total / (2 * variance**2)])
    return float(value), information, weight[:, None] * scores


def _scaling(
    fit: FimlFit, sample: Moments, cluster: str | None, df: int, base_df: int
) -> tuple[float, float]:
    """Scaling factors of chi-square and of the baseline's."""
    structure = fit.estimate.structure
    codes = sample.clusters[cluster] if cluster else None
    weight = sample.weights[:, None]

    def trace(information: Array, scores: Array) -> float:
        sums = scores if codes is None else cluster_sums(scores, codes)
        small = 1.0 if codes is None else len(sums) / (len(sums) - 1)
        return small * float(np.trace(np.linalg.solve(information, sums.T @ sums)))

    mean, cov = _standard(fit, sample)
    information = fiml.information(mean, cov, fit.sample, observed=True)
    free = trace(information, weight * fiml.case_scores(mean, cov, fit.data, fit.sample))
    model = trace(sample.n * fit.hessian, fit.scores)
    x = structure.exogenous
    if x:
        own, _ = _exogenous(fit, sample)
        mean, cov = own.mean[0], own.cov[0]
        information = fiml.information(mean, cov, own, observed=True)
        scores = weight * fiml.case_scores(mean, cov, fit.data[:, x], own)
        k = len(x)
        free -= trace(information, scores)
        model -= trace(information[:k, :k], scores[:, :k])
    parts = [alone(fit.data[:, y], sample.weights)[1:] for y in range(structure.p) if y not in x]
    base = sum(trace(*part) for part in parts)
    return (free - model) / df, (free - base) / base_df


def _srmr(fit: FimlFit, sample: Moments) -> float:
    """Standardised root mean square residual, of means and covariances together (Bentler 1995)."""
    deviations = np.sqrt(np.diag(fit.saturated.cov))
    means = (fit.saturated.mean - fit.mean) / deviations
    residual = (fit.saturated.cov - fit.estimate.sigma) / np.outer(deviations, deviations)
    lower = residual[np.tril_indices(len(means))]
    return float(np.sqrt((means @ means + lower @ lower) / (len(means) + len(lower))))
