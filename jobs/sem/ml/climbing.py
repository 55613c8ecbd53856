"""The maximum of a likelihood from a start near it: scoring, each step halved until it climbs.

Where constraints tie parameters, the likelihood is a function to be minimised along them
(`quadratic_programming`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Array
from jobs.sem.ml import fit as ml

Factor = tuple[Array, bool]  # as scipy's cho_factor gives it
STEPS = 100


class Climbable(Protocol):
    """A log-likelihood a case of parameters z (k), in natural units."""

    def value(self, z: Array) -> float:
        """The log-likelihood; minus infinity where z is not admissible."""

    def slope(self, z: Array) -> Array:
        """Its derivatives (k)."""


class Curved(Climbable, Protocol):
    """One with second derivatives."""

    def information(self, z: Array, observed: bool) -> Array:
        """The expected information a case (k x k), or the observed one without the moments' curvature."""

    def hessian(self, z: Array) -> Array:
        """Minus the second derivatives (k x k)."""


class Deviance:
    """Minus twice a log-likelihood at `z` (k), as a place of `quadratic_programming`.

    Raises LinAlgError where z is not admissible.
    """

    def __init__(self, likelihood: Curved, z: Array) -> None:
        self.likelihood, self.z = likelihood, z
        self.value = -2 * likelihood.value(z)
        if not np.isfinite(self.value):
            raise linalg.LinAlgError("the covariance matrix is not positive definite here")

    @cached_property
    def gradient(self) -> Array:
        """Derivatives (k) of `value`."""
        return -2 * self.likelihood.slope(self.z)

    def information(self) -> Array:
        """The expected information a case (k x k)."""
        return self.likelihood.information(self.z, observed=False)

    def hessian(self) -> Array:
        """Second derivatives (k x k) of half of `value`."""
        return self.likelihood.hessian(self.z)


def climb(likelihood: Climbable, z: Array, factor: Callable[[Array, Array], Factor | None]) -> Array:
    """z where the slope vanishes, or where no step climbs any more: the caller checks which.

    `factor` gives the Cholesky factor of the information at z, given the slope there; None ends the search.
    """
    value, slope = likelihood.value(z), likelihood.slope(z)
    for _ in range(STEPS):
        if not np.isfinite(value) or np.abs(slope).max() < ml.TOLERANCE / 200:
            break
        factors = factor(z, slope)
        if factors is None:
            break
        step = linalg.cho_solve(factors, slope)
        size = 1.0
        while size > 1e-8:
            there = likelihood.value(z + size * step)
            if there >= value or (np.isfinite(there) and value - there < 1e-12):
                break
            size /= 2
        else:
            break
        z = z + size * step
        value, slope = there, likelihood.slope(z)
    return z
