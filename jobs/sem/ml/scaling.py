"""Scaling factors of the normal likelihood's statistic where cases are weighted, clustered or not normal.

c = (tr(A1^-1 B1) - tr(A0^-1 B0)) / df (Yuan and Bentler 2000; the variant of Mplus and of lavaan's MLR), with
A the observed information and B the sum of products of scores, by cluster where there are clusters, of the
unrestricted moments (1) and of the model (0). With complete cases the traces of unrestricted moments are sums
of squares of whitened moments, so that sums over clusters are all they need. What the exogenous variables
have of both is taken out, as in `fiml.measures`.

Few or unequal clusters or weights leave this factor too small, since it comes from the same few sums as
the statistic. So there is another test beside it, by a wild bootstrap (`adjusted`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.cases.sums import Sums
from jobs.sem.estimate import Estimate
from jobs.sem.vech import vech_index

CASES_AT_A_TIME = 2_000
# Traces times n of the variables at some places, at a covariance matrix (p x p): of covariances and of means.
Traces = Callable[[Matrix, list[int]], tuple[float, float]]
Factors = tuple[float, float] | None
Products = Iterator[tuple[Matrix, Matrix]] | None


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


def case_products(deviations: Matrix, weights: Matrix) -> Iterator[tuple[Matrix, Matrix]]:
    """The products of cases (n x p), some thousands at a time."""
    for start in range(0, len(weights), CASES_AT_A_TIME):
        rows, weight = (part[start : start + CASES_AT_A_TIME] for part in (deviations, weights))
        yield weight[:, None, None] * rows[:, :, None] * rows[:, None, :], weight


def by_clusters(
    estimate: Estimate, moments: Moments, sandwich: Matrix, sums: Sums
) -> tuple[Factors, Products]:
    """The factors by cluster, and the products of the clusters."""
    count, second = len(sums.weight), sums.matrices()
    traces = of_clusters(sums.weight, sums.first, second)
    factors = scaling_factors(estimate, moments, sandwich, traces, count / (count - 1))
    return factors, iter([(second, sums.weight)])


def of_cases(deviations: Matrix, weights: Matrix) -> Traces:
    """Of independent cases: `deviations` (n x p) from the mean, `weights` (n)."""

    def traces(covariance: Matrix, places: list[int]) -> tuple[float, float]:
        root = whitening(covariance[np.ix_(places, places)])
        size = ((deviations[:, places] @ root.T) ** 2).sum(axis=1)
        square = weights**2
        return float(square @ (size**2 - 2 * size + len(places))) / 2, float(square @ size)

    return traces


def of_clusters(weight: Matrix, first: Matrix, second: Matrix) -> Traces:
    """Of clusters, from the sums of w (G), w d (G x p) and w d d' (G x p x p) over their cases."""

    def traces(covariance: Matrix, places: list[int]) -> tuple[float, float]:
        block = np.ix_(places, places)
        gap = second[:, places][:, :, places] - weight[:, None, None] * covariance[block]
        root = whitening(covariance[block])
        both = np.einsum("ab,gbc,dc->gad", root, gap, root, optimize=True)
        return float((both**2).sum()) / 2, float(((first[:, places] @ root.T) ** 2).sum())

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


def whitening(covariance: Matrix) -> Matrix:
    """What turns variables of this covariance matrix (k x k) into uncorrelated ones of variance one."""
    return linalg.inv(linalg.cholesky(covariance, lower=True))
