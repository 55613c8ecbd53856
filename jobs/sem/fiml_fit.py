"""A model fitted to incomplete data: full-information maximum likelihood with free means.

The search starts from the model's fit to the unrestricted moments (two-stage estimation) and scores on the
likelihood from there, in the natural units of each parameter. Errors come from the observed information,
which stays valid when values are missing at random (Kenward and Molenberghs 1998, Statistical Science 13,
236-247); the robust statistic is Yuan and Bentler's (2000), in the variant of Mplus, as lavaan's MLR.

Exogenous variables are fixed, so a case has to have them all; their own likelihood cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg

from jobs.sem import fiml, ml
from jobs.sem.climbing import Factor, climb
from jobs.sem.fiml import Array, Patterns
from jobs.sem.intercepts import intercepts as _intercepts
from jobs.sem.moments import Moments
from jobs.sem.structure import Structure
from jobs.sem.trouble import Trouble


@dataclass(frozen=True)
class FimlFit:
    """The fit in the data's units.

    `estimate` holds the free parameters (q) with the means profiled out: its `hessian` and `information`
    (q x q, a case) are the observed and expected ones given free means. `scores` (n x (q + p), weighted) and
    `hessian` ((q + p) x (q + p), a case) have the means too. `sample` and `data` are in the units of the
    search: deviations from the available-case mean, in standard deviations.
    """

    estimate: ml.Estimate
    mean: Array
    scores: Array
    hessian: Array
    log_likelihood: float
    saturated: fiml.Moments
    sample: Patterns
    data: Array


def incomplete_moments(
    data: pd.DataFrame,
    structure: Structure,
    weights: str | None = None,
    clusters: tuple[str, ...] = (),
) -> tuple[Moments, Array]:
    """The cases that can enter the likelihood, and their values (n x p, NaN for missing).

    A case is left out, and counted, when it lacks an exogenous variable, its weight or a cluster, or when it
    answered none of the others. `Moments.covariance` holds available-case variances, and the
    covariances of the exogenous variables: it serves to check the variables, not to fit. Raises ValueError
    as `moments` does.
    """
    names = structure.observed
    cases = usable(data, structure, weights, clusters)
    bad = [name for name in names if not pd.api.types.is_numeric_dtype(cases[name])]
    if bad:
        raise ValueError(f"the column {bad[0]} holds text; it has to be a number")
    values = cases[names].to_numpy(dtype=float, na_value=np.nan)
    n = len(cases)
    weight = cases[weights].to_numpy(dtype=float) if weights else np.ones(n)
    if n and ((weight < 0).any() or weight.sum() == 0):
        raise ValueError(
            f"the weights in {weights} are negative or all zero; give each case a positive weight"
        )
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


class Likelihood:
    """Log-likelihood a case, with derivatives, of z: free parameters in natural units, standard means."""

    def __init__(self, structure: Structure, sample: Patterns, scale: Array, unit: Array) -> None:
        self.structure, self.sample, self.scale, self.unit = structure, sample, scale, unit
        self.rows, self.columns = fiml.vech_index(structure.p)

    def implied(self, z: Array) -> tuple[Array, Array]:
        q = self.structure.q
        return z[q:], self.structure.sigma(z[:q] * self.scale) * self.unit

    def value(self, z: Array) -> float:
        """Minus infinity where the implied covariance matrix isn't positive definite."""
        try:
            return fiml.log_likelihood(*self.implied(z), self.sample) / self.sample.total
        except np.linalg.LinAlgError:
            return -np.inf

    def jacobian(self, z: Array) -> Array:
        """Derivatives of beta = (mu, vech Sigma) by z: (p + p(p+1)/2) x (q + p)."""
        q, p = self.structure.q, self.structure.p
        _, derivatives = self.structure.sigma_and_derivatives(z[:q] * self.scale)
        derivatives = derivatives * (self.unit * self.scale[:, None, None])
        out = np.zeros((p + len(self.rows), q + p))
        out[:p, q:] = np.eye(p)
        out[p:, :q] = derivatives[:, self.rows, self.columns].T
        return out

    def slope(self, z: Array) -> Array:
        return self.jacobian(z).T @ fiml.gradient(*self.implied(z), self.sample) / self.sample.total

    def information(self, z: Array, observed: bool) -> Array:
        """J' I J: exact for the expected information, without Sigma's curvature for the observed one."""
        jacobian = self.jacobian(z)
        inner = fiml.information(*self.implied(z), self.sample, observed) / self.sample.total
        return jacobian.T @ inner @ jacobian

    def hessian(self, z: Array) -> Array:
        """Minus the second derivatives: `information` less Sigma's curvature along the gradient.

        The curvature is the difference of the exact first derivatives of Sigma, with the gradient held: no
        pass over the patterns.
        """
        inner = fiml.gradient(*self.implied(z), self.sample) / self.sample.total
        curvature = np.zeros((len(z), len(z)))
        for place in range(self.structure.q):
            step = np.zeros_like(z)
            step[place] = 1e-5 * max(1.0, abs(z[place]))
            change = (self.jacobian(z + step) - self.jacobian(z - step)).T @ inner
            curvature[place] = change / (2 * step[place])
        return self.information(z, observed=True) - (curvature + curvature.T) / 2


def fit(structure: Structure, sample: Moments, values: Array) -> FimlFit:
    """Fit `structure` to the cases `values` (n x p, NaN for missing; weights in `sample`).

    Raises Trouble where the unrestricted moments aren't determined.
    """
    q = structure.q
    deviations = np.sqrt(np.diag(sample.covariance))
    standard = sample.deviations / deviations
    grouped = fiml.patterns(standard, sample.weights)
    free = fiml.saturated(grouped, structure.observed)
    check_dependence(free.cov, structure.observed)
    covariance = free.cov * np.outer(deviations, deviations)
    start = ml.fit(structure, covariance)
    likelihood = Likelihood(structure, grouped, start.scale, 1 / np.outer(deviations, deviations))
    z = search(likelihood, np.concatenate([start.x / start.scale, free.mean]))

    unit = np.concatenate([start.scale, deviations])
    slope = likelihood.slope(z)
    hessian = likelihood.hessian(z)
    expected = likelihood.information(z, observed=False)
    case = fiml.case_scores(*likelihood.implied(z), standard, grouped) @ likelihood.jacobian(z)
    case *= sample.weights[:, None]
    sigma, derivatives = structure.sigma_and_derivatives(z[:q] * start.scale)
    outer = np.outer(unit[:q], unit[:q])
    shrink = float(sample.weights @ ~np.isnan(values) @ np.log(deviations))  # density in the data's units
    back = fiml.Moments(sample.mean + deviations * free.mean, covariance, free.log_likelihood - shrink)
    estimate = ml.Estimate(
        structure=structure,
        x=z[:q] * start.scale,
        scale=start.scale,
        objective=2 * (free.log_likelihood / grouped.total - likelihood.value(z)),
        gradient=2 * float(np.abs(slope).max()),
        information=_profile(expected, q) / outer,
        hessian=_profile(hessian, q) / outer,
        sigma=sigma,
        derivatives=derivatives,
    )
    return FimlFit(
        estimate=estimate,
        mean=sample.mean + deviations * z[q:],
        scores=case / unit,
        hessian=hessian / np.outer(unit, unit),
        log_likelihood=likelihood.value(z) * grouped.total - shrink,
        saturated=back,
        sample=grouped,
        data=standard,
    )


def intercepts(fit: FimlFit) -> tuple[list[str], Array, Array]:
    """Intercepts of the endogenous observed variables (r names, r values), latent means being zero.

    The third is the Jacobian ((q + r) x (q + p)) of (parameters, intercepts) by (parameters, means): it
    turns a covariance matrix of the latter into one of the former.
    """
    structure, q = fit.estimate.structure, fit.estimate.structure.q
    places = [place for place in range(structure.p) if place not in structure.exogenous]

    def at(vector: Array) -> Array:
        return _intercepts(structure, vector[:q], vector[q:])[0][places]

    here = np.concatenate([fit.estimate.x, fit.mean])
    jacobian = np.zeros((q + len(places), len(here)))
    jacobian[:q, :q] = np.eye(q)
    for place in range(len(here)):
        step = np.zeros_like(here)
        step[place] = 1e-6 * max(1.0, abs(here[place]))
        jacobian[q:, place] = (at(here + step) - at(here - step)) / (2 * step[place])
    return [structure.observed[place] for place in places], at(here), jacobian


def check_dependence(cov: Array, names: list[str]) -> None:
    """No variable follows from the others, in a covariance matrix (p x p)."""
    deviations = np.sqrt(np.diag(cov))
    values, vectors = np.linalg.eigh(cov / np.outer(deviations, deviations))
    if values[0] < 1e-10:
        involved = [name for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 0.1]
        detail = f"{', '.join(involved)} are linearly dependent; leave one of them out."
        raise Trouble("not positive definite", detail)


def _profile(information: Array, q: int) -> Array:
    """Information of the first q parameters when the others are free."""
    across = information[q:, :q]
    return information[:q, :q] - across.T @ np.linalg.solve(information[q:, q:], across)


def search(likelihood: Likelihood, z: Array) -> Array:
    """z at the maximum: Newton's steps where the observed information is positive definite, else Fisher's."""

    def factor(z: Array, _slope: Array) -> Factor | None:
        for observed in (True, False):
            try:
                return linalg.cho_factor(likelihood.information(z, observed=observed))
            except linalg.LinAlgError:
                continue
        return None

    return climb(likelihood, z, factor)


__all__ = [
    *("FimlFit", "Likelihood", "check_dependence", "fit", "incomplete_moments", "intercepts", "search"),
    "usable",
]
