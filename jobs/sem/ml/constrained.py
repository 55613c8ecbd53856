"""Maximum likelihood where constraints tie parameters: `c == a*b`, `a > 0`, `a + b < 1`.

The estimate is free in the directions that the constraints leave; its errors are those of a model with
these parameters only (Aitchison and Silvey 1958, Annals of Mathematical Statistics 29, 813-828), as lavaan
has them: the constraints' own curvature is left out of the observed information.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.checks import check_determined
from jobs.sem.estimate import DEPENDENT, Estimate, unit_diagonal
from jobs.sem.ml import fit as ml
from jobs.sem.ml import mirrors
from jobs.sem.ml.discrepancy import Discrepancy
from jobs.sem.ml.quadratic_programming import End, P, Restrictions, minimum
from jobs.sem.model.structure import Structure
from jobs.sem.trouble import Trouble


@dataclass(frozen=True)
class Constrained(Estimate):
    """An estimate that is free in r directions, by which its derivatives are taken.

    `information`, `hessian` (r x r) and `derivatives` (r x p x p) are by these; `directions` (q x r): how the
    parameters move along each; `active`: inequalities that hold it back.
    """

    directions: Matrix
    active: int

    @property
    def counted(self) -> int:
        return len(self.information) + self.active

    @property
    def natural(self) -> Matrix:
        return np.ones(len(self.information))

    @property
    def identified(self) -> bool:
        return bool(linalg.eigvalsh(unit_diagonal(self.information))[0] > DEPENDENT)

    @property
    def minimum(self) -> bool:
        return True  # else the search has no end


def maximum(structure: Structure, covariance: Matrix) -> Estimate:
    """The maximum likelihood estimate, under the constraints of the model where it has some."""
    search = fit if structure.constraints else ml.fit
    return search(structure, covariance)


def fit(structure: Structure, covariance: Matrix) -> Constrained:
    """Fit `structure` with its constraints to a sample covariance matrix (p x p).

    The lowest sound minimum of several starts: the estimate without constraints, and others. Raises Trouble
    where there is none.
    """
    scale = structure.scales(np.sqrt(np.diag(covariance)))
    free = ml.fit(structure, covariance)
    images = mirrors.of_structure(structure, free.x / scale)
    starts = chain(images, [structure.start(covariance)], ml.other_starts(structure, covariance))
    try:
        return _from(structure, covariance, starts, enough=len(images) + 1)
    except Trouble:
        check_determined(free)
        raise


def fit_near(structure: Structure, covariance: Matrix, x: Matrix) -> Constrained:
    """The same from an estimate that is nearly right, `x` (q)."""
    start = x / structure.scales(np.sqrt(np.diag(covariance)))
    return _from(structure, covariance, [start], enough=1)


def by_directions(estimate: Estimate, end: End[P], along: Matrix) -> Constrained:
    """The estimate at the `end` of a search by the directions that constraints leave.

    `along` (q x r): how the parameters move along each, in natural units. `estimate` has its derivatives by
    parameters.
    """
    directions = along * estimate.scale[:, None]
    return Constrained(
        structure=estimate.structure,
        x=estimate.x,
        scale=estimate.scale,
        objective=estimate.objective,
        gradient=end.gradient,
        information=directions.T @ estimate.information @ directions,
        hessian=directions.T @ estimate.hessian @ directions,
        sigma=estimate.sigma,
        derivatives=np.tensordot(directions.T, estimate.derivatives, axes=1),
        directions=directions,
        active=end.active,
    )


def _from(structure: Structure, covariance: Matrix, starts: Iterable[Matrix], enough: int) -> Constrained:
    structure = structure.with_exogenous(covariance)
    scale = structure.scales(np.sqrt(np.diag(covariance)))
    surface = Discrepancy(structure, covariance, scale)
    end = minimum(surface.at, Restrictions.scaled(structure, scale), starts, enough)
    return by_directions(ml.estimate_at(end.point, structure, scale), end, end.along)
