"""Where the joint likelihood of several groups is largest, and what errors follow from there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.checks import check_identified
from jobs.sem.estimate import DEPENDENT, unit_diagonal
from jobs.sem.joint.likelihood import JointLikelihood
from jobs.sem.ml import fit as ml
from jobs.sem.ml import mirrors
from jobs.sem.ml.climbing import Deviance, climb
from jobs.sem.ml.quadratic_programming import Restrictions, minimum
from jobs.sem.trouble import Trouble

RIDGE = 1e-9  # of the largest eigenvalue of the information: the least that a scoring step divides by
NEAR = 1e-2  # largest element of the slope under which Newton's steps replace Fisher's


@dataclass(frozen=True)
class Maximum:
    """The k free parameters `z` at the maximum, in natural units.

    `along` (k x r): the directions in which it is free, all of z where no constraint ties it; `observed` and
    `expected` (r x r): information by these; `gradient` the largest element of the slope of the deviance a
    case; `counted` the number of parameters that a measure of fit counts.
    """

    z: Matrix
    along: Matrix
    observed: Matrix
    expected: Matrix
    gradient: float
    counted: int

    @cached_property
    def outer(self) -> Matrix:
        """What a sum of scores by the directions moves z by (k x r)."""
        return self.along @ linalg.inv(self.observed)

    @cached_property
    def bread(self) -> Matrix:
        """Covariance matrix (k x k) of z by the observed information: the outer part of every sandwich."""
        return self.outer @ self.along.T

    @property
    def by_expected(self) -> Matrix:
        """The same by the expected information."""
        return self.along @ linalg.inv(self.expected) @ self.along.T


def maximum(likelihood: JointLikelihood) -> Maximum:
    """The maximum, under the layout's constraints. Raises Trouble where the data determine none."""
    z, hessian = maximise(likelihood)
    if likelihood.layout.constraints:
        return _constrained(likelihood, z)
    if not np.isfinite(likelihood.value(z)):
        raise Trouble("not converged", "the search found no admissible start; simplify the model.")
    expected = likelihood.information(z, observed=False)
    check_identified(likelihood.layout.names, expected)
    if hessian is None or np.linalg.eigvalsh(hessian)[0] <= 0:
        raise Trouble("not converged", "the search stopped away from a maximum; simplify the model.")
    gradient = 2 * float(np.abs(likelihood.slope(z)).max())
    n, k = likelihood.total, len(z)
    return Maximum(z, np.eye(k), n * hessian, n * expected, gradient, k)


def _constrained(likelihood: JointLikelihood, z: Matrix) -> Maximum:
    """From the maximum without constraints, `z`, and other starts."""
    kept = Restrictions.scaled(likelihood.layout, likelihood.scale)
    images = mirrors.of_layout(likelihood.layout, z)
    starts = chain(images, likelihood.starts())
    try:
        end = minimum(lambda z: Deviance(likelihood, z), kept, starts, enough=len(images) + 1)
    except Trouble:
        slopes = np.nan_to_num(kept.at(z)[1][kept.equal])
        check_identified(
            likelihood.layout.names, likelihood.information(z, observed=False) + slopes.T @ slopes
        )
        raise
    hessian = end.along.T @ end.point.hessian() @ end.along
    n = likelihood.total
    return Maximum(end.point.z, end.along, n * hessian, n * end.information, end.gradient, end.counted)


def maximise(likelihood: JointLikelihood) -> tuple[Matrix, Matrix | None]:
    """z (k) at the maximum and the Hessian (k x k) there, None where the slope does not vanish.

    By Fisher scoring, and Newton's steps near the maximum.

    From the groups' own fits. Where one of these is not sound, or the search ends at no maximum, or far from
    the data, others begin elsewhere, and the highest maximum is taken.
    """

    def factor(z: Matrix, slope: Matrix) -> tuple[Matrix, bool]:
        return _factor(likelihood, z, newton=bool(np.abs(slope).max() < NEAR))

    ends: list[tuple[Matrix, Matrix | None]] = []
    sound = all(fit.sound for fit in likelihood.fits)
    for start in likelihood.starts():
        try:
            z = climb(likelihood, start, factor)
        except linalg.LinAlgError:  # no way up from here
            continue
        ends.append((z, _hessian(likelihood, z)))
        if sound and _is_maximum(ends[-1][1]) and likelihood.is_near(z):
            return ends[-1]
    if not ends:
        raise Trouble("not converged", "the search found no admissible start; simplify the model.")
    maxima = [end for end in ends if _is_maximum(end[1])]
    return max(maxima, key=lambda end: likelihood.value(end[0])) if maxima else ends[0]


def _hessian(likelihood: JointLikelihood, z: Matrix) -> Matrix | None:
    """The Hessian where a search ended (k x k); None where the slope does not vanish."""
    if not np.isfinite(likelihood.value(z)) or 2 * np.abs(likelihood.slope(z)).max() > 10 * ml.TOLERANCE:
        return None
    return likelihood.hessian(z)


def _is_maximum(hessian: Matrix | None) -> bool:
    """The slope vanishes, and the likelihood falls in all directions."""
    return hessian is not None and bool(linalg.eigvalsh(unit_diagonal(hessian))[0] > DEPENDENT)


def _factor(likelihood: JointLikelihood, z: Matrix, newton: bool) -> tuple[Matrix, bool]:
    """Cholesky factor of the Hessian where it is asked for and positive definite, else of the information."""
    if newton:
        try:
            return linalg.cho_factor(likelihood.hessian(z))
        except linalg.LinAlgError:
            pass
    information = likelihood.information(z, observed=False)
    values, vectors = linalg.eigh(information)
    # Directions that the data do not tell get a short step, so that the search ends and they can be named.
    return linalg.cho_factor((vectors * np.maximum(values, RIDGE * values[-1])) @ vectors.T)
