"""Estimates in units of standard deviations of latent and observed variables (lavaan's std.all)."""

from __future__ import annotations

import numpy as np

from jobs.sem.structure import Structure

Matrix = np.ndarray


def standardised(structure: Structure, x: Matrix) -> list[float]:
    """The standardised value of each row of `structure.parameters`, at the free parameters `x` (q)."""
    beta, lambda_, psi, theta = structure.matrices(x)
    total = np.linalg.inv(np.eye(len(beta)) - beta)
    inner = total @ psi @ total.T
    outer = lambda_ @ inner @ lambda_.T + theta
    deviation = dict(zip(structure.observed, np.sqrt(np.maximum(np.diag(outer), 0)), strict=True))
    deviation.update(zip(structure.inner, np.sqrt(np.maximum(np.diag(inner), 0)), strict=True))
    variance = {name: psi[place, place] for place, name in enumerate(structure.inner)}
    for place, name in enumerate(structure.observed):
        variance.setdefault(name, theta[place, place])

    values = []
    for parameter in structure.parameters:
        est = parameter.value if parameter.free is None else x[parameter.free]
        left, right = deviation[parameter.lhs], deviation[parameter.rhs]
        with np.errstate(divide="ignore", invalid="ignore"):
            if parameter.op == "=~":
                value = est * left / right
            elif parameter.op == "~":
                value = est * right / left
            elif parameter.lhs == parameter.rhs:
                value = est / left**2
            else:  # a residual correlation: over the residual deviations
                value = est / np.sqrt(variance[parameter.lhs] * variance[parameter.rhs])
        values.append(float(value))
    return values
