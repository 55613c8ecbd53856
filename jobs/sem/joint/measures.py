"""Fit of several groups at once, with lavaan's meaning of each measure.

Chi-square compares the groups' likelihoods with those of each group's own unrestricted moments; the
baseline model has unrelated endogenous variables in each group. RMSEA is multiplied by the root of the
number of groups (Steiger 1998, Structural Equation Modeling 5, 411-419). The scaled statistic is that of
`fiml_measures`, its traces summed over the groups.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.fiml.adjusted import given, moment_parts
from jobs.sem.fiml.measures import alone
from jobs.sem.joint.likelihood import GroupSample, JointLikelihood
from jobs.sem.joint.maximum import Maximum
from jobs.sem.joint.spanning import products, sums
from jobs.sem.laws import chi2_tail
from jobs.sem.ml.adjusted import adjusted
from jobs.sem.ml.measures import Statistic, indices, scaled_indices


def measures(
    likelihood: JointLikelihood,
    maximum: Maximum,
    scores: list[Matrix],
    scaled: bool,
    cluster: str | None,
) -> dict[str, float]:
    """chi-square and its relatives at the maximum; with `scaled` those of Yuan and Bentler too.

    `scores` (n x k, weighted, a group each) are those of its z; `cluster` names the column by which the
    scaled statistic sums them.
    """
    samples, n = likelihood.samples, int(likelihood.total)
    p, x = likelihood.groups[0].structure.p, likelihood.groups[0].structure.exogenous
    y = [place for place in range(p) if place not in x]
    z, k = maximum.z, maximum.counted
    df, base_df = likelihood.moments - k, likelihood.moments - 2 * len(samples) * len(y)
    given = sum(_exogenous(data, x)[0] for data in samples)
    free = likelihood.unrestricted
    chisq = 2 * max(free - likelihood.value(z) * likelihood.total, 0.0)
    base = sum(alone(data.values[:, place], data.sample.weights)[0] for data in samples for place in y)
    base_chisq = 2 * (free - given - base)
    logl = likelihood.value(z) * likelihood.total - given - sum(_shrink(data, y) for data in samples)
    out = {
        "npar": float(k),
        "nobs": float(n),
        "chisq": chisq,
        "df": float(df),
        "pvalue": float(chi2_tail(chisq, df)) if df else np.nan,
        **by_groups(indices(chisq, df, base_chisq, base_df, n), len(samples)),
        "srmr": _srmr(likelihood, z),
        "logl": logl,
        "aic": -2 * logl + 2 * k,
        "bic": -2 * logl + np.log(n) * k,
    }
    if scaled and df:
        traces, base_traces = _traces(samples, x, maximum.bread, scores, cluster)
        factor, base_factor = traces / df, base_traces / base_df
        with_scale = scaled_indices(
            Statistic(chisq, df, factor), Statistic(base_chisq, base_df, base_factor), n
        )
        out |= by_groups(with_scale, len(samples))
        out |= _adjusted(likelihood, maximum, cluster, chisq)
    return out


def _adjusted(
    likelihood: JointLikelihood, maximum: Maximum, cluster: str | None, chisq: float
) -> dict[str, float]:
    """The test of `ml.adjusted`, the groups' moments beside each other; a cluster may span groups."""
    structure = likelihood.groups[0].structure
    fixed = given(structure.p, structure.exogenous)
    m, groups = len(fixed), len(likelihood.groups)
    rows, changes, of_x = [], [], []
    for number, (group, data) in enumerate(zip(likelihood.groups, likelihood.samples, strict=True)):
        v, free = likelihood.own(maximum.z, number), (data.free.mean, data.free.cov)
        cases, root = moment_parts(free, group.implied(v), data.values, data.patterns)
        wide = np.zeros((len(cases), m * groups))
        wide[:, m * number : m * (number + 1)] = data.sample.weights[:, None] * cases
        rows.append(wide)
        moved = group.jacobian(v) @ likelihood.select[number]
        changes.append(root.T @ moved @ maximum.along)
        of_x.append(root.T @ fixed)
    change = np.hstack([np.vstack(changes), linalg.block_diag(*of_x)])
    parts = rows if cluster is None else [sums(rows, [data.sample for data in likelihood.samples], cluster)]
    return adjusted(parts, np.linalg.qr(change)[0], chisq)


def by_groups(values: dict[str, float], groups: int) -> dict[str, float]:
    return {
        name: value * np.sqrt(groups) if name.startswith("rmsea") else value for name, value in values.items()
    }


def _exogenous(data: GroupSample, x: list[int]) -> tuple[float, Matrix, Matrix]:
    """The exogenous variables by themselves: log-likelihood, information and weighted scores."""
    weights = data.sample.weights
    if not x:
        return 0.0, np.zeros((0, 0)), np.zeros((len(weights), 0))
    own = fiml.patterns(data.values[:, x], weights)
    mean, cov = own.mean[0], own.cov[0]
    scores = weights[:, None] * fiml.case_scores(mean, cov, data.values[:, x], own)
    return fiml.log_likelihood(mean, cov, own), fiml.information(mean, cov, own), scores


def _shrink(data: GroupSample, y: list[int]) -> float:
    """What the density of the endogenous variables loses from the units of the search to the data's."""
    seen = data.sample.weights @ ~np.isnan(data.values[:, y])
    return float(seen @ np.log(data.unit[y]))


def _traces(
    samples: list[GroupSample], x: list[int], bread: Matrix, scores: list[Matrix], cluster: str | None
) -> tuple[float, float]:
    """Scaling factors of chi-square and of the baseline's, each times its degrees of freedom."""
    free = base = 0.0
    cases = [data.sample for data in samples]
    for data in samples:
        weight, moments = data.sample.weights, (data.free.mean, data.free.cov)
        case = weight[:, None] * fiml.case_scores(*moments, data.values, data.patterns)
        free += _trace(fiml.information(*moments, data.patterns), case, data.sample, cluster)
        _, information, case = _exogenous(data, x)
        free -= _trace(information, case, data.sample, cluster)
        for place in range(data.values.shape[1]):
            if place not in x:
                _, information, case = alone(data.values[:, place], weight)
                base += _trace(information, case, data.sample, cluster)
    middle, _ = products(scores, cases, cluster)
    model = float((bread * middle).sum())
    return free - model, free - base


def _trace(information: Matrix, scores: Matrix, sample: Moments, cluster: str | None) -> float:
    """tr(A^-1 B) of one group."""
    return float(np.trace(np.linalg.solve(information, products([scores], [sample], cluster)[0])))


def _srmr(likelihood: JointLikelihood, z: Matrix) -> float:
    """Standardised root mean square residual of means and covariances, a weighted mean of the groups."""
    out = 0.0
    for number, (group, data) in enumerate(zip(likelihood.groups, likelihood.samples, strict=True)):
        mean, sigma = group.implied(likelihood.own(z, number))
        deviations = np.sqrt(np.diag(data.free.cov))
        means = (data.free.mean - mean) / deviations
        lower = ((data.free.cov - sigma) / np.outer(deviations, deviations))[np.tril_indices(len(mean))]
        square = (means @ means + lower @ lower) / (len(means) + len(lower))
        out += data.patterns.total / likelihood.total * np.sqrt(square)
    return float(out)
