"""What each cluster tells of the parameters: scores and expected information, given the exogenous variables.

A predictor that all firms of a region share says nothing within a region, so a region's information depends
on its own predictors. The likelihood is that of y given x, normal with mean alpha + Pi (x - mean of x) and
covariance Omega; Pi and Omega follow from Sigma. Its parameters are the model's (q) and the means alpha of
the variables that are not exogenous (r): the mean structure has to be in, for a cluster's leverage comes
with it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.model.structure import Structure
from jobs.sem.standard_errors import covariance as cov


class Implied(Protocol):
    """What a model implies at its estimate: Sigma (p x p) and its derivatives (q x p x p)."""

    @property
    def structure(self) -> Structure: ...

    @property
    def sigma(self) -> Matrix: ...

    @property
    def derivatives(self) -> Matrix: ...


def endogenous(estimate: Implied) -> list[int]:
    """Places (r) of the observed variables that have a mean to estimate."""
    structure = estimate.structure
    return [place for place in range(structure.p) if place not in structure.exogenous]


def mean_scores(estimate: Implied, moments: Moments) -> Matrix:
    """Derivatives of each complete case's weighted log-likelihood by the means (n x r)."""
    by_mean = cov.inverse(estimate.sigma)[:, endogenous(estimate)]
    return moments.weights[:, None] * (moments.deviations @ by_mean)


def expected_information(
    estimate: Implied, x: Matrix, seen: Matrix, weights: Matrix, codes: Matrix
) -> Matrix:
    """Expected information of each cluster (G x (q + r) x (q + r)) by parameters and means.

    `x` (n x e): exogenous variables less their mean; `seen` (n x r): which of the others a case answered;
    `weights`, `codes` (n): weight and cluster of a case. Which answers are missing is taken as given. The
    sum over cases is one over patterns of answers and, within, over each cluster's moments of (1, x):

    sum_i w_i [dmu_i' Omega^-1 dmu_i + tr(Omega^-1 dOmega Omega^-1 dOmega) / 2].
    """
    slopes, omega, by_omega = given_x(estimate)
    e, k = x.shape[1], len(estimate.derivatives) + len(omega)
    total = np.zeros((int(codes.max()) + 1, k * k))
    design = np.hstack([np.ones((len(x), 1)), x])
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(x), -1) * weights[:, None]
    patterns, index = np.unique(seen, axis=0, return_inverse=True)
    order = np.argsort(index.reshape(-1), kind="stable")
    starts = np.searchsorted(index.reshape(-1)[order], np.arange(1, len(patterns)))
    for pattern, cases in zip(patterns, np.split(order, starts), strict=True):
        there, local = np.unique(codes[cases], return_inverse=True)
        moments = cov.cluster_sums(squares[cases], local.reshape(-1))
        lower = linalg.cholesky(omega[np.ix_(pattern, pattern)], lower=True)
        white = linalg.solve_triangular(lower, slopes[pattern].reshape(len(lower), -1), lower=True)
        products = (white.T @ white).reshape(e + 1, k, e + 1, k).transpose(0, 2, 1, 3)
        by_mean = products.reshape((e + 1) ** 2, k * k)
        by_mean[0] += _by_covariance(lower, by_omega[:, pattern][:, :, pattern]).reshape(-1)
        total[there] += moments @ by_mean
    return total.reshape(-1, k, k)


def given_x(estimate: Implied) -> tuple[Matrix, Matrix, Matrix]:
    """Derivatives of the mean by (1, x) (r x (1 + e) x k); Omega (r x r) and its derivatives (k x r x r)."""
    y, x = endogenous(estimate), estimate.structure.exogenous
    sigma, derivatives = estimate.sigma, estimate.derivatives
    q, r = len(derivatives), len(y)
    inverse = cov.inverse(sigma[np.ix_(x, x)]) if x else np.zeros((0, 0))
    slope = sigma[np.ix_(y, x)] @ inverse
    omega = sigma[np.ix_(y, y)] - slope @ sigma[np.ix_(x, y)]
    across = derivatives[:, y][:, :, x]
    bent = across @ slope.T
    by_omega = np.zeros((q + r, r, r))
    by_omega[:q] = derivatives[:, y][:, :, y] - bent - bent.transpose(0, 2, 1)
    slopes = np.zeros((r, 1 + len(x), q + r))
    slopes[:, 0, q:] = np.eye(r)
    slopes[:, 1:, :q] = np.moveaxis(across @ inverse, 0, -1)
    return slopes, omega, by_omega


def _by_covariance(lower: Matrix, by_omega: Matrix) -> Matrix:
    """tr(Omega^-1 dOmega_i Omega^-1 dOmega_j) / 2 (k x k), of Omega = lower lower'."""
    inverse = linalg.solve_triangular(lower, np.eye(len(lower)), lower=True)
    white = (inverse @ by_omega @ inverse.T).reshape(len(by_omega), -1)
    return white @ white.T / 2
