"""Symmetric matrices as vectors of their lower triangle, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jobs.sem.arrays import Array


def vech_index(p: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the lower triangle of a p x p matrix, column by column."""
    columns, rows = np.triu_indices(p)
    return rows, columns


def to_vech(d_sigma: Array) -> Array:
    """Derivatives by the elements of a symmetric matrix (..., p, p), gathered to vech (..., p(p+1)/2)."""
    rows, columns = vech_index(d_sigma.shape[-1])
    return d_sigma[..., rows, columns] * np.where(rows == columns, 1.0, 2.0)


def from_vech(packed: Array, p: int) -> Array:
    """The symmetric p x p matrix whose lower triangle, column by column, is `packed`."""
    rows, columns = vech_index(p)
    matrix = np.zeros((p, p))
    matrix[rows, columns] = matrix[columns, rows] = packed
    return matrix
