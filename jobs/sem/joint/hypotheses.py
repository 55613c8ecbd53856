"""Tests on models of several groups: one model within another, and hypotheses on labelled parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.sem.joint import ordinal_measures as joint_ordinal_measures
from jobs.sem.joint.fit import MultigroupFit
from jobs.sem.laws import chi2_tail, f_tail
from jobs.sem.model.defined import Expression
from jobs.sem.trouble import ModelError


@dataclass(frozen=True)
class HypothesisTest:
    """A statistic with `df` degrees of freedom, and `df_error` of an F-test by clusters (None: chi-square).

    Where there is none, the numbers are NaN and `detail` says why in one sentence.
    """

    statistic: float
    df: float
    pvalue: float
    df_error: float | None = None
    detail: str = ""


def difference_test(free: MultigroupFit, restricted: MultigroupFit) -> HypothesisTest:
    """Chi-square difference of a model within another, both fitted to the same cases.

    Scaled where both have a scaled statistic: (T0 - T1) / c, c = (d0 c0 - d1 c1) / (d0 - d1), with lavaan's
    method "satorra.bentler.2001" (Satorra and Bentler 2001, Psychometrika 66, 507-514). With ordered items
    scaled and shifted, with its method "satorra.2000" (Satorra 2000, in Innovations in Multivariate
    Statistical Analysis, 233-247).
    Raises ModelError where the fits are not of the same cases.
    """
    for fit in (free, restricted):
        if fit.status != "converged":
            return _none(f"a model has the status {fit.status}, so that the two cannot be compared.")
    larger, smaller = free.measures, restricted.measures
    if (free.groups, free.cases_used) != (restricted.groups, restricted.cases_used):
        raise ModelError("the two models are not of the same groups and cases")
    df = smaller["df"] - larger["df"]
    if df <= 0:
        return _none("the second model is not more restricted than the first.")
    statistic = smaller["chisq"] - larger["chisq"]
    if free.items is not None and restricted.items is not None:
        shapes = [[group.parameters for group in fit.layout.groups] for fit in (free, restricted)]
        if shapes[0] != shapes[1]:
            return _none(
                "the two models have other parameters; compare models that differ in equality alone."
            )
        statistic = joint_ordinal_measures.difference(
            free.items, restricted.items, restricted.layout, statistic, free.primary
        )
    elif "chisq_scaling_factor" in smaller:
        weights = (
            larger["df"] * larger.get("chisq_scaling_factor", 1.0),
            smaller["df"] * smaller["chisq_scaling_factor"],
        )
        factor = (weights[1] - weights[0]) / df
        if factor <= 0:
            return _none("the scaling factor of the difference is negative; use a Wald test instead.")
        statistic /= factor
    return HypothesisTest(statistic, df, float(chi2_tail(statistic, df)))


def wald_test(fit: MultigroupFit, hypotheses: list[str], error: str) -> HypothesisTest:
    """Wald test that all of `hypotheses` hold, each `a == b` or `a - 2*b == 0.5` on the model's labels.

    `error`: which covariance of the estimates, as `robust` or `cluster:<column>`; by clusters that may span
    groups the statistic over df is F with G - 1 degrees of freedom, by `bias_reduced:<column>` it is as
    `BiasReduced.wishart_degrees` says. Nonlinear hypotheses are taken at their tangent (Wald 1943). Raises
    ModelError where a hypothesis cannot be read or names no label.
    """
    sides = read_hypotheses(hypotheses, fit.layout.labels)
    if fit.status != "converged" or fit.x is None:
        return _none(f"the model has the status {fit.status}.")
    if error not in fit.covariances:
        raise ModelError(f"the fit has no errors {error}; choose from {', '.join(fit.covariances)}")
    values = {label: float(fit.x[place]) for label, place in fit.layout.labels.items()}
    gap, gradient = np.zeros(len(sides)), np.zeros((len(sides), fit.layout.k))
    for row, side in enumerate(sides):
        gap[row], slope = side.at(values)
        for label, derivative in slope.items():
            gradient[row, fit.layout.labels[label]] += derivative
    spread = gradient @ fit.covariances[error] @ gradient.T
    size = np.sqrt(np.diag(spread))
    if not (size > 0).all() or np.linalg.eigvalsh(spread / np.outer(size, size))[0] < 1e-10:
        return _none(
            "the hypotheses say the same twice or what a constraint settles, or there are too few clusters "
            "to test them together."
        )
    statistic, df = float(gap @ np.linalg.solve(spread, gap)), len(sides)
    if error in fit.small_sample:
        degrees = fit.small_sample[error].contrasts(gradient).wishart_degrees - df + 1
        if not degrees > 0:
            return _none("there are too few clusters to test the hypotheses; join clusters or test fewer.")
        shrunk = statistic * degrees / (degrees + df - 1)
        return HypothesisTest(statistic, df, float(f_tail(shrunk / df, df, degrees)), degrees)
    clusters = fit.clusters.get(error)
    if clusters is None:
        return HypothesisTest(statistic, df, float(chi2_tail(statistic, df)))
    return HypothesisTest(statistic, df, float(f_tail(statistic / df, df, clusters - 1)), float(clusters - 1))


def wald_tests(fit: MultigroupFit, hypotheses: list[str], error: str) -> list[dict[str, Any]]:
    """One row per hypothesis, and where there are several one for all of them together.

    Where the fit has no such errors, the row says so. Raises ModelError as `wald_test` does.
    """
    sets = [[hypothesis] for hypothesis in hypotheses] + ([hypotheses] if len(hypotheses) > 1 else [])
    rows = []
    for some in sets:
        if fit.status == "converged" and error not in fit.covariances:
            result = _none(f"the fit has no errors {error}: take another kind, or join groups.")
        else:
            result = wald_test(fit, some, error)
        name = some[0] if len(some) == 1 else "all"
        rows.append({"hypothesis": name, "error": error, **vars(result)})
    return rows


def read_hypotheses(hypotheses: list[str], labels: Iterable[str]) -> list[Expression]:
    """What each hypothesis says is zero. Raises ModelError where one cannot be read or names no label."""
    known, sides = set(labels), [_difference(hypothesis) for hypothesis in hypotheses]
    for side in sides:
        absent = [name for name in side.names if name not in known]
        if absent:
            raise ModelError(f"the hypothesis names {absent[0]}, which is no label of the model")
    return sides


def _difference(hypothesis: str) -> Expression:
    left, equal, right = hypothesis.partition("==")
    if not equal:
        raise ModelError(f"the hypothesis {hypothesis} has no ==")
    return Expression.read(f"({left.strip()}) - ({right.strip()})")


def _none(detail: str) -> HypothesisTest:
    return HypothesisTest(np.nan, np.nan, np.nan, detail=detail)
