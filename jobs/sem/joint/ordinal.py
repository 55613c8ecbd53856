"""Ordered items in several groups at once: diagonally weighted least squares with shared parameters.

The groups' distances of `ordinal_fit` add up, each with its share of the cases. Thresholds and intercepts are
free in each group, so they are fitted exactly; responses, or in the "theta" parameterisation their residuals,
have unit variance in every group, as lavaan's WLSMV with equal loadings but no equal thresholds. Errors
follow from each case's influence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.checks import check_cases, check_identified, numbers
from jobs.sem.ml import fit as ml
from jobs.sem.ml import mirrors
from jobs.sem.ml.quadratic_programming import Restrictions
from jobs.sem.model.layout import GroupLayout, Layout
from jobs.sem.model.structure import Parameter, Structure
from jobs.sem.ordinal import fit as ordinal_fit
from jobs.sem.ordinal import least_squares
from jobs.sem.ordinal.conditional import Conditional
from jobs.sem.ordinal.fit import OrdinalFit
from jobs.sem.ordinal.moments import OrdinalMoments
from jobs.sem.routes.least_squares import LeastSquares
from jobs.sem.routes.method import Method
from jobs.sem.trouble import ModelError, Trouble

EXACT = ("intercepts", "means")  # what is not equal across groups here


@dataclass(frozen=True)
class GroupItems:
    """A group's cases and statistics; `alone` is the model fitted to it without the others."""

    sample: Moments
    statistics: OrdinalMoments
    model: Conditional
    alone: OrdinalFit


@dataclass(frozen=True)
class JointItems:
    """The joint fit of k free parameters; those of the model (k') stand before the groups' thresholds.

    `x` (k); `influence` (n x k, a group each); `vectors` each group's parameters and thresholds; `items` what
    was fitted; `fits` with the groups' residuals; `along` (k' x r): the directions in which the model's
    parameters are free, all of them where no constraint ties one, and `jacobians` (m' x r) of the statistics
    by these; `gradient` the largest element of the slope there; `counted` the number of parameters that a
    measure of fit counts.
    """

    x: Matrix
    influence: list[Matrix]
    vectors: list[Matrix]
    items: list[GroupItems]
    fits: list[OrdinalFit]
    jacobians: list[Matrix]
    gradient: float
    counted: int
    along: Matrix


def check(plan: Layout, equal: tuple[str, ...]) -> None:
    """Refuse what the thresholds do not allow (ModelError)."""
    exact = [name for name in equal if name in EXACT]
    if exact:
        raise ModelError(
            f"{exact[0]} are not made equal in models with ordered items: thresholds are free in each group"
        )
    for group in plan.groups:
        for parameter in group.parameters:
            loose = parameter.lhs not in group.structure.latent
            if parameter.op == "~1" and (
                parameter.label or loose != (parameter.free is not None) or parameter.value
            ):
                words = "cannot be set in a model with ordered items; leave it out"
                raise ModelError(f"the intercept of {parameter.lhs} {words}")


def group_items(
    parts: dict[str, pd.DataFrame], structures: list[Structure], method: Method
) -> list[GroupItems]:
    """Each group's statistics. Raises Trouble where a group's data allow no fit."""
    out = []
    for (name, part), structure in zip(parts.items(), structures, strict=True):
        columns = [*structure.observed, *([method.weights] if method.weights else [])]
        try:
            way = LeastSquares(structure, numbers(part, columns), method)
            check_cases(way.sample, structure)
            way.fit()
        except Trouble as trouble:
            raise Trouble(trouble.status, f"in {name}, {trouble}") from None
        out.append(GroupItems(way.sample, way.statistics, way.fitted.model, way.fitted))
    return out


def with_thresholds(plan: Layout, items: list[GroupItems]) -> Layout:
    """The layout with thresholds and intercepts as the sample has them, free in each group.

    An item's residual variance follows from the rest: it is no free parameter.
    """
    searched = {
        int(place)
        for group, data in zip(plan.groups, items, strict=True)
        for place in group.place[data.model.free]
    }
    number = {old: new for new, old in enumerate(sorted(searched))}
    names = [plan.names[old] for old in number]
    groups = []
    for group, data in zip(plan.groups, items, strict=True):
        q, above = group.structure.q, data.alone.above
        place = np.full(q + len(above), -1, dtype=np.intp)
        place[data.model.free] = [number[int(group.place[entry])] for entry in data.model.free]
        place[q:] = len(names) + np.arange(len(above))
        names += [f"{entry.lhs} {entry.op} {entry.rhs}".strip() + f" ({group.name})" for entry in above]
        more = [Parameter(entry.lhs, entry.op, entry.rhs, None, q + k, 0.0) for k, entry in enumerate(above)]
        parameters = [*group.structure.parameters, *more]
        groups.append(GroupLayout(group.name, data.model.structure, parameters, place, np.zeros(len(place))))
    labels = {label: number[old] for label, old in plan.labels.items() if old in number}
    return Layout(groups, names, labels, plan.definitions, plan.constraints)


def fit(plan: Layout, items: list[GroupItems]) -> JointItems:
    """Fit all groups at once; `plan` as `with_thresholds` gives it. Raises Trouble where there is no fit."""
    search = _Search(plan, items)
    z = least_squares.solved(search.parts, search.start(), search.statistics)
    along, counted = np.eye(search.k), search.k
    if plan.constraints:
        every = np.concatenate([search.scale, np.ones(plan.k - search.k)])
        kept = Restrictions.scaled(plan, every).on(np.arange(search.k), np.zeros(plan.k))
        images = mirrors.of_layout(plan, z)
        end = least_squares.constrained(search.parts, kept, images, search.start())
        z, along, counted = end.point.z, end.along, end.counted
    _, residual, jacobian = search.parts(z)
    jacobian = jacobian @ along
    gradient = 2 * float(np.abs(jacobian.T @ residual).max())
    if not np.isfinite(gradient):
        raise Trouble("not converged", "the search found no admissible start; simplify the model.")
    if not plan.constraints:
        check_identified(plan.names[: search.k], jacobian.T @ jacobian)
    if gradient > 10 * ml.TOLERANCE:
        raise Trouble("not converged", "the search stopped away from a minimum; simplify the model.")
    bread = along @ linalg.inv(jacobian.T @ jacobian) @ along.T
    fits = [search.at(z, g) for g in range(len(items))]
    moved = []  # each group's cases' influence on the model's parameters
    for data, fitted, select, share in zip(items, fits, search.select, search.shares, strict=True):
        weighted = data.statistics.influence[:, fitted.fitted] * (fitted.weight * share**2)
        moved.append(weighted @ (fitted.jacobian @ select[data.model.free]) @ bread)
    above = [
        ordinal_fit.thresholds(data.model, data.statistics, fitted.estimate.x)
        for data, fitted in zip(items, fits, strict=True)
    ]  # thresholds move with the model where a number is a predictor
    influence = []
    for g, data in enumerate(items):
        columns = [moved[g] * search.scale]
        for h, (stated, select) in enumerate(zip(above, search.select, strict=True)):
            part = moved[g] @ (stated.by_model @ select).T
            if g == h:
                part = part + data.statistics.influence[:, stated.places] @ stated.by_sample.T
            columns.append(part)
        influence.append(np.hstack(columns))
    return JointItems(
        x=np.concatenate([z * search.scale, *(fitted.value for fitted in above)]),
        influence=influence,
        vectors=[
            np.concatenate([fitted.estimate.x, more.value]) for fitted, more in zip(fits, above, strict=True)
        ],
        items=items,
        fits=fits,
        jacobians=[
            fitted.jacobian @ select[data.model.free] @ along
            for data, fitted, select in zip(items, fits, search.select, strict=True)
        ],
        gradient=gradient,
        counted=counted + sum(len(more.value) for more in above),
        along=along * search.scale[:, None],
    )


class _Search:
    """The groups' weighted residuals by z: the k free parameters but for thresholds, in natural units.

    `shares` are the roots of (n_g - 1) / n: least squares count a case less, as lavaan and Mplus do. `select`
    has the derivatives of a group's x by z (q x k).
    """

    def __init__(self, plan: Layout, items: list[GroupItems]) -> None:
        self.plan, self.items = plan, items
        self.k = plan.k - sum(len(data.alone.above) for data in items)
        total = sum(data.sample.n for data in items)
        self.shares = [float(np.sqrt((data.sample.n - 1) / total)) for data in items]
        self.targets = [data.statistics.value[data.alone.fitted] for data in items]
        self.statistics = sum(map(len, self.targets))
        logs = self._mean([np.log(data.alone.estimate.scale) for data in items])
        self.scale = np.exp(logs)
        self.select = []
        for group, data in zip(plan.groups, items, strict=True):
            select = np.zeros((group.structure.q, self.k))
            select[data.model.free, group.place[data.model.free]] = self.scale[group.place[data.model.free]]
            self.select.append(select)

    def start(self) -> Matrix:
        """The groups' own fits, averaged where they share a parameter."""
        return self._mean([data.alone.estimate.x for data in self.items]) / self.scale

    def parts(self, z: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """z, the weighted residuals of all groups, and their derivatives."""
        residuals, jacobians = [], []
        for g, data in enumerate(self.items):
            value, jacobian = data.model.statistics(self._own(z, g))
            weight = self.shares[g] * np.sqrt(data.alone.weight)
            residuals.append((value - self.targets[g]) * weight)
            jacobians.append((jacobian * weight[:, None]) @ self.select[g][data.model.free])
        return z, np.concatenate(residuals), np.vstack(jacobians)

    def at(self, z: Matrix, g: int) -> OrdinalFit:
        """A group's fit with the residuals and derivatives of z; its influence is that of the group alone."""
        data, x = self.items[g], self._own(z, g)
        value, jacobian = data.model.statistics(x)
        residual = self.targets[g] - value
        objective = float(residual**2 @ data.alone.weight)
        estimate = replace(data.alone.estimate, x=x, objective=objective)
        return replace(data.alone, estimate=estimate, residual=residual, jacobian=jacobian)

    def _own(self, z: Matrix, g: int) -> Matrix:
        """A group's parameters (q), with the residual variances that follow."""
        data = self.items[g]
        x = data.alone.estimate.x.copy()
        x[data.model.free] = (self.select[g] @ z)[data.model.free]
        return data.model.complete(x)

    def _mean(self, values: list[Matrix]) -> Matrix:
        """The mean over the groups of what each has of a parameter (k)."""
        sums, count = np.zeros(self.k), np.zeros(self.k)
        for group, data, own in zip(self.plan.groups, self.items, values, strict=True):
            place = group.place[data.model.free]
            np.add.at(sums, place, own[data.model.free])
            np.add.at(count, place, 1)
        return sums / count
