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
    for one in structure.definitions:
        table.append(Quantity("defined", one.name, ":=", one.expression.text, one.name, True))
    return table


def quantity_values(
    structure: Structure, parameters: list[Parameter], values: Matrix, exogenous: Matrix
) -> Matrix:
    """The quantities (R x v) at `values` (R x k): free parameters, then intercepts and thresholds.

    `exogenous` (R x e x e): covariance matrices of the exogenous variables, which standardising needs. NaN
    where the values are, or where a variance that standardises is not positive.
    """
    free = [one.free for one in parameters if one.free is not None]
    given = np.array([np.nan if one.free is not None else one.value for one in parameters])
    own = np.repeat(given[None, :], len(values), axis=0)
    at = [place for place, one in enumerate(parameters) if one.free is not None]
    own[:, at] = values[:, free]
    standard = own * _ratios(structure, parameters, values[:, : structure.q], exogenous)
    return np.hstack([values[:, free], standard, _defined(structure, values)])


def _ratios(structure: Structure, parameters: list[Parameter], x: Matrix, exogenous: Matrix) -> Matrix:
    """What turns each parameter into its standardised value (R x k), as `standardised.Units` has it."""
    deviation, variance, place = _units(structure, x, exogenous)
    left = deviation[:, [place[one.lhs] for one in parameters]]
    right = deviation[:, [place.get(one.rhs, 0) for one in parameters]]
    residual = variance[:, [place[one.lhs] for one in parameters]]
    other = variance[:, [place.get(one.rhs, 0) for one in parameters]]
    kind = np.array([one.op for one in parameters])
    own = np.array([one.lhs == one.rhs for one in parameters])
    with np.errstate(divide="ignore", invalid="ignore"):
        choices = [left / right, right / left, 1 / left**2, 1 / np.sqrt(residual * other)]
        return np.select([kind == "=~", kind == "~", (kind == "~~") & own, kind == "~~"], choices, 1 / left)


def _units(structure: Structure, x: Matrix, exogenous: Matrix) -> tuple[Matrix, Matrix, dict[str, int]]:
    """Standard deviations and residual variances (R x variables) at `x` (R x q); places of the variables."""
    place = {name: number for number, name in enumerate(structure.observed)}
    inner = [place.setdefault(name, len(place)) for name in structure.inner]
    deviation = np.full((len(x), len(place)), np.nan)
    variance = np.full((len(x), len(place)), np.nan)
    covariance = np.zeros((structure.p, structure.p))
    for row, here in enumerate(x):
        if not np.isfinite(here).all():
            continue
        covariance[np.ix_(structure.exogenous, structure.exogenous)] = exogenous[row]
        structure.load_exogenous(covariance)
        beta, lambda_, psi, theta = structure.matrices(here)
        total = np.linalg.inv(np.eye(len(beta)) - beta)
        spread = total @ psi @ total.T
        outer = lambda_ @ spread @ lambda_.T + theta
        deviation[row, : structure.p] = np.diag(outer)
        deviation[row, inner] = np.diag(spread)
        variance[row, : structure.p] = np.diag(theta)
        variance[row, inner] = np.diag(psi)
    with np.errstate(invalid="ignore"):
        return np.sqrt(deviation), variance, place


def _defined(structure: Structure, values: Matrix) -> Matrix:
    """The model's defined parameters (R x d)."""
    out = np.empty((len(values), len(structure.definitions)))
    for row, own in zip(out, values, strict=True):
        known = {label: float(own[place]) for label, place in structure.labels().items()}
        for place, one in enumerate(structure.definitions):
            row[place] = known[one.name] = one.expression.at(known)[0]
    return out
