"""Maximum likelihood on moments: F = log|Sigma| + tr(S Sigma^-1) - log|S| - p (Jöreskog 1970).

The search runs on the correlation metric, each parameter in its natural unit, by quasi-Newton steps, then by
Newton's method or Fisher scoring (Lee and Jennrich 1979, Psychometrika 44, 99-113) to a gradient that
vanishes, whatever the units of the data.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import scipy  # its optimisers load when they are needed: they take as long as a small table
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.estimate import TOLERANCE, Estimate
from jobs.sem.ml.batch import Batch, fit_all
from jobs.sem.ml.discrepancy import Discrepancy, Point
from jobs.sem.model.structure import Structure

VANISHED = TOLERANCE / 100  # where the search ends
STEPS = 200
FAR = 0.02  # discrepancy a degree of freedom: a root mean square error of approximation of 0.14
REACHES = (0.3, 0.3, 0.7, 0.7)  # of other starts: few of those far away are admissible in a large model
SMALLEST = 1e-8  # share of a step
SINGULAR = 1e-10  # least over largest pivot of a Hessian that Newton's method does not trust
SCORING_STEPS = 12
RIDGE = 0.01
GENTLE = 0.01  # slope from which Newton's method takes over
FIRST_STEP = 0.3  # in natural units second derivatives of F are about this one's inverse


def fit(structure: Structure, covariance: Matrix) -> Estimate:
    """Fit `structure` to a positive definite sample covariance matrix (p x p, n in the denominator).

    Where the first search ends at no sound minimum, or far from the data, others go another way or start
    elsewhere, and the lowest sound minimum is taken: signs and sizes of the start may have misled the first.
    """
    start = structure.start(covariance)
    first = search(structure, covariance, start)
    if _near(first):
        return first
    ends = [first, search(structure, covariance, start, scoring=False)]
    for other in other_starts(structure, covariance):
        try:
            ends.append(search(structure, covariance, other))
        except linalg.LinAlgError:  # no admissible start
            continue
    sound = [end for end in ends if end.sound]
    if not sound:
        return next((end for end in ends if end.converged), first)
    return min(sound, key=lambda end: end.objective)


def other_starts(structure: Structure, covariance: Matrix) -> list[Matrix]:
    """Places (q, in natural units) around the usual start, and around the one that knows of no signs."""
    random = np.random.default_rng(0)
    usual = (structure.start(covariance), structure.start())
    return [z + random.normal(scale=reach, size=structure.q) for reach in REACHES for z in usual]


def fit_alike(structure: Structure, covariances: Sequence[Matrix]) -> list[Estimate]:
    """The fits of one structure to many covariance matrices that resemble each other, such as those of waves.

    The first is fitted alone, the others together from where it ended, which takes a tenth of the time. What
    ends there at no sound minimum near the data is fitted alone as well.
    """
    first = fit(structure, covariances[0])
    others = np.array(covariances[1:])
    if not first.sound or not len(others):
        return [first, *(fit(structure, covariance) for covariance in others)]
    scales = [structure.scales(np.sqrt(np.diag(covariance))) for covariance in others]
    inverse = linalg.inv(2 * first.hessian * np.outer(first.scale, first.scale))
    starts = np.array([first.x / first.scale * scale for scale in scales])
    inverses = np.array([inverse * np.outer(scale, scale) for scale in scales])
    with np.errstate(all="ignore"):
        ends, done = fit_all(Batch(structure, others), starts, inverses)
    estimates = [first]
    for covariance, x, ended in zip(others, ends, done, strict=True):
        estimate = _polished(structure, covariance, x) if ended else None
        estimates.append(estimate if estimate and _near(estimate) else fit(structure, covariance))
    return estimates


def _polished(structure: Structure, covariance: Matrix, x: Matrix) -> Estimate | None:
    """The estimate near `x` (q, in the data's units); None where that is not admissible."""
    structure = structure.with_exogenous(covariance)
    scale = structure.scales(np.sqrt(np.diag(covariance)))
    try:
        return estimate_at(_end(Discrepancy(structure, covariance, scale).at(x / scale)), structure, scale)
    except linalg.LinAlgError:
        return None


def _near(estimate: Estimate) -> bool:
    """Whether it is a sound minimum, and so near the data that no start has misled the search."""
    structure = estimate.structure
    x = len(structure.exogenous)
    degrees = (structure.p * (structure.p + 1) - x * (x + 1)) // 2 - structure.q
    return estimate.sound and estimate.objective < FAR * max(degrees, 1)


def search(structure: Structure, covariance: Matrix, z: Matrix, scoring: bool = True) -> Estimate:
    """The fit that the search from `z` (q, in natural units) ends at, by `scoring` where that leads down."""
    structure = structure.with_exogenous(covariance)
    scale = structure.scales(np.sqrt(np.diag(covariance)))
    surface = Discrepancy(structure, covariance, scale)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # A singular information is found by `identified`, with words; scipy's warning would add none.
        warnings.simplefilter("ignore", linalg.LinAlgWarning)
        near = _scored(surface.at(z)) if scoring else None
        if near is None:
            near = surface.at(_quasi_newton(surface, covariance, z))
        return estimate_at(_end(near), structure, scale)


def estimate_at(point: Point, structure: Structure, scale: Matrix) -> Estimate:
    """The estimate where a search ended, in the data's units by `scale` (q)."""
    x, unit = point.z * scale, np.outer(scale, scale)
    sigma, derivatives = structure.sigma_and_derivatives(x)
    return Estimate(
        structure=structure,
        x=x,
        scale=scale,
        objective=point.value,
        gradient=point.steepest,
        information=point.information() / unit,
        hessian=point.hessian() / unit,
        sigma=sigma,
        derivatives=derivatives,
    )


def _scored(point: Point) -> Point | None:
    """Near a minimum by whole scoring steps from `point`; None where one leads up, or they are many."""
    ridge = RIDGE * np.eye(len(point.z))  # two indicators of a factor are not told apart at the usual start
    for _ in range(SCORING_STEPS):
        if point.steepest < GENTLE:
            return point
        try:
            there = point.less(linalg.solve(point.information() + ridge, point.gradient / 2, assume_a="pos"))
        except linalg.LinAlgError:
            return None
        if there.value > point.value:
            return None
        point = there
    return None


def _quasi_newton(surface: Discrepancy, covariance: Matrix, z: Matrix) -> Matrix:
    """Near a minimum by quasi-Newton steps from `z`, which need no information that can be inverted."""
    batch = Batch(surface.structure, covariance[None])
    ends, done = fit_all(batch, z * surface.scale, np.diag(surface.scale**2) * FIRST_STEP)
    return ends[0] / surface.scale if done[0] else _careful(surface, z)


def _careful(surface: Discrepancy, z: Matrix) -> Matrix:
    """A line search that minds the slope too: gets through where halved quasi-Newton steps do not."""

    def objective(z: Matrix) -> tuple[float, Matrix]:
        try:
            point = surface.at(z)
        except linalg.LinAlgError:
            return np.inf, np.zeros(len(z))
        return point.value, point.gradient

    options = {"gtol": 1e-6, "maxiter": 2000}
    return scipy.optimize.minimize(objective, z, jac=True, method="BFGS", options=options).x


def _end(point: Point) -> Point:
    """Steps from `point`, halved as need be, to where the gradient vanishes or no step leads on."""
    for _ in range(STEPS):
        if point.steepest < VANISHED:
            break
        try:
            step = _step(point)
        except linalg.LinAlgError:
            break
        size, there = 1.0, _better(point, step)
        while there is None and size > SMALLEST:
            size /= 2
            there = _better(point, size * step)
        if there is None:
            break
        point = there
    return point


def _step(point: Point) -> Matrix:
    """Newton's step where the Hessian is well conditioned, else that of Fisher scoring."""
    try:
        factor = linalg.cho_factor(point.hessian(), lower=True, check_finite=False)
        pivots = np.diag(factor[0]) ** 2
        if pivots.min() > SINGULAR * pivots.max():
            return linalg.cho_solve(factor, point.gradient / 2, check_finite=False)
    except linalg.LinAlgError:
        pass
    return linalg.solve(point.information(), point.gradient / 2, assume_a="pos")


def _better(point: Point, step: Matrix) -> Point | None:
    """The point a `step` back from `point` where F or its slope is less there, else None."""
    try:
        there = point.less(step)
    except linalg.LinAlgError:
        return None
    return there if there.value <= point.value or there.steepest < point.steepest else None
