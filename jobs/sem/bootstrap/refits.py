"""A group fitted again with clusters counted several times or not at all, by each of the routes.

Complete cases with normal likelihood: the sums of each cluster, computed once, give the moments of every
replicate, and no row is touched again. Incomplete cases: how often a cluster was drawn multiplies the weights
of its cases. Ordered items: the rows are repeated, for their weights in the fit count cases.

A refit can be pickled: it holds the model as text, for the parser's object cannot be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.sums import Sums, moment_sums
from jobs.sem.checks import check_estimate
from jobs.sem.fiml import refit as fiml_refit
from jobs.sem.ml import batch, constrained
from jobs.sem.model.structure import Structure, structure_of
from jobs.sem.ordinal import fit as ordinal_fit
from jobs.sem.ordinal.moments import Statistic, ordinal_moments
from jobs.sem.routes.full_information import FullInformation
from jobs.sem.routes.least_squares import LeastSquares
from jobs.sem.routes.maximum_likelihood import MaximumLikelihood
from jobs.sem.routes.method import Method
from jobs.sem.routes.routes import Route
from jobs.sem.trouble import Trouble

FLAT = 1e-12  # share of a variable's variance that is rounding
DEPENDENT = Trouble("not positive definite", "the variables of a replicate are linearly dependent.")
UNFINISHED = Trouble("not converged", "the search from the estimate did not end at a minimum.")


class Refit(Protocol):
    """A group whose values (k) are those of its `Inference`."""

    @property
    def structure(self) -> Structure:
        """The model's matrices."""

    def values(self, counts: Matrix) -> tuple[Matrix, list[str]]:
        """Values (R x k) with each unit counted so often (R x units), NaN with a status where none is."""

    def exogenous(self, counts: Matrix) -> Matrix:
        """Covariance matrices (R x e x e) of the exogenous variables, each unit counted so often."""


def refit(model: str, way: Route, codes: NDArray[np.intp]) -> Refit:
    """The refit of a fitted route; `codes` (n): the unit that each case is drawn with."""
    if isinstance(way, MaximumLikelihood):
        if way.structure.constraints:
            return ConstrainedRefit(model, way.estimate.x, np.zeros((0, 0)), moment_sums(way.sample, codes))
        hessian = 2 * way.estimate.hessian
        inverse = linalg.cho_solve(linalg.cho_factor(hessian), np.eye(len(hessian)))
        return MomentRefit(model, way.estimate.x, inverse, moment_sums(way.sample, codes))
    if isinstance(way, FullInformation):
        fixed = moment_sums(way.sample, codes, way.structure.exogenous)
        return LikelihoodRefit(model, fixed, codes, fiml_refit.start(way.fitted, way.sample))
    if isinstance(way, LeastSquares):
        fixed = moment_sums(way.sample, codes, way.structure.exogenous)
        return OrderedRefit(model, fixed, codes, way.values, way.sample.weights, way.method, way.fitted.above)
    raise TypeError(f"no refit for {type(way).__name__}")


@dataclass(frozen=True)
class MomentRefit:
    """Complete cases: from the sums of the units."""

    model: str
    x: Matrix
    inverse_hessian: Matrix
    sums: Sums

    @property
    def structure(self) -> Structure:
        return structure_of(self.model)

    def values(self, counts: Matrix) -> tuple[Matrix, list[str]]:
        covariances = self.sums.covariances(counts)
        usable = self._usable(covariances)
        values = np.full((len(counts), len(self.x)), np.nan)
        reasons = np.where(usable, "", DEPENDENT.status).astype(object)
        if usable.any():
            ends, done = self._ends(covariances[usable])
            values[usable] = np.where(done[:, None], ends, np.nan)
            reasons[np.flatnonzero(usable)[~done]] = UNFINISHED.status
        return values, list(reasons)

    def _ends(self, covariances: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
        """The estimates (R x k) of the samples, and which searches ended at a minimum (R)."""
        own = batch.Batch(self.structure, covariances)
        return batch.fit_all(own, self.x, self.inverse_hessian)

    def exogenous(self, counts: Matrix) -> Matrix:
        places = self.structure.exogenous
        return self.sums.covariances(counts)[:, places][:, :, places]

    def _usable(self, covariances: Matrix) -> NDArray[np.bool_]:
        """Which samples (R) have variables that vary, beyond rounding, and do not follow from each other."""
        whole = np.diag(self.sums.covariances(np.ones((1, len(self.sums.weight))))[0])
        variances = np.diagonal(covariances, axis1=1, axis2=2)
        varying: NDArray[np.bool_] = np.all(variances > FLAT * whole, axis=1)
        unit = np.sqrt(np.where(varying[:, None], variances, 1.0))
        correlations = covariances / (unit[:, :, None] * unit[:, None, :])
        correlations[~varying] = np.eye(len(whole))
        return varying & (np.linalg.eigvalsh(correlations)[:, 0] > 1e-10)


@dataclass(frozen=True)
class ConstrainedRefit(MomentRefit):
    """Complete cases, parameters tied by constraints: one replicate after the other, from the estimate."""

    def _ends(self, covariances: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
        ends = np.full((len(covariances), len(self.x)), np.nan)
        for row, covariance in zip(ends, covariances, strict=True):
            try:
                row[:] = constrained.fit_near(self.structure, covariance, self.x).x
            except (Trouble, linalg.LinAlgError):
                continue
        return ends, np.isfinite(ends).all(axis=1)


@dataclass(frozen=True)
class _OneByOne:
    """Refits that know no better than a replicate after the other. `fixed`: of the exogenous variables."""

    model: str
    fixed: Sums
    codes: NDArray[np.intp]

    @property
    def structure(self) -> Structure:
        return structure_of(self.model)

    def values(self, counts: Matrix) -> tuple[Matrix, list[str]]:
        estimates: list[Matrix | None] = []
        reasons: list[str] = []
        for count in counts:
            try:
                estimates.append(self.one(count[self.codes]))
                reasons.append("")
            except Trouble as trouble:
                estimates.append(None)
                reasons.append(trouble.status)
            except (linalg.LinAlgError, FloatingPointError):
                estimates.append(None)
                reasons.append(UNFINISHED.status)
        width = max((len(value) for value in estimates if value is not None), default=1)
        nothing = np.full(width, np.nan)
        return np.array([nothing if value is None else value for value in estimates]), reasons

    def exogenous(self, counts: Matrix) -> Matrix:
        return self.fixed.covariances(counts)

    def one(self, count: Matrix) -> Matrix:
        """Values (k) with each case counted so often (n). Raises Trouble where there are none."""
        raise NotImplementedError


@dataclass(frozen=True)
class LikelihoodRefit(_OneByOne):
    """Incomplete cases: scoring from the group's estimate."""

    start: fiml_refit.Start

    def one(self, count: Matrix) -> Matrix:
        return fiml_refit.refit(self.structure, self.start, count)


@dataclass(frozen=True)
class OrderedRefit(_OneByOne):
    """Ordered items: margins, correlations and model from the start. `data` (n x p), NaN for missing."""

    data: Matrix
    weights: Matrix
    method: Method
    above: list[Statistic]

    @property
    def structure(self) -> Structure:
        return structure_of(self.model, self.method.ordered)

    def one(self, count: Matrix) -> Matrix:
        structure = self.structure
        rows = np.repeat(np.arange(len(count)), count)  # a case drawn twice is two: it weighs twice in gamma
        weights = self.weights[rows]
        x = [structure.observed[place] for place in structure.exogenous]
        y = [name for name in structure.observed if name not in x]
        frame = pd.DataFrame(self.data[rows], columns=structure.observed)
        moments = ordinal_moments(frame, y, self.method.ordered, x, weights * (len(weights) / weights.sum()))
        fitted = ordinal_fit.fit(structure, moments, self.method.parameterization)
        check_estimate(fitted.estimate)
        if fitted.above != self.above:
            raise Trouble("failed", "a category of an item has no case in a replicate.")
        return np.concatenate([fitted.estimate.x, fitted.above_value])
