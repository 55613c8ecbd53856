"""What a bootstrap is of: parameters, standardised and defined values, for many replicates at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.model.structure import Parameter, Structure


@dataclass(frozen=True)
class Quantity:
    """One value; `kind` is est, std_all or defined, `free` whether data decide it."""

    kind: str
    lhs: str
    op: str
    rhs: str
    label: str | None
    free: bool

    @property
    def compared(self) -> bool:
        """Whether a difference between groups is of interest: loadings, paths, what is made of them."""
        return self.kind == "defined" or (self.kind == "est" and self.free and self.op in ("=~", "~"))


def quantities(structure: Structure, parameters: list[Parameter]) -> list[Quantity]:
    """What `quantity_values` gives, in its order: free parameters, all standardised values, definitions."""
    table = [Quantity("est", p.lhs, p.op, p.rhs, p.label, True) for p in parameters if p.free is not None]
    table += [Quantity("std_all", p.lhs, p.op, p.rhs, p.label, p.free is not None) for p in parameters]
    for definition in structure.definitions:
        table.append(
            Quantity("defined", definition.name, ":=", definition.expression.text, definition.name, True)
        )
    return table


def quantity_values(
    structure: Structure, parameters: list[Parameter], values: Matrix, exogenous: Matrix
) -> Matrix:
    """The quantities (R x v) at `values` (R x k): free parameters, then intercepts and thresholds.

    `exogenous` (R x e x e): covariance matrices of the exogenous variables, which standardising needs. NaN
    where the values are, or where a variance that standardises is not positive.
    """
    free = [parameter.free for parameter in parameters if parameter.free is not None]
    given = np.array([np.nan if parameter.free is not None else parameter.value for parameter in parameters])
    own = np.repeat(given[None, :], len(values), axis=0)
    at = [place for place, parameter in enumerate(parameters) if parameter.free is not None]
    own[:, at] = values[:, free]
    standard = own * _ratios(structure, parameters, values[:, : structure.q], exogenous)
    return np.hstack([values[:, free], standard, _defined(structure, values)])


def _ratios(structure: Structure, parameters: list[Parameter], x: Matrix, exogenous: Matrix) -> Matrix:
    """What turns each parameter into its standardised value (R x k), as `standardised.Units` has it."""
    deviation, variance, place = _units(structure, x, exogenous)
    left = deviation[:, [place[parameter.lhs] for parameter in parameters]]
    right = deviation[:, [place.get(parameter.rhs, 0) for parameter in parameters]]
    residual = variance[:, [place[parameter.lhs] for parameter in parameters]]
    other = variance[:, [place.get(parameter.rhs, 0) for parameter in parameters]]
    kind = np.array([parameter.op for parameter in parameters])
    own = np.array([parameter.lhs == parameter.rhs for parameter in parameters])
    with np.errstate(divide="ignore", invalid="ignore"):
        choices = [left / right, right / left, 1 / left**2, 1 / np.sqrt(residual * other)]
        return np.select([kind == "=~", kind == "~", (kind == "~~") & own, kind == "~~"], choices, 1 / left)


def _units(structure: Structure, x: Matrix, exogenous: Matrix) -> tuple[Matrix, Matrix, dict[str, int]]:
    """Standard deviations and residual variances (R x variables) at `x` (R x q); places of the variables."""
    place = {name: number for number, name in enumerate(structure.observed)}
    inner = [place.setdefault(name, len(place)) for name in structure.inner]
    deviation = np.full((len(x), len(place)), np.nan)
    variance = np.full((len(x), len(place)), np.nan)
    known = np.flatnonzero(np.isfinite(x).all(axis=1))
    beta, lambda_, psi, theta = structure.stacked(x[known], exogenous[known])
    total = np.linalg.inv(np.eye(len(structure.inner)) - beta)
    spread = total @ psi @ total.transpose(0, 2, 1)
    outer = lambda_ @ spread @ lambda_.transpose(0, 2, 1) + theta
    # A variable that is inner as well has its variances there.
    for of_all, observed, of_inner in ((deviation, outer, spread), (variance, theta, psi)):
        of_all[known, : structure.p] = np.diagonal(observed, axis1=1, axis2=2)
        of_all[known[:, None], inner] = np.diagonal(of_inner, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):
        return np.sqrt(deviation), variance, place


def _defined(structure: Structure, values: Matrix) -> Matrix:
    """The model's defined parameters (R x d)."""
    out = np.empty((len(values), len(structure.definitions)))
    for row, own in zip(out, values, strict=True):
        known = {label: float(own[place]) for label, place in structure.labels().items()}
        for place, definition in enumerate(structure.definitions):
            row[place] = known[definition.name] = definition.expression.at(known)[0]
    return out
