"""Complete cases of a group and their moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.trouble import Trouble


@dataclass(frozen=True)
class Moments:
    """What maximum likelihood needs of a group, and what robust errors need beside it.

    `covariance` (p x p) has n in the denominator, as lavaan has. `deviations` (n x p) are the cases less
    their mean, `weights` (n) sum to n, `clusters` name to
    codes (n), `labels` name to the cluster of each code.
    """

    names: list[str]
    n: int
    mean: Matrix
    covariance: Matrix
    deviations: Matrix
    weights: Matrix
    clusters: dict[str, Matrix]
    labels: dict[str, list[str]]
    cases_in: int

    @property
    def cases_missing(self) -> int:
        return self.cases_in - self.n


def moments(
    data: pd.DataFrame, names: list[str], weights: str | None = None, clusters: tuple[str, ...] = ()
) -> Moments:
    """Weighted moments of the cases of `data` that have all of `names` (listwise deletion, counted).

    With sampling weights: pseudo maximum likelihood (Skinner 1989), weights scaled to sum to n.
    Raises Trouble naming the column where a value is no number or a weight is negative or all are zero.
    """
    own = data[list(dict.fromkeys([*names, *([weights] if weights else []), *clusters]))]
    complete = own[own.notna().all(axis=1).to_numpy()]
    try:
        values = complete[names].to_numpy(dtype=float)
    except (TypeError, ValueError):
        bad = next(name for name in names if not pd.api.types.is_numeric_dtype(complete[name]))
        raise Trouble("failed", f"the column {bad} holds text; it has to be a number.") from None
    n = len(complete)
    weight = complete[weights].to_numpy(dtype=float) if weights else np.ones(n)
    if n and ((weight < 0).any() or weight.sum() == 0):
        words = "are negative or all zero; give each case a positive weight"
        raise Trouble("failed", f"the weights in {weights} {words}.")
    weight = weight * (n / weight.sum()) if n else weight
    mean = weight @ values / n if n else np.full(len(names), np.nan)
    deviations = values - mean
    covariance = (deviations * weight[:, None]).T @ deviations / max(n, 1)
    factors = {name: pd.factorize(complete[name], sort=True) for name in clusters}
    return Moments(
        names=list(names),
        n=n,
        mean=mean,
        covariance=(covariance + covariance.T) / 2,
        deviations=deviations,
        weights=weight,
        clusters={name: codes for name, (codes, _) in factors.items()},
        labels={name: list(labels) for name, (_, labels) in factors.items()},
        cases_in=len(data),
    )
