"""Sums over cases of several groups, by clusters that may span the groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.standard_errors.covariance import cluster_sums


def sums(rows: list[Matrix], samples: list[Moments], cluster: str) -> Matrix:
    """The cases' rows (n x k, a group each) summed over each cluster (G x k), in whatever group they are."""
    total: dict[Any, Matrix] = {}
    for part, sample in zip(rows, samples, strict=True):
        own = cluster_sums(part, sample.clusters[cluster])
        for label, row in zip(sample.labels[cluster], own, strict=True):
            total[label] = total.get(label, 0.0) + row
    return np.array(list(total.values()))


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
