"""Sums over the clusters of a group, from which moments, scores and replicates follow without its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.vech import vech_index


@dataclass(frozen=True)
class Sums:
    """Sums over the cases of each of G clusters, d being a case less the group's mean.

    `weight` (G): of w; `first` (G x p): of w d; `second` (G x p*): of w vech(d d'), the lower triangle column
    by column.
    """

    weight: Matrix
    first: Matrix
    second: Matrix

    def covariances(self, counts: Matrix) -> Matrix:
        """Covariance matrices (R x p x p) of samples that have each cluster so often (R x G).

        The weights' sum is the denominator; NaN where nothing was drawn.
        """
        rows, columns = vech_index(self.first.shape[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            share = 1 / (counts @ self.weight)
        mean = counts @ self.first * share[:, None]
        return self._packed(counts @ self.second * share[:, None] - mean[:, rows] * mean[:, columns])

    def matrices(self) -> Matrix:
        """The sums of w d d' (G x p x p)."""
        return self._packed(self.second)

    def points(self, places: list[int]) -> tuple[Matrix, Matrix, NDArray[np.intp]]:
        """Few points (m x e), weights and clusters (m) with the moments of the variables at `places`.

        Each cluster's cases, as far as sums of w (1, d)(1, d)' tell them apart: its mean, and two points on
        each principal axis.
        """
        e, count = len(places), len(self.weight)
        total = np.where(self.weight > 0, self.weight, 1.0)[:, None]
        mean = self.first[:, places] / total
        covariance = self._packed(self.second / total)[:, places][:, :, places]
        covariance = covariance - mean[:, :, None] * mean[:, None, :]
        values, vectors = np.linalg.eigh(covariance)
        reach = vectors * np.sqrt(np.maximum(values, 0.0) * e)[:, None, :]  # G x e x axes
        points = np.concatenate([mean[:, :, None] + reach, mean[:, :, None] - reach], axis=2)
        if not e:
            points = np.zeros((count, 0, 1))
        each = points.shape[2]
        weights = np.repeat(self.weight / each, each)
        return points.transpose(0, 2, 1).reshape(-1, e), weights, np.repeat(np.arange(count), each)

    def _packed(self, packed: Matrix) -> Matrix:
        """Symmetric matrices (R x p x p) of their lower triangles (R x p*)."""
        p = self.first.shape[1]
        rows, columns = vech_index(p)
        out = np.empty((len(packed), p, p))
        out[:, rows, columns] = out[:, columns, rows] = packed
        return out


def moment_sums(sample: Moments, codes: NDArray[np.intp], places: list[int] | None = None) -> Sums:
    """The sums of a group's cases by their cluster's code (n), of all variables or those at `places`."""
    deviations = sample.deviations if places is None else sample.deviations[:, places]
    p = deviations.shape[1]
    rows, columns = vech_index(p)
    products = deviations[:, rows] * deviations[:, columns]
    parts = sample.weights[:, None] * np.hstack([np.ones((sample.n, 1)), deviations, products])
    total = np.zeros((int(codes.max()) + 1, parts.shape[1]))
    np.add.at(total, codes, parts)
    return Sums(total[:, 0], total[:, 1 : p + 1], total[:, p + 1 :])
