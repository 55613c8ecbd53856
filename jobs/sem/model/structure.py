"""A model's matrices and how its free parameters stand in them.

Sigma = Lambda (I - B)^-1 Psi (I - B)^-T Lambda' + Theta (Jöreskog 1970; see `arrangement`). Variances and
covariances of observed exogenous variables are fixed at their sample values (lavaan's fixed.x).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.model.arrangement import BETA, LAMBDA, PSI, THETA, Parameter, arrange
from jobs.sem.model.constraints import Constraint, kept
from jobs.sem.model.defined import Definition
from jobs.sem.model.syntax import Term, read
from jobs.sem.trouble import ModelError

__all__ = ["ModelError", "Parameter", "Products", "Structure", "structure_of", "structure_of_terms"]


@dataclass(frozen=True)
class Products:
    """Sigma at a point and its derivatives as products of vectors, one column per element of the matrices.

    An element of B or Lambda turns Sigma by u v' + v u'; so does one off the diagonal of Psi or Theta, and
    one on it by half as much. `left`, `right` (p x E) hold u and v; `total` (m x m) is (I - B)^-1 and
    `spread` (m x m) the covariance of the inner variables.
    """

    sigma: Matrix
    left: Matrix
    right: Matrix
    total: Matrix
    spread: Matrix


class Structure:
    """The matrices of a model and how the free parameters stand in them.

    `observed`: the p observed variables, in the order of Sigma; `exogenous`: which of them are fixed.x
    (places); `q`: number of free parameters; `definitions`: parameters defined from the labelled ones;
    `constraints` between these;
    `elements`: where the free parameters stand, each with its weight in the derivatives, `weight` (E);
    `inner_rows` (p): the place of each observed variable among the inner ones, -1 where it is none.
    It cannot be changed, so that all groups of a model share one (see `structure_of`). Raises ModelError
    where the terms are no model.
    """

    _whole = False  # set at the end of the construction: nothing is changed after it

    def __init__(
        self,
        terms: tuple[Term, ...],
        ordered: tuple[str, ...] = (),
        definitions: Iterable[Definition] = (),
        alias: Mapping[str, str] | None = None,
        constraints: Iterable[Constraint] = (),
    ) -> None:
        model = arrange(terms, ordered)
        self.definitions, self._alias = list(definitions), dict(alias or {})
        self.constraints = list(constraints)
        self.observed, self.latent, self.inner = model.observed, model.latent, model.inner
        self.exogenous, self.q, self.parameters = model.exogenous, model.q, model.parameters
        self.shapes, self.elements = model.shapes, model.elements
        self.ends = np.cumsum([rows * columns for rows, columns in self.shapes])[:-1]
        self.flat = model.fixed.copy()
        place = {name: number for number, name in enumerate(self.inner)}
        self.inner_rows = np.array([place.get(name, -1) for name in self.observed], dtype=np.intp)
        inner_x = self.inner_rows[self.exogenous]
        self.flat_x = self._flat(PSI, inner_x[:, None], inner_x).reshape(-1)
        element = self.elements
        on_diagonal = (element.matrix >= PSI) & (element.row == element.column)
        self.weight = np.where(on_diagonal, 0.5, 1.0)
        self._at = self._flat(element.matrix, element.row, element.column)
        mirrored = np.where(element.matrix >= PSI, element.column, element.row)
        self._mirror = self._flat(element.matrix, mirrored, element.row + element.column - mirrored)
        p = self.p
        shift = {BETA: (p, p + len(self.inner)), LAMBDA: (0, p + len(self.inner)), PSI: (p, p), THETA: (0, 0)}
        shifts = np.array([shift[number] for number in range(4)])[element.matrix]
        self._left, self._right = element.row + shifts[:, 0], element.column + shifts[:, 1]
        self._first = np.searchsorted(element.free, np.arange(self.q))
        _seal(vars(self).values())
        self._whole = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._whole:
            self._refuse(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> NoReturn:
        self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        raise AttributeError(f"{name} of a Structure cannot be changed; see with_exogenous")

    @property
    def p(self) -> int:
        return len(self.observed)

    def _flat(self, matrix, row, column) -> Matrix:
        """Places in the matrices end to end."""
        starts = np.concatenate([[0], self.ends])
        widths = np.array([columns for _, columns in self.shapes])
        return starts[matrix] + row * widths[matrix] + column

    def with_exogenous(self, covariance: Matrix) -> Structure:
        """The same model with the exogenous block fixed at the sample's (p x p, order of `observed`)."""
        flat = self.flat.copy()
        flat[self.flat_x] = covariance[np.ix_(self.exogenous, self.exogenous)].reshape(-1)
        _seal([flat])
        other = copy.copy(self)
        vars(other)["flat"] = flat
        return other

    def slopes(self) -> Matrix:
        """Derivatives (q x f) of the matrices end to end by the free parameters."""
        slopes = np.zeros((self.q, len(self.flat)))
        slopes[self.elements.free, self._at] = 1.0
        slopes[self.elements.free, self._mirror] = 1.0
        return slopes

    def matrices(self, x: Matrix) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """B, Lambda, Psi, Theta at the free parameters `x` (q)."""
        flat = self.flat.copy()
        flat[self._at] = flat[self._mirror] = x[self.elements.free]
        beta_end, lambda_end, psi_end = self.ends
        return (
            flat[:beta_end].reshape(self.shapes[BETA]),
            flat[beta_end:lambda_end].reshape(self.shapes[LAMBDA]),
            flat[lambda_end:psi_end].reshape(self.shapes[PSI]),
            flat[psi_end:].reshape(self.shapes[THETA]),
        )

    def stacked(self, x: Matrix, exogenous: Matrix) -> list[Matrix]:
        """B, Lambda, Psi, Theta (R x ...) at `x` (R x q), each with its exogenous block (R x e x e)."""
        flat = np.repeat(self.flat[None, :], len(x), axis=0)
        flat[:, self.flat_x] = exogenous.reshape(len(x), len(self.flat_x))
        free = x[:, self.elements.free]
        flat[:, self._at] = free
        flat[:, self._mirror] = free
        parts = np.split(flat, self.ends, axis=1)
        return [part.reshape(len(x), *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def sigma(self, x: Matrix) -> Matrix:
        """Model-implied covariance matrix (p x p)."""
        beta, lambda_, psi, theta = self.matrices(x)
        outer = lambda_ @ np.linalg.inv(np.eye(len(beta)) - beta)
        return outer @ psi @ outer.T + theta

    def products(self, x: Matrix) -> Products:
        """Sigma and the factors of its derivatives at the free parameters `x` (q)."""
        beta, lambda_, psi, theta = self.matrices(x)
        total = np.linalg.inv(np.eye(len(beta)) - beta)
        outer = lambda_ @ total
        sigma = outer @ psi @ outer.T + theta
        spread = total @ psi @ total.T
        every = np.hstack([np.eye(self.p), outer, lambda_ @ spread])
        return Products(sigma, every[:, self._left], every[:, self._right], total, spread)

    def sigma_and_derivatives(self, x: Matrix) -> tuple[Matrix, Matrix]:
        """Sigma (p x p) and its derivatives with respect to each free parameter (q x p x p)."""
        products = self.products(x)
        half = (products.left * self.weight).T[:, :, None] * products.right.T[:, None, :]
        return products.sigma, self.summed(half + half.transpose(0, 2, 1))

    def summed(self, rows: Matrix) -> Matrix:
        """Rows by element (E x ...) as rows by free parameter (q x ...)."""
        return rows if len(rows) == self.q else np.add.reduceat(rows, self._first, axis=0)

    def labels(self) -> dict[str, int]:
        """The place of each label among the free parameters; labels made equal share one."""
        own = {
            parameter.label: parameter.free
            for parameter in self.parameters
            if parameter.label and parameter.free is not None
        }
        return own | {name: own[kept] for name, kept in self._alias.items() if kept in own}

    def constrained(self, x: Matrix) -> tuple[Matrix, Matrix]:
        """What is zero, or not below it, at the free parameters `x` (q): values (m) and slopes (m x q)."""
        return kept(self.constraints, self.definitions, self.labels(), x)

    def mean_and_derivatives(self, x: Matrix, alpha: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Lambda (I - B)^-1 alpha (p), its derivatives by the free parameters (q x p) and by alpha (p x m).

        `alpha` (m) holds the intercepts of the inner variables, in the order of `inner`.
        """
        beta, lambda_, _, _ = self.matrices(x)
        total = np.linalg.inv(np.eye(len(beta)) - beta)
        outer, level = lambda_ @ total, total @ alpha
        elements = self.elements
        mean = np.flatnonzero(elements.matrix < PSI)
        paths = elements.matrix[mean] == BETA
        left = np.hstack([np.eye(self.p), outer])[:, elements.row[mean] + self.p * paths]
        derivatives = np.zeros((self.q, self.p))
        np.add.at(derivatives, elements.free[mean], (left * level[elements.column[mean]]).T)
        return lambda_ @ level, derivatives, outer

    def sizes(self, deviations: Matrix) -> dict[str, float]:
        """The natural size of each variable, given the observed standard deviations (p).

        A latent variable has the scale of its fixed variance, or of the indicator whose loading is fixed.
        """
        by_name = dict(zip(self.observed, deviations, strict=True))
        fixed = [entry for entry in self.parameters if entry.free is None and entry.value]
        for entry in fixed:
            if entry.op == "~~" and entry.lhs == entry.rhs and entry.lhs in self.latent:
                by_name[entry.lhs] = float(np.sqrt(abs(entry.value)))
        for entry in fixed:
            if entry.op == "=~" and entry.lhs not in by_name:
                by_name[entry.lhs] = by_name.get(entry.rhs, 1.0) / abs(entry.value)
        return by_name

    def scales(self, deviations: Matrix) -> Matrix:
        """The natural size of each free parameter (q), given the observed standard deviations (p).

        Searching in these units makes the search independent of the units of the data.
        """
        by_name = self.sizes(deviations)
        size = np.ones(self.q)
        for parameter in reversed(self.parameters):
            if parameter.free is not None:
                left, right = by_name.get(parameter.lhs, 1.0), by_name.get(parameter.rhs, 1.0)
                ratio = {"=~": right / left, "~": left / right, "~~": left * right}
                size[parameter.free] = ratio[parameter.op]
        return size

    def start(self, covariance: Matrix | None = None) -> Matrix:
        """Starting values (q) in the natural units: loadings 0.9, variances 0.5, the rest 0.

        A loading has the sign of its indicator's `covariance` (p x p) with the factor's marker, turned where
        the marker's own loading is fixed below zero: from the wrong side the search may end in a corner.
        """
        signs = np.ones((self.p, self.p)) if covariance is None else np.where(covariance < 0, -1.0, 1.0)
        place = {name: number for number, name in enumerate(self.observed)}
        marker: dict[str, int] = {}
        turned: dict[str, float] = {}
        x = np.zeros(self.q)
        for parameter in sorted(self.parameters, key=lambda entry: entry.free is not None):
            if parameter.op == "=~":
                item = place.get(parameter.rhs)
                if item is not None and parameter.lhs not in marker:
                    marker[parameter.lhs] = item
                    turned[parameter.lhs] = -1.0 if parameter.value < 0 else 1.0
                if parameter.free is not None:
                    sign = 1.0 if item is None else signs[marker[parameter.lhs], item]
                    x[parameter.free] = 0.9 * sign * turned.get(parameter.lhs, 1.0)
            elif parameter.free is not None and parameter.op == "~~" and parameter.lhs == parameter.rhs:
                x[parameter.free] = 0.5
        return x


@lru_cache(maxsize=32)
def structure_of(text: str, ordered: tuple[str, ...] = ()) -> Structure:
    """The structure of a model's text with the items `ordered`, built once.

    Raises ModelError where it is no model for one group.
    """
    written = read(text)
    if written.intercepts[0]:
        raise ModelError("the model text sets intercepts, which is for several groups fitted at once")
    return Structure(written.groups[0], ordered, written.definitions, written.alias, written.constraints)


@lru_cache(maxsize=64)
def structure_of_terms(terms: tuple[Term, ...], ordered: tuple[str, ...] = ()) -> Structure:
    """The structure of one group of several, built once; definitions are of all groups together."""
    return Structure(terms, ordered)


def _seal(values: Iterable[Any]) -> None:
    """Make arrays read-only, those within dataclasses too."""
    for value in values:
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
        elif is_dataclass(value):
            _seal(getattr(value, field.name) for field in fields(value))
