"""What an estimate is judged by: covariance matrices of each kind of error, and what they need."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.cases.incomplete import incomplete_moments
from jobs.sem.cases.moments import Moments
from jobs.sem.ml import constrained
from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import Parameter, Structure
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors import cluster_effects
from jobs.sem.standard_errors import covariance as cov
from jobs.sem.standard_errors.cluster_information import endogenous, expected_information
from jobs.sem.standard_errors.small_sample import BiasReduced, by_kinds
from jobs.sem.standard_errors.standardised import standardised

ROUNDING = 1e-12  # share of the largest variance that a sum could have


@dataclass(frozen=True)
class Inference:
    """All that is reported of a group.

    `parameters` (k): those of the model, then intercepts and thresholds; `free` is a place in `values`.
    `influence` (n x k): each case's weighted part in the error of the values; `covariances` (k x k) by kind
    of error: expected, observed, robust, cluster:<column>, bias_reduced:<column>, jackknife:<column>;
    `small_sample` has of the last two kinds what degrees of freedom and comparisons of groups need.
    """

    parameters: list[Parameter]
    values: Matrix
    std_all: list[float]
    influence: Matrix
    covariances: dict[str, Matrix]
    measures: dict[str, float]
    small_sample: dict[str, BiasReduced] = field(default_factory=dict)


def of_moments(
    estimate: ml.Estimate,
    influence: Matrix,
    covariances: dict[str, Matrix],
    measures: dict[str, float],
    small_sample: dict[str, BiasReduced],
) -> Inference:
    """Of a fit to covariances, whose parameters are the model's.

    What is made by the directions that constraints leave is given by the parameters.
    """
    inference = Inference(
        parameters=estimate.structure.parameters,
        values=estimate.x,
        std_all=standardised(estimate.structure, estimate.x),
        influence=influence,
        covariances=covariances,
        measures=measures,
        small_sample=small_sample,
    )
    if not isinstance(estimate, constrained.Constrained):
        return inference
    return with_errors_of(inference, estimate.directions)


def with_errors_of(inference: Inference, sums: Matrix) -> Inference:
    """The same with the influence and errors of weighted sums (m x k) of what the errors are of."""
    return replace(
        inference,
        influence=inference.influence @ sums.T,
        covariances={kind: of_sums(sums, entry) for kind, entry in inference.covariances.items()},
        small_sample={name: entry.contrasts(sums) for name, entry in inference.small_sample.items()},
    )


def of_sums(weights: Matrix, covariance: Matrix) -> Matrix:
    """The covariance matrix (m x m) of weighted sums (m x k) of values with a covariance matrix (k x k).

    A sum that a constraint ties has no variance, rather than what rounding leaves.
    """
    sums = weights @ covariance @ weights.T
    largest = (np.abs(weights) @ np.sqrt(np.abs(np.diag(covariance)))) ** 2
    tied = np.diag(sums) < ROUNDING * largest
    sums[tied] = sums[:, tied] = 0.0
    return sums


def clustered(influence: Matrix, sample: Moments) -> dict[str, Matrix]:
    """The covariance matrix by each cluster column that has more than one cluster."""
    return {
        f"cluster:{name}": cov.by_cluster(influence, codes)
        for name, codes in sample.clusters.items()
        if codes.max() > 0
    }


def of_few_clusters(
    estimate: ml.Estimate, sample: Moments, deviations: Matrix, scores: Matrix, outer: Matrix, method: Method
) -> dict[str, BiasReduced]:
    """Errors for few clusters, of the method's kinds, by each cluster column that has more than one cluster.

    `deviations` (n x p, NaN for missing): cases less the mean; `scores` (n x (q + r)) by parameters and
    means; `outer` (k x (q + r)): derivatives of the reported values by the sum of scores.
    """
    x = deviations[:, estimate.structure.exogenous]
    seen = ~np.isnan(deviations[:, endogenous(estimate)])
    weights = sample.weights
    errors: dict[str, BiasReduced] = {}
    for name, codes in sample.clusters.items():
        if codes.max() > 0:
            information = expected_information(estimate, x, seen, weights, codes)
            equal = np.ptp(weights) < 1e-12
            effects = method.working == "effects"
            plain = equal and not effects
            variance = None if plain else expected_information(estimate, x, seen, weights**2, codes)
            if variance is not None and effects:
                shared = cluster_effects.between(estimate, deviations, weights, codes)
                variance = variance + cluster_effects.added(estimate, shared, x, seen, weights, codes)
            sums = cov.cluster_sums(scores, codes)
            parts = by_kinds(method.for_few_clusters, sums, information, outer, variance)
            errors |= {f"{kind}:{name}": part for kind, part in parts.items()}
    return errors


def reduced(small_sample: dict[str, BiasReduced]) -> dict[str, Matrix]:
    """The covariance matrix by each kind of error for few clusters."""
    return {kind: errors.covariance for kind, errors in small_sample.items()}


def extended(
    structure: Structure, x: Matrix, labels: list[tuple[str, str, str]], above: Matrix
) -> tuple[list[Parameter], Matrix, list[float]]:
    """The model's parameters, then intercepts and thresholds, with values and standardised values."""
    deviation = dict(zip(structure.observed, np.sqrt(np.diag(structure.sigma(x))), strict=True))
    more = [
        Parameter(lhs, op, rhs, None, structure.q + place, 0.0) for place, (op, lhs, rhs) in enumerate(labels)
    ]
    std = [float(value / deviation[label.lhs]) for label, value in zip(more, above, strict=True)]
    values = np.concatenate([x, above])
    return [*structure.parameters, *more], values, [*standardised(structure, x), *std]


def primary(sample: Moments, method: Method) -> Matrix | None:
    """Codes (n) of the first cluster column; None where there is none, or one cluster."""
    codes = sample.clusters[method.clusters[0]] if method.clusters else None
    return codes if codes is not None and codes.max() > 0 else None


def answered(
    data: pd.DataFrame, structure: Structure, method: Method, takes_incomplete: bool
) -> tuple[Moments, Matrix]:
    """Moments and answers (n x p, NaN for missing) of the cases that count: those that answered all, or some.

    See `incomplete_moments`; `cases_in` counts all of `data`.
    """
    cases = data if takes_incomplete else data[data[structure.observed].notna().all(axis=1)]
    sample, values = incomplete_moments(cases, structure, method.weights, method.clusters)
    return replace(sample, cases_in=len(data)), values
