"""The ways to estimate a group, behind one face: the cases that count, the fit, and the inference from it.

A route is made from a model and a group's rows, then asked for `fit` and `inference`. Every route gives each
case's influence on the estimates; robust and cluster-robust covariances, also between groups, follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd

from jobs.sem import covariance as cov
from jobs.sem import fiml_fit, fiml_measures, measures, ml, ordinal_fit, ordinal_measures, saturated
from jobs.sem.cluster_information import endogenous, expected_information, mean_scores
from jobs.sem.diagnosis import Diagnosis
from jobs.sem.modification import modification_indices, ordinal_modification_indices
from jobs.sem.moments import Moments, moments
from jobs.sem.ordinal_moments import OrdinalMoments, ordinal_moments
from jobs.sem.reliability import reliability
from jobs.sem.residuals import ordinal_residuals, residuals
from jobs.sem.small_sample import BiasReduced, bias_reduced
from jobs.sem.standardised import jacobian, standardised
from jobs.sem.structure import ModelError, Parameter, Structure
from jobs.sem.trouble import excerpt

Matrix = np.ndarray
# Kinds of standard error without clusters, by the way a group is fitted.
PLAIN_ERRORS = {"ml": ("expected", "robust"), "full": ("observed", "robust"), "dwls": ("robust",)}


@dataclass(frozen=True)
class FitSettings:
    """What to compute. `clusters` and `weights` name columns of the data; the first cluster is the primary.

    `estimator`: "ml"; "mlr", which adds the scaled statistic of Yuan and Bentler; "dwls" for models with
    `ordered` items. `missing`: "listwise"; "fiml" for numbers; "pairwise" for ordered items. `diagnosis`
    asks for what a referee does: residuals, modification indices, reliability, standardised errors.
    """

    estimator: str = "ml"
    missing: str = "listwise"
    ordered: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    weights: str | None = None
    confidence: float = 0.95
    diagnosis: bool = False


@dataclass(frozen=True)
class Inference:
    """All that is reported of a group.

    `parameters` (k): those of the model, then intercepts and thresholds; `free` is a place in `values`.
    `influence` (n x k): each case's weighted part in the error of the values; `covariances` (k x k) by kind
    of error: expected, observed, robust, cluster:<column>, bias_reduced:<column>; `small_sample` has of the
    last kind, by column, what degrees of freedom and comparisons of groups need.
    """

    parameters: list[Parameter]
    values: Matrix
    std_all: list[float]
    influence: Matrix
    covariances: dict[str, Matrix]
    measures: dict[str, float]
    small_sample: dict[str, BiasReduced] = field(default_factory=dict)


class Route(Protocol):
    """One way to estimate a group; `sample` says which cases count."""

    sample: Moments

    def fit(self) -> ml.Estimate:
        """The estimate. Raises Trouble where the data allow none."""

    def inference(self) -> Inference:
        """Errors and measures of the fit; to be called after it."""

    def diagnosis(self, inference: Inference) -> Diagnosis:
        """What the model misses and how well its factors are measured; to be called after `inference`."""


def route(structure: Structure, data: pd.DataFrame, settings: FitSettings) -> Route:
    """The route that the settings ask for. Raises ValueError where a column can't be used."""
    if settings.estimator == "dwls":
        return LeastSquares(structure, data, settings)
    if settings.missing == "fiml" or settings.estimator == "mlr":
        return FullInformation(structure, data, settings)
    return MaximumLikelihood(structure, data, settings)


def error_kinds(settings: FitSettings) -> list[str]:
    """The kinds of standard error that a fit with these settings gives."""
    full = settings.missing == "fiml" or settings.estimator == "mlr"
    way = "dwls" if settings.estimator == "dwls" else "full" if full else "ml"
    clustered = ("cluster",) if way == "dwls" else ("cluster", "bias_reduced")
    return [*PLAIN_ERRORS[way], *[f"{kind}:{column}" for column in settings.clusters for kind in clustered]]


def check(settings: FitSettings, structure: Structure) -> None:
    """Refuse settings that do not go together, or not with the model (ModelError)."""
    exogenous = [structure.observed[place] for place in structure.exogenous]
    check_combination(settings)
    for name in settings.ordered:
        if name not in structure.observed:
            raise ModelError(f"the ordered item {excerpt(name)} is not in the model")
        if name in exogenous:
            raise ModelError(f"{name} is a predictor only: enter it as a number, or as one column a category")


def check_combination(settings: FitSettings) -> None:
    """Refuse settings that do not go together, whatever the model (ModelError)."""
    if settings.estimator not in ("ml", "mlr", "dwls"):
        raise ModelError(f"the estimator is ml, mlr or dwls, not {settings.estimator}")
    if settings.missing not in ("listwise", "fiml", "pairwise"):
        raise ModelError(f"missing is listwise, fiml or pairwise, not {settings.missing}")
    if settings.ordered and settings.estimator != "dwls":
        raise ModelError("ordered items need the estimator dwls")
    if settings.estimator == "dwls" and not settings.ordered:
        raise ModelError("the estimator dwls needs ordered items; name them, or take ml")
    if (settings.missing == "fiml") and settings.estimator == "dwls":
        raise ModelError("ordered items have no full-information likelihood here; take listwise or pairwise")
    if settings.missing == "pairwise" and settings.estimator != "dwls":
        raise ModelError("pairwise deletion is for ordered items; take listwise or fiml")


class MaximumLikelihood:
    """Complete cases, normal likelihood; the means are free and left out."""

    def __init__(self, structure: Structure, data: pd.DataFrame, settings: FitSettings) -> None:
        self.structure, self.settings = structure, settings
        self.sample = moments(data, structure.observed, settings.weights, settings.clusters)

    def fit(self) -> ml.Estimate:
        self.estimate = ml.fit(self.structure, self.sample.covariance)
        return self.estimate

    def inference(self) -> Inference:
        estimate, sample = self.estimate, self.sample
        scores, bread = cov.scores(estimate, sample), cov.bread(estimate, sample.n)
        influence = scores @ bread
        by_mean = mean_scores(estimate, sample)
        small_sample = _small_sample(
            estimate,
            sample,
            sample.deviations,
            np.hstack([scores, by_mean]),
            np.hstack([bread, np.zeros((len(bread), by_mean.shape[1]))]),
        )
        return Inference(
            parameters=self.structure.parameters,
            values=estimate.x,
            std_all=standardised(self.structure, estimate.x),
            influence=influence,
            covariances={
                "expected": cov.expected(estimate, sample.n),
                "robust": cov.products(influence),
                **clustered(influence, sample),
                **reduced(small_sample),
            },
            measures=measures.measures(estimate, sample),
            small_sample=small_sample,
        )

    def diagnosis(self, inference: Inference) -> Diagnosis:
        found = saturated.complete(self.estimate, self.sample)
        return _diagnosis(found, self.sample, inference, self.settings)


class FullInformation:
    """Normal likelihood of what each case answered, with intercepts; also MLR on complete cases."""

    def __init__(self, structure: Structure, data: pd.DataFrame, settings: FitSettings) -> None:
        self.structure, self.settings = structure, settings
        cases = data if settings.missing == "fiml" else _complete(data, structure)
        found = fiml_fit.incomplete_moments(cases, structure, settings.weights, settings.clusters)
        self.sample, self.data = replace(found[0], cases_in=len(data)), found[1]

    def fit(self) -> ml.Estimate:
        self.fitted = fiml_fit.fit(self.structure, self.sample, self.data)
        return self.fitted.estimate

    def inference(self) -> Inference:
        fitted, sample = self.fitted, self.sample
        names, intercepts, jacobian = fiml_fit.intercepts(fitted)
        hessian = cov.inverse(sample.n * fitted.hessian)
        influence = fitted.scores @ hessian @ jacobian.T
        labels = [("~1", name, "") for name in names]
        robust = self.settings.estimator == "mlr"
        cluster = self.settings.clusters[0] if self.settings.clusters else None
        # The exogenous variables are given: of the means those of the others are parameters.
        chosen = [*range(self.structure.q), *(self.structure.q + y for y in endogenous(fitted.estimate))]
        given_x = cov.inverse(sample.n * fitted.hessian[np.ix_(chosen, chosen)])
        small_sample = _small_sample(
            fitted.estimate,
            sample,
            self.data - fitted.mean,
            fitted.scores[:, chosen],
            jacobian[:, chosen] @ given_x,
        )
        return Inference(
            *_extended(self.structure, fitted.estimate.x, labels, intercepts),
            influence=influence,
            covariances={
                "observed": jacobian @ hessian @ jacobian.T,
                "robust": cov.products(influence),
                **clustered(influence, sample),
                **reduced(small_sample),
            },
            measures=fiml_measures.measures(fitted, sample, cluster, robust),
            small_sample=small_sample,
        )

    def diagnosis(self, inference: Inference) -> Diagnosis:
        found = saturated.incomplete(self.fitted, self.sample)
        return _diagnosis(found, self.sample, inference, self.settings)


class LeastSquares:
    """Ordered items and numbers: polychoric correlations, diagonally weighted least squares."""

    statistics: OrdinalMoments

    def __init__(self, structure: Structure, data: pd.DataFrame, settings: FitSettings) -> None:
        self.structure, self.settings = structure, settings
        cases = data if settings.missing == "pairwise" else _complete(data, structure)
        found = fiml_fit.incomplete_moments(cases, structure, settings.weights, settings.clusters)
        self.sample, self.values = replace(found[0], cases_in=len(data)), found[1]

    def fit(self) -> ml.Estimate:
        structure = self.structure
        x = [structure.observed[place] for place in structure.exogenous]
        y = [name for name in structure.observed if name not in x]
        frame = pd.DataFrame(self.values, columns=structure.observed)
        self.statistics = ordinal_moments(frame, y, self.settings.ordered, x, self.sample.weights)
        self.fitted = ordinal_fit.fit(structure, self.statistics)
        return self.fitted.estimate

    def inference(self) -> Inference:
        fitted, sample = self.fitted, self.sample
        influence = np.hstack([fitted.influence, fitted.above_influence])
        labels = [(one.op, one.lhs, one.rhs) for one in fitted.above]
        return Inference(
            *_extended(self.structure, fitted.estimate.x, labels, fitted.above_value),
            influence=influence,
            covariances={
                "robust": cov.products(influence) * (sample.n / (sample.n - 1)),
                **clustered(influence, sample),
            },
            measures=ordinal_measures.measures(fitted, self.statistics, _primary(sample, self.settings)),
        )

    def diagnosis(self, inference: Inference) -> Diagnosis:
        structure, x = self.structure, self.fitted.estimate.x
        complete = ordinal_fit.Conditional(structure, self.statistics).complete
        codes = _primary(self.sample, self.settings)
        return Diagnosis(
            residuals=ordinal_residuals(self.fitted, self.statistics, codes),
            modification_indices=ordinal_modification_indices(self.fitted, self.statistics, codes),
            reliability=reliability(structure, x, self.settings.ordered),
            std_jacobian=jacobian(structure, inference.parameters, inference.values, complete),
        )


def _diagnosis(
    found: saturated.Saturated, sample: Moments, inference: Inference, settings: FitSettings
) -> Diagnosis:
    structure, x = found.estimate.structure, found.estimate.x
    codes = _primary(sample, settings)
    robust = codes is not None or settings.weights is not None or settings.estimator == "mlr"
    return Diagnosis(
        residuals=residuals(found, robust, codes),
        modification_indices=modification_indices(found, codes),
        reliability=reliability(structure, x),
        std_jacobian=jacobian(structure, inference.parameters, inference.values),
    )


def _primary(sample: Moments, settings: FitSettings) -> Matrix | None:
    """Codes (n) of the first cluster column; None where there is none, or one cluster."""
    codes = sample.clusters[settings.clusters[0]] if settings.clusters else None
    return codes if codes is not None and codes.max() > 0 else None


def _complete(data: pd.DataFrame, structure: Structure) -> pd.DataFrame:
    return data[data[structure.observed].notna().all(axis=1)]


def clustered(influence: Matrix, sample: Moments) -> dict[str, Matrix]:
    """The covariance matrix by each cluster column that has more than one cluster."""
    return {
        f"cluster:{name}": cov.by_cluster(influence, codes)
        for name, codes in sample.clusters.items()
        if codes.max() > 0
    }


def _small_sample(
    estimate: ml.Estimate, sample: Moments, deviations: Matrix, scores: Matrix, outer: Matrix
) -> dict[str, BiasReduced]:
    """Bias-reduced errors by each cluster column that has more than one cluster.

    `deviations` (n x p, NaN for missing): cases less the mean; `scores` (n x (q + r)) by parameters and
    means; `outer` (k x (q + r)): derivatives of the reported values by the sum of scores.
    """
    x = deviations[:, estimate.structure.exogenous]
    seen = ~np.isnan(deviations[:, endogenous(estimate)])
    weights = sample.weights
    found = {}
    for name, codes in sample.clusters.items():
        if codes.max() > 0:
            information = expected_information(estimate, x, seen, weights, codes)
            equal = np.ptp(weights) < 1e-12
            variance = None if equal else expected_information(estimate, x, seen, weights**2, codes)
            found[name] = bias_reduced(cov.cluster_sums(scores, codes), information, outer, variance)
    return found


def reduced(small_sample: dict[str, BiasReduced]) -> dict[str, Matrix]:
    """The bias-reduced covariance matrix by each cluster column."""
    return {f"bias_reduced:{name}": found.covariance for name, found in small_sample.items()}


def _extended(
    structure: Structure, x: Matrix, labels: list[tuple[str, str, str]], above: Matrix
) -> tuple[list[Parameter], Matrix, list[float]]:
    """The model's parameters, then intercepts and thresholds, with values and standardised values."""
    deviation = dict(zip(structure.observed, np.sqrt(np.diag(structure.sigma(x))), strict=True))
    more = [
        Parameter(lhs, op, rhs, None, structure.q + place, 0.0) for place, (op, lhs, rhs) in enumerate(labels)
    ]
    std = [float(value / deviation[one.lhs]) for one, value in zip(more, above, strict=True)]
    values = np.concatenate([x, above])
    return [*structure.parameters, *more], values, [*standardised(structure, x), *std]
