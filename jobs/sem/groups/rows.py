"""The fits of groups as tables: one row per parameter, measure, difference or group."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.cases.clusters import spread
from jobs.sem.cases.moments import Moments
from jobs.sem.diagnosis.solution import (
    MODIFICATION_INDICES,
    RELIABILITY,
    RESIDUALS,
    STANDARDISED,
    Diagnosis,
    standardised_solution,
)
from jobs.sem.estimate import Estimate
from jobs.sem.groups.support import SUPPORT
from jobs.sem.laws import t_quantile, t_tail
from jobs.sem.routes.inference import Inference
from jobs.sem.routes.method import Method
from jobs.sem.routes.totals import sums_by
from jobs.sem.standard_errors import covariance as cov
from jobs.sem.standard_errors.small_sample import difference
from jobs.sem.standard_errors.trust import trusted

CONVERGED = "converged"  # the status of a fit that can be trusted
COMPARED = ("=~", "~", ":=")  # what is tested to be the same in two groups


@dataclass(frozen=True)
class FitReport:
    """Tidy tables, one row per parameter and kind of error, measure, difference, or group.

    The tables of the converged groups' diagnosis are None unless the settings ask for them.
    """

    estimates: pd.DataFrame
    fit_measures: pd.DataFrame
    differences: pd.DataFrame
    status: pd.DataFrame
    influences: pd.DataFrame
    moments: pd.DataFrame
    support: pd.DataFrame
    residuals: pd.DataFrame | None = None
    modification_indices: pd.DataFrame | None = None
    reliability: pd.DataFrame | None = None
    standardised: pd.DataFrame | None = None


@dataclass
class GroupFit:
    """What became of one group."""

    group: str
    status: str
    detail: str
    moments: Moments | None = None
    estimate: Estimate | None = None
    inference: Inference | None = None
    diagnosis: Diagnosis | None = None
    cases_in: int = 0
    support: pd.DataFrame | None = None


def _report(fits: list[GroupFit], method: Method) -> FitReport:
    return FitReport(
        estimates=pd.DataFrame([row for fit in fits for row in _estimates(fit, method)], columns=ESTIMATES),
        fit_measures=pd.DataFrame([row for fit in fits for row in _measures(fit)], columns=MEASURES),
        differences=pd.DataFrame(
            [row for a, b in combinations(fits, 2) for row in _differences(a, b)], columns=DIFFERENCES
        ),
        status=pd.DataFrame([_status(fit) for fit in fits], columns=STATUS),
        influences=pd.DataFrame([row for fit in fits for row in _influences(fit)], columns=INFLUENCES),
        moments=pd.DataFrame([row for fit in fits for row in _moments(fit, method)], columns=MOMENTS),
        support=_stacked([(fit.group, fit.support) for fit in fits if fit.support is not None], SUPPORT),
        **(_diagnoses(fits, method) if method.diagnosis else {}),
    )


ESTIMATES = [
    *("group", "lhs", "op", "rhs", "label", "est", "std_all", "error", "se", "z", "pvalue", "df", "clusters"),
    *("ci_lower", "ci_upper", "reliable"),
]
MEASURES = ["group", "measure", "value"]
DIFFERENCES = [
    *("lhs", "op", "rhs", "group_a", "group_b", "difference", "error", "se", "statistic", "df", "pvalue"),
]
INFLUENCES = ["group", "lhs", "op", "rhs", "cluster", "value"]
MOMENTS = ["group", "cluster", "weight", "first", "second"]
PLACES = "region"  # the clusters that slices of one country share
STATUS = [
    *("group", "status", "detail", "cases_in", "cases_used", "cases_missing", "parameters", "max_gradient"),
]
DIAGNOSIS = {
    "residuals": ["group", *RESIDUALS],
    "modification_indices": ["group", *MODIFICATION_INDICES],
    "reliability": ["group", *RELIABILITY],
    "standardised": ["group", *STANDARDISED],
}


def _clusters(fit: GroupFit, error: str) -> int | None:
    """Number of clusters behind a kind of error, None where it has none."""
    assert fit.moments is not None
    column = error.partition(":")[2]
    return int(fit.moments.clusters[column].max()) + 1 if column else None


def _degrees(fit: GroupFit, error: str) -> Matrix:
    """Degrees of freedom of each value (k) for a kind of error: infinite where the law is normal."""
    assert fit.inference is not None
    if error in fit.inference.small_sample:
        return fit.inference.small_sample[error].degrees
    clusters = _clusters(fit, error)
    return np.full(len(fit.inference.values), clusters - 1.0 if clusters else np.inf)


def _at(degrees: Matrix, free: int | None) -> float:
    """The degrees of freedom of a value; what is fixed needs none."""
    return np.inf if free is None else float(degrees[free])


def _estimates(fit: GroupFit, method: Method) -> list[dict[str, Any]]:
    if fit.inference is None:
        return []
    inference = fit.inference
    rows = []
    for error, covariance in inference.covariances.items():
        clusters, degrees = _clusters(fit, error), _degrees(fit, error)
        small = inference.small_sample.get(f"bias_reduced:{error.partition(':')[2]}")
        satterthwaite = degrees if small is None else small.degrees
        widths = t_quantile(0.5 + method.confidence / 2, degrees)
        for parameter, std_all in zip(inference.parameters, inference.std_all, strict=True):
            free = parameter.free
            est = parameter.value if free is None else float(inference.values[free])
            df = _at(degrees, free)
            # Variance 0: a residual that follows from the rest, as that of an ordered item, has no error.
            variance = 0.0 if free is None or np.isnan(df) else float(covariance[free, free])
            se = float(np.sqrt(variance)) if variance > 0 else None
            z = est / se if se else None
            width = widths[free] * se if se else None
            rows.append(
                {
                    "group": fit.group,
                    "lhs": parameter.lhs,
                    "op": parameter.op,
                    "rhs": parameter.rhs,
                    "label": parameter.label,
                    "est": est,
                    "std_all": std_all,
                    "error": error,
                    "se": se,
                    "z": z,
                    "pvalue": float(2 * t_tail(abs(z), df)) if z is not None else None,
                    "df": df if np.isfinite(df) else None,
                    "clusters": clusters,
                    "ci_lower": float(est - width) if width is not None else None,
                    "ci_upper": float(est + width) if width is not None else None,
                    "reliable": fit.status == "converged" and trusted(error, df, _at(satterthwaite, free)),
                }
            )
    return rows


def _diagnoses(fits: list[GroupFit], method: Method) -> dict[str, pd.DataFrame]:
    """The tables of all groups' diagnosis, by the report's name for each."""
    of_groups = [
        (fit.group, {**vars(fit.diagnosis), "standardised": _standardised(fit, method)})
        for fit in fits
        if fit.diagnosis is not None
    ]
    return {
        name: _stacked([(group, tables[name]) for group, tables in of_groups], columns)
        for name, columns in DIAGNOSIS.items()
    }


def _standardised(fit: GroupFit, method: Method) -> pd.DataFrame:
    assert fit.inference is not None and fit.diagnosis is not None
    inference, jacobian = fit.inference, fit.diagnosis.std_jacobian
    degrees: dict[str, Matrix | float] = {}
    for error in inference.covariances:
        if error in inference.small_sample:
            degrees[error] = inference.small_sample[error].contrasts(jacobian).degrees
        else:
            degrees[error] = float(_degrees(fit, error)[0])
    return standardised_solution(
        inference.parameters, inference.std_all, jacobian, inference.covariances, degrees, method.confidence
    )


def _of_clusters(fit: GroupFit) -> dict[str, float]:
    """How much the clusters of the first column tell."""
    moments = fit.moments
    if moments is None or not moments.clusters:
        return {}
    column, codes = next(iter(moments.clusters.items()))
    of_cases = len(moments.weights) > 0
    weight = np.bincount(codes, moments.weights) if of_cases else sums_by(moments, column).weight
    return spread(weight)


def _stacked(tables: list[tuple[str, pd.DataFrame]], columns: list[str]) -> pd.DataFrame:
    """The groups' tables below each other, the group in front."""
    named = [table.assign(group=name) for name, table in tables]
    every = pd.concat(named, ignore_index=True) if named else pd.DataFrame(columns=columns)
    return every[columns]


def _measures(fit: GroupFit) -> list[dict[str, Any]]:
    values = {**fit.inference.measures, **_of_clusters(fit)} if fit.inference else {}
    return [{"group": fit.group, "measure": name, "value": value} for name, value in values.items()]


def _differences(a: GroupFit, b: GroupFit) -> list[dict[str, Any]]:
    """Wald tests that a free loading or path, or a defined parameter, is the same in both groups.

    Where the groups share clusters their estimates are correlated, and the errors follow both groups'
    scores cluster by cluster.
    """
    first, second = a.inference, b.inference
    if first is None or second is None:
        return []
    rows = []
    for error in [kind for kind in first.covariances if kind in second.covariances]:
        variances, degrees = _of_difference(a, b, error)
        for parameter in first.parameters:
            free = parameter.free
            if free is None or parameter.op not in COMPARED:
                continue
            apart = float(first.values[free] - second.values[free])
            df = float(degrees[free])
            se = float(np.sqrt(variances[free])) if variances[free] > 0 and not np.isnan(df) else np.nan
            statistic = (apart / se) ** 2
            rows.append(
                {
                    "lhs": parameter.lhs,
                    "op": parameter.op,
                    "rhs": parameter.rhs,
                    "group_a": a.group,
                    "group_b": b.group,
                    "difference": apart,
                    "error": error,
                    "se": se,
                    "statistic": statistic,
                    "df": df if np.isfinite(df) else 1.0,
                    "pvalue": float(2 * t_tail(np.sqrt(statistic), df)),
                }
            )
    return rows


def _of_difference(a: GroupFit, b: GroupFit, error: str) -> tuple[Matrix, Matrix]:
    """Variance of the difference of each value (k) between two groups, and its degrees of freedom (k)."""
    assert a.inference and b.inference and a.moments and b.moments
    kind, _, column = error.partition(":")
    if error in a.inference.small_sample:
        labels = a.moments.labels[column], b.moments.labels[column]
        both = difference(a.inference.small_sample[error], b.inference.small_sample[error], labels)
        return np.diag(both.covariance), both.degrees
    variance = np.diag(a.inference.covariances[error]) + np.diag(b.inference.covariances[error])
    if kind == "cluster":
        variance = variance - 2 * np.diag(_between(a, b, column))
    return variance, np.minimum(_degrees(a, error), _degrees(b, error))


def _between(a: GroupFit, b: GroupFit, column: str) -> Matrix:
    """Covariance (k x k) between two groups' estimates through the clusters that they share."""
    sums = [_sums_by_label(fit, column) for fit in (a, b)]
    assert a.inference and b.inference
    middle = np.zeros((len(a.inference.values), len(b.inference.values)))
    for label in sorted(set(sums[0]) & set(sums[1])):
        middle += np.outer(sums[0][label], sums[1][label])
    total = len(set(sums[0]) | set(sums[1]))
    return middle * (total / (total - 1))


def _sums_by_label(fit: GroupFit, name: str) -> dict[Any, Matrix]:
    """The cases' influence on the group's estimates summed by cluster, by the cluster's label."""
    assert fit.moments is not None and fit.inference is not None
    sums = cov.cluster_sums(fit.inference.influence, fit.moments.clusters[name])
    return dict(zip(fit.moments.labels[name], sums, strict=True))


def _influences(fit: GroupFit) -> list[dict[str, Any]]:
    """The part of each region in the error of each free path; nothing where regions are no clusters.

    The squares of a path's parts add up to the square of its error by regions; the products of the parts
    in two waves add up to the covariance of their estimates.
    """
    if fit.inference is None or fit.moments is None or PLACES not in fit.moments.labels:
        return []
    by_places = fit.inference.small_sample.get(f"bias_reduced:{PLACES}")
    if by_places is not None:
        parts = by_places.influence
    else:
        parts = cov.cluster_sums(fit.inference.influence, fit.moments.clusters[PLACES])
    return [
        {
            **{"group": fit.group, "lhs": parameter.lhs, "op": parameter.op, "rhs": parameter.rhs},
            **{"cluster": str(label), "value": float(part[parameter.free])},
        }
        for parameter in fit.inference.parameters
        if parameter.op == "~" and parameter.free is not None
        for label, part in zip(fit.moments.labels[PLACES], parts, strict=True)
    ]


def _moments(fit: GroupFit, method: Method) -> list[dict[str, Any]]:
    """The sums over each region's cases that a model over many slices is fitted from (see over_slices).

    Of groups with an estimate by maximum likelihood from complete cases; nothing of others.
    """
    sample = fit.moments
    if fit.inference is None or sample is None or PLACES not in sample.labels:
        return []
    if not method.from_moments:
        return []
    sums = sums_by(sample, PLACES)
    return [
        {"group": fit.group, "cluster": str(label), "weight": float(weight), "first": first, "second": second}
        for label, weight, first, second in zip(
            sample.labels[PLACES], sums.weight, sums.first, sums.second, strict=True
        )
    ]


def _parameters(fit: GroupFit) -> int | None:
    """All that is estimated with the model: intercepts and thresholds count too."""
    if fit.inference is not None:
        return int(fit.inference.measures["npar"])
    return fit.estimate.structure.q if fit.estimate else None


def _status(fit: GroupFit) -> dict[str, Any]:
    sample, estimate = fit.moments, fit.estimate
    return {
        "group": fit.group,
        "status": fit.status,
        "detail": fit.detail,
        "cases_in": fit.cases_in,
        "cases_used": sample.n if sample else 0,
        "cases_missing": sample.cases_missing if sample else 0,
        "parameters": _parameters(fit),
        "max_gradient": estimate.gradient if estimate else None,
    }
