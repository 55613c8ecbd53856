"""Incomplete data whose cases count differently: the model fitted again, from a fit that is nearly right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.sem.arrays import Array
from jobs.sem.cases.moments import Moments
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.fiml.fit import FimlFit, Likelihood, maximum
from jobs.sem.ml import fit as ml
from jobs.sem.model.intercepts import intercepts
from jobs.sem.model.structure import Structure
from jobs.sem.trouble import Trouble


@dataclass(frozen=True)
class Start:
    """A fit to begin from, in the units of the search.

    `z` (q + p): free parameters and means; `data` (n x p, NaN for missing), `weights` (n); `mean`,
    `deviations` (p) and `scale` (q) turn them into the data's units.
    """

    z: Array
    data: Array
    weights: Array
    mean: Array
    deviations: Array
    scale: Array


def start(fit: FimlFit, sample: Moments) -> Start:
    """Where `refit` begins."""
    deviations = np.sqrt(np.diag(sample.covariance))
    z = np.concatenate([fit.estimate.x / fit.estimate.scale, (fit.mean - sample.mean) / deviations])
    return Start(z, fit.data, sample.weights, sample.mean, deviations, fit.estimate.scale)


def refit(structure: Structure, start: Start, count: Array) -> Array:
    """Free parameters, then intercepts (q + r), with each case counted `count` times (n); zero leaves it out.

    Raises Trouble where the search does not end.
    """
    there = count > 0
    data, weights = start.data[there], (start.weights * count)[there]
    outer = np.outer(start.deviations, start.deviations)
    fixed = np.ix_(structure.exogenous, structure.exogenous)
    complete = data[:, structure.exogenous]
    complete = complete - weights @ complete / weights.sum()
    covariance = np.zeros_like(outer)
    covariance[fixed] = (weights[:, None] * complete).T @ complete / weights.sum() * outer[fixed]
    structure = structure.with_exogenous(covariance)
    likelihood = Likelihood(structure, fiml.patterns(data, weights), start.scale, 1 / outer)
    z, end = maximum(likelihood, start.z)
    if end is None and not np.abs(likelihood.slope(z)).max() < ml.TOLERANCE:
        raise Trouble("not converged", "the search from the estimate did not end at a minimum.")
    x = z[: structure.q] * start.scale
    mean = start.mean + start.deviations * z[structure.q :]
    places = [place for place in range(structure.p) if place not in structure.exogenous]
    return np.concatenate([x, intercepts(structure, x, mean)[0][places]])
