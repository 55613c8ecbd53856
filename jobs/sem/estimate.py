"""A solution: the parameters at which a fit ended, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.model.structure import Structure

DEPENDENT = 1e-9  # eigenvalue of an information with a unit diagonal, up to which parameters move together
NO_INFORMATION = 1e-12  # share of the largest
RAN_OFF = 1e6  # natural units; an estimate has some
TOLERANCE = 1e-7  # largest element of the gradient, in the natural units


def unit_diagonal(information: Matrix) -> Matrix:
    """An information (k x k, in natural units) with a diagonal of ones: its rank tells of dependence alone.

    A weak marker makes a factor's loadings large: some parameters then have a million times the information
    of others, and all are identified. What has next to none stays as small as it is.
    """
    diagonal = np.diag(information)
    unit = np.sqrt(np.maximum(diagonal, NO_INFORMATION * max(float(diagonal.max(initial=0.0)), 1.0)))
    return information / np.outer(unit, unit)


@dataclass(frozen=True)
class Estimate:
    """Free parameters at the minimum, and how trustworthy it is.

    `x` (q) in the data's units; `objective` the value of F; `gradient` its largest element in natural
    units; `information` (q x q) expected information a case; `hessian` (q x q) of F/2.
    """

    structure: Structure
    x: Matrix
    scale: Matrix
    objective: float
    gradient: float
    information: Matrix
    hessian: Matrix
    sigma: Matrix
    derivatives: Matrix

    @property
    def converged(self) -> bool:
        """The slope vanishes, and not because the search ran off to where rounding levels everything."""
        off = np.abs(self.x / self.scale).max(initial=0.0) > RAN_OFF
        return bool(np.isfinite(self.objective) and self.gradient < TOLERANCE * 10 and not off)

    @property
    def counted(self) -> int:
        """The number of parameters that a measure of fit counts."""
        return self.structure.q

    @property
    def natural(self) -> Matrix:
        """The natural units of what `derivatives` are by."""
        return self.scale

    @property
    def sound(self) -> bool:
        """The search ended at a minimum that the data determine."""
        return self.converged and self.identified and self.minimum

    @property
    def searched(self) -> Matrix:
        """Places in `x` of the parameters that the search moves."""
        return np.arange(len(self.x))

    @property
    def identified(self) -> bool:
        """The information has full rank."""
        scale = self.scale[self.searched]
        information = self.information[np.ix_(self.searched, self.searched)]
        values = linalg.eigvalsh(unit_diagonal(information * np.outer(scale, scale)))
        return bool(values[0] > DEPENDENT)

    @property
    def minimum(self) -> bool:
        """The Hessian in natural units is positive definite: a minimum, not a saddle."""
        scaled = self.hessian * np.outer(self.scale, self.scale)
        return bool(linalg.eigvalsh((scaled + scaled.T) / 2)[0] > 0)
