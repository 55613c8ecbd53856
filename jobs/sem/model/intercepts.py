"""Intercepts from means: what is left of an observed variable's mean after its predictors and factors."""

from __future__ import annotations

import numpy as np

from jobs.sem.arrays import Array
from jobs.sem.model.structure import Structure


def intercepts(structure: Structure, x: Array, mean: Array) -> tuple[Array, Array]:
    """Intercepts (p) and implied means (p) of the observed variables, at the free parameters x (q).

    `mean` (p) has the means, NaN for a variable whose intercept is zero, as a factor's is: its mean follows
    from the model.
    """
    beta, lambda_, _, _ = structure.matrices(x)
    place = {name: number for number, name in enumerate(structure.inner)}
    rows = np.array([place.get(name, -1) for name in structure.observed])
    given = (rows >= 0) & ~np.isnan(mean)
    known = rows[given]
    loose = np.array([number for number in range(len(place)) if number not in set(known)], dtype=int)
    inner = np.zeros(len(place))
    inner[known] = mean[given]
    inside = np.eye(len(loose)) - beta[np.ix_(loose, loose)]
    inner[loose] = np.linalg.solve(inside, beta[np.ix_(loose, known)] @ inner[known])

    own = rows >= 0
    implied = lambda_ @ inner
    implied[own] = inner[rows[own]]
    by_others = np.where(own, (beta @ inner)[rows], lambda_ @ inner)
    value = np.where(np.isnan(mean), 0.0, mean - by_others)
    return value, np.where(np.isnan(mean), implied, mean)
