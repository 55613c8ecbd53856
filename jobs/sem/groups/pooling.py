"""Pooling of a path over groups, such as countries and waves: random effects with few groups in mind.

Between-group variance by restricted maximum likelihood (Viechtbauer 2005, Journal of Educational and
Behavioral Statistics 30, 261-293). The interval is Hartung and Knapp's (2001, Statistics in Medicine 20,
3875-3889), never narrower than the one that takes the variances as known (Röver, Knapp and Friede 2015, BMC
Medical Research Methodology 15:99). Q is Cochran's; I squared is Higgins and Thompson's (2002, Statistics in
Medicine 21, 1539-1558). Estimates of groups that share clusters depend on each other; their covariances then
enter the likelihood, the mean and Q, as in the mixed model of van Houwelingen, Arends and Stijnen (2002,
Statistics in Medicine 21, 589-624).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from jobs.sem.arrays import Array
from jobs.sem.laws import chi2_tail, t_quantile, t_tail

FEWEST_DEGREES = 2  # of freedom of an error that weighs in a pool
FEWEST_SHARED = 10  # likewise where groups share clusters, whose covariances are as uneven as their errors
POINTS, STEPS = 200, 100  # of the grid, and of the scoring after it
SMALLEST = 1e-8  # eigenvalue of a correlation matrix that can be weighted by
SHARED = (
    "groups have clusters of the same name and were not fitted together: if they are the same, the pooled "
    "error is too small, so fit ten groups or fewer at once; if not, give them names of their own."
)
TOO_FEW_GROUPS = "fewer than two groups have a reliable estimate; give each group more cases or clusters."
TOO_FEW_CLUSTERS = (
    "the clusters that groups share are too few to show how far their estimates depend on each other; "
    "pool groups that share none."
)
COLUMNS = [
    *("group", "lhs", "op", "rhs", "label", "groups", "left_out", "est", "se", "statistic", "df", "pvalue"),
    *("ci_lower", "ci_upper", "tau2", "i2", "q", "q_df", "q_pvalue", "reliable", "detail"),
]


@dataclass(frozen=True)
class Pooled:
    """A pooled estimate, in the units of the estimates; `tau2` in their square, `i2` a share of 1.

    `se`, `statistic`, `df` and the interval are Hartung and Knapp's; `q` is Cochran's with its p-value.
    """

    est: float
    se: float
    statistic: float
    df: float
    pvalue: float
    ci_lower: float
    ci_upper: float
    tau2: float
    i2: float
    q: float
    q_df: float
    q_pvalue: float


def pool(estimates: Array, covariance: Array, confidence: float = 0.95) -> Pooled:
    """The random-effects mean of estimates (k) with their covariance matrix (k x k).

    Raises ValueError for fewer than two estimates or a matrix that is not positive definite.
    """
    y, matrix = np.asarray(estimates, dtype=float), np.asarray(covariance, dtype=float)
    if len(y) < 2 or not positive_definite(matrix):
        raise ValueError("pooling needs two estimates or more, with a positive definite covariance matrix")
    df = len(y) - 1
    turned = _Turned.of(y, matrix)
    _, _, q = turned.mean(0.0)
    tau2 = restricted_likelihood(turned)
    est, total, spread = turned.mean(tau2)
    se = float(np.sqrt(max(spread / df, 1.0) / total))
    width = float(t_quantile(0.5 + confidence / 2, df)) * se
    return Pooled(
        est=est,
        se=se,
        statistic=est / se,
        df=float(df),
        pvalue=float(2 * t_tail(abs(est / se), df)),
        ci_lower=est - width,
        ci_upper=est + width,
        tau2=tau2,
        i2=max(0.0, (q - df) / q) if q > 0 else 0.0,
        q=q,
        q_df=float(df),
        q_pvalue=float(chi2_tail(q, df)),
    )


def positive_definite(matrix: Array) -> bool:
    """Whether a covariance matrix can be weighted by; false where it holds NaN."""
    if not np.isfinite(matrix).all() or not (np.diag(matrix) > 0).all():
        return False
    size = np.sqrt(np.diag(matrix))
    return bool(np.linalg.eigvalsh(matrix / np.outer(size, size))[0] > SMALLEST)


@dataclass(frozen=True)
class _Turned:
    """Estimates (k) along the eigenvectors of their covariance matrix, where they are independent.

    `unit` (k) is what a common mean of 1 is along them, `variance` (k) the eigenvalues.
    """

    y: Array
    unit: Array
    variance: Array

    @staticmethod
    def of(y: Array, matrix: Array) -> _Turned:
        if np.array_equal(matrix, np.diag(np.diag(matrix))):
            return _Turned(y, np.ones(len(y)), np.diag(matrix))
        variance, vectors = np.linalg.eigh(matrix)
        return _Turned(vectors.T @ y, vectors.sum(axis=0), variance)

    def mean(self, tau2: float) -> tuple[float, float, float]:
        """The weighted mean, the sum of the weights, and the weighted squares around the mean."""
        w = 1 / (self.variance + tau2)
        total = float(w @ self.unit**2)
        mean = float(w @ (self.unit * self.y)) / total
        return mean, total, float(w @ (self.y - mean * self.unit) ** 2)

    def log_likelihood(self, tau2: Array) -> Array:
        """Restricted, less a constant, at each of some variances (m)."""
        w = 1 / (self.variance + tau2[:, None])
        total = w @ self.unit**2
        residual = self.y - (w @ (self.unit * self.y) / total)[:, None] * self.unit
        return (np.log(w).sum(axis=1) - np.log(total) - (w * residual**2).sum(axis=1)) / 2


def restricted_likelihood(turned: _Turned) -> float:
    """Between-group variance at the greatest restricted likelihood; 0 where that lies at the border.

    The likelihood can have several maxima: the best point of a grid comes first, Fisher scoring refines it.
    """
    mean, _, _ = turned.mean(0.0)
    size = float(((turned.y - mean * turned.unit) ** 2).mean() + turned.variance.mean())
    grid = np.concatenate([[0.0], size * np.logspace(-6, 3, POINTS)])
    tau2 = float(grid[np.argmax(turned.log_likelihood(grid))])
    squared = turned.unit**2
    for _ in range(STEPS):
        w = 1 / (turned.variance + tau2)
        mean, total, _ = turned.mean(tau2)
        share = w**2 @ squared / total
        score = (w**2 @ (turned.y - mean * turned.unit) ** 2 - w.sum() + share) / 2
        information = ((w**2).sum() - 2 * (w**3 @ squared) / total + share**2) / 2
        step = max(tau2 + score / information, 0.0) - tau2
        tau2 += step
        if abs(step) <= 1e-14 * size:
            break
    return float(tau2)


def counted(estimates: pd.DataFrame, dependent: bool = False) -> pd.Series:
    """Which estimates enter a pool, by their columns se, df (none of the normal law) and reliable.

    The fewer degrees of freedom an error has, the more uneven it is, and the weight that follows from it.
    Hartung and Knapp's interval does not lean on the weights: with two degrees and more it holds the truth as
    often as it says (bench/pool_degrees.py). `dependent`: the groups of the pool share clusters.
    """
    few = estimates.df.astype(float) < (FEWEST_SHARED if dependent else FEWEST_DEGREES)
    return estimates.reliable.eq(True) & (estimates.se > 0) & ~few


def pool_paths(
    estimates: pd.DataFrame,
    pools: Mapping[str, str],
    sharing: Set[str] = frozenset(),
    differences: pd.DataFrame | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Each parameter of `estimates` pooled over the groups that `pools` sends to the same name.

    `estimates` has one kind of error and the columns group, lhs, op, rhs, label, est, se, df, reliable. A
    group without a reliable estimate, or with too few degrees of freedom, is left out and counted. `sharing`
    names the pools whose groups have clusters of the same name. The covariances of their estimates follow
    from the errors of their `differences` (lhs, op, rhs, group_a, group_b, se); without these the pool is
    marked unreliable.
    """
    members = pd.Series(pools).groupby(pd.Series(pools), sort=True).size()
    errors = _errors_of_differences(differences)
    rows = []
    for name, size in members.items():
        mine = estimates[estimates.group.map(pools) == name]
        for key, part in mine.groupby(["lhs", "op", "rhs"], sort=False):
            used = part[counted(part, name in sharing)]
            row = dict(zip(("lhs", "op", "rhs"), key, strict=True)) | {
                "group": name,
                "label": part.label.iloc[0],
            }
            row |= {"groups": len(used), "left_out": int(size) - len(used)}
            rows.append(row | _pooled(used, name in sharing, errors.get(key, {}), confidence))
    return pd.DataFrame(rows, columns=COLUMNS)


Errors = dict[tuple[str, str], float]  # of the difference of two groups


def _pooled(used: pd.DataFrame, dependent: bool, errors: Errors, confidence: float) -> dict[str, Any]:
    """The pooled estimate of one parameter, and whether it can be trusted."""
    if len(used) < 2:
        return {"reliable": False, "detail": TOO_FEW_GROUPS}
    covariance = np.diag(used.se.to_numpy(dtype=float) ** 2)
    known = True
    if dependent:
        for i, j in combinations(range(len(used)), 2):
            pair = used.group.iloc[i], used.group.iloc[j]
            error = errors.get(pair, errors.get(pair[::-1]))
            known = known and error is not None
            if error is not None:
                # Var(a - b) = Var(a) + Var(b) - 2 Cov(a, b)
                covariance[i, j] = covariance[j, i] = (covariance[i, i] + covariance[j, j] - error**2) / 2
    if not positive_definite(covariance):
        return {"reliable": False, "detail": TOO_FEW_CLUSTERS}
    row = asdict(pool(used.est.to_numpy(dtype=float), covariance, confidence))
    return row | {"reliable": known, "detail": "" if known else SHARED}


def _errors_of_differences(differences: pd.DataFrame | None) -> dict[tuple[str, str, str], Errors]:
    errors: dict[tuple[str, str, str], Errors] = {}
    if differences is not None:
        for row in differences.itertuples():
            errors.setdefault((row.lhs, row.op, row.rhs), {})[row.group_a, row.group_b] = float(row.se)
    return errors
