"""Complementary suppression: what else is withheld so that no withheld cell follows from the others.

For each sensitive cell: the cheapest change of the table that raises the cell by the threshold, keeps every
sum a sum and leaves no cell empty. All cells it touches are withheld, so the changed table fits what is
published as well as the true one does, and nobody can tell the two apart (Kelly, Golden and Assad 1992,
"Cell suppression: disclosure protection for sensitive tabular data", Networks 22; in the linear form of
Fischetti and Salazar 2001, Management Science 47).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Array = NDArray[np.float64]
TOUCHED = 1e-6  # of a firm: what is less is rounding of the search


def complementary(
    parts: Array, inner: Array, sensitive: NDArray[np.bool_], threshold: float
) -> NDArray[np.bool_]:
    """The cells to withhold (m), the sensitive ones among them.

    `parts` (m x e, 0 or 1): which of the e innermost cells each cell is the sum of; `inner` (e): their
    counts, none of them zero; `sensitive` (m). Each sensitive cell's bounds, as anybody can work them out
    from the published ones, are then at least `threshold` apart.
    """
    withheld = sensitive.copy()
    for target in np.flatnonzero(sensitive):
        change = parts @ _cheapest_change(parts, inner, withheld, int(target), threshold)
        withheld = withheld | (np.abs(change) > TOUCHED)
    return withheld


def _cheapest_change(
    parts: Array, inner: Array, withheld: NDArray[np.bool_], target: int, threshold: float
) -> Array:
    """Change (e) of the innermost cells: least firms in published cells it touches, weighed by its size.

    A linear program over the change and its absolute size in each cell. It always has a solution: where
    all sums may move, the innermost cells can grow.
    """
    cells, count = parts.shape
    # The place in the table breaks ties, so that the choice does not depend on the search.
    cost = np.where(withheld, 0.0, parts @ inner + 1e-3 * np.arange(1, cells + 1) / cells)
    size = np.hstack([np.zeros((cells, count)), np.eye(cells)])
    moved = np.hstack([parts, np.zeros((cells, cells))])
    solution = optimize.linprog(
        np.concatenate([np.zeros(count), cost]),
        A_ub=np.vstack([moved - size, -moved - size]),
        b_ub=np.zeros(2 * cells),
        A_eq=moved[[target]],
        b_eq=[threshold],
        bounds=[*((1 - firms, None) for firms in inner), *((0, None) for _ in range(cells))],
    )
    return solution.x[:count]
