"""F = log|Sigma| + tr(S Sigma^-1) - log|S| - p of one covariance matrix, its gradient and its Hessian.

An element of the model's matrices turns Sigma by u v' + v u', two vectors (Jöreskog 1970; Neudecker and
Satorra 1991, Linear structural relations: gradient and Hessian of the fitting function, Statistics and
Probability Letters 11, 57-61). Traces of products of such derivatives are products of u' A u, u' A v and
v' A v, so that the information and the Hessian take a few small matrix products and no loop over parameters.
"""

from __future__ import annotations

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.model.arrangement import BETA, LAMBDA, PSI
from jobs.sem.model.structure import Structure


class Discrepancy:
    """F of a positive definite `covariance` (p x p), as a function of the free parameters in natural units.

    `scale` (q): the natural unit of each parameter (`Structure.scales`). The structure's exogenous block has
    to be the covariance's.
    """

    def __init__(self, structure: Structure, covariance: Matrix, scale: Matrix) -> None:
        self.structure, self.scale = structure, scale
        deviations = np.sqrt(np.diag(covariance))
        self.unit = 1 / deviations[:, None]
        self.correlations = covariance * self.unit * self.unit.T
        self.log_sample = np.linalg.slogdet(self.correlations)[1]
        self.weight = structure.weight * scale[structure.elements.free]
        self._second = _Second(structure)

    def at(self, z: Matrix) -> Point:
        """F at `z` (q). Raises LinAlgError where Sigma is not positive definite or I - B has no inverse."""
        return Point(self, z)


class Point:
    """F at one place: `value`, `gradient` (q), and on call `information` and `hessian` (q x q)."""

    def __init__(self, of: Discrepancy, z: Matrix) -> None:
        self.z = z
        products = of.structure.products(z * of.scale)
        lower = np.linalg.cholesky(products.sigma * of.unit * of.unit.T)
        inverse = np.linalg.inv(lower)
        white = inverse * of.unit.T
        self._of, self._found = of, products
        self._left, self._right = white @ products.left, white @ products.right
        self._sample = inverse @ of.correlations @ inverse.T
        p = len(lower)
        log_det = 2 * np.log(np.diag(lower)).sum()
        self.value = float(log_det + np.trace(self._sample) - of.log_sample - p)
        self._turned = (np.eye(p) - self._sample) @ self._right
        by_element = 2 * of.weight * (self._left * self._turned).sum(axis=0)
        self.gradient = of.structure.summed(by_element)

    def less(self, step: Matrix) -> Point:
        """F a `step` (q) back from here. Raises LinAlgError as `Discrepancy.at` does."""
        return Point(self._of, self.z - step)

    @property
    def steepest(self) -> float:
        """The largest element of the gradient, in size."""
        return float(np.abs(self.gradient).max(initial=0.0))

    def information(self) -> Matrix:
        """Expected Hessian of F/2: tr(Sigma^-1 D_i Sigma^-1 D_j) / 2."""
        across = self._left.T @ self._right
        return self._summed((self._left.T @ self._left) * (self._right.T @ self._right) + across * across.T)

    def hessian(self) -> Matrix:
        """Hessian of F/2: half of tr(Sigma^-1 D_i M D_j) + tr(W D_ij).

        M is Sigma^-1 (2 S - Sigma) Sigma^-1 and W is Sigma^-1 (Sigma - S) Sigma^-1.
        """
        u, v = self._left, self._right
        bent = 2 * self._sample - np.eye(len(self._sample))
        mu, mv = bent @ u, bent @ v
        across, bent_across = u.T @ v, u.T @ mv
        first = bent_across * across.T + bent_across.T * across
        first += (v.T @ mv) * (u.T @ u) + (u.T @ mu) * (v.T @ v)
        turned = u.T @ self._turned
        by_u = u.T @ (u - self._sample @ u)
        second = self._of._second.of(self._found.total, self._found.spread, turned, by_u)
        whole = self._summed(first / 2 + second)
        return (whole + whole.T) / 2

    def _summed(self, by_element: Matrix) -> Matrix:
        return _by_parameter(self._of.structure, self._of.weight, by_element)


def curvature(structure: Structure, x: Matrix, by_sigma: Matrix) -> Matrix:
    """tr(G D_ij) (q x q): second derivatives of Sigma at the free parameters `x` (q), along G, `by_sigma`."""
    products = structure.products(x)
    u, v = products.left, products.right
    second = _Second(structure).of(products.total, products.spread, u.T @ by_sigma @ v, u.T @ by_sigma @ u)
    whole = _by_parameter(structure, structure.weight, second)
    return whole + whole.T


def _by_parameter(structure: Structure, weight: Matrix, by_element: Matrix) -> Matrix:
    """Sums (q x q) over the elements (E x E) that a parameter has, each with its `weight` (E)."""
    rows = structure.summed(by_element * weight[:, None] * weight)
    return structure.summed(rows.T).T


class _Second:
    """tr(W D_ij) by elements: how the vectors u and v of one element move with another.

    By an element f, a column of Lambda (I - B)^-1 moves along u_f, and a row of the inner variables'
    covariances with the observed ones along u_f and v_f.
    """

    def __init__(self, structure: Structure) -> None:
        element = structure.elements
        self.row, self.column = element.row, element.column
        self.mean = element.matrix <= LAMBDA
        self.path, self.inner = element.matrix == BETA, element.matrix == PSI
        self.mean_at, self.path_at, self.inner_at = (
            np.flatnonzero(which) for which in (self.mean, self.path, self.inner)
        )
        self.outer_at = np.flatnonzero(self.path | self.inner)

    def of(self, total: Matrix, spread: Matrix, turned: Matrix, by_u: Matrix) -> Matrix:
        """`turned`, `by_u` (E x E): u' W v and u' W u."""
        size = len(self.row)
        outer, along_u, along_v = np.zeros((3, len(total), size))
        outer[:, self.mean_at] = total[self.column[self.mean_at]].T
        along_u[:, self.mean_at] = spread[:, self.column[self.mean_at]]
        along_u[:, self.inner_at] = total[:, self.column[self.inner_at]]
        along_v[:, self.path_at] = total[:, self.row[self.path_at]]
        along_v[:, self.inner_at] = total[:, self.row[self.inner_at]]
        out = np.zeros((size, size))
        at = self.outer_at  # elements whose u is a column of Lambda (I - B)^-1
        out[at] += outer[self.row[at]] * turned.T[at]
        at = self.inner_at  # whose v is
        out[at] += outer[self.column[at]] * by_u[at]
        at = self.mean_at  # whose v is a row of the covariances
        out[at] += along_v[self.column[at]] * turned[at] + along_u[self.column[at]] * by_u[at]
        return out
