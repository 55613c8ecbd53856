"""Effects of clusters as the working model of errors for few clusters, in the place of independent cases.

What the cases of a cluster have in common moves their means: given the exogenous variables the covariance of
a case's variables is Omega, of two cases of a cluster T. T is estimated by moments, the mean product of the
residuals of two different cases of a cluster, and kept between nothing and Omega. The covariance of a
cluster's scores is then, with dmu_i the derivatives of a case's means,

    sum_i w_i^2 dmu_i' Omega^-1 (Omega - T) Omega^-1 dmu_i + B' T B,    B = sum_i w_i Omega^-1 dmu_i,

and what tells of variances and covariances as it is for independent cases. The adjustment and the degrees of
freedom follow from it as `small_sample` says (Pustejovsky and Tipton 2018, section 3, for any working model).
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.standard_errors import covariance as cov
from jobs.sem.standard_errors.cluster_information import Implied, endogenous, given_x

MOST = 0.95  # share of a variance given the exogenous variables that clusters may have


def between(estimate: Implied, deviations: Matrix, weights: Matrix, codes: Matrix) -> Matrix:
    """T (r x r) of the variables that are not exogenous.

    `deviations` (n x p, NaN for missing): cases less the mean; `weights`, `codes` (n): weight and cluster of
    a case. Zero where no cluster has two cases.
    """
    y, x = endogenous(estimate), estimate.structure.exogenous
    sigma = estimate.sigma
    slope = sigma[np.ix_(y, x)] @ cov.inverse(sigma[np.ix_(x, x)]) if x else np.zeros((len(y), 0))
    omega = sigma[np.ix_(y, y)] - slope @ sigma[np.ix_(x, y)]
    residuals = deviations[:, y] - deviations[:, x] @ slope.T
    seen = ~np.isnan(residuals)
    own = np.where(seen, residuals, 0.0) * weights[:, None]
    counted = seen * weights[:, None]
    products, pairs = (
        sums.T @ sums - part.T @ part
        for sums, part in ((cov.cluster_sums(part, codes), part) for part in (own, counted))
    )
    raw = np.where(pairs > 0, products / np.where(pairs > 0, pairs, 1.0), 0.0)
    lower = linalg.cholesky(omega, lower=True)
    inverse = linalg.solve_triangular(lower, np.eye(len(lower)), lower=True)
    values, vectors = np.linalg.eigh(inverse @ raw @ inverse.T)
    half = lower @ vectors
    return (half * np.clip(values, 0.0, MOST)) @ half.T


def added(
    estimate: Implied, shared: Matrix, x: Matrix, seen: Matrix, weights: Matrix, codes: Matrix
) -> Matrix:
    """What `shared`, that is T, adds to the covariance of each cluster's scores (G x (q + r) x (q + r)).

    The other arguments are those of `expected_information`, which gives the rest with the squares of weights.
    """
    slopes, omega, _ = given_x(estimate)
    r, columns, k = slopes.shape
    count = int(codes.max()) + 1
    sums, less = np.zeros((count, r, k)), np.zeros((count, k * k))
    design = np.hstack([np.ones((len(x), 1)), x])
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(x), -1) * weights[:, None] ** 2
    patterns, index = np.unique(seen, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        cases = np.flatnonzero(index.reshape(-1) == number)
        there, local = np.unique(codes[cases], return_inverse=True)
        pulled = np.zeros((r, columns * k))
        block = omega[np.ix_(pattern, pattern)]
        pulled[pattern] = linalg.solve(block, slopes[pattern].reshape(-1, columns * k), assume_a="pos")
        each = (pulled.T @ shared @ pulled).reshape(columns, k, columns, k).transpose(0, 2, 1, 3)
        less[there] += cov.cluster_sums(squares[cases], local) @ each.reshape(columns**2, k * k)
        weighted = cov.cluster_sums(design[cases] * weights[cases, None], local)
        sums[there] += np.einsum("gc,rck->grk", weighted, pulled.reshape(r, columns, k))
    return sums.transpose(0, 2, 1) @ shared @ sums - less.reshape(count, k, k)
