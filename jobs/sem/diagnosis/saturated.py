"""The moments without a model beside those of the model: what residuals and modification indices compare.

All in standard deviations of the data, so that nothing depends on the units of a variable. Complete cases
are one missingness pattern; the mean of each variable is free with and without the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.estimate import Estimate
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.fiml.fit import FimlFit


@dataclass(frozen=True)
class Saturated:
    """Means (p) and covariances (p x p), free and implied by the model, of the cases `data` (n x p).

    `deviations` (p) turns them into the data's units; `weights` (n) sum to n. `observed` asks for the
    observed information, which values missing at random need, in place of the expected one.
    """

    estimate: Estimate
    deviations: Matrix
    free_mean: Matrix
    free: Matrix
    mean: Matrix
    implied: Matrix
    patterns: fiml.Patterns
    data: Matrix
    weights: Matrix
    observed: bool

    @property
    def names(self) -> list[str]:
        return self.estimate.structure.observed

    def slope(self) -> Matrix:
        """Derivatives (p*) of the log-likelihood a case by vech Sigma, at the model."""
        p = len(self.deviations)
        return fiml.gradient(self.mean, self.implied, self.patterns)[p:] / self.patterns.total

    def expected(self) -> Matrix:
        """Expected information a case of vech Sigma (p* x p*), at the model."""
        p = len(self.deviations)
        information = fiml.information(self.mean, self.implied, self.patterns, observed=False)
        return information[p:, p:] / self.patterns.total

    def jacobian(self) -> Matrix:
        """Derivatives (p* x q) of vech Sigma by the free parameters, in the parameters' own units.

        Where constraints tie parameters, by the directions (r) that these leave.
        """
        return self.vech(self.estimate.derivatives).T

    def vech(self, derivatives: Matrix) -> Matrix:
        """Changes of Sigma (k x p x p, the data's units) as changes of vech Sigma (k x p*)."""
        rows, columns = fiml.vech_index(len(self.deviations))
        return derivatives[:, rows, columns] / (self.deviations[rows] * self.deviations[columns])


def complete(estimate: Estimate, sample: Moments) -> Saturated:
    """The moments of complete cases."""
    p, deviations = len(sample.names), np.sqrt(np.diag(sample.covariance))
    unit = np.outer(deviations, deviations)
    free, zero = sample.covariance / unit, np.zeros(p)
    pattern = fiml.Patterns(
        observed=np.ones((1, p), dtype=bool),
        weight=np.array([float(sample.n)]),
        mean=zero[None, :],
        cov=free[None, :, :],
        index=np.zeros(sample.n, dtype=int),
    )
    return Saturated(
        estimate=estimate,
        deviations=deviations,
        free_mean=zero,
        free=free,
        mean=zero,
        implied=estimate.sigma / unit,
        patterns=pattern,
        data=sample.deviations / deviations,
        weights=sample.weights,
        observed=False,
    )


def incomplete(fit: FimlFit, sample: Moments) -> Saturated:
    """The moments of cases that answered in part."""
    deviations = np.sqrt(np.diag(sample.covariance))
    unit = np.outer(deviations, deviations)
    return Saturated(
        estimate=fit.estimate,
        deviations=deviations,
        free_mean=(fit.saturated.mean - sample.mean) / deviations,
        free=fit.saturated.cov / unit,
        mean=(fit.mean - sample.mean) / deviations,
        implied=fit.estimate.sigma / unit,
        patterns=fit.sample,
        data=fit.data,
        weights=sample.weights,
        observed=True,
    )
