"""The maximum of a likelihood from a start near it: scoring, each step halved until it climbs."""

from __future__ import annotations

from collections.abc import Callable
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
