"""The ways to estimate a group, behind one face: the cases that count, the fit, and the inference from it.

A route is made from a model and a group's rows, then asked for `fit` and `inference`. Every route gives each
case's influence on the estimates; robust and cluster-robust covariances, also between groups, follow from it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.cases import incomplete
from jobs.sem.cases.moments import Moments, moments
from jobs.sem.cases.sums import moment_sums
from jobs.sem.diagnosis import saturated
from jobs.sem.diagnosis.modification import modification_indices, ordinal_modification_indices
from jobs.sem.diagnosis.reliability import reliability
from jobs.sem.diagnosis.residuals import ordinal_residuals, residuals
from jobs.sem.diagnosis.solution import Diagnosis
from jobs.sem.fiml import fit as fiml_fit
from jobs.sem.fiml import measures as fiml_measures
from jobs.sem.ml import fit as ml
from jobs.sem.ml import measures
from jobs.sem.ml.constrained import maximum
from jobs.sem.ml.scaling import Factors, Products, by_clusters, case_products, of_cases, scaling_factors
from jobs.sem.model.structure import Structure
from jobs.sem.ordinal import fit as ordinal_fit
from jobs.sem.ordinal import measures as ordinal_measures
from jobs.sem.ordinal.moments import OrdinalMoments, ordinal_moments
from jobs.sem.routes.inference import (
    Inference,
    _extended,
    _small_sample,
    clustered,
    of_parameters,
    reduced,
)
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors import covariance as cov
from jobs.sem.standard_errors.cluster_information import endogenous, mean_scores
from jobs.sem.standard_errors.standardised import jacobian, standardised


class Route(Protocol):
    """One way to estimate a group; `sample` says which cases count."""

    sample: Moments

    def fit(self) -> ml.Estimate:
        """The estimate. Raises Trouble where the data allow none."""

    def inference(self) -> Inference:
        """Errors and measures of the fit; to be called after it."""

    def diagnosis(self, inference: Inference) -> Diagnosis:
        """What the model misses and how well its factors are measured; to be called after `inference`."""


def route(structure: Structure, data: pd.DataFrame, method: Method) -> Route:
    """The route that the settings ask for. Raises ValueError where a column can't be used."""
    if method.estimator == "dwls":
        return LeastSquares(structure, data, method)
    if method.missing == "fiml" or method.estimator == "mlr":
        return FullInformation(structure, data, method)
    return MaximumLikelihood(structure, data, method)


class MaximumLikelihood:
    """Complete cases, normal likelihood; the means are free and left out."""

    def __init__(self, structure: Structure, data: pd.DataFrame, method: Method) -> None:
        self.structure, self.method = structure, method
        self.sample = moments(data, structure.observed, method.weights, method.clusters)

    def fit(self) -> ml.Estimate:
        self.estimate = maximum(self.structure, self.sample.covariance)
        self.structure = self.estimate.structure
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
            self.method,
        )
        covariances = {
            "expected": cov.expected(estimate, sample.n),
            "robust": cov.products(influence),
            **clustered(influence, sample),
            **reduced(small_sample),
        }
        inference = Inference(
            parameters=self.structure.parameters,
            values=estimate.x,
            std_all=standardised(self.structure, estimate.x),
            influence=influence,
            covariances=covariances,
            measures=measures.measures(estimate, sample, *self._scaled(covariances)),
            small_sample=small_sample,
        )
        return of_parameters(inference, estimate)

    def _scaled(self, covariances: dict[str, Matrix]) -> tuple[Factors, Products]:
        """What the statistic is scaled by, and what its adjusted test is made of; None where it is plain."""
        sample, codes = self.sample, _primary(self.sample, self.method)
        if not self.method.scaled:
            return None, None
        if codes is None:
            traces = of_cases(sample.deviations, sample.weights)
            factors = scaling_factors(self.estimate, sample, covariances["robust"], traces, 1.0)
            return factors, case_products(sample.deviations, sample.weights)
        sandwich = covariances[f"cluster:{self.method.clusters[0]}"]
        return by_clusters(self.estimate, sample, sandwich, moment_sums(sample, codes))

    def diagnosis(self, inference: Inference) -> Diagnosis:
        free = saturated.complete(self.estimate, self.sample)
        return _diagnosis(free, self.sample, inference, self.method)


class FullInformation:
    """Normal likelihood of what each case answered, with intercepts; also MLR on complete cases."""

    def __init__(self, structure: Structure, data: pd.DataFrame, method: Method) -> None:
        self.structure, self.method = structure, method
        cases = data if method.missing == "fiml" else _complete(data, structure)
        incomplete_cases = incomplete.incomplete_moments(cases, structure, method.weights, method.clusters)
        self.sample, self.data = replace(incomplete_cases[0], cases_in=len(data)), incomplete_cases[1]

    def fit(self) -> ml.Estimate:
        self.fitted = fiml_fit.fit(self.structure, self.sample, self.data)
        self.structure = self.fitted.estimate.structure
        return self.fitted.estimate

    def inference(self) -> Inference:
        fitted, sample = self.fitted, self.sample
        names, intercepts, jacobian = fiml_fit.intercepts(fitted)
        hessian = cov.inverse(sample.n * fitted.hessian)
        influence = fitted.scores @ hessian @ jacobian.T
        labels = [("~1", name, "") for name in names]
        cluster = self.method.clusters[0] if _primary(sample, self.method) is not None else None
        # The exogenous variables are given: of the means those of the others are parameters.
        k = len(fitted.estimate.information)
        chosen = [*range(k), *(k + y for y in endogenous(fitted.estimate))]
        given_x = cov.inverse(sample.n * fitted.hessian[np.ix_(chosen, chosen)])
        small_sample = _small_sample(
            fitted.estimate,
            sample,
            self.data - fitted.mean,
            fitted.scores[:, chosen],
            jacobian[:, chosen] @ given_x,
            self.method,
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
            measures=fiml_measures.measures(fitted, sample, cluster, self.method.scaled),
            small_sample=small_sample,
        )

    def diagnosis(self, inference: Inference) -> Diagnosis:
        free = saturated.incomplete(self.fitted, self.sample)
        return _diagnosis(free, self.sample, inference, self.method)


class LeastSquares:
    """Ordered items and numbers: polychoric correlations, diagonally weighted least squares."""

    statistics: OrdinalMoments

    def __init__(self, structure: Structure, data: pd.DataFrame, method: Method) -> None:
        self.structure, self.method = structure, method
        cases = data if method.missing == "pairwise" else _complete(data, structure)
        incomplete_cases = incomplete.incomplete_moments(cases, structure, method.weights, method.clusters)
        self.sample, self.values = replace(incomplete_cases[0], cases_in=len(data)), incomplete_cases[1]

    def fit(self) -> ml.Estimate:
        structure = self.structure
        x = [structure.observed[place] for place in structure.exogenous]
        y = [name for name in structure.observed if name not in x]
        frame = pd.DataFrame(self.values, columns=structure.observed)
        self.statistics = ordinal_moments(frame, y, self.method.ordered, x, self.sample.weights)
        self.fitted = ordinal_fit.fit(structure, self.statistics, self.method.parameterization)
        self.structure = self.fitted.estimate.structure
        return self.fitted.estimate

    def inference(self) -> Inference:
        fitted, sample = self.fitted, self.sample
        influence = np.hstack([fitted.influence, fitted.above_influence])
        labels = [(label.op, label.lhs, label.rhs) for label in fitted.above]
        return Inference(
            *_extended(self.structure, fitted.estimate.x, labels, fitted.above_value),
            influence=influence,
            covariances={
                "robust": cov.products(influence) * (sample.n / (sample.n - 1)),
                **clustered(influence, sample),
            },
            measures=ordinal_measures.measures(fitted, self.statistics, _primary(sample, self.method)),
        )

    def diagnosis(self, inference: Inference) -> Diagnosis:
        structure, x = self.structure, self.fitted.estimate.x
        model = self.fitted.model
        codes = _primary(self.sample, self.method)
        return Diagnosis(
            residuals=ordinal_residuals(self.fitted, self.statistics, codes),
            modification_indices=ordinal_modification_indices(self.fitted, self.statistics, codes),
            reliability=reliability(structure, x, self.method.ordered, model.sizes(x)),
            std_jacobian=jacobian(structure, inference.parameters, inference.values, model.complete),
        )


def _diagnosis(free: saturated.Saturated, sample: Moments, inference: Inference, method: Method) -> Diagnosis:
    structure, x = free.estimate.structure, free.estimate.x
    codes = _primary(sample, method)
    robust = codes is not None or method.weights is not None or method.estimator == "mlr"
    return Diagnosis(
        residuals=residuals(free, robust, codes),
        modification_indices=modification_indices(free, codes),
        reliability=reliability(structure, x),
        std_jacobian=jacobian(structure, inference.parameters, inference.values),
    )


def _primary(sample: Moments, method: Method) -> Matrix | None:
    """Codes (n) of the first cluster column; None where there is none, or one cluster."""
    codes = sample.clusters[method.clusters[0]] if method.clusters else None
    return codes if codes is not None and codes.max() > 0 else None


def _complete(data: pd.DataFrame, structure: Structure) -> pd.DataFrame:
    return data[data[structure.observed].notna().all(axis=1)]
