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
from scipy import linalg

from jobs.sem.arrays import Array
from jobs.sem.cases.incomplete import check_dependence
from jobs.sem.cases.moments import Moments
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.fiml.likelihood import Patterns
from jobs.sem.ml import constrained
from jobs.sem.ml import fit as ml
from jobs.sem.ml.climbing import Deviance, Factor, climb
from jobs.sem.ml.discrepancy import curvature
from jobs.sem.ml.quadratic_programming import End, Restrictions, minimum
from jobs.sem.model.intercepts import intercept_slopes
from jobs.sem.model.intercepts import intercepts as _intercepts
from jobs.sem.model.structure import Structure


@dataclass(frozen=True)
class FimlFit:
    """The fit in the data's units.

    `estimate` holds the free parameters (q) with the means profiled out: its `hessian` and `information`
    (q x q, a case) are the observed and expected ones given free means. `scores` (n x (q + p), weighted) and
    `hessian` ((q + p) x (q + p), a case) have the means too. `sample` and `data` are in the units of the
    search: deviations from the available-case mean, in standard deviations.

    Where constraints tie parameters, all derivatives are by the r + p directions in which parameters and
    means are free, the means by themselves: `directions` ((q + p) x (r + p)), else None.
    """

    estimate: ml.Estimate
    mean: Array
    scores: Array
    hessian: Array
    log_likelihood: float
    saturated: fiml.SaturatedMoments
    sample: Patterns
    data: Array
    directions: Array | None = None


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
        """Minus the second derivatives: `information` less Sigma's curvature along the gradient."""
        p = self.structure.p
        inner = fiml.gradient(*self.implied(z), self.sample) / self.sample.total
        by_sigma = fiml.from_vech(inner[p:] * np.where(self.rows == self.columns, 1.0, 0.5), p) * self.unit
        out = self.information(z, observed=True)
        q = self.structure.q
        out[:q, :q] -= curvature(self.structure, z[:q] * self.scale, by_sigma) * np.outer(
            self.scale, self.scale
        )
        return out


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
    start = constrained.maximum(structure, covariance)
    structure = start.structure  # with the exogenous variables' covariance
    likelihood = Likelihood(structure, grouped, start.scale, 1 / np.outer(deviations, deviations))
    unit = np.concatenate([start.scale, deviations])
    z, end = maximum(likelihood, np.concatenate([start.x / start.scale, free.mean]))
    case = fiml.case_scores(*likelihood.implied(z), standard, grouped) @ likelihood.jacobian(z)
    case *= sample.weights[:, None]
    hessian = likelihood.hessian(z)
    estimate = _estimate(likelihood, z, end, hessian, free)
    shrink = float(sample.weights @ ~np.isnan(values) @ np.log(deviations))  # density in the data's units
    back = fiml.SaturatedMoments(
        sample.mean + deviations * free.mean, covariance, free.log_likelihood - shrink
    )
    along = None if end is None else end.along.copy()
    if along is not None:
        along[:, -len(deviations) :] /= deviations  # the means count in the data's units
    return FimlFit(
        estimate=estimate,
        mean=sample.mean + deviations * z[q:],
        scores=case / unit if along is None else case @ along,
        hessian=hessian / np.outer(unit, unit) if along is None else along.T @ hessian @ along,
        log_likelihood=likelihood.value(z) * grouped.total - shrink,
        saturated=back,
        sample=grouped,
        data=standard,
        directions=None if along is None else along * unit[:, None],
    )


def maximum(likelihood: Likelihood, z: Array) -> tuple[Array, End[Deviance] | None]:
    """z (q + p) at the maximum, and the search's end where constraints tie parameters.

    Raises Trouble where no maximum keeps the constraints; without them the caller looks whether it is one.
    """
    structure = likelihood.structure
    if not structure.constraints:
        return search(likelihood, z), None
    kept = Restrictions.scaled(structure, likelihood.scale).beside(structure.p)
    end = minimum(lambda z: Deviance(likelihood, z), kept, [z], enough=1)
    return end.point.z, end


def _estimate(
    likelihood: Likelihood, z: Array, end: End[Deviance] | None, hessian: Array, free: fiml.SaturatedMoments
) -> ml.Estimate:
    """The estimate of the structure's parameters at `z`; `hessian` as it is there, with the means."""
    structure, scale, q = likelihood.structure, likelihood.scale, likelihood.structure.q
    outer = np.outer(scale, scale)
    sigma, derivatives = structure.sigma_and_derivatives(z[:q] * scale)
    estimate = ml.Estimate(
        structure=structure,
        x=z[:q] * scale,
        scale=scale,
        objective=2 * (free.log_likelihood / likelihood.sample.total - likelihood.value(z)),
        gradient=2 * float(np.abs(likelihood.slope(z)).max()),
        information=_profile(likelihood.information(z, observed=False), q) / outer,
        hessian=_profile(hessian, q) / outer,
        sigma=sigma,
        derivatives=derivatives,
    )
    if end is None:
        return estimate
    r = end.along.shape[1] - structure.p
    return constrained.by_directions(estimate, end, end.along[:q, :r])


def intercepts(fit: FimlFit) -> tuple[list[str], Array, Array]:
    """Intercepts of the endogenous observed variables (r names, r values), latent means being zero.

    The third is the Jacobian ((q + r) x (q + p)) of (parameters, intercepts) by (parameters, means): it
    turns a covariance matrix of the latter into one of the former. Where constraints tie parameters, it is by
    the fit's directions.
    """
    structure, q = fit.estimate.structure, fit.estimate.structure.q
    places = [place for place in range(structure.p) if place not in structure.exogenous]

    x, mean = fit.estimate.x, fit.mean
    slopes = intercept_slopes(structure, x, mean)[places]
    jacobian = np.vstack([np.eye(q, slopes.shape[1]), slopes])
    names = [structure.observed[place] for place in places]
    value = _intercepts(structure, x, mean)[0][places]
    return names, value, jacobian if fit.directions is None else jacobian @ fit.directions


def _profile(information: Array, q: int) -> Array:
    """Information of the first q parameters when the others are free."""
    across = information[q:, :q]
    return information[:q, :q] - across.T @ np.linalg.solve(information[q:, q:], across)


def search(likelihood: Likelihood, z: Array) -> Array:
    """z at the maximum: by the observed information where it is positive definite, else by Fisher's.

    Sigma's curvature is left out at first, since it costs most. Where the data are far from the model, the
    steps then shrink before the slope vanishes, and Newton's own steps end the search.
    """

    def factor(z: Array, _slope: Array) -> Factor | None:
        for observed in (True, False):
            try:
                return linalg.cho_factor(likelihood.information(z, observed=observed))
            except linalg.LinAlgError:
                continue
        return None

    z = climb(likelihood, z, factor)
    if np.abs(likelihood.slope(z)).max() < ml.TOLERANCE / 2:
        return z

    def curved(z: Array, _slope: Array) -> Factor | None:
        try:
            return linalg.cho_factor(likelihood.hessian(z))
        except (linalg.LinAlgError, ValueError):
            return None

    return climb(likelihood, z, curved)
