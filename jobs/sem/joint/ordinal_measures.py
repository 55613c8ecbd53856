"""Fit of ordered items in several groups at once, with lavaan's meaning of each measure (estimator WLSMV).

The statistics of the groups stand below each other: T = sum (n_g - 1) F_g, and its mean and variance follow
from U Gamma as in `ordinal_measures`. A cluster that spans groups ties their statistics together.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.joint.measures import by_groups
from jobs.sem.joint.ordinal import GroupItems, JointItems
from jobs.sem.joint.spanning import products
from jobs.sem.laws import chi2_tail
from jobs.sem.ml.measures import indices
from jobs.sem.model.layout import Layout
from jobs.sem.ordinal.measures import scale_and_shift, srmr


def measures(fit: JointItems, cluster: str | None) -> dict[str, float]:
    """chi-square and its relatives, plain and scaled; the scaled by `cluster`, a column, if given."""
    items = fit.items
    counts = [data.sample.n for data in items]
    n, groups = sum(counts), len(items)
    weights = np.concatenate([entry.weight for entry in fit.fits])
    size, root = _sizes(fit), _roots(fit)
    df = len(root) + sum(len(data.alone.above) for data in items) - fit.counted
    labels = [data.statistics.statistics[place] for data in items for place in data.alone.fitted]
    covariances = np.array([entry.op == "~~" and entry.lhs != entry.rhs for entry in labels])
    base_df = int(covariances.sum())
    chisq = sum((count - 1) * entry.estimate.objective for entry, count in zip(fit.fits, counts, strict=True))
    target = np.concatenate([data.statistics.value[data.alone.fitted] for data in items])
    base_chisq = float(((size - 1) * weights * target**2)[covariances].sum())
    out = {
        "npar": float(fit.counted),
        "nobs": float(n),
        "chisq": chisq,
        "df": float(df),
        "pvalue": float(chi2_tail(chisq, df)) if df else np.nan,
        **by_groups(indices(chisq, df, base_chisq, base_df, n - groups), groups),
        "srmr": sum(
            count / n * srmr(entry, data.statistics)
            for entry, data, count in zip(fit.fits, items, counts, strict=True)
        ),
    }
    if df:
        gamma = _covariance(items, cluster) * np.outer(root, root)
        q, _ = np.linalg.qr(np.vstack(fit.jacobians) * root[:, None])
        scaled, factor, shift = scale_and_shift(chisq, df, gamma - q @ (q.T @ gamma))
        base_gamma = gamma[np.ix_(covariances, covariances)]
        base_scaled, _, _ = scale_and_shift(base_chisq, base_df, base_gamma)
        with_scale = by_groups(indices(scaled, df, base_scaled, base_df, n - groups), groups)
        out |= {
            "chisq_scaled": scaled,
            "df_scaled": float(df),
            "pvalue_scaled": float(chi2_tail(scaled, df)),
            "chisq_scaling_factor": factor,
            "chisq_shift": shift,
            **{f"{name}_scaled": value for name, value in with_scale.items()},
        }
    return out


def difference(
    free: JointItems, restricted: JointItems, layout: Layout, gap: float, cluster: str | None
) -> float:
    """The difference `gap` of two models' chi-squares, scaled and shifted to the law of a chi-square.

    `layout` is that of the second, `restricted` model, on the same parameters of each group; its restrictions
    are taken at the first's solution (Satorra 2000, with the second-order correction of the module).
    """
    root = _roots(free)
    gamma = _covariance(free.items, cluster) * np.outer(root, root)
    tied = []
    for group, data, fitted in zip(layout.groups, free.items, free.fits, strict=True):
        moves = restricted.along[group.place[data.model.free]]
        tied.append(fitted.jacobian @ moves)
    every = np.vstack(tied) * root[:, None]
    wide, _ = np.linalg.qr(np.vstack(free.jacobians) * root[:, None])
    narrow, _ = np.linalg.qr(every)
    off = wide @ (wide.T @ gamma) - narrow @ (narrow.T @ gamma)
    return scale_and_shift(gap, wide.shape[1] - narrow.shape[1], off)[0]


def _sizes(fit: JointItems) -> Matrix:
    """The cases behind each of the groups' fitted statistics."""
    return np.repeat([data.sample.n for data in fit.items], [len(fitted.weight) for fitted in fit.fits])


def _roots(fit: JointItems) -> Matrix:
    """Roots of the statistics' weights in the sum of all groups' squares."""
    return np.sqrt(np.concatenate([fitted.weight for fitted in fit.fits]) * _sizes(fit))


def _covariance(items: list[GroupItems], cluster: str | None) -> Matrix:
    """Covariance matrix of all groups' fitted statistics."""
    parts = [data.statistics.influence[:, data.alone.fitted] for data in items]
    return covariance(parts, [data.sample for data in items], cluster)


def covariance(parts: list[Matrix], samples: list[Moments], cluster: str | None) -> Matrix:
    """Covariance matrix of the statistics of all groups, by each one's influences (n x m, a group each)."""
    if cluster is None:
        return linalg.block_diag(*[part.T @ part for part in parts])
    ends = np.cumsum([0, *(part.shape[1] for part in parts)])
    wide = []
    for part, start in zip(parts, ends[:-1], strict=True):
        rows = np.zeros((len(part), ends[-1]))
        rows[:, start : start + part.shape[1]] = part
        wide.append(rows)
    return products(wide, samples, cluster)[0]
