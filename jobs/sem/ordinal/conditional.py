"""What a model says of variables given the exogenous, on the scale of the statistics of ordered items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from jobs.sem.model.structure import ModelError, Structure
from jobs.sem.ordinal.marginals import Array
from jobs.sem.ordinal.moments import OrdinalMoments

DELTA, THETA = "delta", "theta"  # parameterisations


class Conditional:
    """Slopes, variances and covariances of the endogenous variables given the exogenous, of a model.

    Those of items are of responses with unit variance, whatever the `parameterization`, delta or theta.
    """

    def __init__(self, structure: Structure, sample: OrdinalMoments, parameterization: str = DELTA) -> None:
        self.structure, self.theta = structure, parameterization == THETA
        place = {name: number for number, name in enumerate(structure.observed)}
        self.y = np.array([place[name] for name in sample.names])
        self.x = np.array([place[name] for name in sample.x_names], dtype=int)
        self.numbers = np.flatnonzero(~sample.ordered)
        self.items = np.flatnonzero(sample.ordered)
        count = len(self.y)
        pairs = [(j, i) for i in range(count) for j in range(i + 1, count)]
        self.pairs = np.array(pairs, dtype=int).reshape(-1, 2).T
        self.residual = _residual_variances(structure, [sample.names[item] for item in self.items])
        self.free = np.array([place for place in range(structure.q) if place not in set(self.residual)])

    def given_x(self, x: Array, beside: Array | None = None) -> tuple[Array, Array, Array, Array]:
        """Slopes (y x k) and covariance (y x y) given x, with their derivatives by all q parameters.

        `beside` (c x p x p): changes of Sigma by parameters that the model lacks, whose derivatives follow.
        """
        sigma, derivatives = self.structure.sigma_and_derivatives(x)
        if beside is not None:
            derivatives = np.concatenate([derivatives, beside])
        y, e = self.y, self.x
        slopes = np.linalg.solve(sigma[np.ix_(e, e)], sigma[np.ix_(e, y)]).T
        cov = sigma[np.ix_(y, y)] - slopes @ sigma[np.ix_(e, y)]
        d_yx = derivatives[:, y[:, None], e]
        d_slopes = d_yx @ np.linalg.inv(sigma[np.ix_(e, e)])
        part = d_yx @ slopes.T
        d_cov = derivatives[:, y[:, None], y] - part - part.transpose(0, 2, 1)
        return slopes, cov, d_slopes, d_cov

    def complete(self, x: Array) -> Array:
        """x with the residual variances of the items as the parameterisation has them.

        For responses of unit variance these follow from one linear system: the variances given the exogenous
        variables are linear in the residual variances.
        """
        if not len(self.residual):
            return x
        if self.theta:
            x = x.copy()
            x[self.residual] = 1.0
            return x
        _, cov, _, d_cov = self.given_x(x)
        items = self.items
        effect = d_cov[np.ix_(self.residual, items, items)].diagonal(axis1=1, axis2=2).T
        x = x.copy()
        x[self.residual] += np.linalg.solve(effect, 1.0 - np.diag(cov)[items])
        return x

    def stacked(self, slopes: Array, cov: Array, d_slopes: Array, d_cov: Array) -> tuple[Array, Array]:
        """Slopes, variances of numbers and covariances as one vector (m'), with derivatives (m' x q)."""
        rows, columns = self.pairs
        value = np.concatenate([slopes.ravel(), np.diag(cov)[self.numbers], cov[rows, columns]])
        by_slopes = d_slopes.reshape(len(d_slopes), -1)
        every = np.hstack([by_slopes, d_cov[:, self.numbers, self.numbers], d_cov[:, rows, columns]])
        return value, every.T

    def sizes(self, x: Array) -> Array:
        """Deviations (p) of the responses to items given the exogenous variables; one for numbers."""
        sizes = np.ones(self.structure.p)
        if self.theta:
            items = self.y[self.items]
            sizes[items] = np.sqrt(np.diag(self.given_x(x)[1])[self.items])
        return sizes

    def statistics(self, x: Array, beside: Array | None = None) -> tuple[Array, Array]:
        """Slopes, variances of numbers and covariances (m'), with derivatives by the free parameters.

        `x` is complete; a residual variance of an item that follows from the others moves with them (implicit
        function). Parameters that the model lacks follow, where their changes of Sigma are given `beside` it
        (c x p x p).
        """
        given_x = self.given_x(x, beside)
        slopes, cov, d_slopes, d_cov = in_deviations(*given_x, self.items) if self.theta else given_x
        value, every = self.stacked(slopes, cov, d_slopes, d_cov)
        moving = np.append(self.free, np.arange(self.structure.q, len(d_cov)))
        jacobian = every[:, moving]
        if len(self.residual) and not self.theta:
            own = d_cov[:, self.items, self.items].T
            response = -linalg.solve(own[:, self.residual], own[:, moving])
            jacobian = jacobian + every[:, self.residual] @ response
        return value, jacobian


def in_deviations(
    slopes: Array, cov: Array, d_slopes: Array, d_cov: Array, items: NDArray[np.intp]
) -> tuple[Array, Array, Array, Array]:
    """Slopes (y x k), covariances (y x y) and derivatives (q first), with `items` in standard deviations."""
    size = np.ones(len(cov))
    size[items] = np.sqrt(np.diag(cov)[items])
    moved = np.zeros((len(d_cov), len(cov)))  # derivatives of the logarithms of `size`
    moved[:, items] = d_cov[:, items, items] / (2 * size[items] ** 2)
    slopes, cov = slopes / size[:, None], cov / np.outer(size, size)
    d_slopes = d_slopes / size[:, None] - slopes * moved[:, :, None]
    d_cov = d_cov / np.outer(size, size) - cov * (moved[:, :, None] + moved[:, None, :])
    return slopes, cov, d_slopes, d_cov


def _residual_variances(structure: Structure, items: list[str]) -> NDArray[np.intp]:
    """Places among the free parameters of the items' residual variances; refuses a model that fixes them."""
    own = {p.lhs: p for p in structure.parameters if p.op == "~~" and p.lhs == p.rhs}
    for name in items:
        if name not in own or own[name].free is None:
            raise ModelError(f"the variance of the ordered item {name} follows from the model; do not fix it")
    return np.array([own[name].free for name in items], dtype=int)
