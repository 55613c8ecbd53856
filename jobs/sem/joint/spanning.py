"""Sums over cases of several groups, by clusters that may span the groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.standard_errors.covariance import cluster_sums


def cluster_weights(samples: list[Moments], cluster: str) -> Matrix:
    """The weight of each cluster's cases (G), in whatever group they are."""
    sums: dict[Any, float] = {}
    for sample in samples:
        own = np.bincount(sample.clusters[cluster], sample.weights)
        for label, weight in zip(sample.labels[cluster], own, strict=True):
            sums[label] = sums.get(label, 0.0) + float(weight)
    return np.array(list(sums.values()))


def products(rows: list[Matrix], samples: list[Moments], cluster: str | None) -> tuple[Matrix, int]:
    """Sum of products (k x k) of the cases' rows (n x k, a group each), and how many clusters there are.

    By `cluster`, a column, rows are summed over all of a cluster's cases first, in whatever group they are
    (Liang and Zeger 1986). Each group's part is multiplied by the root of G/(G-1), G its clusters, so that
    clusters within groups give lavaan's figures.
    """
    if cluster is None:
        return np.sum([part.T @ part for part in rows], axis=0), 0
    sums: dict[Any, Matrix] = {}
    for part, sample in zip(rows, samples, strict=True):
        own = cluster_sums(part, sample.clusters[cluster])
        small = np.sqrt(len(own) / (len(own) - 1)) if len(own) > 1 else 1.0
        for label, row in zip(sample.labels[cluster], own * small, strict=True):
            sums[label] = sums.get(label, 0.0) + row
    every = np.array(list(sums.values()))
    return every.T @ every, len(every)
