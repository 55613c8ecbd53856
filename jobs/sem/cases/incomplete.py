"""Cases with missing values: which of them can be used, and what the likelihood needs of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.sem.arrays import Array
from jobs.sem.cases.moments import Moments
from jobs.sem.model.structure import Structure
from jobs.sem.trouble import Trouble


def incomplete_moments(
    data: pd.DataFrame,
    structure: Structure,
    weights: str | None = None,
    clusters: tuple[str, ...] = (),
) -> tuple[Moments, Array]:
    """The cases that can enter the likelihood, and their values (n x p, NaN for missing).

    A case is left out, and counted, when it lacks an exogenous variable, its weight or a cluster, or when it
    answered none of the others. `Moments.covariance` holds available-case variances, and the
    covariances of the exogenous variables: it serves to check the variables, not to fit. Raises Trouble
    as `moments` does.
    """
    names = structure.observed
    cases = usable(data, structure, weights, clusters)
    bad = [name for name in names if not pd.api.types.is_numeric_dtype(cases[name])]
    if bad:
        raise Trouble("failed", f"the column {bad[0]} holds text; it has to be a number.")
    values = cases[names].to_numpy(dtype=float, na_value=np.nan)
    n = len(cases)
    weight = cases[weights].to_numpy(dtype=float) if weights else np.ones(n)
    if n and ((weight < 0).any() or weight.sum() == 0):
        words = "are negative or all zero; give each case a positive weight"
        raise Trouble("failed", f"the weights in {weights} {words}.")
    weight = weight * (n / weight.sum()) if n else weight
    seen = ~np.isnan(values)
    share = weight @ seen
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = weight @ np.where(seen, values, 0.0) / share
        deviations = values - mean
        filled = np.where(seen, deviations, 0.0)
        covariance = np.diag(weight @ filled**2 / share)
    fixed_x = np.ix_(structure.exogenous, structure.exogenous)
    complete = filled[:, structure.exogenous]
    covariance[fixed_x] = (weight[:, None] * complete).T @ complete / max(n, 1)
    factors = {name: pd.factorize(cases[name], sort=True) for name in clusters}
    sample = Moments(
        names=list(names),
        n=n,
        mean=mean,
        covariance=covariance,
        deviations=deviations,
        weights=weight,
        clusters={name: codes for name, (codes, _) in factors.items()},
        labels={name: list(labels) for name, (_, labels) in factors.items()},
        cases_in=len(data),
    )
    return sample, values


def usable(
    data: pd.DataFrame, structure: Structure, weights: str | None = None, clusters: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The cases that have every exogenous variable, weight and cluster, and one of the other variables."""
    fixed = [structure.observed[place] for place in structure.exogenous]
    answered = [name for name in structure.observed if name not in fixed]
    needed = [*fixed, *([weights] if weights else []), *clusters]
    return data[data[needed].notna().all(axis=1) & data[answered].notna().any(axis=1)]


def check_dependence(cov: Array, names: list[str]) -> None:
    """No variable follows from the others, in a covariance matrix (p x p)."""
    deviations = np.sqrt(np.diag(cov))
    values, vectors = np.linalg.eigh(cov / np.outer(deviations, deviations))
    if values[0] < 1e-10:
        involved = [name for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 0.1]
        detail = f"{', '.join(involved)} are linearly dependent; leave one of them out."
        raise Trouble("not positive definite", detail)
