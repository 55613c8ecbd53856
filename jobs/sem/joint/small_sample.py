"""Bias-reduced errors of several groups at once.

A cluster's information on the joint parameters is the sum of what its cases in each group tell, mapped
through the group's place in the layout. All else is that of one group (`small_sample`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.joint.likelihood import JointLikelihood
from jobs.sem.joint.maximum import Maximum
from jobs.sem.model.structure import Structure
from jobs.sem.standard_errors.cluster_information import endogenous, expected_information
from jobs.sem.standard_errors.covariance import cluster_sums
from jobs.sem.standard_errors.small_sample import BiasReduced, by_kinds


@dataclass(frozen=True)
class _Implied:
    """A group's Sigma (p x p) and its derivatives (q x p x p)."""

    structure: Structure
    sigma: Matrix
    derivatives: Matrix


def joint_small_sample(
    likelihood: JointLikelihood, maximum: Maximum, scores: list[Matrix], kinds: Sequence[str], cluster: str
) -> dict[str, BiasReduced]:
    """Errors of some `kinds` (bias_reduced, jackknife) by `cluster`, a column, of the k free parameters.

    `scores` (n x k, weighted, a group each). A cluster may span groups.
    """
    samples = [data.sample for data in likelihood.samples]
    labels: dict[Any, int] = {}
    for sample in samples:
        for label in sample.labels[cluster]:
            labels.setdefault(label, len(labels))
    k = maximum.along.shape[1]
    sums, information = np.zeros((len(labels), k)), np.zeros((len(labels), k, k))
    variance = np.zeros_like(information)
    weights = np.concatenate([sample.weights for sample in samples])
    weighted = bool(np.ptp(weights) > 1e-12)
    for number, (sample, score) in enumerate(zip(samples, scores, strict=True)):
        rows = [labels[label] for label in sample.labels[cluster]]
        codes = sample.clusters[cluster]
        sums[rows] += cluster_sums(score, codes) @ maximum.along
        information[rows] += _information(likelihood, maximum, number, (sample.weights, codes))
        if weighted:
            variance[rows] += _information(likelihood, maximum, number, (sample.weights**2, codes))
    outer = likelihood.scale[:, None] * maximum.outer
    return by_kinds(kinds, sums, information, outer, variance if weighted else None)


def _information(
    likelihood: JointLikelihood, maximum: Maximum, number: int, cases: tuple[Matrix, Matrix]
) -> Matrix:
    """Expected information of a group's clusters (G x r x r) along the directions in which z is free.

    `cases`: their weights and clusters (n each).
    """
    group, data = likelihood.groups[number], likelihood.samples[number]
    structure, v = group.structure, likelihood.own(maximum.z, number)
    implied = _Implied(structure, *structure.sigma_and_derivatives(v[: structure.q]))
    x, y = structure.exogenous, endogenous(implied)
    deviations = (data.values[:, x] - data.free.mean[x]) * data.unit[x]
    seen = ~np.isnan(data.values[:, y])
    own = expected_information(implied, deviations, seen, *cases)
    over = np.zeros((structure.q + len(y), len(v)))  # parameters and means by the group's vector
    over[: structure.q, : structure.q] = np.eye(structure.q)
    over[structure.q :] = group.jacobian(v)[y] * data.unit[y, None]
    over = over @ likelihood.select[number] @ maximum.along
    return over.T @ own @ over
