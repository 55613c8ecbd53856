"""Estimates in units of standard deviations of latent and observed variables (lavaan's std.all)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.model.structure import Parameter, Structure


class Units:
    """Standard deviations of all variables, and of their residuals, at the free parameters `x` (q)."""

    def __init__(self, structure: Structure, x: Matrix) -> None:
        beta, lambda_, psi, theta = structure.matrices(x)
        total = np.linalg.inv(np.eye(len(beta)) - beta)
        inner = total @ psi @ total.T
        outer = lambda_ @ inner @ lambda_.T + theta
        self.deviation = dict(zip(structure.observed, np.sqrt(np.maximum(np.diag(outer), 0)), strict=True))
        self.deviation.update(zip(structure.inner, np.sqrt(np.maximum(np.diag(inner), 0)), strict=True))
        self.variance = {name: psi[place, place] for place, name in enumerate(structure.inner)}
        for place, name in enumerate(structure.observed):
            self.variance.setdefault(name, theta[place, place])

    def ratio(self, lhs: str, op: str, rhs: str) -> float:
        """What turns a parameter into its standardised value; not finite where a variance is zero."""
        left = self.deviation[lhs]
        with np.errstate(divide="ignore", invalid="ignore"):
            if op == "=~":
                return float(left / self.deviation[rhs])
            if op == "~":
                return float(self.deviation[rhs] / left)
            if op != "~~":  # an intercept or a threshold
                return float(1 / left)
            if lhs == rhs:
                return float(1 / left**2)
            # a residual correlation: over the residual deviations
            return float(1 / np.sqrt(self.variance[lhs] * self.variance[rhs]))


def standardised(structure: Structure, x: Matrix) -> list[float]:
    """The standardised value of each row of `structure.parameters`, at the free parameters `x` (q)."""
    return list(standardised_values(structure, structure.parameters, x))


def standardised_values(structure: Structure, parameters: list[Parameter], values: Matrix) -> Matrix:
    """The standardised value of each of `parameters` (k), the model's and those above them.

    `values` holds the free parameters (q), then intercepts and thresholds.
    """
    units = Units(structure, values[: structure.q])
    return np.array(
        [
            (parameter.value if parameter.free is None else values[parameter.free])
            * units.ratio(parameter.lhs, parameter.op, parameter.rhs)
            for parameter in parameters
        ]
    )


def jacobian(
    structure: Structure,
    parameters: list[Parameter],
    values: Matrix,
    complete: Callable[[Matrix], Matrix] = lambda x: x,
) -> Matrix:
    """Derivatives (k x k') of the standardised values of k parameters by the k' `values`.

    For the delta method: the covariance matrix of the standardised values is J V J'. Exogenous variances
    stay as they are, as lavaan has it. `complete` sets the elements of x (q) that follow from the others.
    Fourth-order differences, in the natural units of each parameter: exact to some ten digits.
    """
    q = structure.q
    deviations = np.sqrt(np.diag(structure.sigma(values[:q])))
    scale = np.append(structure.scales(deviations), np.ones(len(values) - q))

    def at(place: int, step: float) -> Matrix:
        there = values.copy()
        there[place] += step
        return standardised_values(structure, parameters, np.append(complete(there[:q]), there[q:]))

    out = np.empty((len(parameters), len(values)))
    for place, value in enumerate(values):
        step = 1e-3 * max(abs(value), 1e-3 * scale[place])
        near, far = at(place, step) - at(place, -step), at(place, 2 * step) - at(place, -2 * step)
        out[:, place] = (8 * near - far) / (12 * step)
    return out
