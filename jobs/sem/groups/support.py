"""On how many cases a fit rests, variable by variable: what disclosure control has to know of a model.

A slope on a dummy of one firm is that firm's answer; a mean that four cases answered is theirs. So for each
observed variable: how many cases answered it, alone and together with any other; how many have its rarest
value; and on how many cases its variation rests. For a predictor that is its partial leverage: what of it the
other predictors do not tell (Ritchie, Green and Smith 2023, SACRO guide, on regressions).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.sem.arrays import Array, Matrix
from jobs.sem.model.structure import Structure

SUPPORT = [
    *("group", "variable", "answered", "fewest_together", "categories", "smallest_category"),
    *("bearing_cases", "largest"),
]
FEW_VALUES = 10  # a variable of no more distinct values has categories
BULK = 0.9  # of a variation: what is left beside it tells little
ROUNDING = 1e-12  # of a sum of shares
LARGEST = 5  # as many shares of the variation as a dominance rule may ask for
KEPT = 200  # parts of single cases that are kept of a group that is not collected: more than a threshold asks


@dataclass(frozen=True)
class Parts:
    """A sum over cases, and the greatest parts of single cases in it, falling."""

    total: float
    greatest: Array

    @staticmethod
    def of(parts: Array, kept: int | None = None) -> Parts:
        return Parts(float(parts.sum()), np.sort(parts)[::-1][:kept])

    @staticmethod
    def joined(several: Sequence[Parts]) -> Parts:
        greatest = np.sort(np.concatenate([each.greatest for each in several]))[::-1]
        return Parts(sum(each.total for each in several), greatest[:KEPT])

    def shares(self) -> Array:
        """Shares of the cases in the sum, falling; none (0) where all parts are zero."""
        return self.greatest / self.total if self.total else np.zeros(0)


Values = Counter[float] | None  # cases by value; None where the values are more than FEW_VALUES


@dataclass(frozen=True)
class Standing:
    """What some complete cases tell of each variable (p): their values, their parts in its variation.

    Those of disjoint sets of cases add up (`joined`).
    """

    values: list[Values]
    variation: list[Parts]
    weights: Parts

    @staticmethod
    def of(values: Matrix, variation: Matrix, weights: Array) -> Standing:
        """Of cases by their values and parts in the variation (n x p), and weights (n)."""
        parts = [Parts.of(column, KEPT) for column in variation.T]
        return Standing([_values(column) for column in values.T], parts, Parts.of(weights, KEPT))

    @staticmethod
    def joined(several: Sequence[Standing]) -> Standing:
        variables = range(len(several[0].values))
        return Standing(
            [_values_together([each.values[place] for each in several]) for place in variables],
            [Parts.joined([each.variation[place] for each in several]) for place in variables],
            Parts.joined([each.weights for each in several]),
        )


def support(
    group: str, data: pd.DataFrame, structure: Structure, weights: str | None, missing: str
) -> pd.DataFrame:
    """A row each observed variable of a group's cases, columns SUPPORT.

    `bearing_cases` are the fewest cases that make BULK of a variable's variation (or of its weights, where
    those are more uneven: one weight makes a mean), `largest` the greatest shares of single cases in it,
    falling. With `missing` listwise only complete cases count.
    """
    names = list(structure.observed)
    values = data[names].to_numpy(dtype=float, na_value=np.nan)
    weight = data[weights].to_numpy(dtype=float, na_value=np.nan) if weights else np.ones(len(values))
    seen = ~np.isnan(values)
    used = seen.all(axis=1) if missing == "listwise" else seen.any(axis=1)
    used &= ~np.isnan(weight)
    values, weight, seen = values[used], weight[used], seen[used]
    together = seen.T.astype(float) @ seen
    predictors = [int(place) for place in structure.exogenous]
    rows = []
    for place, name in enumerate(names):
        column = values[seen[:, place], place]
        variation = Parts.of(_variation(values, weight, place, predictors))
        shares = _less_even(variation, Parts.of(weight[seen[:, place]]))
        answered, fewest = int(together[place, place]), int(together[place].min())
        rows.append(_row((group, name), answered, fewest, _values(column), shares))
    return pd.DataFrame(rows, columns=SUPPORT)


def of_standing(group: str, names: Sequence[str], cases: int, standing: Standing) -> pd.DataFrame:
    """As `support`, of a group that is known by sums over its `cases` complete cases.

    Where KEPT cases make less than BULK of a variation, `bearing_cases` is one more than KEPT.
    """
    rows = [
        _row((group, name), cases, cases, values, _less_even(variation, standing.weights))
        for name, values, variation in zip(names, standing.values, standing.variation, strict=True)
    ]
    return pd.DataFrame(rows, columns=SUPPORT)


def _row(
    place: tuple[str, str], answered: int, fewest: int, values: Values, shares: Array
) -> dict[str, object]:
    return {
        **{"group": place[0], "variable": place[1], "answered": answered, "fewest_together": fewest},
        "categories": len(values) if values else None,
        "smallest_category": min(values.values()) if values else None,
        "bearing_cases": bearing(shares),
        "largest": [float(share) for share in shares[:LARGEST]],
    }


def _less_even(variation: Parts, weights: Parts) -> Array:
    return min(variation.shares(), weights.shares(), key=bearing)


def _values(column: Array) -> Values:
    values, counts = np.unique(column, return_counts=True)
    if len(values) > FEW_VALUES:
        return None
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _values_together(several: Sequence[Values]) -> Values:
    together: Counter[float] = Counter()
    for values in several:
        if values is None:
            return None
        together.update(values)
    return together if len(together) <= FEW_VALUES else None


def bearing(shares: Array) -> int:
    """The fewest cases that make BULK of a total, by their shares in it (n, falling); 0 without a total."""
    return int(np.searchsorted(np.cumsum(shares), BULK - ROUNDING)) + 1 if len(shares) else 0


def slopes(covariance: Matrix, predictors: Sequence[int]) -> Matrix:
    """What the other predictors tell of each variable (p x p): its row holds their slopes, 0 where none do.

    `covariance` (p x p). Of an outcome nothing is taken off.
    """
    told = np.zeros_like(covariance)
    for place in predictors:
        others = [other for other in predictors if other != place]
        inner = covariance[np.ix_(others, others)]
        told[place, others] = np.linalg.lstsq(inner, covariance[others, place], rcond=None)[0]
    return told


def _variation(values: Array, weight: Array, place: int, predictors: list[int]) -> Array:
    """The part of each case (n, less those without an answer) in the variation of a variable."""
    others = [other for other in predictors if other != place] if place in predictors else []
    complete = ~np.isnan(values[:, [place, *others]]).any(axis=1)
    y, w = values[complete, place], weight[complete]
    constant = np.column_stack([np.ones(len(y)), values[complete][:, others]])
    root = np.sqrt(w)
    slopes, *_ = np.linalg.lstsq(constant * root[:, None], y * root, rcond=None)
    parts: Array = w * (y - constant @ slopes) ** 2
    return parts
