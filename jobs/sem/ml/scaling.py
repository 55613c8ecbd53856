"""Scaling factors of the normal likelihood's statistic where cases are weighted, clustered or not normal.

c = (tr(A1^-1 B1) - tr(A0^-1 B0)) / df (Yuan and Bentler 2000; the variant of Mplus and of lavaan's MLR), with
A the observed information and B the sum of products of scores, by cluster where there are clusters, of the
unrestricted moments (1) and of the model (0). With complete cases the traces of unrestricted moments are sums
of squares of whitened moments, so that sums over clusters are all they need. What the exogenous variables
have of both is taken out, as in `fiml.measures`.

Few or unequal clusters or weights leave this factor too small, since it comes from the same few sums as
the statistic. So there is an F test beside it: the statistic over the trace of its own covariance matrix,
with the degrees of freedom of both by Satterthwaite (1946), as Asparouhov and Muthén (2010) adjust by mean
and variance, here with the traces of products taken between different clusters (bench/fit_size.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.cases.sums import Sums
from jobs.sem.estimate import Estimate
from jobs.sem.laws import f_tail
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


@dataclass(frozen=True)
class AdjustedTest:
    """An F test of fit, with its degrees of freedom."""

    f: float
    df: float
    df_error: float

    @property
    def pvalue(self) -> float:
        return float(f_tail(self.f, self.df, self.df_error))

    @property
    def measures(self) -> dict[str, float]:
        """The test among the measures of fit."""
        named = {"f_adjusted": self.f, "df_adjusted": self.df, "df_error_adjusted": self.df_error}
        return named | {"pvalue_adjusted": self.pvalue}


def adjusted_test(
    estimate: Estimate, moments: Moments, products: Iterator[tuple[Matrix, Matrix]], chisq: float, df: int
) -> AdjustedTest:
    """The test of `chisq` from what each unit, a cluster or a case, has of the residual moments.

    `products` gives, part by part, sums of w d d' (G x p x p) and of w (G) by unit.
    """
    root = _whitening(estimate.sigma)
    sample = root @ moments.covariance @ root.T

    def parts() -> Iterator[Matrix]:
        for second, weight in products:
            whitened = np.einsum("ab,gbc,dc->gad", root, second, root, optimize=True)
            gap = whitened - weight[:, None, None] * sample
            yield gap.reshape(len(weight), -1) / np.sqrt(2 * moments.n)

    return adjusted(parts(), _tangent(estimate, root), chisq, df)


def adjusted(parts: Iterable[Matrix], basis: Matrix, chisq: float, df: int) -> AdjustedTest:
    """The test of `chisq` from what each unit has of the moments (G x m, part by part), in their own metric.

    Its square sums to the statistic once the model has taken its directions, `basis` (m x k, orthogonal).
    """
    size, total = [], np.zeros((len(basis), len(basis)))
    for every in parts:
        part = every - (every @ basis) @ basis.T
        size.append((part**2).sum(axis=1))
        total += part.T @ part
    each = np.concatenate(size)
    count = len(each)
    small = count / (count - 1)
    trace = small * each.sum()
    between = ((total**2).sum() - (each**2).sum()) * small**3  # over pairs of different units
    spread = ((small * each - trace / count) ** 2).sum()
    degrees = min(trace**2 / between, df) if between > 0 else float(df)
    return AdjustedTest(chisq / trace, float(degrees), float(2 * trace**2 / spread) if spread > 0 else np.inf)


def _tangent(estimate: Estimate, root: Matrix) -> Matrix:
    """Orthogonal directions (p^2 x k) in which the model, or the sample's moments of the x, can move."""
    p, x = estimate.structure.p, estimate.structure.exogenous
    moves = list(estimate.derivatives)
    for row, place in enumerate(x):
        for other in x[: row + 1]:
            move = np.zeros((p, p))
            move[place, other] = move[other, place] = 1.0
            moves.append(move)
    whitened = np.array([(root @ move @ root.T).ravel() for move in moves])
    return np.linalg.qr(whitened.T)[0]


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
        root = _whitening(covariance[np.ix_(places, places)])
        size = ((deviations[:, places] @ root.T) ** 2).sum(axis=1)
        square = weights**2
        return float(square @ (size**2 - 2 * size + len(places))) / 2, float(square @ size)

    return traces


def of_clusters(weight: Matrix, first: Matrix, second: Matrix) -> Traces:
    """Of clusters, from the sums of w (G), w d (G x p) and w d d' (G x p x p) over their cases."""

    def traces(covariance: Matrix, places: list[int]) -> tuple[float, float]:
        block = np.ix_(places, places)
        gap = second[:, places][:, :, places] - weight[:, None, None] * covariance[block]
        root = _whitening(covariance[block])
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


def _whitening(covariance: Matrix) -> Matrix:
    """What turns variables of this covariance matrix (k x k) into uncorrelated ones of variance one."""
    return linalg.inv(linalg.cholesky(covariance, lower=True))
