"""Residual correlations: what the data have and the model does not say (Bollen 1989, p. 257-259).

Each is a sample correlation less the model's, both over their own standard deviations, so that it reads as
a correlation. z divides it by its standard error: the residuals are what is left of the sample's moments
once the parameters have taken their part, so their covariance matrix is Q V Q' with V that of the moments
and Q = I - D (D' A D)^-1 D' A (Hausman 1978; Ogasawara 2001), D the model's derivatives and A the weight of
the fit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.diagnosis.saturated import Saturated
from jobs.sem.diagnosis.solution import RESIDUALS
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.ordinal.fit import OrdinalFit
from jobs.sem.ordinal.moments import OrdinalMoments
from jobs.sem.standard_errors import covariance as cov

LEAST = 1e-4  # a smaller residual has no z: its error is as small, and their quotient is rounding


def residuals(saturated: Saturated, robust: bool = False, codes: Matrix | None = None) -> pd.DataFrame:
    """lhs, rhs, residual (a difference of correlations), z; the largest residual first.

    z takes the cases as normal and independent, or with `robust` neither: by cluster where `codes` (n) are
    given. It is null for a residual of zero, as that of a pair of exogenous variables.
    """
    errors = np.sqrt(np.maximum(np.diag(_covariance(saturated, robust, codes)), 0.0))
    gap = _correlation(saturated.free) - _correlation(saturated.implied)
    return _table(saturated.names, gap, fiml.from_vech(errors, len(saturated.names)))


def ordinal_residuals(fit: OrdinalFit, sample: OrdinalMoments, codes: Matrix | None = None) -> pd.DataFrame:
    """The same table for ordered items, whose correlations are those of the responses behind them.

    Correlations with exogenous variables follow from the slopes on them. z is robust throughout.
    """
    structure, estimate = fit.estimate.structure, fit.estimate
    value = sample.value[fit.fitted]
    lower = np.tril_indices(structure.p, -1)

    def correlations(value: Matrix) -> Matrix:
        return _correlation(_total(value, fit, sample))[lower]

    steps = 1e-6 * np.diag(np.maximum(np.abs(value), 1.0))
    by_value = np.array(
        [(correlations(value + step) - correlations(value - step)) / (2 * step.sum()) for step in steps]
    )
    left = sample.influence[:, fit.fitted] - fit.influence[:, fit.free] @ fit.jacobian.T
    parts = left @ by_value
    spread = cov.products(parts) if codes is None else cov.by_cluster(parts, codes)
    gap, error = np.zeros_like(estimate.sigma), np.zeros_like(estimate.sigma)
    gap[lower] = correlations(value) - _correlation(estimate.sigma)[lower]
    error[lower] = np.sqrt(np.diag(spread))
    return _table(structure.observed, gap, error)


def _total(value: Matrix, fit: OrdinalFit, sample: OrdinalMoments) -> Matrix:
    """Covariances of all variables (p x p) from the fitted statistics, which are given the exogenous ones."""
    observed = fit.estimate.structure.observed
    place = {name: number for number, name in enumerate(observed)}
    given_x, total = np.eye(len(observed)), np.eye(len(observed))
    for number, entry in zip(fit.fitted, value, strict=True):
        label = sample.statistics[number]
        at = place[label.lhs], place[label.rhs]
        if label.op == "~":
            total[at] = entry
        else:
            given_x[at] = given_x[at[::-1]] = entry
    x = [place[name] for name in sample.x_names]
    given_x[np.ix_(x, x)] = sample.x_cov
    return total @ given_x @ total.T


def _table(names: list[str], gap: Matrix, error: Matrix) -> pd.DataFrame:
    """A tidy table of the lower triangles (p x p) of residuals and their standard errors."""
    columns, rows = np.triu_indices(len(names), 1)  # the lower triangle, column by column
    residual, spread = gap[rows, columns], error[rows, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(np.abs(residual) > LEAST, residual / spread, np.nan)
    table = pd.DataFrame(
        {
            "lhs": [names[place] for place in columns],
            "rhs": [names[place] for place in rows],
            "residual": residual,
            "z": np.where(np.isfinite(z), z, np.nan),
        },
        columns=RESIDUALS,
    )
    order = np.argsort(-np.abs(residual), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _correlation(covariance: Matrix) -> Matrix:
    deviations = np.sqrt(np.diag(covariance))
    return covariance / np.outer(deviations, deviations)


def _covariance(saturated: Saturated, robust: bool, codes: Matrix | None) -> Matrix:
    """Covariance matrix of the residual correlations (p* x p*), given the exogenous variables."""
    p, exogenous = len(saturated.names), saturated.estimate.structure.exogenous
    rows, columns = fiml.vech_index(p)
    random = np.append(
        ~np.isin(np.arange(p), exogenous), ~(np.isin(rows, exogenous) & np.isin(columns, exogenous))
    )
    block = np.ix_(random, random)
    observed = saturated.observed or robust
    weight = fiml.information(saturated.mean, saturated.implied, saturated.patterns, observed)[block]
    slopes = saturated.jacobian() * saturated.estimate.natural
    change = linalg.block_diag(np.eye(p)[:, random[:p]], slopes)[random]
    inner = change.T @ weight
    left = np.eye(len(weight)) - change @ np.linalg.solve(inner @ change, inner)
    left = _by_covariance(saturated.free)[:, random[p:]] @ left[np.count_nonzero(random[:p]) :]
    return left @ _of_moments(saturated, random, robust, codes) @ left.T


def _of_moments(saturated: Saturated, random: Matrix, robust: bool, codes: Matrix | None) -> Matrix:
    """Covariance matrix of the free means and covariances that are `random`: not of exogenous variables."""
    mean, free, patterns = saturated.free_mean, saturated.free, saturated.patterns
    information = fiml.information(mean, free, patterns, observed=True)
    inverse = np.linalg.inv(information[np.ix_(random, random)])
    if not robust:
        return inverse
    scores = fiml.case_scores(mean, free, saturated.data, patterns)[:, random]
    influence = saturated.weights[:, None] * scores @ inverse
    return cov.products(influence) if codes is None else cov.by_cluster(influence, codes)


def _by_covariance(covariance: Matrix) -> Matrix:
    """Derivatives of vech of the correlation matrix by vech of the covariance matrix (p* x p*)."""
    p = len(covariance)
    rows, columns = fiml.vech_index(p)
    number = {(row, column): place for place, (row, column) in enumerate(zip(rows, columns, strict=True))}
    out = np.zeros((len(rows), len(rows)))
    for place, (row, column) in enumerate(zip(rows, columns, strict=True)):
        deviation = np.sqrt(covariance[row, row] * covariance[column, column])
        out[place, place] += 1 / deviation
        for own in (row, column):
            out[place, number[own, own]] -= covariance[row, column] / deviation / (2 * covariance[own, own])
    return out
