"""The same model in several groups: estimates, errors, fit, differences, and a status for each.

A result that cannot be trusted is a status, not a number: a group that is not identified, did not
converge, or whose covariance matrix is not positive definite gives no estimates; the other groups do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg, stats

from jobs.sem import covariance as cov
from jobs.sem.estimators import FitSettings, Inference, check, route
from jobs.sem.ml import Estimate
from jobs.sem.moments import Moments
from jobs.sem.structure import ModelError, Structure
from jobs.sem.trouble import Trouble

Matrix = np.ndarray
FEWEST_CLUSTERS = 10  # with fewer degrees of freedom a cluster-robust error is marked unreliable


@dataclass(frozen=True)
class FitReport:
    """Tidy tables, a row a parameter and kind of error, measure, difference, or group."""

    estimates: pd.DataFrame
    fit_measures: pd.DataFrame
    differences: pd.DataFrame
    status: pd.DataFrame


@dataclass
class GroupFit:
    """What became of one group."""

    group: str
    status: str
    detail: str
    moments: Moments | None = None
    estimate: Estimate | None = None
    inference: Inference | None = None
    cases_in: int = 0


def fit_groups(model: str, data: pd.DataFrame, group: str | None, settings: FitSettings) -> FitReport:
    """Fit `model` (lavaan syntax) in every group of `data`.

    Raises ModelError where the model cannot be read or names a column the data do not have, or where the
    settings do not go together.
    """
    structure = Structure(model)
    check(settings, structure)
    observed = structure.observed
    absent = [name for name in observed if name not in data.columns]
    if absent:
        raise ModelError(f"the model names {absent[0]}, which is no column of the data")
    if group is None:
        parts: list[tuple[str, pd.DataFrame]] = [("all", data)]
    else:
        parts = [(str(name), part) for name, part in data.groupby(group, sort=True)]
    fits = [_fit_group(model, name, part, settings) for name, part in parts]
    return FitReport(
        estimates=pd.DataFrame([row for one in fits for row in _estimates(one, settings)], columns=ESTIMATES),
        fit_measures=pd.DataFrame([row for one in fits for row in _measures(one)], columns=MEASURES),
        differences=pd.DataFrame(
            [row for a, b in combinations(fits, 2) for row in _differences(a, b)], columns=DIFFERENCES
        ),
        status=pd.DataFrame([_status(one) for one in fits], columns=STATUS),
    )


ESTIMATES = [
    *("group", "lhs", "op", "rhs", "label", "est", "std_all", "error", "se", "z", "pvalue", "df", "clusters"),
    *("ci_lower", "ci_upper", "reliable"),
]
MEASURES = ["group", "measure", "value"]
DIFFERENCES = [
    *("lhs", "op", "rhs", "group_a", "group_b", "difference", "error", "se", "statistic", "df", "pvalue"),
]
STATUS = [
    *("group", "status", "detail", "cases_in", "cases_used", "cases_missing", "parameters", "max_gradient"),
]


def _fit_group(model: str, name: str, data: pd.DataFrame, settings: FitSettings) -> GroupFit:
    """One group with all its checks; never raises for what the data are like."""
    one = GroupFit(name, "failed", "", cases_in=len(data))
    try:
        _estimate(one, Structure(model), data, settings)
    except Trouble as trouble:
        one.status, one.detail = trouble.status, str(trouble)
    except (linalg.LinAlgError, FloatingPointError):
        one.status = "not converged"
        one.detail = "the search met a matrix without inverse; simplify the model."
    except ValueError as error:
        one.status, one.detail = "failed", f"{error}."
    return one


def _estimate(one: GroupFit, structure: Structure, data: pd.DataFrame, settings: FitSettings) -> None:
    """Fill `one` step by step; Trouble ends it where the result would not be trustworthy."""
    way = route(structure, data, settings)
    one.moments = way.sample
    _check_cases(way.sample, structure)
    estimate = one.estimate = way.fit()
    if not np.isfinite(estimate.objective):
        raise Trouble("not converged", "the search found no admissible start; simplify the model.")
    if not estimate.identified:
        raise Trouble(
            "not identified", f"{_unidentified(estimate)} cannot be told apart; fix or remove a parameter."
        )
    if not estimate.converged or not estimate.minimum:
        raise Trouble("not converged", "the search stopped away from a minimum; simplify the model.")
    one.inference = way.inference()
    negative = [
        p.lhs
        for p in structure.parameters
        if p.op == "~~" and p.lhs == p.rhs and p.free is not None and estimate.x[p.free] < 0
    ]
    if negative:
        raise Trouble(
            "heywood",
            f"the variance of {', '.join(negative)} is negative; the estimates are not to be trusted.",
        )
    one.status = "converged"


def _check_cases(sample: Moments, structure: Structure) -> None:
    """Enough cases, and variables that vary and do not follow from each other."""
    if sample.n <= structure.q:
        raise Trouble(
            "too few cases",
            f"{sample.n} complete cases for {structure.q} free parameters; join groups or simplify it.",
        )
    deviations = np.sqrt(np.diag(sample.covariance))
    size = np.maximum(np.abs(sample.mean), 1e-300)
    flat = deviations <= 1e-10 * np.maximum(size, 1e-8)
    constant = [name for name, still in zip(structure.observed, flat, strict=True) if still]
    if constant:
        raise Trouble(
            "constant indicator", f"{', '.join(constant)} does not vary; leave it out of the model."
        )
    correlation = sample.covariance / np.outer(deviations, deviations)
    values, vectors = linalg.eigh(correlation)
    if values[0] < 1e-10:
        involved = [
            v for v, weight in zip(structure.observed, vectors[:, 0], strict=True) if abs(weight) > 0.1
        ]
        raise Trouble(
            "not positive definite",
            f"{', '.join(involved)} are linearly dependent; leave one of them out.",
        )


def _unidentified(estimate: Estimate) -> str:
    """The parameters that move together without changing Sigma."""
    scaled = estimate.information * np.outer(estimate.scale, estimate.scale)
    _, vectors = linalg.eigh(scaled)
    heavy = np.flatnonzero(np.abs(vectors[:, 0]) > 0.2)
    names = [f"{p.lhs} {p.op} {p.rhs}" for p in estimate.structure.parameters if p.free in heavy]
    return ", ".join(names[:4])


def _clusters(one: GroupFit, error: str) -> int | None:
    assert one.moments is not None
    name = error.removeprefix("cluster:")
    return int(one.moments.clusters[name].max()) + 1 if error.startswith("cluster:") else None


def _estimates(one: GroupFit, settings: FitSettings) -> list[dict[str, Any]]:
    if one.inference is None:
        return []
    found = one.inference
    rows = []
    for error, covariance in found.covariances.items():
        clusters = _clusters(one, error)
        df = clusters - 1 if clusters else None
        law = stats.t(df) if df else stats.norm()
        width = law.ppf(0.5 + settings.confidence / 2)
        for parameter, std_all in zip(found.parameters, found.std_all, strict=True):
            free = parameter.free
            est = parameter.value if free is None else float(found.values[free])
            # Variance 0: a residual that follows from the rest, as that of an ordered item, has no error.
            variance = 0.0 if free is None else float(covariance[free, free])
            se = float(np.sqrt(variance)) if variance > 0 else None
            z = est / se if se else None
            rows.append(
                {
                    "group": one.group,
                    "lhs": parameter.lhs,
                    "op": parameter.op,
                    "rhs": parameter.rhs,
                    "label": parameter.label,
                    "est": est,
                    "std_all": std_all,
                    "error": error,
                    "se": se,
                    "z": z,
                    "pvalue": float(2 * law.sf(abs(z))) if z is not None else None,
                    "df": float(df) if df else None,
                    "clusters": clusters,
                    "ci_lower": est - width * se if se is not None else None,
                    "ci_upper": est + width * se if se is not None else None,
                    "reliable": one.status == "converged" and (df is None or df >= FEWEST_CLUSTERS),
                }
            )
    return rows


def _measures(one: GroupFit) -> list[dict[str, Any]]:
    found = one.inference.measures if one.inference else {}
    return [{"group": one.group, "measure": name, "value": value} for name, value in found.items()]


def _differences(a: GroupFit, b: GroupFit) -> list[dict[str, Any]]:
    """Wald tests that a free loading or path is the same in both groups.

    Where the groups share clusters their estimates are correlated: the covariance between them comes
    from the products of both groups' scores summed by cluster.
    """
    one, other = a.inference, b.inference
    if one is None or other is None or a.estimate is None:
        return []
    rows = []
    for error in [kind for kind in one.covariances if kind in other.covariances]:
        between = _between(a, b, error)
        shared = (
            min(count for count in (_clusters(a, error), _clusters(b, error)) if count)
            if between is not None
            else None
        )
        df = shared - 1 if shared else None
        for parameter in a.estimate.structure.parameters:
            free = parameter.free
            if free is None or parameter.op == "~~":
                continue
            difference = float(one.values[free] - other.values[free])
            variance = one.covariances[error][free, free] + other.covariances[error][free, free]
            if between is not None:
                variance -= 2 * between[free, free]
            se = float(np.sqrt(variance)) if variance > 0 else np.nan
            statistic = (difference / se) ** 2
            pvalue = stats.f.sf(statistic, 1, df) if df else stats.chi2.sf(statistic, 1)
            rows.append(
                {
                    "lhs": parameter.lhs,
                    "op": parameter.op,
                    "rhs": parameter.rhs,
                    "group_a": a.group,
                    "group_b": b.group,
                    "difference": difference,
                    "error": error,
                    "se": se,
                    "statistic": statistic,
                    "df": float(df) if df else 1.0,
                    "pvalue": float(pvalue),
                }
            )
    return rows


def _between(a: GroupFit, b: GroupFit, error: str) -> Matrix | None:
    """Covariance (k x k) between two groups' estimates through shared clusters; None without clusters."""
    if not error.startswith("cluster:"):
        return None
    name = error.removeprefix("cluster:")
    sums = [_sums_by_label(one, name) for one in (a, b)]
    assert a.inference and b.inference
    middle = np.zeros((len(a.inference.values), len(b.inference.values)))
    for label in sorted(set(sums[0]) & set(sums[1])):
        middle += np.outer(sums[0][label], sums[1][label])
    total = len(set(sums[0]) | set(sums[1]))
    return middle * (total / (total - 1))


def _sums_by_label(one: GroupFit, name: str) -> dict[Any, Matrix]:
    """The cases' influence on the group's estimates summed by cluster, by the cluster's label."""
    assert one.moments is not None and one.inference is not None
    sums = cov.cluster_sums(one.inference.influence, one.moments.clusters[name])
    return dict(zip(one.moments.labels[name], sums, strict=True))


def _status(one: GroupFit) -> dict[str, Any]:
    sample, estimate = one.moments, one.estimate
    return {
        "group": one.group,
        "status": one.status,
        "detail": one.detail,
        "cases_in": one.cases_in,
        "cases_used": sample.n if sample else 0,
        "cases_missing": sample.cases_missing if sample else 0,
        "parameters": estimate.structure.q if estimate else None,
        "max_gradient": estimate.gradient if estimate else None,
    }
