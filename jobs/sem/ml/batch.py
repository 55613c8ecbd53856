"""Maximum likelihood for many covariance matrices of one model at once: F, its gradient, its minimum.

B, Lambda, Psi and Theta are linear in the free parameters, so that Sigma, F and gradients of all matrices are
a few stacked products (Jöreskog 1970 for the gradient). The search is made for what starts nearly right, as
the replicates of a bootstrap do: BFGS with the Hessian at an estimate nearby to begin with (Nocedal and
Wright 2006, ch. 6) has few steps to go, and depends on no units.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jobs.sem.arrays import Matrix
from jobs.sem.model.structure import Structure

STEPS = 100
DECREMENT = 1e-10  # of F; the step that is still taken leaves far less
ENOUGH = 1e-4  # share of the promised decrease that a step has to bring (Armijo)
SMALLEST = 1e-6  # share of a step
ROUNDING = 1e-13  # of F


class Batch:
    """F and its gradient at R vectors of free parameters, each for a covariance matrix of its own.

    `covariances` (R x p x p), n in the denominator; the exogenous blocks are theirs.
    """

    def __init__(self, structure: Structure, covariances: Matrix) -> None:
        deviations = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        self.unit = 1 / (deviations[:, :, None] * deviations[:, None, :])
        self.correlations = covariances * self.unit
        self.log_sample = np.linalg.slogdet(self.correlations)[1]
        self.structure, self.slopes = structure, structure.slopes().T
        self.exogenous = covariances[:, structure.exogenous][:, :, structure.exogenous]

    def value_and_gradient(self, x: Matrix, rows: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
        """F (r) and its gradient (r x q); infinite and zero where Sigma is not positive definite."""
        beta, lambda_, psi, theta = self.structure.stacked(x, self.exogenous[rows])
        total = np.linalg.inv(np.eye(beta.shape[1]) - beta)
        outer = lambda_ @ total
        spread = outer @ psi
        unit = self.unit[rows]
        sigma = (spread @ outer.transpose(0, 2, 1) + theta) * unit
        log_det, good = _log_determinants(sigma)
        inverse = np.linalg.inv(np.where(good[:, None, None], sigma, np.eye(sigma.shape[1])))
        fitted = inverse @ self.correlations[rows]
        by_sigma = (inverse - fitted @ inverse) * (unit * good[:, None, None])
        trace = fitted.trace(axis1=1, axis2=2)
        value = np.where(good, log_det + trace - self.log_sample[rows] - sigma.shape[1], np.inf)
        left = outer.transpose(0, 2, 1) @ by_sigma
        across = spread.transpose(0, 2, 1) @ by_sigma  # Psi' G' M
        by_lambda = 2 * (total @ across).transpose(0, 2, 1)
        by_beta = 2 * left @ spread @ total.transpose(0, 2, 1)
        slopes = [by_beta, by_lambda, left @ outer, by_sigma]
        flat = np.concatenate([part.reshape(len(x), -1) for part in slopes], axis=1)
        return value, flat @ self.slopes


class InverseHessians:
    """R inverse Hessians (q x q) by BFGS: the first ones, and what each step has changed since.

    A product with a vector takes the first matrix and two vectors a step, and no matrix is written again.
    """

    def __init__(self, first: Matrix, count: int) -> None:
        """`first`: one for all (q x q), or one each (R x q x q)."""
        self.first, self.steps = first, 0
        self.vectors = np.zeros((count, 2 * STEPS, first.shape[-1]))  # a step's move, and its turn pushed
        self.weight, self.share = np.zeros((2, count, STEPS))

    def times(self, vectors: Matrix, rows: NDArray[np.intp]) -> Matrix:
        """The products (r x q) of the matrices in `rows` (r) with `vectors` (r x q)."""
        first = self.first if self.first.ndim == 2 else self.first[rows]
        product = (first @ vectors[:, :, None])[:, :, 0]
        if not self.steps:
            return product
        changes = self.vectors[rows, : 2 * self.steps]
        weight, share = self.weight[rows, : self.steps], self.share[rows, : self.steps]
        along = (changes @ vectors[:, :, None])[:, :, 0]
        moves, pushed = along[:, ::2], along[:, 1::2]
        parts = np.stack([weight * moves - share * pushed, -share * moves], axis=2).reshape(along.shape)
        changed: Matrix = product + (parts[:, None, :] @ changes)[:, 0]
        return changed

    def update(self, move: Matrix, turn: Matrix, rows: NDArray[np.intp]) -> None:
        """The change by a `move` (r x q) that turned the slope by `turn`; none where F is not convex."""
        curvature = (move * turn).sum(axis=1)
        pushed = self.times(turn, rows)
        share = np.where(curvature > 0, 1 / np.where(curvature > 0, curvature, 1.0), 0.0)
        self.vectors[rows, 2 * self.steps] = move
        self.vectors[rows, 2 * self.steps + 1] = pushed
        self.weight[rows, self.steps] = (1 + share * (turn * pushed).sum(axis=1)) * share
        self.share[rows, self.steps] = share
        self.steps += 1


def fit_all(batch: Batch, start: Matrix, inverse_hessian: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
    """Free parameters (R x q) at each minimum, and which searches ended there (R).

    `start` (q or R x q), `inverse_hessian` (q x q or R x q x q): those of F at an estimate nearby.
    """
    count, q = len(batch.correlations), start.shape[-1]
    x = np.broadcast_to(start, (count, q)).copy()
    inverse = InverseHessians(inverse_hessian, count)
    done = np.zeros(count, dtype=bool)
    size = np.ones(count)
    active = np.arange(count)
    value, slope = batch.value_and_gradient(x, active)
    active = active[np.isfinite(value)]
    for _ in range(STEPS):
        step = inverse.times(slope[active], active)
        promised = np.einsum("ra,ra->r", slope[active], step)
        ended = promised < 2 * DECREMENT
        x[active[ended]] -= step[ended]
        done[active[ended]] = True
        active, step, promised = active[~ended], step[~ended], promised[~ended]
        if not len(active):
            break
        move = -size[active, None] * step
        there, turned = batch.value_and_gradient(x[active] + move, active)
        gained = value[active] - there
        good = gained >= ENOUGH * size[active] * promised - ROUNDING
        kept = active[good]
        inverse.update(move[good], turned[good] - slope[kept], kept)
        x[kept] += move[good]
        value[kept], slope[kept], size[kept] = there[good], turned[good], 1.0
        size[active[~good]] /= 2
        active = active[size[active] > SMALLEST]
    return x, done


def _log_determinants(sigma: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
    """log |Sigma| (r), and which of them are positive definite (r)."""
    good = np.isfinite(sigma).all(axis=(1, 2))
    try:
        lower = np.linalg.cholesky(np.where(good[:, None, None], sigma, np.eye(sigma.shape[1])))
    except np.linalg.LinAlgError:
        good[good] = np.linalg.eigvalsh(sigma[good])[:, 0] > 0
        values = np.linalg.eigvalsh(np.where(good[:, None, None], sigma, np.eye(sigma.shape[1])))
        return np.log(values).sum(axis=1), good
    return 2 * np.log(np.einsum("raa->ra", lower)).sum(axis=1), good
