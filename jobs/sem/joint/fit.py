"""One model fitted to several groups at once, with parameters that are equal across them.

The groups' likelihoods add up, so one search finds all parameters and one covariance matrix has all errors:
expected or observed information, robust (White 1982), and by cluster (Liang and Zeger 1986), bias-reduced
or not, where a cluster's scores are summed over the groups that it spans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.cases.clusters import spread
from jobs.sem.cases.moments import Moments
from jobs.sem.cases.split import split
from jobs.sem.checks import check_admissible, check_factors, check_names
from jobs.sem.joint import ordinal as joint_ordinal
from jobs.sem.joint import ordinal_measures as joint_ordinal_measures
from jobs.sem.joint.likelihood import JointLikelihood, group_samples
from jobs.sem.joint.maximum import maximum
from jobs.sem.joint.measures import measures
from jobs.sem.joint.small_sample import joint_small_sample
from jobs.sem.joint.spanning import products, sums
from jobs.sem.laws import t_quantile, t_tail
from jobs.sem.model.defined import define
from jobs.sem.model.layout import Layout, layout
from jobs.sem.model.structure import ModelError, Parameter
from jobs.sem.routes import method as methods
from jobs.sem.routes.derived import check_definitions
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors.small_sample import BiasReduced
from jobs.sem.standard_errors.standardised import jacobian, standardised_values
from jobs.sem.standard_errors.trust import trusted
from jobs.sem.threads import one_thread
from jobs.sem.trouble import TROUBLES, Trouble, verdict

ESTIMATES = [
    *("group", "lhs", "op", "rhs", "label", "est", "std_all", "std_se", "error", "se", "z", "pvalue", "df"),
    *("clusters", "ci_lower", "ci_upper", "reliable"),
]


@dataclass(frozen=True)
class Solution:
    """All that is estimated, a row (R) a parameter of a group, and the defined parameters last.

    `values` (R) and `gradient` (R x k) by the k free parameters; `standard` and `standard_gradient` the same
    of the standardised values.
    """

    rows: list[tuple[str, Parameter]]
    values: Matrix
    gradient: Matrix
    standard: Matrix
    standard_gradient: Matrix


@dataclass
class MultigroupFit:
    """What became of the joint fit; without estimates where the status is not "converged".

    `x` (k) the free parameters in the data's units; `influence` (n x k, a group each) the cases' weighted
    part in their error; `covariances` (k x k) by kind of error; `clusters` how many there are of a kind, and
    `small_sample` what the degrees of freedom of a bias-reduced one follow from; `vectors` each group's own
    parameters, as `layout` has them; `completes` what sets those of them that follow from the others; `items`
    the fit's details where items are ordered.
    """

    status: str
    detail: str
    groups: list[str]
    layout: Layout
    method: Method
    cases_in: int = 0
    cases_used: int = 0
    max_gradient: float | None = None
    x: Matrix | None = None
    influence: list[Matrix] = field(default_factory=list)
    covariances: dict[str, Matrix] = field(default_factory=dict)
    clusters: dict[str, int] = field(default_factory=dict)
    small_sample: dict[str, BiasReduced] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    vectors: list[Matrix] = field(default_factory=list)
    completes: list[Callable[[Matrix], Matrix]] = field(default_factory=list)
    items: joint_ordinal.JointItems | None = None

    @property
    def primary(self) -> str | None:
        """The first cluster column, where it gives errors."""
        first = self.method.clusters[:1]
        return next((name for name in first if f"cluster:{name}" in self.clusters), None)

    @cached_property
    def solution(self) -> Solution:
        """Every parameter of every group, plain and standardised."""
        assert self.x is not None
        return _solution(self.layout, self.vectors, self.completes)

    def estimates(self) -> pd.DataFrame:
        """One row per parameter and kind of error; a defined parameter belongs to no group."""
        rows = [row for error in self.covariances for row in _rows(self, error)]
        return pd.DataFrame(rows, columns=ESTIMATES)

    def fit_measures(self) -> pd.DataFrame:
        return pd.DataFrame({"measure": list(self.measures), "value": list(self.measures.values())})


@one_thread()
def fit_multigroup(
    model: str,
    data: pd.DataFrame,
    group: str,
    method: Method,
    equal: tuple[str, ...] = (),
    partial: tuple[str, ...] = (),
) -> MultigroupFit:
    """Fit `model` (lavaan syntax) to all groups of `data` at once, with free means.

    `equal` and `partial`: lavaan's group.equal and group.partial. Groups are sorted; cases without one enter
    no fit. Raises ModelError where the model, the names or the settings are not right; what the data are like
    becomes a status.
    """
    parts, plan = planned(model, data, group, method, equal, partial)
    fit = MultigroupFit("failed", "", list(parts), plan, method, cases_in=len(data))
    try:
        _estimate(fit, parts)
    except TROUBLES as error:
        fit.status, fit.detail = verdict(error)
    return fit


def planned(
    model: str,
    data: pd.DataFrame,
    group: str,
    method: Method,
    equal: tuple[str, ...] = (),
    partial: tuple[str, ...] = (),
) -> tuple[dict[str, pd.DataFrame], Layout]:
    """Each group's cases, and the layout of their parameters. Raises ModelError as `fit_multigroup` does."""
    check_names(data, [], [group, *([method.weights] if method.weights else []), *method.clusters])
    if data[group].nunique() < 2:
        raise ModelError(f"{group} has fewer than two groups; nothing can be equal across them")
    parts = dict(split(data, group))
    plan = layout(model, list(parts), equal, partial, method.ordered)
    check_names(data, plan.groups[0].structure.observed, [])
    check_factors(data, plan.groups[0].structure)
    check(method, plan, equal)
    return parts, plan


def check(method: Method, plan: Layout, equal: tuple[str, ...]) -> None:
    """Refuse settings that do not go together, or not with the model (ModelError)."""
    methods.check(method, plan.groups[0].structure)
    if method.working != "independent":
        raise ModelError("effects of clusters as a working model are for groups fitted one by one")
    check_definitions(plan.definitions, plan.labels)
    parameters = [parameter for group in plan.groups for parameter in group.parameters]
    methods.check_constraints(plan.constraints, plan.definitions, plan.labels, parameters, method.ordered)
    if method.ordered:
        joint_ordinal.check(plan, equal)


def _estimate(fit: MultigroupFit, parts: dict[str, pd.DataFrame]) -> None:
    """Fill `fit` step by step; Trouble ends it where the result would not be trustworthy."""
    if fit.method.ordered:
        _least_squares(fit, parts)
    else:
        _likelihood(fit, parts)
    for group, v in zip(fit.layout.groups, fit.vectors, strict=True):
        try:
            check_admissible(group.structure, v[: group.structure.q])
        except Trouble as trouble:
            raise Trouble(trouble.status, f"in {group.name}, {trouble}") from None
    fit.status = "converged"


def _least_squares(fit: MultigroupFit, parts: dict[str, pd.DataFrame]) -> None:
    """Ordered items: the solution, robust errors, and the scaled statistic."""
    items = joint_ordinal.group_items(parts, [group.structure for group in fit.layout.groups], fit.method)
    cases = [data.sample for data in items]
    fit.cases_used = sum(sample.n for sample in cases)
    fit.layout = joint_ordinal.with_thresholds(fit.layout, items)
    result = joint_ordinal.fit(fit.layout, items)
    fit.items, fit.x, fit.influence, fit.vectors = result, result.x, result.influence, result.vectors
    fit.max_gradient, fit.completes = result.gradient, [data.model.complete for data in items]
    small = fit.cases_used / (fit.cases_used - len(cases))  # as lavaan has it
    fit.covariances["robust"] = products(fit.influence, cases, None)[0] * small
    for name in _clusters(fit, cases):
        kind = f"cluster:{name}"
        fit.covariances[kind], fit.clusters[kind] = products(fit.influence, cases, name)
    fit.measures = joint_ordinal_measures.measures(result, fit.primary) | _of_clusters(fit, cases)


def _likelihood(fit: MultigroupFit, parts: dict[str, pd.DataFrame]) -> None:
    """Numbers: the solution, errors of all kinds, and measures."""
    plan, method = fit.layout, fit.method
    samples = group_samples(parts, plan.groups[0].structure, method.missing, method.weights, method.clusters)
    fit.cases_used = sum(data.sample.n for data in samples)
    likelihood = JointLikelihood(plan, samples)
    fit.layout = likelihood.layout
    peak = maximum(likelihood)
    z, scale, bread = peak.z, likelihood.scale, peak.bread
    fit.max_gradient = peak.gradient
    scores = likelihood.scores(z)
    fit.x = z * scale
    fit.influence = [(score @ bread) * scale for score in scores]
    outer = np.outer(scale, scale)
    if all(data.complete for data in samples):
        fit.covariances["expected"] = peak.by_expected * outer
    fit.covariances["observed"] = bread * outer
    cases = [data.sample for data in samples]
    fit.covariances["robust"], _ = products(fit.influence, cases, None)
    for name in _clusters(fit, cases):
        robust = f"cluster:{name}"
        fit.covariances[robust], fit.clusters[robust] = products(fit.influence, cases, name)
        for kind, errors in joint_small_sample(
            likelihood, peak, scores, method.for_few_clusters, name
        ).items():
            reduced = f"{kind}:{name}"
            fit.small_sample[reduced], fit.covariances[reduced] = errors, errors.covariance
            fit.clusters[reduced] = fit.clusters[robust]
    fit.measures = measures(likelihood, peak, scores, method.scaled, fit.primary) | _of_clusters(fit, cases)
    fit.vectors = [likelihood.own(z, number) for number in range(len(samples))]
    fit.completes = [_itself for _ in samples]


def _itself(x: Matrix) -> Matrix:
    """Where no parameter follows from the others."""
    return x


def _of_clusters(fit: MultigroupFit, cases: list[Moments]) -> dict[str, float]:
    """How much the clusters of the first column tell, over all groups."""
    first = fit.method.clusters[:1]
    weights = [sample.weights[:, None] for sample in cases]
    return spread(sums(weights, cases, first[0])[:, 0]) if first else {}


def _clusters(fit: MultigroupFit, cases: list[Moments]) -> list[str]:
    """The cluster columns that give errors: no group lies within one cluster.

    Such a group's scores sum to zero, so that its own parameters would seem to have no error.
    """
    return [name for name in fit.method.clusters if min(len(sample.labels[name]) for sample in cases) > 1]


def _solution(plan: Layout, vectors: list[Matrix], completes: list[Callable[[Matrix], Matrix]]) -> Solution:
    rows: list[tuple[str, Parameter]] = []
    columns: list[list[Matrix]] = [[], [], [], []]
    for group, v, complete in zip(plan.groups, vectors, completes, strict=True):
        select = np.zeros((len(v), plan.k))
        free = np.flatnonzero(group.place >= 0)
        select[free, group.place[free]] = 1.0
        rows += [(group.name, parameter) for parameter in group.parameters]
        columns[0].append(
            np.array(
                [
                    parameter.value if parameter.free is None else v[parameter.free]
                    for parameter in group.parameters
                ]
            )
        )
        columns[1].append(
            np.array(
                [
                    np.zeros(plan.k) if parameter.free is None else select[parameter.free]
                    for parameter in group.parameters
                ]
            )
        )
        columns[2].append(standardised_values(group.structure, group.parameters, v))
        columns[3].append(jacobian(group.structure, group.parameters, v, complete) @ select)
    values, gradient, standard, standard_gradient = (np.concatenate(column) for column in columns)
    first: dict[int, int] = {}
    for row, (_, parameter) in enumerate(rows):
        if parameter.label:
            first.setdefault(plan.labels[parameter.label], row)
    places = {label: first[place] for label, place in plan.labels.items()}
    plain = _defined(plan, places, values, gradient)
    over = _defined(plan, places, standard, standard_gradient)
    more = [("", Parameter(d.name, ":=", d.expression.text, d.name, None, 0.0)) for d in plan.definitions]
    return Solution(
        rows=[*rows, *more],
        values=np.concatenate([values, plain[0]]),
        gradient=np.concatenate([gradient, plain[1]]),
        standard=np.concatenate([standard, over[0]]),
        standard_gradient=np.concatenate([standard_gradient, over[1]]),
    )


def _defined(plan: Layout, places: dict[str, int], values: Matrix, gradient: Matrix) -> tuple[Matrix, Matrix]:
    result = define(
        plan.definitions,
        {label: values[place] for label, place in places.items()},
        {label: gradient[place] for label, place in places.items()},
    )
    return result if plan.definitions else (result[0], np.zeros((0, plan.k)))


def _rows(fit: MultigroupFit, error: str) -> list[dict[str, Any]]:
    solution, covariance = fit.solution, fit.covariances[error]
    clusters = fit.clusters.get(error)
    degrees = _degrees(fit, error, solution.gradient)
    reduced = f"bias_reduced:{error.partition(':')[2]}"
    satterthwaite = _degrees(fit, reduced, solution.gradient) if reduced in fit.small_sample else degrees
    widths = t_quantile(0.5 + fit.method.confidence / 2, degrees)
    errors = _errors(solution.gradient, covariance, 0.0)
    # Rounding leaves a trace of error where the standardised value is fixed, as a single item's loading.
    standard_errors = _errors(solution.standard_gradient, covariance, 1e-14)
    rows = []
    for place, (group, parameter) in enumerate(solution.rows):
        est, df = float(solution.values[place]), float(degrees[place])
        se = None if np.isnan(df) else errors[place]
        z = est / se if se else None
        rows.append(
            {
                "group": group,
                "lhs": parameter.lhs,
                "op": parameter.op,
                "rhs": parameter.rhs,
                "label": parameter.label,
                "est": est,
                "std_all": float(solution.standard[place]),
                "std_se": standard_errors[place],
                "error": error,
                "se": se,
                "z": z,
                "pvalue": float(2 * t_tail(abs(z), df)) if z is not None else None,
                "df": df if se and np.isfinite(df) else None,
                "clusters": clusters,
                "ci_lower": est - widths[place] * se if se else None,
                "ci_upper": est + widths[place] * se if se else None,
                "reliable": fit.status == "converged" and trusted(error, df, float(satterthwaite[place])),
            }
        )
    return rows


def _degrees(fit: MultigroupFit, error: str, gradient: Matrix) -> Matrix:
    """Degrees of freedom of each value (r) for a kind of error, infinite where the law is normal."""
    if error in fit.small_sample:
        moving = gradient.any(axis=1)
        out = np.full(len(gradient), np.inf)  # what is fixed has no error to be known
        out[moving] = fit.small_sample[error].contrasts(gradient[moving]).degrees
        return out
    clusters = fit.clusters.get(error)
    return np.full(len(gradient), clusters - 1.0 if clusters else np.inf)


def _errors(gradient: Matrix, covariance: Matrix, least: float) -> list[float | None]:
    """Standard errors by the delta method; None where the variance is no more than `least`."""
    variance = np.einsum("rk,kl,rl->r", gradient, covariance, gradient)
    return [float(np.sqrt(value)) if value > least else None for value in variance]
