"""The minimum of a sum of squares, with or without constraints between its parameters.

Levenberg and Marquardt's search (scipy's), then steps of Gauss and Newton until the slope vanishes to
rounding; where statistics are far from the model, a search that minds their curvature.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import scipy  # its optimisers load when they are needed: they take as long as a small table
from scipy import linalg

from jobs.sem.estimate import TOLERANCE
from jobs.sem.ml.quadratic_programming import End, Restrictions, minimum
from jobs.sem.ordinal.marginals import Array

# At z (k): what the caller likes to have there, the residuals (m) and their derivatives (m x k).
Parts = Callable[[Array], tuple[Array, Array, Array]]
SCORING_STEPS = 200
CURVED = {"gtol": 1e-9, "maxiter": 500}  # of the search that minds curvature
HALVES = (1.0, 0.5, 0.25, 0.125)  # shares of a step
NEAR = 1e-5  # of a parameter in natural units: for differences of derivatives


class Squares:
    """The sum of squares at one place, as `quadratic_programming` takes it. Raises LinAlgError off bounds."""

    def __init__(self, parts: Parts, z: Array) -> None:
        self.parts, self.z = parts, z
        _, self.residual, self.jacobian = parts(z)
        if not np.isfinite(self.residual).all():
            raise linalg.LinAlgError("the model has no value here")
        self.value = float(self.residual @ self.residual)
        self.gradient = 2 * self.jacobian.T @ self.residual

    def information(self) -> Array:
        """Gauss and Newton's Hessian of half of it (k x k)."""
        return self.jacobian.T @ self.jacobian

    def hessian(self) -> Array:
        """The Hessian of half of it (k x k), its curvature by differences with the residuals held."""
        hessian = self.information()
        for place, move in enumerate(NEAR * np.eye(len(self.z))):
            change = self.parts(self.z + move)[2] - self.parts(self.z - move)[2]
            hessian[place] += change.T @ self.residual / (2 * NEAR)
        return (hessian + hessian.T) / 2


def constrained(parts: Parts, restrictions: Restrictions, images: list[Array], other: Array) -> End[Squares]:
    """The minimum that keeps the constraints. Raises Trouble where there is none.

    Searched from the minimum without them and its mirror `images` (k each), and from one `other` start.
    """
    starts = [*images, other]
    return minimum(lambda z: Squares(parts, z), restrictions, starts, enough=len(starts))


def solved(parts: Parts, start: Array, count: int) -> Array:
    """Where the search from `start` (k) ends; the caller looks whether the slope vanishes there.

    `count`: how many residuals there are.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # A singular information is found by `identified`, with words; scipy's warning would add none.
        warnings.simplefilter("ignore", linalg.LinAlgWarning)
        solution = scipy.optimize.least_squares(
            lambda z: parts(z)[1],
            start,
            lambda z: parts(z)[2],
            # Levenberg and Marquardt's refuses a model with more parameters than there are statistics.
            method="lm" if count >= len(start) else "trf",
            max_nfev=2000,
        )
        z, residual, jacobian = _polished(parts, solution.x)
        if vanishes(residual, jacobian):
            return z
        # Far from the data, steps without the curvature of the statistics end before the slope vanishes.
        z = scipy.optimize.minimize(_distance, z, args=(parts,), jac=True, method="BFGS", options=CURVED).x
        return _polished(parts, z)[0]


def vanishes(residual: Array, jacobian: Array) -> bool:
    """Whether the slope does, by the weighted residuals (m) and their derivatives (m x k)."""
    return bool(np.abs(jacobian.T @ residual).max(initial=0.0) < TOLERANCE)


def _distance(z: Array, parts: Parts) -> tuple[float, Array]:
    """The sum of squares at `z`, and its slope."""
    _, residual, jacobian = parts(z)
    if not np.isfinite(residual).all():
        return np.inf, np.zeros(len(z))
    return float(residual @ residual), 2 * jacobian.T @ residual


def _polished(parts: Parts, z: Array) -> tuple[Array, Array, Array]:
    """z, residuals and derivatives after steps of Gauss and Newton, until the slope vanishes to rounding.

    A step is halved where it does not help.
    """
    _, residual, jacobian = parts(z)
    for _ in range(SCORING_STEPS):
        slope = jacobian.T @ residual
        steepest = np.abs(slope).max(initial=0.0)
        if not np.isfinite(steepest) or steepest < TOLERANCE / 1000:
            break
        try:
            step = linalg.solve(jacobian.T @ jacobian, slope, assume_a="pos")
        except linalg.LinAlgError:
            break
        for size in HALVES:
            _, there, slopes = parts(z - size * step)
            if np.isfinite(there).all() and np.abs(slopes.T @ there).max() < steepest:
                break
        else:
            break
        z, residual, jacobian = z - size * step, there, slopes
    return z, residual, jacobian
