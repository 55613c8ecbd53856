"""One variable at a time: thresholds of an ordered item, mean and variance of a number, given predictors.

An ordered item is a normal response y* = x'b + e cut at thresholds, e standard normal: an ordered probit
regression. A number is a normal linear regression. This is the first of the two steps of Olsson (1979),
Psychometrika 44, 443-460, and Muthén (1984), Psychometrika 49, 115-132. Without predictors the thresholds
are the normal quantiles of the cumulative shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import ndtr, ndtri

from jobs.sem.arrays import Array
from jobs.sem.trouble import Trouble

NEWTON_STEPS = 100
STEEPEST = 10.0  # a slope in standard deviations that only runs away when the categories are told apart
SMALLEST = 1e-15  # a cell's probability below this is rounding


@dataclass(frozen=True)
class Ordered:
    """Ordered probit regression. Parameters: c - 1 thresholds, then k slopes.

    `codes` (n) are 0 .. c - 1, -1 where missing; `upper`, `lower` (n) the limits of e for the answer given,
    infinite at the ends; `scores` (n x (c - 1 + k)) derivatives of each case's
    log-likelihood, 0 where missing.
    """

    name: str
    codes: NDArray[np.intp]
    x: Array
    parameters: Array
    upper: Array
    lower: Array
    scores: Array

    @property
    def categories(self) -> int:
        return len(self.parameters) - self.x.shape[1] + 1

    @property
    def seen(self) -> NDArray[np.bool_]:
        return self.codes >= 0

    def contract(self, rows: NDArray[np.intp], weight: Array, by_upper: Array, by_lower: Array) -> Array:
        """Sum over `rows` of weight times the derivatives by the parameters, from those by the limits."""
        codes, c = self.codes[rows], self.categories
        up = np.bincount(codes, weight * by_upper, c)[: c - 1]
        low = np.bincount(codes, weight * by_lower, c)[1:]
        slopes = -(weight * (by_upper + by_lower)) @ self.x[rows]
        return np.concatenate([up + low, slopes])


@dataclass(frozen=True)
class Number:
    """Linear regression. Parameters: intercept, k slopes, residual variance (n in the denominator).

    `residual` (n) is standardised, 0 where missing; `scores` (n x (k + 2)) as in `Ordered`.
    """

    name: str
    x: Array
    parameters: Array
    residual: Array
    scores: Array
    seen: NDArray[np.bool_]

    @property
    def deviation(self) -> float:
        return float(np.sqrt(self.parameters[-1]))

    def contract(self, rows: NDArray[np.intp], weight: Array, by_residual: Array) -> Array:
        """Sum over `rows` of weight times the derivatives by the parameters, from those by the residual."""
        scale = self.deviation
        pull = weight * by_residual
        variance = -(pull @ self.residual[rows] + weight.sum()) / (2 * scale**2)
        return np.concatenate([[-pull.sum() / scale], -pull @ self.x[rows] / scale, [variance]])


Marginal = Ordered | Number


def ordered(name: str, values: Array, x: Array, weights: Array) -> tuple[Ordered, Array]:
    """Fit an ordered item (n values, NaN for missing) on x (n x k, may be k = 0); weights (n) above 0.

    Categories are the values that occur, in ascending order; they are the second thing returned. Raises
    Trouble for an item of one category.
    """
    seen = ~np.isnan(values)
    levels, inner = np.unique(values[seen], return_inverse=True)
    c, k = len(levels), x.shape[1]
    if c < 2:
        raise Trouble("constant indicator", f"{name} takes one category only; leave it out of the model.")
    codes = np.full(len(values), -1)
    codes[seen] = inner
    shares = np.bincount(inner, weights[seen], c)
    start = ndtri(np.cumsum(shares)[:-1] / shares.sum())
    parameters = np.concatenate([start, np.zeros(k)])
    fitted = _ordered_at(name, codes, x, parameters)
    if k:
        parameters = _probit(name, codes[seen], x[seen], weights[seen], parameters)
        fitted = _ordered_at(name, codes, x, parameters)
    return fitted, levels


def _ordered_at(name: str, codes: NDArray[np.intp], x: Array, parameters: Array) -> Ordered:
    k = x.shape[1]
    c = len(parameters) - k + 1
    ends = np.concatenate([[-np.inf], parameters[: c - 1], [np.inf]])
    seen = codes >= 0
    eta = x @ parameters[c - 1 :]
    upper, lower = ends[codes + 1] - eta, ends[codes] - eta
    upper[~seen], lower[~seen] = np.inf, -np.inf
    _, by_upper, by_lower = _cell(upper, lower)
    scores = np.zeros((len(codes), c - 1 + k))
    rows = np.flatnonzero(seen & (codes < c - 1))
    scores[rows, codes[rows]] = by_upper[rows]
    rows = np.flatnonzero(codes > 0)
    scores[rows, codes[rows] - 1] = by_lower[rows]
    scores[:, c - 1 :] = -(by_upper + by_lower)[:, None] * x
    return Ordered(name, codes, x, parameters, upper, lower, scores)


def _density(z: Array) -> Array:
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _cell(upper: Array, lower: Array) -> tuple[Array, Array, Array]:
    """Probability of a cell, and the derivatives of its logarithm by the two limits."""
    flip = lower > 0  # differences of upper tails lose no digits
    p = np.where(flip, ndtr(-lower) - ndtr(-upper), ndtr(upper) - ndtr(lower))
    p = np.maximum(p, SMALLEST)
    return p, _density(upper) / p, -_density(lower) / p


def _probit(name: str, codes: NDArray[np.intp], x: Array, weights: Array, start: Array) -> Array:
    """Newton's method on the ordered probit log-likelihood, which is concave (Pratt 1981)."""
    k = x.shape[1]
    c = len(start) - k + 1
    up, low = np.zeros((2, len(codes), c - 1 + k))
    rows = np.flatnonzero(codes < c - 1)
    up[rows, codes[rows]] = 1.0
    rows = np.flatnonzero(codes > 0)
    low[rows, codes[rows] - 1] = 1.0
    up[codes < c - 1, c - 1 :] = -x[codes < c - 1]
    low[codes > 0, c - 1 :] = -x[codes > 0]

    def parts(at: Array) -> tuple[float, Array, Array]:
        upper = np.where(codes < c - 1, up @ at, np.inf)
        lower = np.where(codes > 0, low @ at, -np.inf)
        if (upper <= lower).any():
            return -np.inf, at, np.eye(len(at))
        p, by_upper, by_lower = _cell(upper, lower)
        gradient = (weights * by_upper) @ up + (weights * by_lower) @ low
        bend_up = by_upper**2 + by_upper * np.where(np.isinf(upper), 0.0, upper)
        bend_low = by_lower**2 + by_lower * np.where(np.isinf(lower), 0.0, lower)
        cross = (weights * by_upper * by_lower)[:, None] * low
        minus = (weights * bend_up)[:, None] * up
        curvature = up.T @ minus + low.T @ ((weights * bend_low)[:, None] * low) + up.T @ cross + cross.T @ up
        return float(weights @ np.log(p)), gradient, curvature

    at, decrement = start, np.inf
    value, gradient, curvature = parts(at)
    for _ in range(NEWTON_STEPS):
        try:
            step = linalg.solve(curvature, gradient, assume_a="pos")
        except linalg.LinAlgError:
            break
        decrement = float(gradient @ step)
        size = 1.0
        while size > 1e-6:
            there = parts(at + size * step)
            if there[0] >= value or decrement < 1e-14 * weights.sum():
                break
            size /= 2
        at = at + size * step
        value, gradient, curvature = there
        if decrement < 1e-20 * weights.sum():
            break
    steepest = float(np.abs(at[c - 1 :] * x.std(axis=0)).max())
    certain = value > -1e-6 * weights.sum()  # every answer predicted with probability one
    if decrement < 1e-12 * weights.sum() and steepest < STEEPEST and not certain:
        return at
    raise Trouble("not identified", f"the predictors tell the categories of {name} apart; join categories.")


def number(name: str, values: Array, x: Array, weights: Array) -> Number:
    """Regress a number (n values, NaN for missing) on x (n x k); raises Trouble if it is constant."""
    seen = ~np.isnan(values)
    design = np.column_stack([np.ones(len(values)), x])
    root = np.sqrt(weights[seen])
    slopes = linalg.lstsq(design[seen] * root[:, None], values[seen] * root)[0]
    raw = np.where(seen, values - design @ slopes, 0.0)
    variance = float(weights[seen] @ raw[seen] ** 2 / weights[seen].sum())
    if not variance > 1e-20 * max(1.0, float(np.abs(values[seen]).max()) ** 2):
        raise Trouble("constant indicator", f"{name} does not vary beyond its predictors; leave it out.")
    residual = raw / np.sqrt(variance)
    by_mean = residual / np.sqrt(variance)
    by_variance = np.where(seen, (residual**2 - 1) / (2 * variance), 0.0)
    scores = np.column_stack([by_mean, by_mean[:, None] * x, by_variance])
    return Number(name, x, np.concatenate([slopes, [variance]]), residual, scores, seen)
