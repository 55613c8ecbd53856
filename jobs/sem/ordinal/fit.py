"""Diagonally weighted least squares for models with ordered items, with robust errors and statistic.

The distance between the sample's slopes, variances and correlations s and the model's, weighted by the
inverse of their variances: F = sum (s - sigma)^2 / gamma (Muthén, du Toit and Spisic 1997). Errors take the
full covariance matrix of s; the statistic is scaled and shifted to the mean and variance of a chi-square
(Asparouhov and Muthén 2010, "Simple second order chi-square correction"), as lavaan's WLSMV.

Moments are given the exogenous variables, so those need not be normal. The scale of the response to an
ordered item is a convention (Muthén and Asparouhov 2002, Mplus Web Note 4): in the "delta" parameterisation
it has unit variance given the exogenous variables, and its residual variance is what is left; in the "theta"
parameterisation its residual variance is one. Thresholds and intercepts are free and so fitted exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from jobs.sem.checks import check_determined
from jobs.sem.ml import fit as ml
from jobs.sem.ml import mirrors
from jobs.sem.ml.constrained import by_directions
from jobs.sem.ml.quadratic_programming import End, Restrictions
from jobs.sem.model.intercepts import intercepts
from jobs.sem.model.structure import Structure
from jobs.sem.ordinal.conditional import DELTA, Conditional
from jobs.sem.ordinal.least_squares import Parts, Squares, constrained, solved, vanishes
from jobs.sem.ordinal.marginals import Array
from jobs.sem.ordinal.moments import OrdinalMoments, Statistic
from jobs.sem.trouble import Trouble


@dataclass(frozen=True)
class OrdinalEstimate(ml.Estimate):
    """`information` and `hessian` are Delta' W Delta a case, on the parameters in `free` (places in x)."""

    free: NDArray[np.intp]

    @property
    def counted(self) -> int:
        return len(self.free)

    @property
    def searched(self) -> NDArray[np.intp]:
        return self.free

    @property
    def minimum(self) -> bool:
        return self.identified


@dataclass(frozen=True)
class OrdinalFit:
    """The fit, with each case's weighted influence (n x q) on the parameters.

    `residual` (m'), `jacobian` (m' x free), `weight` (m') belong to the fitted statistics, those at `fitted`
    among the sample's; `free`: places in x of the parameters that the search moves; `tangent` (m' x r): the
    derivatives by these in natural units, or by the directions that constraints leave; `above` (r names)
    lists thresholds and intercepts, with values and influence (n x r). `model`: what was fitted.
    """

    model: Conditional
    estimate: ml.Estimate
    influence: Array
    residual: Array
    jacobian: Array
    tangent: Array
    weight: Array
    fitted: NDArray[np.intp]
    free: NDArray[np.intp]
    above: list[Statistic]
    above_value: Array
    above_influence: Array

    def covariance(self, codes: NDArray[np.intp] | None = None) -> Array:
        """Covariance matrix of parameters, then thresholds and intercepts ((q + r) x (q + r)).

        By cluster where codes (n) are given, times G/(G-1); else times n/(n-1), as lavaan has it.
        """
        parts = np.hstack([self.influence, self.above_influence])
        if codes is not None:
            sums = np.zeros((int(codes.max()) + 1, parts.shape[1]))
            np.add.at(sums, codes, parts)
            parts = sums
        return parts.T @ parts * (len(parts) / (len(parts) - 1))


def fit(structure: Structure, sample: OrdinalMoments, parameterization: str = DELTA) -> OrdinalFit:
    """Fit `structure` to the statistics of ordered items and numbers."""
    p = structure.p
    model = Conditional(structure, sample, parameterization)
    covariance = np.eye(p)
    covariance[np.ix_(model.x, model.x)] = sample.x_cov
    structure = structure.with_exogenous(covariance)
    model = Conditional(structure, sample, parameterization)
    fitted = np.array(
        [place for place, entry in enumerate(sample.statistics) if entry.op in ("~", "~~")], dtype=int
    )
    target = sample.value[fitted]
    influence = sample.influence[:, fitted]
    root = 1 / np.sqrt(sample.n * (influence**2).sum(axis=0))
    covariance[model.y, model.y] = _variances(sample, model)
    scale = structure.scales(np.sqrt(np.diag(covariance)))
    free = model.free

    joint = _joint_covariance(sample, model, covariance)
    start = structure.start(joint)
    parts = _parts(model, target, root, scale, start * scale)
    z, end = solved(parts, start[free], len(target)), None
    x, residual, jacobian = parts(z)
    if not vanishes(residual, jacobian):
        z = solved(parts, _likelihood_start(structure, joint)[free], len(target))
        x, residual, jacobian = parts(z)
    if structure.constraints:
        end = _constrained(parts, model, scale, start, z)
        x, residual, jacobian = parts(end.point.z)
    inner = jacobian if end is None else jacobian @ end.along
    estimate: ml.Estimate = _estimate(model, scale, x, residual, jacobian)
    if end is not None:
        along = np.zeros((structure.q, end.along.shape[1]))
        along[free] = end.along
        estimate = by_directions(estimate, end, along)
    part = np.zeros((len(influence), structure.q))
    if estimate.identified:
        bread = linalg.cho_factor(inner.T @ inner)
        moved = linalg.cho_solve(bread, (influence * root @ inner).T).T
        part[:, free] = (moved if end is None else moved @ end.along.T) * scale[free]
    entry = OrdinalFit(
        model=model,
        estimate=estimate,
        influence=part,
        residual=-residual / root,
        jacobian=jacobian / root[:, None] / scale[free],
        tangent=inner / root[:, None],
        weight=root**2,
        fitted=fitted,
        free=free,
        above=[],
        above_value=np.zeros(0),
        above_influence=np.zeros((len(influence), 0)),
    )
    return _with_thresholds(entry, sample, model)


def _constrained(parts: Parts, model: Conditional, scale: Array, start: Array, z: Array) -> End[Squares]:
    """The minimum that keeps the model's constraints, from the one without them, `z`, and `start` (q)."""
    structure, free = model.structure, model.free
    kept = Restrictions.scaled(structure, scale).on(free, start)
    whole = start.copy()
    whole[free] = z
    images = [image[free] for image in mirrors.of_structure(structure, whole)]
    try:
        return constrained(parts, kept, images, start[free])
    except Trouble:
        check_determined(_estimate(model, scale, *parts(z)))
        raise


def _parts(model: Conditional, target: Array, root: Array, scale: Array, start: Array) -> Parts:
    """Parameters (q), weighted residuals (m) and their derivatives (m x free) by the free ones, z.

    `target` (m) are the sample's statistics, `root` (m) the roots of their weights; `scale` (q) turns natural
    units into the data's, in which `start` (q) is.
    """
    free = model.free

    def parts(z: Array) -> tuple[Array, Array, Array]:
        x = start.copy()
        x[free] = z * scale[free]
        x = model.complete(x)
        value, jacobian = model.statistics(x)
        return x, (value - target) * root, jacobian * root[:, None] * scale[free]

    return parts


def _estimate(
    model: Conditional, scale: Array, x: Array, residual: Array, jacobian: Array
) -> OrdinalEstimate:
    """The estimate at `x` (q), from the weighted residuals (m) and their derivatives (m x free)."""
    structure, free = model.structure, model.free
    curvature = np.zeros((structure.q, structure.q))
    curvature[np.ix_(free, free)] = jacobian.T @ jacobian / np.outer(scale[free], scale[free])
    sigma, derivatives = structure.sigma_and_derivatives(x)
    return OrdinalEstimate(
        structure=structure,
        x=x,
        scale=scale,
        objective=float(residual @ residual),
        gradient=2 * float(np.abs(jacobian.T @ residual).max(initial=0.0)),
        information=curvature,
        hessian=curvature,
        sigma=sigma,
        derivatives=derivatives,
        free=free,
    )


def _likelihood_start(structure: Structure, covariance: Array) -> Array:
    """Where maximum likelihood of the correlations ends (q, in natural units): nearer than plain values."""
    values, vectors = linalg.eigh(covariance)
    floor = 1e-3 * values[-1]
    estimate = ml.fit(structure, (vectors * np.maximum(values, floor)) @ vectors.T)
    return estimate.x / estimate.scale


def _joint_covariance(sample: OrdinalMoments, model: Conditional, given: Array) -> Array:
    """Covariance matrix (p x p) of all variables: what the statistics say given x, and the slopes on x.

    `given` (p x p) has the covariances of the x and the variances given them.
    """
    place = {name: number for number, name in enumerate(model.structure.observed)}
    slopes = np.zeros((model.structure.p, len(model.x)))
    covariance = given.copy()
    for entry, value in zip(sample.statistics, sample.value, strict=True):
        if entry.op == "~":
            slopes[place[entry.lhs], sample.x_names.index(entry.rhs)] = value
        elif entry.op == "~~":
            covariance[place[entry.lhs], place[entry.rhs]] = value
            covariance[place[entry.rhs], place[entry.lhs]] = value
    slopes[model.x] = np.eye(len(model.x))
    covariance[np.ix_(model.x, model.x)] = 0.0
    return covariance + slopes @ sample.x_cov @ slopes.T


def _variances(sample: OrdinalMoments, model: Conditional) -> Array:
    """Variances given x of the endogenous variables: one for items."""
    out = np.ones(len(model.y))
    numbers = {sample.names[place]: place for place in model.numbers}
    for entry, value in zip(sample.statistics, sample.value, strict=True):
        if entry.op == "~~" and entry.lhs == entry.rhs:
            out[numbers[entry.lhs]] = value
    return out


@dataclass(frozen=True)
class Thresholds:
    """Thresholds and intercepts (r) as a model states them.

    Derivatives by the model's free parameters (`by_model`, r x q) and by the sample's own (`by_sample`,
    r x r), which stand at `places` among the sample's statistics.
    """

    labels: list[Statistic]
    value: Array
    by_model: Array
    by_sample: Array
    places: list[int]


def thresholds(model: Conditional, sample: OrdinalMoments, x: Array) -> Thresholds:
    """Thresholds and intercepts at the parameters `x` (q).

    They differ from the sample's where responses have another scale, and where a number is a predictor: its
    own intercept moves the response.
    """
    structure = model.structure
    places = [place for place, label in enumerate(sample.statistics) if label.op in ("|", "~1")]
    labels = [sample.statistics[place] for place in places]
    raw = sample.value[places]
    where = {name: number for number, name in enumerate(structure.observed)}
    at = np.array([where[label.lhs] for label in labels], dtype=int)
    numeric = np.array([label.op == "~1" for label in labels])

    def stated(x: Array, raw: Array) -> Array:
        mean = np.full(structure.p, np.nan)
        mean[model.x] = 0.0
        mean[at[numeric]] = raw[numeric]
        own, implied = intercepts(structure, x, mean)
        return np.where(numeric, own[at], raw * model.sizes(x)[at] + implied[at])

    jacobian = np.eye(len(labels), structure.q + len(labels), structure.q)
    moving = numeric | model.theta
    if moving.any():
        point = np.concatenate([x, raw])
        for place in [*model.free, *(structure.q + np.flatnonzero(moving))]:
            step = np.zeros_like(point)
            step[place] = 1e-6 * max(1.0, abs(point[place]))
            up, down = point + step, point - step
            change = stated(up[: len(x)], up[len(x) :]) - stated(down[: len(x)], down[len(x) :])
            jacobian[:, place] = change / (2 * step[place])
    return Thresholds(labels, stated(x, raw), jacobian[:, : structure.q], jacobian[:, structure.q :], places)


def _with_thresholds(fitted: OrdinalFit, sample: OrdinalMoments, model: Conditional) -> OrdinalFit:
    """The fit with thresholds and intercepts, and their influence."""
    above = thresholds(model, sample, fitted.estimate.x)
    influence = fitted.influence @ above.by_model.T + sample.influence[:, above.places] @ above.by_sample.T
    return replace(fitted, above=above.labels, above_value=above.value, above_influence=influence)
