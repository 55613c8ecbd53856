"""The minimum of a function whose parameters are tied by constraints: `c == a*b`, `a > 0`, `a + b < 1`.

Sequential quadratic programming (Nocedal and Wright 2006, Numerical Optimization, chapter 18): each step goes
to the constraints' tangents and, along them, to the minimum of the function's quadratic. Inequalities that
hold the minimum back count as equalities, found by an active set.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.estimate import DEPENDENT, TOLERANCE, unit_diagonal
from jobs.sem.model.constraints import Constraint
from jobs.sem.trouble import Trouble

STEPS = 200
VANISHED = TOLERANCE / 100  # the slope where a search ends
KEPT = 1e-9  # how far from a constraint, in natural units, an estimate still keeps it
SMALLEST = 1e-8  # share of a step
ROUNDING = 1e-12  # part of a direction in a parameter that constraints fix
NEAR = 1e-5  # of a parameter in natural units: for differences of slopes
FLAT = 1e-8  # least curvature that a step counts with, as a share of the largest


class Place(Protocol):
    """A function F at one place `z` (k), in natural units: its value and gradient (k)."""

    z: Matrix

    @property
    def value(self) -> float: ...

    @property
    def gradient(self) -> Matrix: ...

    def information(self) -> Matrix:
        """The expected Hessian of F/2 (k x k), or another that is positive definite."""

    def hessian(self) -> Matrix:
        """The Hessian of F/2 (k x k)."""


class Tied(Protocol):
    """A model with constraints; `constrained` as `Restrictions.at`, by parameters in the data's units."""

    @property
    def constraints(self) -> Sequence[Constraint]: ...

    def constrained(self, x: Matrix) -> tuple[Matrix, Matrix]: ...


P = TypeVar("P", bound=Place)


@dataclass(frozen=True)
class Restrictions:
    """Constraints on z (k): `at` gives what is zero, or not below it (m), and slopes by z (m x k).

    `equality` (m): which of them are equations.
    """

    at: Callable[[Matrix], tuple[Matrix, Matrix]]
    equality: Sequence[bool]

    @classmethod
    def scaled(cls, model: Tied, scale: Matrix) -> Restrictions:
        """A model's constraints on its parameters by `scale` (k), their natural units."""

        def at(z: Matrix) -> tuple[Matrix, Matrix]:
            values, slopes = model.constrained(z * scale)
            return values, slopes * scale

        return cls(at, [constraint.equality for constraint in model.constraints])

    def on(self, places: Matrix, z: Matrix) -> Restrictions:
        """The same on some parameters, at `places` of `z` (k), which has the others."""

        def at(some: Matrix) -> tuple[Matrix, Matrix]:
            whole = z.copy()
            whole[places] = some
            values, slopes = self.at(whole)
            return values, slopes[:, places]

        return Restrictions(at, self.equality)

    def beside(self, more: int) -> Restrictions:
        """The same with `more` parameters behind that nothing ties."""

        def at(z: Matrix) -> tuple[Matrix, Matrix]:
            values, slopes = self.at(z[: len(z) - more])
            return values, np.pad(slopes, ((0, 0), (0, more)))

        return Restrictions(at, self.equality)

    @property
    def equal(self) -> list[int]:
        """Places of the equations."""
        return [place for place, equation in enumerate(self.equality) if equation]


@dataclass(frozen=True)
class End(Generic[P]):
    """A minimum that keeps all constraints.

    `along` (k x r): the directions in which it is free, exactly zero for a parameter that is fixed; `active`:
    how many inequalities hold it back.
    """

    point: P
    along: Matrix
    active: int

    @cached_property
    def information(self) -> Matrix:
        """The expected Hessian of F/2 by the directions (r x r)."""
        return self.along.T @ self.point.information() @ self.along

    @property
    def gradient(self) -> float:
        """The largest element of the gradient by the directions."""
        return float(np.abs(self.along.T @ self.point.gradient).max())

    @property
    def counted(self) -> int:
        """The number of parameters that a measure of fit counts."""
        return self.along.shape[1] + self.active

    @property
    def held_by_none(self) -> bool:
        """No constraint keeps it from moving."""
        return self.along.shape[0] == self.along.shape[1]

    @property
    def sound(self) -> bool:
        """The data determine it."""
        return bool(linalg.eigvalsh(unit_diagonal(self.information))[0] > DEPENDENT)


def minimum(
    surface: Callable[[Matrix], P], restrictions: Restrictions, starts: Iterable[Matrix], enough: int
) -> End[P]:
    """The lowest of the first `enough` sound minima that the searches from `starts` (k each) end at.

    Further starts are for models that lead astray. The first has to be the minimum without constraints: where
    these do not hold it, it is the answer. `surface` gives the place at z, and raises LinAlgError where z is
    not admissible. Raises Trouble where there is no minimum.
    """
    ends: list[End[P]] = []
    for z in starts:
        if len(ends) == enough or (ends and ends[0].held_by_none):
            break
        end = _end(surface, restrictions, z)
        if end is not None and end.sound:
            ends.append(end)
    if not ends:
        raise Trouble(
            "not converged",
            "no minimum keeps all constraints; look whether they agree, or leave one out.",
        )
    return min(ends, key=lambda end: end.point.value)


def _end(surface: Callable[[Matrix], P], restrictions: Restrictions, z: Matrix) -> End[P] | None:
    """Where the search from `z` (k) ends; None where there is no admissible start, or none from there.

    The inequalities are let go of first. Where the search then runs off, it may be they that stop it.
    """
    loose = [place for place, equation in enumerate(restrictions.equality) if not equation]
    for held in ([], loose) if loose else ([],):
        try:
            return _Search(surface, restrictions, z).end(held)
        except linalg.LinAlgError:
            continue
    return None


class _Search(Generic[P]):
    """From one start. A constraint is measured by what it was like there: its value over its slope."""

    def __init__(self, surface: Callable[[Matrix], P], restrictions: Restrictions, z: Matrix) -> None:
        self.surface, self.restrictions, self.z = surface, restrictions, z
        self.size = np.ones((len(restrictions.equality), 1))

    def kept(self, z: Matrix) -> tuple[Matrix, Matrix]:
        """The constraints' values (m), and slopes (m x k) by z."""
        values, slopes = self.restrictions.at(z)
        return values / self.size[:, 0], slopes / self.size

    def end(self, held: list[int]) -> End[P]:
        """The minimum that the search ends at, with the inequalities `held` as equations at first.

        Raises LinAlgError where it goes astray.
        """
        z, equal, active = self.z, self.restrictions.equal, list(held)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", linalg.LinAlgWarning)
            self.size = self._sizes(z)
            for _ in range(10 * len(self.size)):
                rows = [*equal, *active]
                point, pull = self._search(z, rows)
                z = point.z
                values, _ = self.kept(z)
                force = pull[len(equal) :]
                if len(force) and force.min() < -KEPT:  # it would leave this one of its own accord
                    active.pop(int(force.argmin()))
                    continue
                others = [place for place in range(len(values)) if place not in rows]
                broken = [place for place in others if not values[place] > -KEPT]
                if not broken:
                    return self._ended(point, rows, pull)
                active.append(min(broken, key=lambda place: values[place]))
        raise linalg.LinAlgError("no set of inequalities holds the estimate back")

    def _sizes(self, z: Matrix) -> Matrix:
        """The length of each constraint's slopes at `z` (m x 1); 1 where it has none there."""
        slopes = self.restrictions.at(z)[1]
        size = np.sqrt((slopes**2).sum(axis=1, keepdims=True))
        return np.where(np.isfinite(size) & (size > 0), size, 1.0)

    def _search(self, z: Matrix, rows: Sequence[int]) -> tuple[P, Matrix]:
        """The minimum on which the constraints `rows` are zero, and how strongly each pulls (m)."""
        point, weight = self.surface(z), 1.0
        for _ in range(STEPS):
            values, slopes = (part[list(rows)] for part in self.kept(point.z))
            if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
                raise linalg.LinAlgError("a constraint has no value here")
            across, along, triangle = _tangents(slopes)
            slope = point.gradient / 2
            pull = linalg.solve_triangular(triangle, across.T @ slope)
            if np.abs(along.T @ slope).max(initial=0.0) < VANISHED and _size(values) < KEPT / 10:
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

    def _better(self, point: P, step: Matrix, rows: Sequence[int], weight: float) -> P:
        """A point along the step where the function and broken constraints together are less."""
        before = point.value / 2 + weight * np.abs(self.kept(point.z)[0][list(rows)]).sum()
        rounding = 1e-13 * max(1.0, abs(before))
        size = 1.0
        while size > SMALLEST:
            try:
                there = self.surface(point.z + size * step)
            except linalg.LinAlgError:
                size /= 2
                continue
            after = there.value / 2 + weight * np.abs(self.kept(there.z)[0][list(rows)]).sum()
            if after < before + rounding:
                return there
            size /= 2
        raise linalg.LinAlgError("no step leads on")

    def _curved(self, point: P, rows: Sequence[int], pull: Matrix) -> Matrix:
        """The Hessian of F/2 less the constraints pulled by: their slopes change from place to place."""
        hessian = point.hessian().copy()
        if len(rows):
            for place, move in enumerate(NEAR * np.eye(len(point.z))):
                ahead, behind = self.kept(point.z + move)[1], self.kept(point.z - move)[1]
                change = (ahead - behind)[list(rows)] / (2 * NEAR)
                hessian[place] -= pull @ np.nan_to_num(change)
        return (hessian + hessian.T) / 2

    def _ended(self, point: P, rows: Sequence[int], pull: Matrix) -> End[P]:
        _, along, _ = _tangents(self.kept(point.z)[1][list(rows)])
        if along.shape[1] == 0:
            raise Trouble("failed", "the constraints leave no parameter free; leave one out.")
        linalg.cholesky(along.T @ self._curved(point, rows, pull) @ along)  # raises where it is no minimum
        along = np.where(np.abs(along) > ROUNDING, along, 0.0)
        return End(point, along, active=len(rows) - len(self.restrictions.equal))


def _size(values: Matrix) -> float:
    return float(np.abs(values).max(initial=0.0))


def _tangents(slopes: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Directions across the constraints (k x m) and along them (k x (k - m)), and the triangle of the first.

    Raises LinAlgError where one constraint follows from the others.
    """
    m = len(slopes)
    turned, triangle = linalg.qr(slopes.T)
    size = np.abs(np.diag(triangle)) if m else np.ones(1)
    if m and (len(size) < m or size.min() <= 1e-8 * max(size.max(), 1e-8)):
        raise linalg.LinAlgError("one constraint follows from the others")
    return turned[:, :m], turned[:, m:], triangle[:m]


def _solved(curved: Matrix, information: Matrix, slope: Matrix) -> Matrix:
    """Newton's step where the Hessian is that of a minimum, else that of scoring.

    Where both have directions that are flat, a step downhill all the same.
    """
    if not len(slope):
        return slope
    for matrix in (curved, information):
        try:
            return linalg.cho_solve(linalg.cho_factor(matrix, lower=True), slope)
        except linalg.LinAlgError:
            continue
    values, vectors = linalg.eigh(curved)
    size = np.maximum(np.abs(values), FLAT * np.abs(values).max())
    return vectors @ (vectors.T @ slope / size)
