"""A group too large to collect: maximum likelihood from sums over its clusters, without a row of it.

The cases stand in units: those that share all their clusters. A unit's score is linear in its sums, so that
cluster-robust errors need no more; errors robust to distribution need the fourth moments beside them,
sum w^2 vech(dd') vech(dd')' (White 1982). The same figures as from the rows, to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.cases.sums import Sums, moment_sums
from jobs.sem.diagnosis.solution import Diagnosis
from jobs.sem.ml import fit as ml
from jobs.sem.ml import measures
from jobs.sem.ml.constrained import maximum
from jobs.sem.ml.scaling import Factors, Products, by_clusters, of_products, scaling_factors
from jobs.sem.model.structure import Structure
from jobs.sem.routes.inference import Inference, clustered, of_moments, reduced
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors import covariance as cov
from jobs.sem.standard_errors.cluster_information import endogenous, expected_information
from jobs.sem.standard_errors.small_sample import BiasReduced, by_kinds
from jobs.sem.trouble import ModelError, Trouble


@dataclass(frozen=True)
class Totals(Moments):
    """Moments without cases: `deviations` and `weights` are empty, `clusters` has a code each unit (U).

    `sums` has w and `squares` w^2 in its place, by unit, weights scaled to sum to n; `fourth` (p* x p*):
    sum of w^2 vech(dd') vech(dd')'. `negative` tells that a weight was. `support`: on how many cases each
    variable rests (see sem.groups.support).
    """

    sums: Sums
    squares: Sums
    fourth: Matrix
    negative: bool
    support: pd.DataFrame | None = None


class TotalLikelihood:
    """The route of `MaximumLikelihood` for a group of which there are sums alone."""

    sample: Moments

    def __init__(self, structure: Structure, totals: Totals, method: Method) -> None:
        self.structure, self.totals, self.sample, self.method = structure, totals, totals, method
        if totals.negative:
            words = "are negative or all zero; give each case a positive weight"
            raise Trouble("failed", f"the weights in {method.weights} {words}.")
        for name, mean in zip(totals.names, totals.mean, strict=True):
            if totals.n and not np.isfinite(mean):
                raise Trouble("failed", f"{name} has infinite values; mend them or set them missing.")

    def fit(self) -> ml.Estimate:
        self.estimate = maximum(self.structure, self.sample.covariance)
        self.structure = self.estimate.structure
        return self.estimate

    def inference(self) -> Inference:
        estimate, sample = self.estimate, self.sample
        slope, constant = cov.score_slopes(estimate.sigma, estimate.derivatives)
        sums = self.totals.sums
        scores = sums.second @ slope - np.outer(sums.weight, constant)
        bread = cov.bread(estimate, sample.n)
        influence = scores @ bread
        small_sample = self._small_sample(scores, bread)
        covariances = {
            "expected": cov.expected(estimate, sample.n),
            "robust": bread @ self._products(slope, constant) @ bread,
            **clustered(influence, sample),
            **reduced(small_sample),
        }
        fit_measures = measures.measures(estimate, sample, *self._scaled(covariances))
        return of_moments(estimate, influence, covariances, fit_measures, small_sample)

    def diagnosis(self, inference: Inference) -> Diagnosis:
        raise ModelError("a diagnosis needs the cases, which were too many to collect")

    def _scaled(self, covariances: dict[str, Matrix]) -> tuple[Factors, Products]:
        """As `MaximumLikelihood` has it; the adjusted test of independent cases needs them: left out."""
        totals, method = self.totals, self.method
        if not method.scaled:
            return None, None
        if method.clusters and f"cluster:{method.clusters[0]}" in covariances:
            sandwich = covariances[f"cluster:{method.clusters[0]}"]
            return by_clusters(self.estimate, totals, sandwich, sums_by(totals, method.clusters[0]))
        squares = totals.squares
        second = squares.second.sum(axis=0)
        traces = of_products(float(squares.weight.sum()), second, totals.fourth, self.structure.p)
        return scaling_factors(self.estimate, totals, covariances["robust"], traces, 1.0), None

    def _products(self, slope: Matrix, constant: Matrix) -> Matrix:
        """Sum over cases of the products of their scores (q x q)."""
        squares = self.totals.squares
        once = np.outer(squares.second.sum(axis=0) @ slope, constant)
        return (
            slope.T @ self.totals.fourth @ slope
            - once
            - once.T
            + squares.weight.sum() * np.outer(constant, constant)
        )

    def _small_sample(self, scores: Matrix, bread: Matrix) -> dict[str, BiasReduced]:
        """Errors for few clusters by each cluster column that has more than one cluster."""
        estimate, sample, fixed = self.estimate, self.totals, self.structure.exogenous
        y = endogenous(estimate)
        by_mean = linalg.solve(estimate.sigma, sample.sums.first.T, assume_a="pos").T[:, y]
        outer = np.hstack([bread, np.zeros((len(bread), len(y)))])
        some = sample.sums.weight > 0
        equal = np.ptp(sample.squares.weight[some] / sample.sums.weight[some]) < 1e-12
        errors: dict[str, BiasReduced] = {}
        for name, codes in sample.clusters.items():
            if codes.max() > 0:
                information, variance = (
                    expected_information(estimate, x, np.ones((len(x), len(y)), bool), weights, codes[unit])
                    for x, weights, unit in (sums.points(fixed) for sums in (sample.sums, sample.squares))
                )
                sides = cov.cluster_sums(np.hstack([scores, by_mean]), codes)
                kinds, spread = self.method.for_few_clusters, None if equal else variance
                parts = by_kinds(kinds, sides, information, outer, spread)
                errors |= {f"{kind}:{name}": part for kind, part in parts.items()}
        return errors


def sums_by(sample: Moments, column: str) -> Sums:
    """The sums of a group's complete cases by the clusters of a column, from cases or from their totals."""
    codes = sample.clusters[column]
    if isinstance(sample, Totals):
        parts = (sample.sums.weight[:, None], sample.sums.first, sample.sums.second)
        weight, first, second = (cov.cluster_sums(part, codes) for part in parts)
        return Sums(weight[:, 0], first, second)
    return moment_sums(sample, codes)
