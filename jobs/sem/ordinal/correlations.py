"""Two variables at a time: polychoric, polyserial and Pearson correlations, the margins held fixed.

Two ordered items: Olsson (1979), Psychometrika 44, 443-460, second step. An ordered item and a number:
Olsson, Drasgow and Dorans (1982), Psychometrika 47, 337-347. Beside each correlation stand the derivatives
that its asymptotic covariance needs (Muthén 1984). With predictors all limits differ by case and the
correlation is that of the residuals; without them the cases collapse to the cells of a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, owens_t

from jobs.sem.ordinal.marginals import SMALLEST, Array, Marginal, Number, Ordered
from jobs.sem.trouble import Trouble

NEWTON_STEPS = 100
LAST_STEP = 1e-8  # Newton's steps square what is left: after this one no digit changes
LARGEST = 0.9999  # a correlation that goes beyond is perfect: the table has an empty corner


@dataclass(frozen=True)
class Correlation:
    """A correlation given the margins.

    `scores` (n): derivative of each case's log-likelihood by it, 0 where either value is missing;
    `by_first`, `by_second`: sums over cases of weight x score x derivative by the margin's parameters.
    """

    value: float
    scores: Array
    by_first: Array
    by_second: Array


def correlation(first: Marginal, second: Marginal, weights: Array) -> Correlation:
    """The correlation of two residuals; weights (n). Raises Trouble where it is perfect."""
    rows = np.flatnonzero(first.seen & second.seen)
    if len(rows) == 0:
        raise Trouble("not identified", f"{first.name} and {second.name} are never observed in one case.")
    if isinstance(first, Ordered) and isinstance(second, Ordered):
        return _polychoric(first, second, rows, weights)
    if isinstance(first, Number) and isinstance(second, Number):
        return _pearson(first, second, rows, weights)
    if isinstance(first, Number) and isinstance(second, Ordered):
        return _polyserial(first, second, rows, weights)
    assert isinstance(first, Ordered) and isinstance(second, Number)
    turned = _polyserial(second, first, rows, weights)
    return Correlation(turned.value, turned.scores, turned.by_second, turned.by_first)


def _polychoric(first: Ordered, second: Ordered, rows: NDArray[np.intp], weights: Array) -> Correlation:
    whole = np.zeros(len(weights))
    w = weights[rows]
    back: NDArray[np.intp] | slice = slice(None)
    cells = rows
    if first.x.shape[1] == 0:
        key = first.codes[rows] * second.categories + second.codes[rows]
        _, places, cell = np.unique(key, return_index=True, return_inverse=True)
        cells, back = rows[places], cell
        w = np.bincount(cell, w).astype(np.float64)
    rectangle = _Rectangle(first.upper[cells], first.lower[cells], second.upper[cells], second.lower[cells])

    def slopes(rho: float) -> tuple[float, float]:
        p, by_rho, bend = rectangle.at(rho)
        ratio = by_rho / p
        return float(w @ ratio), float(w @ (bend / p - ratio**2))

    rho = _maximise(slopes, first.name, second.name)
    p, by_rho, _ = rectangle.at(rho)
    scores = by_rho / p
    whole[rows] = scores[back]
    limits = rectangle.by_limits(rho)
    by_first = first.contract(cells, w * scores, limits[0] / p, limits[1] / p)
    by_second = second.contract(cells, w * scores, limits[2] / p, limits[3] / p)
    return Correlation(rho, whole, by_first, by_second)


def _polyserial(first: Number, second: Ordered, rows: NDArray[np.intp], weights: Array) -> Correlation:
    z, w = first.residual[rows], weights[rows]
    upper, lower = second.upper[rows], second.lower[rows]

    def parts(rho: float):
        """Cell probability given z; then for each limit u: density, d a / d rho, its derivative, a."""
        s = np.sqrt(1 - rho * rho)
        ends = []
        for limit in (upper, lower):
            finite = np.where(np.isinf(limit), 0.0, limit)
            a = (limit - rho * z) / s
            density = _density(a)
            slope = (rho * finite - z) / s**3
            bend = finite / s**3 + 3 * rho * slope / s**2
            ends.append((density, slope, bend, np.where(np.isinf(a), 0.0, a)))
        flip = (lower - rho * z) > 0
        high, low = (upper - rho * z) / s, (lower - rho * z) / s
        p = np.where(flip, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
        return np.maximum(p, SMALLEST), ends

    def slopes(rho: float) -> tuple[float, float]:
        p, ((du, cu, bu, au), (dl, cl, bl, al)) = parts(rho)
        ratio = (du * cu - dl * cl) / p
        bend = (du * (bu - au * cu**2) - dl * (bl - al * cl**2)) / p
        return float(w @ ratio), float(w @ (bend - ratio**2))

    rho = _maximise(slopes, first.name, second.name)
    p, ((du, cu, _, _), (dl, cl, _, _)) = parts(rho)
    s = np.sqrt(1 - rho * rho)
    scores = (du * cu - dl * cl) / p
    whole = np.zeros(len(weights))
    whole[rows] = scores
    by_residual = -z - rho * (du - dl) / (s * p)
    by_first = first.contract(rows, w * scores, by_residual)
    by_second = second.contract(rows, w * scores, du / (s * p), -dl / (s * p))
    return Correlation(rho, whole, by_first, by_second)


def _pearson(first: Number, second: Number, rows: NDArray[np.intp], weights: Array) -> Correlation:
    a, b, w = first.residual[rows], second.residual[rows], weights[rows]

    def case(rho: float) -> tuple[Array, Array]:
        s2 = 1 - rho * rho
        product, squares = a * b, a * a + b * b
        score = rho / s2 + ((1 + rho * rho) * product - rho * squares) / s2**2
        bend = (1 + rho * rho) / s2**2 + (2 * rho * product - squares) / s2**2
        return score, bend + 4 * rho * ((1 + rho * rho) * product - rho * squares) / s2**3

    def slopes(rho: float) -> tuple[float, float]:
        score, bend = case(rho)
        return float(w @ score), float(w @ bend)

    rho = _maximise(slopes, first.name, second.name)
    scores, _ = case(rho)
    whole = np.zeros(len(weights))
    whole[rows] = scores
    s2 = 1 - rho * rho
    by_first = first.contract(rows, w * scores, -(a - rho * b) / s2)
    by_second = second.contract(rows, w * scores, -(b - rho * a) / s2)
    return Correlation(rho, whole, by_first, by_second)


def _maximise(slopes: Callable[[float], tuple[float, float]], first: str, second: str) -> float:
    """Where the log-likelihood's slope is zero: Newton's steps inside a bracket that its sign narrows."""
    low, high = -1.0, 1.0
    rho = 0.0
    for _ in range(NEWTON_STEPS):
        slope, bend = slopes(rho)
        if slope > 0:
            low = rho
        else:
            high = rho
        step = -slope / bend if bend < 0 else np.inf
        moved = rho + step
        if abs(step) < LAST_STEP or high - low < 1e-13:
            rho = moved if low < moved < high else rho
            break
        rho = moved if low < moved < high else 0.5 * (low + high)
        if abs(rho) > LARGEST:
            raise Trouble(
                "not identified",
                f"{first} and {second} are perfectly related (the correlation of their responses reaches "
                f"{np.sign(rho):.0f}); join categories, or leave one of them out.",
            )
    return float(rho)


def _density(z: Array) -> Array:
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


class _Rectangle:
    """Probability that two standard normals with correlation rho fall between limits, cell by cell."""

    def __init__(self, upper1: Array, lower1: Array, upper2: Array, lower2: Array) -> None:
        self.limits = (upper1, lower1, upper2, lower2)
        self.corners = [
            (_Corner(first, second), sign)
            for first, second, sign in (
                (upper1, upper2, 1.0),
                (upper1, lower2, -1.0),
                (lower1, upper2, -1.0),
                (lower1, lower2, 1.0),
            )
        ]

    def at(self, rho: float) -> tuple[Array, Array, Array]:
        """The probability, and its first and second derivative by rho."""
        p, by_rho, bend = np.zeros((3, len(self.limits[0])))
        for corner, sign in self.corners:
            value, slope, curve = corner.at(rho)
            p += sign * value
            by_rho += sign * slope
            bend += sign * curve
        return np.maximum(p, SMALLEST), by_rho, bend

    def by_limits(self, rho: float) -> tuple[Array, Array, Array, Array]:
        """Derivatives of the probability by upper1, lower1, upper2, lower2."""
        u1, l1, u2, l2 = self.limits
        s = np.sqrt(1 - rho * rho)

        def side(at: Array, high: Array, low: Array) -> Array:
            finite = np.where(np.isinf(at), 0.0, at)
            return _density(at) * (ndtr((high - rho * finite) / s) - ndtr((low - rho * finite) / s))

        return side(u1, u2, l2), -side(l1, u2, l2), side(u2, u1, l1), -side(l2, u1, l1)


class _Corner:
    """The bivariate normal distribution function at (h, k), by Owen's T (Owen 1956)."""

    def __init__(self, h: Array, k: Array) -> None:
        self.inside = np.flatnonzero(np.isfinite(h) & np.isfinite(k))
        self.outside = np.where(np.isinf(h), np.where(h > 0, ndtr(k), 0.0), np.where(k > 0, ndtr(h), 0.0))
        h, k = h[self.inside], k[self.inside]
        tiny = 1e-300  # Owen's T at zero has a limit that depends on the sign: take the positive side
        self.h, self.k = np.where(h == 0, tiny, h), np.where(k == 0, tiny, k)
        half = np.where(self.h * self.k < 0, 0.5, 0.0)
        half = np.where((h == 0) & (k < 0) | (k == 0) & (h < 0), 0.5, half)
        below_h, below_k = ndtr(self.h), ndtr(self.k)
        self.independent = below_h * below_k
        self.constant = 0.5 * (below_h + below_k) - half

    def at(self, rho: float) -> tuple[Array, Array, Array]:
        h, k = self.h, self.k
        s2 = 1 - rho * rho
        s = np.sqrt(s2)
        if rho == 0:  # where each search begins
            inner = self.independent
        else:
            with np.errstate(over="ignore"):
                inner = self.constant - owens_t(h, (k - rho * h) / (h * s))
                inner -= owens_t(k, (h - rho * k) / (k * s))
        product, squares = h * k, h * h + k * k
        density = np.exp((rho * product - 0.5 * squares) / s2) / (2 * np.pi * s)
        p, by_rho, bend = self.outside.copy(), np.zeros(len(self.outside)), np.zeros(len(self.outside))
        p[self.inside] = inner
        by_rho[self.inside] = density
        bend[self.inside] = density * (rho / s2 + ((1 + rho * rho) * product - rho * squares) / s2**2)
        return p, by_rho, bend
