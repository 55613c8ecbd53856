"""On how many cases a fit rests, variable by variable: what disclosure control has to know of a model.

A slope on a dummy of one firm is that firm's answer; a mean that four cases answered is theirs. So for each
observed variable: how many cases answered it, alone and together with any other; how many have its rarest
value; and on how many cases its variation rests. For a predictor that is its partial leverage: what of it the
other predictors do not tell (Ritchie, Green and Smith 2023, SACRO guide, on regressions).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.sem.arrays import Array
from jobs.sem.model.structure import Structure

SUPPORT = [
    *("group", "variable", "answered", "fewest_together", "categories", "smallest_category"),
    *("bearing_cases", "largest"),
]
FEW_VALUES = 10  # a variable of no more distinct values has categories
BULK = 0.9  # of a variation: what is left beside it tells little
ROUNDING = 1e-12  # of a sum of shares
LARGEST = 5  # as many shares of the variation as a dominance rule may ask for


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
        _, counts = np.unique(column, return_counts=True)
        few = 0 < len(counts) <= FEW_VALUES
        variation = _variation(values, weight, place, predictors)
        shares = min(_shares(variation), _shares(weight[seen[:, place]]), key=bearing)
        rows.append(
            {
                **{"group": group, "variable": name, "answered": int(together[place, place])},
                "fewest_together": int(together[place].min()),
                "categories": len(counts) if few else None,
                "smallest_category": int(counts.min()) if few else None,
                "bearing_cases": bearing(shares),
                "largest": [float(share) for share in shares[:LARGEST]],
            }
        )
    return pd.DataFrame(rows, columns=SUPPORT)


def bearing(shares: Array) -> int:
    """The fewest cases that make BULK of a total, by their shares in it (n, falling); 0 without a total."""
    return int(np.searchsorted(np.cumsum(shares), BULK - ROUNDING)) + 1 if len(shares) else 0


def _shares(parts: Array) -> Array:
    """Shares of the cases in the sum of their parts (n), falling; none (0) where all parts are zero."""
    return np.sort(parts)[::-1] / parts.sum() if parts.any() else np.zeros(0)


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
