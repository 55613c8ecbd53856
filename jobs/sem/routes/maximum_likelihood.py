"""Complete cases, normal likelihood."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import moments
from jobs.sem.cases.sums import moment_sums
from jobs.sem.diagnosis.solution import Diagnosis
from jobs.sem.estimate import Estimate
from jobs.sem.ml import measures
from jobs.sem.ml.constrained import maximum
from jobs.sem.ml.scaling import Factors, Products, by_clusters, case_products, of_cases, scaling_factors
from jobs.sem.model.structure import Structure
from jobs.sem.routes.inference import Inference, clustered, of_few_clusters, of_moments, primary, reduced
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors import covariance as cov
from jobs.sem.standard_errors.cluster_information import mean_scores


class MaximumLikelihood:
    """Complete cases, normal likelihood; the means are free and left out."""

    def __init__(self, structure: Structure, data: pd.DataFrame, method: Method) -> None:
        self.structure, self.method = structure, method
        self.sample = moments(data, structure.observed, method.weights, method.clusters)

    def fit(self) -> Estimate:
        self.estimate = maximum(self.structure, self.sample.covariance)
        self.structure = self.estimate.structure
        return self.estimate

    def inference(self) -> Inference:
        estimate, sample = self.estimate, self.sample
        scores, bread = cov.scores(estimate, sample), cov.bread(estimate, sample.n)
        influence = scores @ bread
        by_mean = mean_scores(estimate, sample)
        small_sample = of_few_clusters(
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
        fit_measures = measures.measures(estimate, sample, *self._scaled(covariances))
        return of_moments(estimate, influence, covariances, fit_measures, small_sample)

    def _scaled(self, covariances: dict[str, Matrix]) -> tuple[Factors, Products]:
        """What the statistic is scaled by, and what its adjusted test is made of; None where it is plain."""
        sample, codes = self.sample, primary(self.sample, self.method)
        if not self.method.scaled:
            return None, None
        if codes is None:
            traces = of_cases(sample.deviations, sample.weights)
            factors = scaling_factors(self.estimate, sample, covariances["robust"], traces, 1.0)
            return factors, case_products(sample.deviations, sample.weights)
        sandwich = covariances[f"cluster:{self.method.clusters[0]}"]
        return by_clusters(self.estimate, sample, sandwich, moment_sums(sample, codes))

    def diagnosis(self, inference: Inference) -> Diagnosis:
        from jobs.sem.routes import diagnoses

        return diagnoses.of_complete(self.estimate, self.sample, inference, self.method)
