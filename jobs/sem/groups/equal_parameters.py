"""The maximum of several slices' likelihood with some parameters equal in all of them.

The slices' likelihoods add up (Jöreskog 1971, Psychometrika 36, 409-426), each slice counting by its cases;
intercepts are free in each, so that covariances alone tell the rest. The parameters that slices share border
those that they do not (`Bordered`): the work grows with the slices and not with their cube.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.sums import Sums
from jobs.sem.ml import fit as ml
from jobs.sem.ml.discrepancy import Discrepancy, Point
from jobs.sem.model.structure import Structure
from jobs.sem.standard_errors.covariance import score_slopes
from jobs.sem.trouble import Trouble

SCORING_STEPS, SMALLEST_STEP = 100, 1e-8


@dataclass(frozen=True)
class SliceSums:
    """A slice's cases of one group: `sums` (G regions) and the regions' names, as codes of one country."""

    country: str
    wave: str
    regions: Sequence[str]
    sums: Sums


class Member:
    """A slice in the model: its likelihood by its parameters z (q), in units that all slices share."""

    def __init__(self, slice: SliceSums, estimate: ml.Estimate, covariance: Matrix, scale: Matrix) -> None:
        self.slice, self.scale = slice, scale
        self.cases = float(slice.sums.weight.sum())
        self.structure = estimate.structure
        self.surface = Discrepancy(estimate.structure, covariance, scale)
        self.z = estimate.x / scale

    def scores(self, z: Matrix) -> Matrix:
        """Derivatives of each region's log-likelihood by z (G x q)."""
        slope, constant = score_slopes(*self.structure.sigma_and_derivatives(z * self.scale))
        sums = self.slice.sums
        return (sums.second @ slope - np.outer(sums.weight, constant)) * self.scale


def members_of(structure: Structure, slices: Sequence[SliceSums]) -> list[Member]:
    """The slices with their own estimates. Raises Trouble where a slice has none."""
    covariances = [slice.sums.covariances(np.ones((1, len(slice.sums.weight))))[0] for slice in slices]
    estimates = ml.fit_alike(structure, covariances)
    for slice, estimate in zip(slices, estimates, strict=True):
        if not estimate.converged:
            raise Trouble("not converged", f"the model has no solution in {slice.country} {slice.wave} alone")
    scale = np.exp(np.mean([np.log(estimate.scale) for estimate in estimates], axis=0))
    return [
        Member(slice, estimate, covariance, scale)
        for slice, estimate, covariance in zip(slices, estimates, covariances, strict=True)
    ]


class Bordered:
    """The Hessian of all slices' parameters, of which those at `shared` (a) are the same in all.

    Made of the Hessian of each slice (q x q). Raises LinAlgError where it is not positive definite.
    """

    def __init__(self, hessians: Sequence[Matrix], shared: NDArray[np.intp]) -> None:
        self.shared = shared
        self.own = np.setdiff1d(np.arange(len(hessians[0])), shared)
        common, own = np.ix_(shared, shared), np.ix_(self.own, self.own)
        self.factors = [linalg.cho_factor(hessian[own]) for hessian in hessians]
        self.cross = [
            linalg.cho_solve(factor, hessian[np.ix_(self.own, shared)])
            for factor, hessian in zip(self.factors, hessians, strict=True)
        ]
        self.parts = [
            hessian[common] - hessian[np.ix_(shared, self.own)] @ cross
            for hessian, cross in zip(hessians, self.cross, strict=True)
        ]
        self.factor = linalg.cho_factor(sum(self.parts)) if len(shared) else None

    def common(self, rows: Matrix) -> Matrix:
        """The inverse of the shared parameters' information times rows (m x a), as rows."""
        return rows if self.factor is None else linalg.cho_solve(self.factor, rows.T).T

    def efficient(self, slice: int, scores: Matrix) -> Matrix:
        """A slice's scores (m x q) for the shared parameters, less what its own ones explain (m x a)."""
        return scores[:, self.shared] - scores[:, self.own] @ self.cross[slice]

    def within(self, slice: int, scores: Matrix) -> Matrix:
        """Products of a slice's scores (m x q) for its own parameters, by their inverse Hessian (m x m)."""
        own = scores[:, self.own]
        return own @ linalg.cho_solve(self.factors[slice], own.T)

    def solve(self, gradients: Sequence[Matrix]) -> list[Matrix]:
        """The inverse times a gradient, which has a part (q) for each slice; the step of each slice (q)."""
        total = sum(self.efficient(place, part[None]) for place, part in enumerate(gradients))
        shared = self.common(np.asarray(total))[0]
        steps = []
        for place, part in enumerate(gradients):
            step = np.empty(len(part))
            step[self.shared] = shared
            step[self.own] = (
                linalg.cho_solve(self.factors[place], part[self.own]) - self.cross[place] @ shared
            )
            steps.append(step)
        return steps


def points_at(members: Sequence[Member], z: Sequence[Matrix]) -> list[Point]:
    """Each slice's likelihood at its parameters (q)."""
    return [member.surface.at(own) for member, own in zip(members, z, strict=True)]


def value_of(members: Sequence[Member], points: Sequence[Point]) -> float:
    """Half of the chi-square: minus the log-likelihood, but for a constant."""
    return sum(member.cases * point.value for member, point in zip(members, points, strict=True)) / 2


def hessians_of(members: Sequence[Member], points: Sequence[Point]) -> list[Matrix]:
    """Of each slice's minus log-likelihood (q x q)."""
    return [member.cases * point.hessian() for member, point in zip(members, points, strict=True)]


def _start(members: Sequence[Member], shared: NDArray[np.intp], z: Sequence[Matrix]) -> list[Matrix]:
    """The shared parameters at their mean by information, the slices' own moved along with them."""
    bordered = Bordered(hessians_of(members, points_at(members, z)), shared)
    mean = bordered.common(
        np.asarray(sum(part @ own[shared] for part, own in zip(bordered.parts, z, strict=True)))[None]
    )[0]
    moved = []
    for place, own in enumerate(z):
        start = own.copy()
        start[shared] = mean
        start[bordered.own] += bordered.cross[place] @ (own[shared] - mean)
        try:
            members[place].surface.at(start)
        except linalg.LinAlgError:  # too far for a straight line
            start[bordered.own] = own[bordered.own]
        moved.append(start)
    return moved


def maximum(members: Sequence[Member], shared: NDArray[np.intp], z: Sequence[Matrix]) -> list[Matrix]:
    """The maximum with the parameters at `shared` equal, from a less restricted one: Newton's steps.

    Raises Trouble where the steps end away from a maximum.
    """
    z = _start(members, shared, z)
    points = points_at(members, z)
    cases = sum(member.cases for member in members)
    for _ in range(SCORING_STEPS):
        gradients = [member.cases * point.gradient / 2 for member, point in zip(members, points, strict=True)]
        if _steepest(gradients, shared) < ml.VANISHED * cases:
            return z
        try:
            bordered = Bordered(hessians_of(members, points), shared)
        except linalg.LinAlgError:  # Fisher's information is positive definite where the Hessian is not
            bordered = Bordered(
                [member.cases * point.information() for member, point in zip(members, points, strict=True)],
                shared,
            )
        moved = _better(members, z, bordered.solve(gradients), value_of(members, points), cases)
        if moved is None:
            break
        z, points = moved
    raise Trouble("not converged", "the search for one model of all slices stopped away from a maximum")


def _steepest(gradients: Sequence[Matrix], shared: NDArray[np.intp]) -> float:
    common = np.abs(np.sum(gradients, axis=0)[shared]).max(initial=0.0)
    own = np.delete(np.array(gradients), shared, axis=1)
    return float(max(common, np.abs(own).max(initial=0.0)))


def _better(
    members: Sequence[Member], z: Sequence[Matrix], steps: Sequence[Matrix], value: float, cases: float
) -> tuple[list[Matrix], list[Point]] | None:
    """The place along the steps, halved as need be, where the likelihood is no less; None without one."""
    size = 1.0
    while size > SMALLEST_STEP:
        there = [own - size * step for own, step in zip(z, steps, strict=True)]
        try:
            points = points_at(members, there)
            if value_of(members, points) <= value + 1e-12 * cases:
                return there, points
        except linalg.LinAlgError:
            pass
        size /= 2
    return None
