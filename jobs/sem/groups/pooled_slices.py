"""A path pooled over slices (a country's waves): random effects, waves of one country not independent.

Each slice has an estimate with its error. Waves of a country share its regions, so that their estimates
depend on each other; countries do not. The mean weighs a slice by the inverse of its variance and the
variance between slices (tau squared: DerSimonian and Laird 1986, Controlled Clinical Trials 7, 177-188).
Its error does not trust these weights:

- from four countries on, countries are clusters and the error is bias-reduced with Satterthwaite's degrees
  of freedom (Hedges, Tipton and Johnson 2010, Research Synthesis Methods 1, 39-65; Pustejovsky and Tipton
  2018, Journal of Business and Economic Statistics 36, 672-683), whatever ties waves together;
- with fewer countries it is the sampling error of the mean, region by region over all waves (regions less
  one degree of freedom), and the variance between slices (slices less one); Satterthwaite's joins the two.
  Where the error by countries is larger, countries differ by more than their slices tell, and it is taken.

Q is Cochran's, as if slices were independent; I squared is Higgins and Thompson's (2002).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from jobs.sem.arrays import Array
from jobs.sem.groups.pooling import counted
from jobs.sem.laws import chi2_tail, t_quantile, t_tail

KEYS = ["group", "lhs", "op", "rhs"]
COLUMNS = [
    *("pool", *KEYS, "slices", "countries", "left_out", "est", "se", "df", "pvalue", "ci_lower", "ci_upper"),
    *("tau2", "i2", "q", "q_df", "q_pvalue", "reliable", "detail"),
]
FEWEST_COUNTRIES = 4  # from here on countries are clusters
FEWEST_DEGREES = 4.0  # of Satterthwaite, below which the t-distribution is no good approximation
ALL = "all"
TOO_FEW = "fewer than two slices have a reliable estimate"
NO_SPREAD = "the estimates are all the same, so that nothing tells how sure the mean is"
FEW_DEGREES = "too few countries or regions to tell how sure the mean is"


def pool_slices(
    estimates: pd.DataFrame,
    influences: pd.DataFrame,
    over: Sequence[str] = ("country", "wave"),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The mean of each path of each group over countries, waves or both (`over`); columns COLUMNS.

    `estimates`: one kind of error, columns country, wave, group, lhs, op, rhs, est, se, df and reliable.
    `influences`: country, wave, group, lhs, op, rhs, cluster, value: the part of each region in the error of
    an estimate. A slice without a reliable estimate is left out and counted. `pool` names what stays apart:
    a country (over waves), a wave (over countries), or `all`. The order of rows shows in nothing.
    """
    apart = [name for name in ("country", "wave") if name not in over]
    ordered = estimates.sort_values(["country", "wave", *KEYS], kind="stable")
    of_regions = Parts(influences)
    rows = []
    for key, part in ordered.groupby([*apart, *KEYS], sort=True):
        used = part[counted(part)]
        row: dict[str, Any] = dict(zip([*apart, *KEYS], key, strict=True))
        pool = row.pop(apart[0]) if apart else ALL
        row |= {"pool": pool, "slices": len(used), "countries": used.country.nunique()}
        rows.append(row | {"left_out": len(part) - len(used)} | _mean(used, of_regions, confidence))
    return pd.DataFrame(rows, columns=COLUMNS)


class Parts:
    """The regions' parts in the error of each path of each slice, put in order when they are first needed."""

    def __init__(self, influences: pd.DataFrame) -> None:
        self.influences = influences

    @cached_property
    def by_path(self) -> dict[Any, pd.Series]:
        grouped = self.influences.sort_values("cluster").groupby(["country", "wave", *KEYS], sort=True)
        return {key: pd.Series(part.value.to_numpy(), part.cluster.to_numpy()) for key, part in grouped}


def _mean(used: pd.DataFrame, of_regions: Parts, confidence: float) -> dict[str, Any]:
    """The mean of some slices with its error; why there is none where they are too few."""
    if len(used) < 2:
        return {"reliable": False, "detail": TOO_FEW}
    y, variance = used.est.to_numpy(dtype=float), used.se.to_numpy(dtype=float) ** 2
    tau2, q = between(y, variance)
    weights = 1 / (variance + tau2)
    est = float(weights @ y / weights.sum())
    countries = used.country.to_numpy()
    count = len(set(countries))
    errors: list[tuple[float, float, float]] = []  # with the degrees of freedom, and how few are too few
    if count < FEWEST_COUNTRIES:
        errors.append((*_by_region(used, of_regions, weights / weights.sum(), tau2), 1.0))
    if count > 1:
        errors.append((*_by_country(y, weights, countries), FEWEST_DEGREES))
    se, df, fewest = max(errors, key=lambda error: error[0])
    reliable = df >= fewest
    if se == 0:
        return {"reliable": False, "detail": NO_SPREAD}
    width = float(t_quantile(0.5 + confidence / 2, df)) * se
    return {
        **{"est": est, "se": se, "df": df, "pvalue": float(2 * t_tail(abs(est / se), df))},
        **{"ci_lower": est - width, "ci_upper": est + width, "tau2": tau2},
        **{"i2": max(0.0, (q - len(y) + 1) / q) if q > 0 else 0.0, "q": q, "q_df": float(len(y) - 1)},
        "q_pvalue": float(chi2_tail(q, len(y) - 1)),
        **{"reliable": bool(reliable), "detail": "" if reliable else FEW_DEGREES},
    }


def between(y: Array, variance: Array) -> tuple[float, float]:
    """The variance between estimates (DerSimonian and Laird), and Cochran's Q."""
    weights = 1 / variance
    q = float(weights @ (y - weights @ y / weights.sum()) ** 2)
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    return max(0.0, float((q - len(y) + 1) / scale)), q


def _by_country(y: Array, weights: Array, countries: Array) -> tuple[float, float]:
    """Error of the weighted mean with countries as clusters, bias-reduced, and its degrees of freedom.

    For a mean with weights w a cluster's leverage is its share h of the weights, and its score, the sum of
    w (y - mean), has the working variance W h (1 - h): divided by the root of 1 - h, the squares of all
    scores add up to the variance without bias.
    """
    total = weights.sum()
    residuals = weights * (y - weights @ y / total)
    names = sorted(set(countries))
    score = np.array([residuals[countries == name].sum() for name in names])
    share = np.array([weights[countries == name].sum() for name in names]) / total
    variance = float((score**2 / (1 - share)).sum()) / total**2
    omega = -np.outer(share, share) / np.sqrt(np.outer(1 - share, 1 - share))
    np.fill_diagonal(omega, share)
    return float(np.sqrt(variance)), float(np.trace(omega) ** 2 / (omega**2).sum())


def _by_region(used: pd.DataFrame, of_regions: Parts, share: Array, tau2: float) -> tuple[float, float]:
    """Error of the mean of a few countries' slices: the regions' parts over all waves, and tau squared.

    A slice without parts by region counts as independent of the others.
    """
    parts: dict[tuple[str, str], float] = {}
    alone = 0.0
    for row, weight in zip(used.itertuples(index=False), share, strict=True):
        own = of_regions.by_path.get((row.country, row.wave, *[getattr(row, key) for key in KEYS]))
        size = float(np.sqrt((own**2).sum())) if own is not None else 0.0
        if own is None or size == 0:
            alone += (weight * row.se) ** 2
            continue
        for region, value in own.items():  # scaled to the error that is reported
            place = (row.country, str(region))
            parts[place] = parts.get(place, 0.0) + weight * value * row.se / size
    sampling = sum(part**2 for part in parts.values()) + alone
    # Satterthwaite: the sampling error is known from the regions, the variance between from the slices.
    spread = tau2 * float((share**2).sum())
    known = max(len(parts) - 1, 1) if parts else len(used) - 1
    df = (sampling + spread) ** 2 / (sampling**2 / known + spread**2 / (len(used) - 1))
    return float(np.sqrt(sampling + spread)), float(df)
