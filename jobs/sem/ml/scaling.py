"""Scaling factors of the normal likelihood's statistic where cases are weighted, clustered or not normal.

c = (tr(A1^-1 B1) - tr(A0^-1 B0)) / df (Yuan and Bentler 2000; the variant of Mplus and of lavaan's MLR), with
A the observed information and B the sum of products of scores, by cluster where there are clusters, of the
unrestricted moments (1) and of the model (0). With complete cases the traces of unrestricted moments are sums
of squares of whitened moments, so that sums over clusters are all they need. What the exogenous variables
have of both is taken out, as in `fiml.measures`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.cases.sums import Sums
from jobs.sem.estimate import Estimate
from jobs.sem.vech import vech_index

# Traces times n of the variables at some places, at a covariance matrix (p x p): of covariances and of means.
Traces = Callable[[Matrix, list[int]], tuple[float, float]]


def scaling_factors(
    estimate: Estimate, moments: Moments, sandwich: Matrix, traces: Traces, small: float
) -> tuple[float, float]:
    """Factors of the statistic and of the baseline's, times their degrees of freedom.

    `sandwich` (q x q): the covariance matrix of the estimates, robust or by cluster; `traces` of the same
    cases or clusters, of which there are few or many: `small` is G / (G - 1), or 1.
    """
    n, p, x = moments.n, estimate.structure.p, estimate.structure.exogenous
    every = list(range(p))
    of_x = traces(moments.covariance, x) if x else (0.0, 0.0)
    free = sum(traces(moments.covariance, every)) - sum(of_x)
    means = traces(estimate.sigma, every)[1] - of_x[1]
    base = sum(sum(traces(moments.covariance, [y])) for y in every if y not in x)
    model = float(np.trace(sandwich @ estimate.hessian)) * n + small * means / n
    return small * free / n - model, small * (free - base) / n


def of_cases(deviations: Matrix, weights: Matrix) -> Traces:
    """Of independent cases: `deviations` (n x p) from the mean, `weights` (n)."""

    def traces(covariance: Matrix, places: list[int]) -> tuple[float, float]:
        size = (_whitened(deviations[:, places].T, covariance, places) ** 2).sum(axis=0)
        square = weights**2
        return float(square @ (size**2 - 2 * size + len(places))) / 2, float(square @ size)

    return traces


def of_clusters(sums: Sums) -> Traces:
    """Of clusters, from the sums over their cases."""
    second = sums.matrices()

    def traces(covariance: Matrix, places: list[int]) -> tuple[float, float]:
        block = np.ix_(places, places)
        gap = second[:, places][:, :, places] - sums.weight[:, None, None] * covariance[block]
        root = linalg.inv(linalg.cholesky(covariance[block], lower=True))
        both = np.einsum("ab,gbc,dc->gad", root, gap, root, optimize=True)
        return float((both**2).sum()) / 2, float(((sums.first[:, places] @ root.T) ** 2).sum())

    return traces


def of_products(square: float, second: Matrix, fourth: Matrix, p: int) -> Traces:
    """Of independent cases, from sums of w^2, w^2 vech(dd') (p*) and w^2 vech(dd') vech(dd')' (p* x p*)."""
    rows, columns = vech_index(p)
    twice = np.where(rows == columns, 1.0, 2.0)

    def traces(covariance: Matrix, places: list[int]) -> tuple[float, float]:
        precision = np.zeros((p, p))
        precision[np.ix_(places, places)] = linalg.inv(covariance[np.ix_(places, places)])
        weight = precision[rows, columns] * twice  # a case's squared distance is linear in vech(dd')
        size = float(weight @ second)
        return (float(weight @ fourth @ weight) - 2 * size + len(places) * square) / 2, size

    return traces


def _whitened(rows: Matrix, covariance: Matrix, places: list[int]) -> Matrix:
    root = linalg.cholesky(covariance[np.ix_(places, places)], lower=True)
    return linalg.solve_triangular(root, rows, lower=True)
