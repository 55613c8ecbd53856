"""Maximum likelihood where parameters are tied by constraints: `c == a*b`, `a > 0`, `a + b < 1`.

Sequential quadratic programming (Nocedal and Wright 2006, Numerical Optimization, chapter 18): each step goes
to the constraints' tangents and, along them, to the minimum of the discrepancy's quadratic. Inequalities that
hold the estimate back count as equalities, found by an active set. The estimate is free in the directions
that the constraints leave; its errors are those of a model with these parameters only (Aitchison and Silvey
1958, Annals of Mathematical Statistics 29, 813-828), as lavaan has them: the constraints' own curvature is
left out of the observed information.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.estimate import DEPENDENT, Estimate, unit_diagonal
from jobs.sem.ml import fit as ml
from jobs.sem.ml.discrepancy import Discrepancy, Point
from jobs.sem.model.structure import Structure
from jobs.sem.trouble import Trouble

STEPS = 500
KEPT = 1e-9  # how far from a constraint, in natural units, an estimate still keeps it
SMALLEST = 1e-8  # share of a step
ROUNDING = 1e-12  # part of a direction in a parameter that constraints fix
NEAR = 1e-5  # of a parameter in natural units: for differences of slopes


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
    def identified(self) -> bool:
        return bool(linalg.eigvalsh(unit_diagonal(self.information))[0] > DEPENDENT)

    @property
    def minimum(self) -> bool:
        return True  # else the search has no end


def fit(structure: Structure, covariance: Matrix) -> Constrained:
    """Fit `structure` with its constraints to a sample covariance matrix (p x p).

    The lowest sound minimum of several starts: the estimate without constraints, and others. Raises Trouble
    where there is none.
    """
    free = ml.fit(structure, covariance)
    start = structure.start(covariance)
    moves = np.random.default_rng(0).normal(scale=0.7, size=(ml.OTHER_STARTS, structure.q))
    problem = _Problem(structure.with_exogenous(covariance), covariance)
    ends: list[Constrained] = []
    for z in (free.x / free.scale, start, *(start + moves)):
        if len(ends) == 2:  # others are for models that lead astray
            break
        try:
            end = problem.end(z)
        except linalg.LinAlgError:  # no admissible start, or none from there
            continue
        if end.sound:
            ends.append(end)
    if not ends:
        raise Trouble(
            "not converged",
            "no minimum keeps all constraints; look whether they agree, or leave one out.",
        )
    return min(ends, key=lambda end: end.objective)


class _Problem:
    """The discrepancy and the constraints, in natural units z (q).

    A constraint is measured by what it was like at the start of a search: its value over its slope there.
    """

    def __init__(self, structure: Structure, covariance: Matrix) -> None:
        self.structure = structure
        self.scale = structure.scales(np.sqrt(np.diag(covariance)))
        self.surface = Discrepancy(structure, covariance, self.scale)
        self.size = np.ones((len(structure.constraints), 1))
        self.equal = [place for place, entry in enumerate(structure.constraints) if entry.equality]

    def kept(self, z: Matrix) -> tuple[Matrix, Matrix]:
        """The constraints' values (m), and slopes (m x q) by z."""
        values, slopes = self.structure.constrained(z * self.scale)
        return values / self.size[:, 0], slopes * self.scale / self.size

    def end(self, z: Matrix) -> Constrained:
        """The minimum that the search from `z` ends at. Raises LinAlgError where it goes astray."""
        active: list[int] = []
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", linalg.LinAlgWarning)
            self.size = self._sizes(z)
            for _ in range(10 * len(self.structure.constraints)):
                rows = [*self.equal, *active]
                point, pull = self._search(z, rows)
                z = point.z
                values, _ = self.kept(z)
                held = pull[len(self.equal) :]
                if len(held) and held.min() < -KEPT:  # it would leave this one of its own accord
                    active.pop(int(held.argmin()))
                    continue
                others = [place for place in range(len(values)) if place not in rows]
                broken = [place for place in others if not values[place] > -KEPT]
                if not broken:
                    return self._estimate(point, rows, pull)
                active.append(min(broken, key=lambda place: values[place]))
        raise linalg.LinAlgError("no set of inequalities holds the estimate back")

    def _sizes(self, z: Matrix) -> Matrix:
        """The length of each constraint's slopes at `z` (m x 1); 1 where it has none there."""
        slopes = self.structure.constrained(z * self.scale)[1] * self.scale
        size = np.sqrt((slopes**2).sum(axis=1, keepdims=True))
        return np.where(np.isfinite(size) & (size > 0), size, 1.0)

    def _search(self, z: Matrix, rows: Sequence[int]) -> tuple[Point, Matrix]:
        """The minimum on which the constraints `rows` are zero, and how strongly each pulls (m)."""
        point, weight = self.surface.at(z), 1.0
        for _ in range(STEPS):
            values, slopes = (part[list(rows)] for part in self.kept(point.z))
            if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
                raise linalg.LinAlgError("a constraint has no value here")
            across, along, triangle = _tangents(slopes)
            slope = point.gradient / 2
            pull = linalg.solve_triangular(triangle, across.T @ slope)
            if np.abs(along.T @ slope).max(initial=0.0) < ml.VANISHED and _size(values) < KEPT / 10:
                return point, pull
            curved = self._curved(point, rows, pull)
            there = -across @ linalg.solve_triangular(triangle, values, trans="T")
            step = there - along @ _solved(
                along.T @ curved @ along,
                along.T @ point.information() @ along,
                along.T @ (slope + curved @ there),
            )
            weight = max(weight, 2 * _size(pull))
            point = self._better(point, step, rows, weight)
        raise linalg.LinAlgError("the search did not end")

    def _better(self, point: Point, step: Matrix, rows: Sequence[int], weight: float) -> Point:
        """A point along the step where discrepancy and broken constraints together are less."""
        before = point.value / 2 + weight * np.abs(self.kept(point.z)[0][list(rows)]).sum()
        size = 1.0
        while size > SMALLEST:
            try:
                there = self.surface.at(point.z + size * step)
            except linalg.LinAlgError:
                size /= 2
                continue
            after = there.value / 2 + weight * np.abs(self.kept(there.z)[0][list(rows)]).sum()
            if after < before + 1e-13:
                return there
            size /= 2
        raise linalg.LinAlgError("no step leads on")

    def _curved(self, point: Point, rows: Sequence[int], pull: Matrix) -> Matrix:
        """The Hessian of F/2 less the constraints pulled by: their slopes change from place to place."""
        hessian = point.hessian()
        if len(rows):
            for place, move in enumerate(NEAR * np.eye(len(point.z))):
                ahead, behind = self.kept(point.z + move)[1], self.kept(point.z - move)[1]
                change = (ahead - behind)[list(rows)] / (2 * NEAR)
                hessian[place] -= pull @ np.nan_to_num(change)
        return (hessian + hessian.T) / 2

    def _estimate(self, point: Point, rows: Sequence[int], pull: Matrix) -> Constrained:
        structure, x = self.structure, point.z * self.scale
        _, along, _ = _tangents(self.kept(point.z)[1][list(rows)])
        if along.shape[1] == 0:
            raise Trouble("failed", "the constraints leave no parameter free; leave one out.")
        linalg.cholesky(along.T @ self._curved(point, rows, pull) @ along)  # raises where it is no minimum
        directions = np.where(np.abs(along) > ROUNDING, along, 0.0) * self.scale[:, None]
        sigma, derivatives = structure.sigma_and_derivatives(x)
        return Constrained(
            structure=structure,
            x=x,
            scale=self.scale,
            objective=point.value,
            gradient=float(np.abs(along.T @ point.gradient).max()),
            information=along.T @ point.information() @ along,
            hessian=along.T @ point.hessian() @ along,
            sigma=sigma,
            derivatives=np.tensordot(directions.T, derivatives, axes=1),
            directions=directions,
            active=len(rows) - len(self.equal),
        )


def _size(values: Matrix) -> float:
    return float(np.abs(values).max(initial=0.0))


def _tangents(slopes: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Directions across the constraints (q x m) and along them (q x (q - m)), and the triangle of the first.

    Raises LinAlgError where one constraint follows from the others.
    """
    m = len(slopes)
    turned, triangle = linalg.qr(slopes.T)
    size = np.abs(np.diag(triangle)) if m else np.ones(1)
    if m and (len(size) < m or size.min() <= 1e-8 * max(size.max(), 1e-8)):
        raise linalg.LinAlgError("one constraint follows from the others")
    return turned[:, :m], turned[:, m:], triangle[:m]


def _solved(curved: Matrix, information: Matrix, slope: Matrix) -> Matrix:
    """Newton's step where the Hessian is that of a minimum, else that of scoring."""
    if not len(slope):
        return slope
    try:
        return linalg.cho_solve(linalg.cho_factor(curved, lower=True), slope)
    except linalg.LinAlgError:
        return linalg.solve(information, slope, assume_a="pos")
