"""Maximum likelihood on moments: F = log|Sigma| + tr(S Sigma^-1) - log|S| - p (Jöreskog 1970).

The search runs on the correlation metric, each parameter in its natural unit, by quasi-Newton steps and
Fisher scoring to a gradient that vanishes; semopy's own stops early and depends on the data's units.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from jobs.sem.batch import Batch, fit_all
from jobs.sem.structure import Structure

Matrix = np.ndarray
TOLERANCE = 1e-7  # largest element of the gradient, in the natural units
SCORING_STEPS = 200
FIRST_STEP = 0.3  # in natural units second derivatives of F are about this one's inverse


@dataclass(frozen=True)
class Estimate:
    """Free parameters at the minimum, and how trustworthy it is.

    `x` (q) in the data's units; `objective` the value of F; `gradient` its largest element in natural
    units; `information` (q x q) expected information a case; `hessian` (q x q) of F/2.
    """

    structure: Structure
    x: Matrix
    scale: Matrix
    objective: float
    gradient: float
    information: Matrix
    hessian: Matrix
    sigma: Matrix
    derivatives: Matrix

    @property
    def converged(self) -> bool:
        return np.isfinite(self.objective) and self.gradient < TOLERANCE * 10

    @property
    def searched(self) -> Matrix:
        """Places in `x` of the parameters that the search moves."""
        return np.arange(len(self.x))

    @property
    def identified(self) -> bool:
        """The information in natural units has full rank."""
        scale = self.scale[self.searched]
        information = self.information[np.ix_(self.searched, self.searched)]
        values = linalg.eigvalsh(information * np.outer(scale, scale))
        return bool(values[0] > 1e-9 * max(values[-1], 1.0))

    @property
    def minimum(self) -> bool:
        """The Hessian in natural units is positive definite: a minimum, not a saddle."""
        scaled = self.hessian * np.outer(self.scale, self.scale)
        return bool(linalg.eigvalsh((scaled + scaled.T) / 2)[0] > 0)


def fit(structure: Structure, covariance: Matrix) -> Estimate:
    """Fit `structure` to a positive definite sample covariance matrix (p x p, n in the denominator)."""
    structure.load_exogenous(covariance)
    deviations = np.sqrt(np.diag(covariance))
    unit = np.outer(1 / deviations, 1 / deviations)
    scale = structure.scales(deviations)
    batch = Batch(structure, covariance[None])

    def parts(z: Matrix):
        sigma, derivatives = structure.sigma_and_derivatives(z * scale)
        factor = linalg.cho_factor(sigma * unit, lower=True)
        return factor, derivatives * (unit * scale[:, None, None])

    def objective(z: Matrix) -> tuple[float, Matrix]:
        values, slopes = objectives(z[None])
        return float(values[0]), slopes[0]

    def objectives(z: Matrix) -> tuple[Matrix, Matrix]:
        values, slopes = batch.value_and_gradient(z * scale, np.zeros(len(z), dtype=int))
        return values, slopes * scale

    with np.errstate(all="ignore"), warnings.catch_warnings():
        # A singular information is found by `identified`, with words; scipy's warning would add none.
        warnings.simplefilter("ignore", linalg.LinAlgWarning)
        z = structure.start(covariance)
        found, done = fit_all(batch, z * scale, np.diag(scale**2) * FIRST_STEP)
        if done[0]:
            z = found[0] / scale
        else:  # a line search that minds the slope too gets through where halved steps do not
            options = {"gtol": 1e-6, "maxiter": 2000}
            z = optimize.minimize(objective, z, jac=True, method="BFGS", options=options).x
        z = _score(objective, parts, z)
    value, gradient = objective(z)
    x = z * scale
    sigma, derivatives = structure.sigma_and_derivatives(x)
    return Estimate(
        structure=structure,
        x=x,
        scale=scale,
        objective=float(value),
        gradient=float(np.abs(gradient).max()) if len(gradient) else 0.0,
        information=information(sigma, derivatives),
        hessian=_hessian(objectives, z) / np.outer(scale, scale) / 2,
        sigma=sigma,
        derivatives=derivatives,
    )


def information(sigma: Matrix, derivatives: Matrix) -> Matrix:
    """Expected information a case (q x q): tr(Sigma^-1 D_i Sigma^-1 D_j) / 2."""
    lower = linalg.cholesky(sigma, lower=True)
    half = linalg.solve_triangular(lower, np.moveaxis(derivatives, 0, -1).reshape(len(sigma), -1), lower=True)
    half = half.reshape(len(sigma), len(sigma), -1)
    white = linalg.solve_triangular(lower, np.swapaxes(half, 0, 1).reshape(len(sigma), -1), lower=True)
    flat = white.reshape(len(sigma) ** 2, -1)
    return flat.T @ flat / 2


def _score(objective, parts, z: Matrix) -> Matrix:
    """Fisher scoring with halved steps until the gradient vanishes."""
    value, gradient = objective(z)
    for _ in range(SCORING_STEPS):
        if not np.isfinite(value) or np.abs(gradient).max() < TOLERANCE / 100:
            break
        factor, derivatives = parts(z)
        sigma = np.tril(factor[0]) @ np.tril(factor[0]).T
        try:
            step = linalg.solve(2 * information(sigma, derivatives), gradient, assume_a="pos")
        except linalg.LinAlgError:
            break
        size = 1.0
        while size > 1e-8:
            there, slope = objective(z - size * step)
            if np.isfinite(there) and (there <= value or np.abs(slope).max() < np.abs(gradient).max()):
                break
            size /= 2
        else:
            break
        z, value, gradient = z - size * step, there, slope
    return z


def _hessian(objectives, z: Matrix) -> Matrix:
    """Second derivatives of F in natural units, by central differences of the exact gradient."""
    steps = 1e-5 * np.maximum(1.0, np.abs(z))
    moves = np.diag(steps)
    slopes = objectives(np.vstack([z + moves, z - moves]))[1]
    hessian = (slopes[: len(z)] - slopes[len(z) :]) / (2 * steps[:, None])
    return (hessian + hessian.T) / 2
