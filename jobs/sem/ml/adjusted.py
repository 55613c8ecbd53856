"""The adjusted test of fit: a wild bootstrap where cases are weighted or clustered.

A unit is a case, or a cluster of cases. What the units have of the residual moments, those of the sample
less the model's, sums to the residual moments, and the square of these, in their own metric and without
the directions in which the model can move, to the statistic. Were the model true, each unit's part might
as well have the opposite sign or another size: the parts are multiplied by random numbers of mean 0 and
variance 1, and summed again (Wu 1986; of score tests by cluster: Kline and Santos 2012, Journal of
Econometric Methods 1, 23-41). The numbers are the six of Webb (2023, Canadian Journal of Economics 56,
839-858), which few clusters need. The p-value is the share of these sums whose square is not below the
statistic. Residuals are those of the model, not of the unrestricted moments, which follow few or unequal
clusters too closely. Its size: `bench/fit_size.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.estimate import Estimate
from jobs.sem.ml.scaling import whitening
from jobs.sem.vech import vech_index

DRAWS, SEED = 1_999, 1_986
WEBB = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])
# The sums over more units follow the normal law, from which they are drawn at less cost.
MANY_UNITS, AT_A_TIME = 5_000, 500


def adjusted_test(
    estimate: Estimate, moments: Moments, products: Iterator[tuple[Matrix, Matrix]], chisq: float
) -> dict[str, float]:
    """The test of `chisq` among the measures of fit, from what each unit has of the second moments.

    `products` gives, part by part, sums of w d d' (G x p x p) and of w (G) by unit.
    """
    root = whitening(estimate.sigma)
    model = np.eye(len(root))

    def parts() -> Iterator[Matrix]:
        for second, weight in products:
            whitened = np.einsum("ab,gbc,dc->gad", root, second, root, optimize=True)
            gap = whitened - weight[:, None, None] * model
            yield _stacked(gap) / np.sqrt(2 * moments.n)

    return adjusted(parts(), _tangent(estimate, root), chisq)


def adjusted(parts: Iterable[Matrix], basis: Matrix, chisq: float) -> dict[str, float]:
    """The test of `chisq` from the units' parts in the residual moments (G x m, some units at a time).

    They are in their own metric. `basis` (m x k, orthogonal): the directions in which the model can move. The
    order of the units is irrelevant.
    """
    others = np.linalg.qr(basis, mode="complete")[0][:, basis.shape[1] :]
    count, total, few = 0, np.zeros((others.shape[1], others.shape[1])), []
    for every in parts:
        part = every @ others
        count += len(part)
        few.append(part)
        if count > MANY_UNITS:  # their covariance matrix is enough
            total += sum(part.T @ part for part in few)
            few = []
    drawn = _drawn(np.vstack(few)) if count <= MANY_UNITS else _drawn_from_normal(total)
    return {"pvalue_adjusted": float((1 + (drawn >= chisq).sum()) / (1 + DRAWS))}


def _drawn(units: Matrix) -> Matrix:
    """Squares of the sums (DRAWS) of the units' parts (G x r) times random numbers."""
    units = units[np.argsort((units**2).sum(axis=1), kind="stable")]
    random, sums = np.random.default_rng(SEED), np.zeros((DRAWS, units.shape[1]))
    for start in range(0, len(units), AT_A_TIME):
        some = units[start : start + AT_A_TIME]
        sums += WEBB[random.integers(0, len(WEBB), (DRAWS, len(some)), dtype=np.uint8)] @ some
    return (sums**2).sum(axis=1)


def _drawn_from_normal(total: Matrix) -> Matrix:
    """The same by the normal law, from the covariance matrix of the sums (r x r)."""
    own = np.maximum(linalg.eigvalsh(total), 0.0)
    return np.random.default_rng(SEED).standard_normal((DRAWS, len(own))) ** 2 @ own


def _tangent(estimate: Estimate, root: Matrix) -> Matrix:
    """Orthogonal directions (p* x k) in which the model, or the sample's moments of the x, can move."""
    p, x = estimate.structure.p, estimate.structure.exogenous
    moves = list(estimate.derivatives)
    for row, place in enumerate(x):
        for other in x[: row + 1]:
            move = np.zeros((p, p))
            move[place, other] = move[other, place] = 1.0
            moves.append(move)
    return np.linalg.qr(_stacked(root @ np.array(moves) @ root.T).T)[0]


def _stacked(symmetric: Matrix) -> Matrix:
    """Symmetric matrices (k x p x p) as vectors (k x p*) of the same norm."""
    rows, columns = vech_index(symmetric.shape[-1])
    return symmetric[:, rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0))
