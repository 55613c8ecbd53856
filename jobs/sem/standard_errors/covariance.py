"""Covariance of the estimates: expected, robust, cluster-robust.

Robust: the sandwich A^-1 B A^-1 with A the observed information and B the sum over cases of the products
of scores (Huber 1967, White 1982). Cluster-robust: scores are summed by cluster first (Liang and Zeger
1986), times G/(G-1), as lavaan has it.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.estimate import Estimate
from jobs.sem.vech import vech_index


def expected(estimate: Estimate, n: int) -> Matrix:
    """Inverse of the expected information (q x q)."""
    return inverse(n * estimate.information)


def bread(estimate: Estimate, n: int) -> Matrix:
    """Inverse of the observed information (q x q): the outer part of every sandwich."""
    return inverse(n * estimate.hessian)


def scores(estimate: Estimate, moments: Moments) -> Matrix:
    """Derivatives of each case's weighted log-likelihood (n x q).

    s_ik = w_i tr(Sigma^-1 D_k Sigma^-1 (d_i d_i' - Sigma)) / 2, without a loop over cases.
    """
    precision = inverse(estimate.sigma)
    middle = np.einsum("ab,kbc,cd->kad", precision, estimate.derivatives, precision, optimize=True)
    constant = np.einsum("kab,ab->k", middle, estimate.sigma, optimize=True)
    products = moments.deviations @ middle  # k x n x p
    quadratic = np.einsum("kna,na->nk", products, moments.deviations, optimize=True)
    return moments.weights[:, None] * (quadratic - constant) / 2


def score_slopes(sigma: Matrix, derivatives: Matrix) -> tuple[Matrix, Matrix]:
    """A case's score is w (vech(dd') slope - constant): slope (p* x q), constant (q).

    `sigma` (p x p) and its `derivatives` (q x p x p); sums of scores follow from sums of w and w vech(dd').
    """
    precision = inverse(sigma)
    middle = np.einsum("ab,kbc,cd->kad", precision, derivatives, precision, optimize=True)
    rows, columns = vech_index(len(precision))
    twice = np.where(rows == columns, 1.0, 2.0)
    constant = np.einsum("kab,ab->k", middle, sigma, optimize=True)
    return (middle[:, rows, columns] * twice).T / 2, constant / 2


def products(influence: Matrix) -> Matrix:
    """The sandwich for independent cases (k x k), from each case's influence on the estimates (n x k).

    Influence is score times bread, so the sum of products is A^-1 B A^-1.
    """
    return influence.T @ influence


def by_cluster(influence: Matrix, codes: Matrix) -> Matrix:
    """The sandwich for cases that depend on each other within clusters (k x k), times G/(G-1)."""
    sums = cluster_sums(influence, codes)
    count = len(sums)
    return sums.T @ sums * (count / (count - 1))


def cluster_sums(rows: Matrix, codes: Matrix) -> Matrix:
    """Rows summed by cluster (G x q), clusters in the order of their codes."""
    sums = np.zeros((int(codes.max()) + 1, rows.shape[1]))
    np.add.at(sums, codes, rows)
    return sums


def inverse(matrix: Matrix) -> Matrix:
    """Inverse of a positive definite matrix, brought to a unit diagonal first: rows may differ in size."""
    size = np.sqrt(np.abs(np.diag(matrix)))
    unit = np.outer(size, size)
    even = (matrix + matrix.T) / (2 * unit)
    return linalg.cho_solve(linalg.cho_factor(even, lower=True), np.eye(len(matrix))) / unit
