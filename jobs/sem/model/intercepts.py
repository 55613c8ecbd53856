"""Intercepts from means: what is left of an observed variable's mean after its predictors and factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jobs.sem.arrays import Array
from jobs.sem.model.arrangement import BETA, LAMBDA
from jobs.sem.model.structure import Structure


def intercepts(structure: Structure, x: Array, mean: Array) -> tuple[Array, Array]:
    """Intercepts (p) and implied means (p) of the observed variables, at the free parameters x (q).

    `mean` (p) has the means, NaN for a variable whose intercept is zero, as a factor's is: its mean follows
    from the model.
    """
    beta, lambda_, _, _ = structure.matrices(x)
    inner, _ = _inner_means(structure, beta, mean)
    rows = structure.inner_rows
    own = rows >= 0
    implied = lambda_ @ inner
    implied[own] = inner[rows[own]]
    by_others = np.where(own, (beta @ inner)[rows], lambda_ @ inner)
    value = np.where(np.isnan(mean), 0.0, mean - by_others)
    return value, np.where(np.isnan(mean), implied, mean)


def intercept_slopes(structure: Structure, x: Array, mean: Array) -> Array:
    """Derivatives (p x (q + p)) of the intercepts by the free parameters x (q) and the `mean` (p).

    All means have to be there.
    """
    beta, lambda_, _, _ = structure.matrices(x)
    inner, loose = _inner_means(structure, beta, mean)
    rows = structure.inner_rows
    own = np.flatnonzero(rows >= 0)
    weights = lambda_.copy()  # of the inner variables' means in what the others say of each observed one
    weights[own] = beta[rows[own]]
    # A path moves the mean of its outcome, and with it those of the outcomes that have no mean of their own.
    moved = np.zeros_like(beta)
    moved[np.ix_(loose, loose)] = np.linalg.inv(np.eye(len(loose)) - beta[np.ix_(loose, loose)])
    by_outcome = weights @ moved
    by_outcome[own, rows[own]] += 1.0
    slopes = np.zeros((structure.p, structure.q + structure.p))
    element = structure.elements
    paths = np.flatnonzero(element.matrix == BETA)
    by_path = -by_outcome[:, element.row[paths]] * inner[element.column[paths]]
    np.add.at(slopes.T, element.free[paths], by_path.T)
    loadings = np.flatnonzero((element.matrix == LAMBDA) & (rows[element.row] < 0))
    at = element.row[loadings], element.free[loadings]
    np.add.at(slopes, at, -inner[element.column[loadings]])
    given = np.zeros((len(inner), structure.p))
    given[rows[own], own] = 1.0
    slopes[:, structure.q :] = np.eye(structure.p) - weights @ (given + moved @ beta @ given)
    return slopes


def _inner_means(structure: Structure, beta: Array, mean: Array) -> tuple[Array, NDArray[np.intp]]:
    """Means (m) of the inner variables, and places of those that have none in `mean` (p): they follow."""
    rows = structure.inner_rows
    given = (rows >= 0) & ~np.isnan(mean)
    inner = np.zeros(len(beta))
    inner[rows[given]] = mean[given]
    loose = np.delete(np.arange(len(beta)), rows[given])
    inside = np.eye(len(loose)) - beta[np.ix_(loose, loose)]
    inner[loose] = np.linalg.solve(inside, beta[loose] @ inner)
    return inner, loose
