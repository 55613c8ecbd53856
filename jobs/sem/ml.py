"""Maximum likelihood on moments: F = log|Sigma| + tr(S Sigma^-1) - log|S| - p (Jöreskog 1970).

The search runs on the correlation metric, each parameter in its natural unit, by quasi-Newton steps and
Fisher scoring to a gradient that vanishes; semopy's own stops early and depends on the data's units.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from jobs.sem.structure import Structure

Matrix = np.ndarray
TOLERANCE = 1e-7  # largest element of the gradient, in the natural units
SCORING_STEPS = 200


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
    def identified(self) -> bool:
        """The information in natural units has full rank."""
        scaled = self.information * np.outer(self.scale, self.scale)
        values = linalg.eigvalsh(scaled)
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
    correlation = covariance * unit
    log_sample = np.linalg.slogdet(correlation)[1]
    scale = structure.scales(deviations)

    def parts(z: Matrix):
        sigma, derivatives = structure.sigma_and_derivatives(z * scale)
        factor = linalg.cho_factor(sigma * unit, lower=True)
        return factor, derivatives * (unit * scale[:, None, None])

    def objective(z: Matrix) -> tuple[float, Matrix]:
        try:
            factor, derivatives = parts(z)
        except linalg.LinAlgError:
            return np.inf, np.zeros_like(z)
        inverse = linalg.cho_solve(factor, np.eye(structure.p))
        value = (
            2 * np.log(np.diag(factor[0])).sum() + (correlation * inverse).sum() - log_sample - structure.p
        )
        middle = inverse - inverse @ correlation @ inverse
        return value, np.tensordot(derivatives, middle, axes=([1, 2], [0, 1]))

    with np.errstate(all="ignore"), warnings.catch_warnings():
        # A singular information is found by `identified`, with words; scipy's warning would add none.
        warnings.simplefilter("ignore", linalg.LinAlgWarning)
        found = optimize.minimize(
            objective, structure.start(), jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 2000}
        )
        z = _score(objective, parts, found.x)
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
        hessian=_hessian(objective, z) / np.outer(scale, scale) / 2,
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


def _hessian(objective, z: Matrix) -> Matrix:
    """Second derivatives of F in natural units, by central differences of the exact gradient."""
    rows = []
    for place in range(len(z)):
        step = np.zeros_like(z)
        step[place] = 1e-5 * max(1.0, abs(z[place]))
        rows.append((objective(z + step)[1] - objective(z - step)[1]) / (2 * step[place]))
    hessian = np.array(rows)
    return (hessian + hessian.T) / 2
