"""Normal likelihood of several groups that share parameters.

Each group has its means and covariances, mu = nu + Lambda (I - B)^-1 alpha and Sigma as in `structure`
(Jöreskog 1971, Psychometrika 36, 409-426; Sörbom 1974 for the means), and its likelihood by missingness
pattern as in `fiml`; complete cases are one pattern. Means and covariances of exogenous variables are fixed
at the group's own. Each group is searched in its own standard deviations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.cases.incomplete import check_dependence, incomplete_moments, usable
from jobs.sem.cases.moments import Moments
from jobs.sem.checks import check_cases, numbers
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.ml import fit as ml
from jobs.sem.model.intercepts import intercepts
from jobs.sem.model.layout import GroupLayout, Layout
from jobs.sem.model.structure import Structure
from jobs.sem.trouble import Trouble

SMALLEST_START = 0.05  # of a variance, in its natural units: a negative one of a group alone misleads


@dataclass(frozen=True)
class GroupSample:
    """A group's cases: `sample` in the data's units; patterns and values (n x p) in those of the search."""

    sample: Moments
    patterns: fiml.Patterns
    values: Matrix
    free: fiml.SaturatedMoments
    unit: Matrix

    @property
    def complete(self) -> bool:
        return bool(self.patterns.observed.all())


def group_samples(
    parts: dict[str, pd.DataFrame],
    structure: Structure,
    missing: str,
    weights: str | None,
    clusters: tuple[str, ...],
) -> list[GroupSample]:
    """The cases that count, group by group.

    Weights are scaled to sum to the cases of all groups together, so that a group counts by its weight.
    Raises Trouble where a group's data allow no fit.
    """
    samples = {}
    for name, part in parts.items():
        try:
            samples[name] = _cases(part, structure, missing, weights, clusters)
        except Trouble as trouble:
            raise Trouble(trouble.status, f"in {name}, {trouble}") from None
    scale = sum(sample.n for sample, _ in samples.values()) / sum(weight for _, weight in samples.values())
    out = []
    for sample, weight in samples.values():
        counted = replace(sample, weights=sample.weights * (weight * scale / sample.n))
        unit = np.sqrt(np.diag(sample.covariance))
        standard = sample.deviations / unit
        patterns = fiml.patterns(standard, counted.weights)
        free = fiml.saturated(patterns, structure.observed)
        check_dependence(free.cov, structure.observed)
        out.append(GroupSample(counted, patterns, standard, free, unit))
    return out


def _cases(
    part: pd.DataFrame, structure: Structure, missing: str, weights: str | None, clusters: tuple[str, ...]
) -> tuple[Moments, float]:
    """A group's cases, and the sum of their weights."""
    part = numbers(part, [*structure.observed, *([weights] if weights else [])])
    cases = part[part[structure.observed].notna().all(axis=1)] if missing == "listwise" else part
    cases = usable(cases, structure, weights, clusters)
    sample, _ = incomplete_moments(cases, structure, weights, clusters)
    check_cases(sample, structure, parameters=0)  # other groups determine those that are equal with it
    return sample, float(cases[weights].sum()) if weights else float(sample.n)


def _with_exogenous(group: GroupLayout, data: GroupSample) -> GroupLayout:
    """The group's layout with the covariance of its exogenous variables in its structure."""
    covariance = data.free.cov * np.outer(data.unit, data.unit)
    return replace(group, structure=group.structure.with_exogenous(covariance))


class GroupLikelihood:
    """One group's log-likelihood and derivatives by its own vector (q + r + l), in the data's units."""

    def __init__(self, group: GroupLayout, data: GroupSample) -> None:
        self.structure, self.data = group.structure, data
        structure = self.structure
        self.rows, self.columns = fiml.vech_index(structure.p)
        self.outer_unit = 1 / np.outer(data.unit, data.unit)
        self.alpha = np.zeros(len(structure.inner))
        for place in structure.exogenous:
            at = structure.inner.index(structure.observed[place])
            self.alpha[at] = data.sample.mean[place] + data.free.mean[place] * data.unit[place]
        means = [parameter.lhs for parameter in group.parameters if parameter.op == "~1"]
        inner = {name: place for place, name in enumerate(structure.inner)}
        self.inside = [(k, inner[name]) for k, name in enumerate(means, structure.q) if name in inner]
        self.outside = [
            (k, structure.observed.index(name))
            for k, name in enumerate(means, structure.q)
            if name not in inner
        ]

    def _alpha(self, v: Matrix) -> Matrix:
        alpha = self.alpha.copy()
        for k, place in self.inside:
            alpha[place] = v[k]
        return alpha

    def implied(self, v: Matrix) -> tuple[Matrix, Matrix]:
        """Mean (p) and covariance (p x p) in the units of the search."""
        structure = self.structure
        beta, lambda_, _, _ = structure.matrices(v[: structure.q])
        mean = lambda_ @ np.linalg.solve(np.eye(len(beta)) - beta, self._alpha(v))
        for k, place in self.outside:
            mean[place] += v[k]
        return (mean - self.data.sample.mean) / self.data.unit, structure.sigma(
            v[: structure.q]
        ) * self.outer_unit

    def jacobian(self, v: Matrix) -> Matrix:
        """Derivatives of beta = (mu, vech Sigma) in the units of the search by v: (p + p(p+1)/2) x len(v)."""
        structure, q, p = self.structure, self.structure.q, self.structure.p
        _, by_sigma = structure.sigma_and_derivatives(v[:q])
        _, by_mean, by_alpha = structure.mean_and_derivatives(v[:q], self._alpha(v))
        out = np.zeros((p + len(self.rows), len(v)))
        out[:p, :q] = by_mean.T
        for k, place in self.inside:
            out[:p, k] = by_alpha[:, place]
        for k, place in self.outside:
            out[place, k] = 1.0
        out[:p] /= self.data.unit[:, None]
        out[p:, :q] = (by_sigma * self.outer_unit)[:, self.rows, self.columns].T
        return out

    def curvature(self, v: Matrix, slope: Matrix, step: Matrix) -> Matrix:
        """Second derivatives of beta along `slope`, from differences of the exact first ones."""
        q = self.structure.q
        out = np.zeros((len(v), len(v)))
        for place in range(q):
            moved = np.zeros_like(v)
            moved[place] = step[place]
            change = (self.jacobian(v + moved) - self.jacobian(v - moved)).T @ slope
            out[place] = change / (2 * step[place])
        out[q:, :q] = out[:q, q:].T  # linear in the intercepts
        out[:q, :q] = (out[:q, :q] + out[:q, :q].T) / 2
        return out


class JointLikelihood:
    """Log-likelihood a case of all groups, by z: the k free parameters in their natural units."""

    def __init__(self, layout: Layout, samples: list[GroupSample]) -> None:
        groups = [_with_exogenous(group, data) for group, data in zip(layout.groups, samples, strict=True)]
        self.layout, self.samples = replace(layout, groups=groups), samples
        self.groups = [GroupLikelihood(group, data) for group, data in zip(groups, samples, strict=True)]
        self.total = float(sum(data.sample.n for data in samples))
        self.scale = self._scales()
        self.select = [self._select(group) for group in groups]

    def _scales(self) -> Matrix:
        """The natural size of each parameter (k); of one that groups share, their geometric mean."""
        logs, count = np.zeros(self.layout.k), np.zeros(self.layout.k)
        for group, data in zip(self.layout.groups, self.samples, strict=True):
            by_name = group.structure.sizes(data.unit)
            means = [
                by_name.get(parameter.lhs, 1.0) for parameter in group.parameters if parameter.op == "~1"
            ]
            own = np.concatenate([group.structure.scales(data.unit), means])
            free = group.place >= 0
            np.add.at(logs, group.place[free], np.log(own[free]))
            np.add.at(count, group.place[free], 1)
        return np.exp(logs / count)

    def _select(self, group: GroupLayout) -> Matrix:
        """Derivatives of the group's vector by z (len(v) x k)."""
        select = np.zeros((len(group.place), self.layout.k))
        free = np.flatnonzero(group.place >= 0)
        select[free, group.place[free]] = self.scale[group.place[free]]
        return select

    def own(self, z: Matrix, number: int) -> Matrix:
        """The vector of a group."""
        return self.layout.groups[number].fixed + self.select[number] @ z

    @cached_property
    def fits(self) -> list[ml.Estimate]:
        """Each group's own fit."""
        return [
            ml.fit(group.structure, covariance)
            for group, covariance in zip(self.layout.groups, self._covariances, strict=True)
        ]

    @property
    def _covariances(self) -> list[Matrix]:
        return [data.free.cov * np.outer(data.unit, data.unit) for data in self.samples]

    def starts(self) -> Iterator[Matrix]:
        """Starting values (k each): the groups' own fits, averaged where they share a parameter.

        Then, where a search from these may mislead or ends nowhere: the fit of all groups' mean covariance
        matrix, which knows that the groups are alike, and values of no fit.
        """
        yield self._averaged([fit.x for fit in self.fits])
        mean = np.average(self._covariances, axis=0, weights=[data.sample.n for data in self.samples])
        yield self._averaged([ml.fit(fit.structure, mean).x for fit in self.fits])
        yield self._averaged([fit.structure.start(mean) * fit.scale for fit in self.fits])

    def _averaged(self, values: list[Matrix]) -> Matrix:
        """z (k) from each group's free parameters (q), with its means; latent means zero."""
        sums, count = np.zeros(self.layout.k), np.zeros(self.layout.k)
        for group, data, own, fit in zip(self.layout.groups, self.samples, values, self.fits, strict=True):
            structure, x, scale = group.structure, own.copy(), fit.scale
            for parameter in structure.parameters:
                if parameter.free is not None and parameter.op == "~~" and parameter.lhs == parameter.rhs:
                    x[parameter.free] = max(x[parameter.free], SMALLEST_START * scale[parameter.free])
            mean = data.sample.mean + data.free.mean * data.unit
            level = dict(zip(structure.observed, intercepts(structure, x, mean)[0], strict=True))
            means = [level.get(parameter.lhs, 0.0) for parameter in group.parameters if parameter.op == "~1"]
            free = np.flatnonzero(group.place >= 0)
            place = group.place[free]
            np.add.at(sums, place, np.concatenate([x, means])[free] / self.scale[place])
            np.add.at(count, place, 1)
        return sums / count

    @property
    def moments(self) -> int:
        """How many means and covariances the parameters explain."""
        structure = self.groups[0].structure
        p, x = structure.p, len(structure.exogenous)
        return len(self.samples) * (p * (p + 3) - x * (x + 3)) // 2

    @property
    def unrestricted(self) -> float:
        """The log-likelihood of all cases at the groups' unrestricted moments."""
        return sum(data.free.log_likelihood for data in self.samples)

    def is_near(self, z: Matrix) -> bool:
        """Whether the model is so near the data at `z` (k) that no start has misled the search."""
        groups = len(self.samples)  # in each of which only its own cases count
        distance = 2 * (self.unrestricted / self.total - self.value(z)) * groups
        return bool(distance < ml.FAR * max(self.moments - len(z), 1))

    def value(self, z: Matrix) -> float:
        """Minus infinity where an implied covariance matrix is not positive definite."""
        try:
            parts = [
                fiml.log_likelihood(*group.implied(self.own(z, g)), group.data.patterns)
                for g, group in enumerate(self.groups)
            ]
        except np.linalg.LinAlgError:
            return -np.inf
        return sum(parts) / self.total

    def slope(self, z: Matrix) -> Matrix:
        out = np.zeros_like(z)
        for g, group in enumerate(self.groups):
            v = self.own(z, g)
            inner = fiml.gradient(*group.implied(v), group.data.patterns)
            out += self.select[g].T @ (group.jacobian(v).T @ inner)
        return out / self.total

    def information(self, z: Matrix, observed: bool) -> Matrix:
        """A case's information (k x k): expected, or observed but for the curvature of the moments."""
        out = np.zeros((len(z), len(z)))
        for g, group in enumerate(self.groups):
            v = self.own(z, g)
            jacobian = group.jacobian(v) @ self.select[g]
            inner = fiml.information(*group.implied(v), group.data.patterns, observed)
            out += jacobian.T @ inner @ jacobian
        return out / self.total

    def hessian(self, z: Matrix) -> Matrix:
        """Minus the second derivatives a case."""
        out = np.zeros((len(z), len(z)))
        for g, group in enumerate(self.groups):
            v, select = self.own(z, g), self.select[g]
            slope = fiml.gradient(*group.implied(v), group.data.patterns)
            step = 1e-5 * np.maximum(select.max(axis=1), np.abs(v))
            out += select.T @ group.curvature(v, slope, step) @ select
        return self.information(z, observed=True) - out / self.total

    def scores(self, z: Matrix) -> list[Matrix]:
        """Each group's weighted scores of the cases (n x k)."""
        out = []
        for g, group in enumerate(self.groups):
            v, data = self.own(z, g), group.data
            case = fiml.case_scores(*group.implied(v), data.values, data.patterns)
            out.append(data.sample.weights[:, None] * (case @ group.jacobian(v) @ self.select[g]))
        return out
