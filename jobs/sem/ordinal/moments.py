"""What a model of ordered items is fitted to: thresholds, slopes, correlations, and how uncertain they are.

Muthén (1984), Psychometrika 49, 115-132: margins first, then each correlation with its margins held fixed.
The estimates solve equations summed over cases, so each case has an influence on them; the sum of products
of the influences is their asymptotic covariance matrix. Summed by cluster first, it is the one for cases
that depend on each other; with sampling weights, influences carry them (pseudo maximum likelihood).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from jobs.sem.ordinal import marginals
from jobs.sem.ordinal.correlations import correlation
from jobs.sem.ordinal.marginals import Array, Number, Ordered
from jobs.sem.trouble import Trouble

MOST_CATEGORIES = 20


@dataclass(frozen=True)
class Statistic:
    """What one element is: op "|" threshold, "~1" intercept, "~" slope, "~~" variance or covariance."""

    lhs: str
    op: str
    rhs: str


@dataclass(frozen=True)
class OrdinalMoments:
    """The m statistics of n cases, in the order thresholds and intercepts, slopes, variances, covariances.

    Responses to ordered items have unit variance given the x, so that their covariances are correlations.
    `influence` (n x m): each case's weighted part in the error of `value`, so that influence' influence is
    its covariance matrix. `x_mean` (k), `x_cov` (k x k): moments of the predictors, n in the denominator.
    """

    names: list[str]
    ordered: NDArray[np.bool_]
    levels: dict[str, Array]
    x_names: list[str]
    x_mean: Array
    x_cov: Array
    statistics: list[Statistic]
    value: Array
    influence: Array
    n: int

    def gamma(self, codes: NDArray[np.intp] | None = None) -> Array:
        """n times the covariance matrix of the statistics (m x m), by cluster where codes (n) are given."""
        if codes is None:
            return self.n * self.influence.T @ self.influence
        count = int(codes.max()) + 1
        sums = np.zeros((count, len(self.value)))
        np.add.at(sums, codes, self.influence)
        return self.n * sums.T @ sums * (count / (count - 1))


def ordinal_moments(
    data: pd.DataFrame, names: list[str], ordered: tuple[str, ...], x_names: list[str], weights: Array
) -> OrdinalMoments:
    """Statistics of `names` given `x_names`; `data` n rows, `weights` (n) scaled to sum to n.

    A missing value (NaN) leaves a case out of those margins and pairs it lacks (pairwise deletion): give
    complete cases for listwise deletion. The x have to be complete. Raises Trouble where an item can't
    be used, naming it.
    """
    n = len(data)
    x = data[x_names].to_numpy(dtype=float).reshape(n, len(x_names))
    x_mean = weights @ x / n
    x_cov = (x - x_mean).T @ (weights[:, None] * (x - x_mean)) / n
    _check_predictors(x_cov, x_names)
    levels = {}
    margins: list[Ordered | Number] = []
    for name in names:
        values = data[name].to_numpy(dtype=float, na_value=np.nan)
        if name not in ordered:
            margins.append(marginals.number(name, values, x, weights))
            continue
        distinct = len(np.unique(values[~np.isnan(values)]))
        if distinct > MOST_CATEGORIES:
            detail = f"{name} takes {distinct} values; an ordered item has at most {MOST_CATEGORIES}."
            raise Trouble("failed", detail)
        margin, levels[name] = marginals.ordered(name, values, x, weights)
        margins.append(margin)
    is_ordered = np.array([isinstance(margin, Ordered) for margin in margins])
    influences = [_influence(margin, weights) for margin in margins]
    first = _first_step(margins, influences, x_names)
    pairs, rho, influence_rho = _second_step(margins, influences, weights)

    deviation = np.array([1.0 if isinstance(margin, Ordered) else margin.deviation for margin in margins])
    covariances = np.empty_like(rho)
    influence_cov = np.empty_like(influence_rho)
    for place, (i, j) in enumerate(pairs):
        covariances[place] = rho[place] * deviation[i] * deviation[j]
        influence_cov[:, place] = influence_rho[:, place] * deviation[i] * deviation[j]
        for this, other in ((i, j), (j, i)):
            if not is_ordered[this]:  # the covariance moves with the standard deviation of a number
                by_variance = rho[place] * deviation[other] / (2 * deviation[this])
                influence_cov[:, place] += by_variance * influences[this][:, -1]
    statistics = [*first[0], *(Statistic(names[j], "~~", names[i]) for i, j in pairs)]
    return OrdinalMoments(
        names=list(names),
        ordered=is_ordered,
        levels=levels,
        x_names=list(x_names),
        x_mean=x_mean,
        x_cov=x_cov,
        statistics=statistics,
        value=np.concatenate([first[1], covariances]),
        influence=np.hstack([first[2], influence_cov]),
        n=n,
    )


def _influence(margin: Ordered | Number, weights: Array) -> Array:
    """Each case's part in the error of a margin's parameters (n x parameters)."""
    weighted = weights[:, None] * margin.scores
    information = margin.scores.T @ weighted
    return linalg.solve(information, weighted.T, assume_a="pos").T


def _check_predictors(cov: Array, names: list[str]) -> None:
    """Refuse predictors that do not vary or that follow from each other."""
    deviations = np.sqrt(np.diag(cov))
    for name, deviation in zip(names, deviations, strict=True):
        if not deviation > 0:
            raise Trouble("constant indicator", f"{name} does not vary; leave it out of the model.")
    if names:
        values, vectors = linalg.eigh(cov / np.outer(deviations, deviations))
        if values[0] < 1e-10:
            involved = [name for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 0.1]
            detail = f"{', '.join(involved)} are linearly dependent; leave one of them out."
            raise Trouble("not positive definite", detail)


def _first_step(
    margins: list[Ordered | Number], influences: list[Array], x_names: list[str]
) -> tuple[list[Statistic], Array, Array]:
    """Thresholds and intercepts, slopes, variances of all margins, with their influences."""
    heads: list[tuple[Statistic, float, Array]] = []
    slopes: list[tuple[Statistic, float, Array]] = []
    variances: list[tuple[Statistic, float, Array]] = []
    k = len(x_names)
    for margin, influence in zip(margins, influences, strict=True):
        if isinstance(margin, Ordered):
            labels = [Statistic(margin.name, "|", f"t{place + 1}") for place in range(margin.categories - 1)]
        else:
            labels = [Statistic(margin.name, "~1", "")]
            end = len(margin.parameters) - 1
            variances.append(
                (Statistic(margin.name, "~~", margin.name), margin.parameters[end], influence[:, end])
            )
        for place, label in enumerate(labels):
            heads.append((label, margin.parameters[place], influence[:, place]))
        for place in range(k):
            at = len(labels) + place
            slopes.append(
                (Statistic(margin.name, "~", x_names[place]), margin.parameters[at], influence[:, at])
            )
    every = [*heads, *slopes, *variances]
    return (
        [label for label, _, _ in every],
        np.array([value for _, value, _ in every]),
        np.column_stack([influence for _, _, influence in every]),
    )


def _second_step(
    margins: list[Ordered | Number], influences: list[Array], weights: Array
) -> tuple[list[tuple[int, int]], Array, Array]:
    """Correlations of all pairs (i < j, column by column) with their influences (n x pairs)."""
    pairs = [(i, j) for i in range(len(margins)) for j in range(i + 1, len(margins))]
    rho = np.empty(len(pairs))
    influence = np.empty((len(weights), len(pairs)))
    for place, (i, j) in enumerate(pairs):
        pair = correlation(margins[i], margins[j], weights)
        weighted = weights * pair.scores
        rest = influences[i] @ pair.by_first + influences[j] @ pair.by_second
        rho[place] = pair.value
        influence[:, place] = (weighted - rest) / (weighted @ pair.scores)
    return pairs, rho, influence
