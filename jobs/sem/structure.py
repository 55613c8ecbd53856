"""A model's text as matrices and parameters: semopy's parser and matrices, lavaan's rules.

Sigma = Lambda (I - B)^-1 Psi (I - B)^-T Lambda' + Theta (Jöreskog 1970, in the arrangement of semopy:
Meshcheryakov, Igolkina and Samsonova 2021). Variances and covariances of observed exogenous variables are
fixed at their sample values (lavaan's fixed.x).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import semopy
from semopy.parser import parse_desc

from jobs.sem.syntax import read
from jobs.sem.trouble import ModelError

Matrix = np.ndarray


@dataclass(frozen=True)
class Parameter:
    """A parameter as lavaan writes it; `free` is its place among the free parameters, None if fixed."""

    lhs: str
    op: str
    rhs: str
    label: str | None
    free: int | None
    value: float


class Structure:
    """The matrices of a model and how the free parameters stand in them.

    `observed`: the p observed variables, in the order of Sigma; `exogenous`: which of them are fixed.x
    (places); `q`: number of free parameters; `definitions`: parameters defined from the labelled ones.
    """

    def __init__(self, text: str) -> None:
        written = read(text)
        if written.intercepts[0]:
            raise ModelError("the model text sets intercepts, which is for several groups fitted at once")
        self.definitions, self._alias = written.definitions, written.alias
        self._model, effects = _parse(written.groups[0])
        model = self._model
        model.prepare_params()
        self.observed: list[str] = list(model.vars["observed"])
        self.latent: list[str] = sorted(model.vars["latent"])
        self.inner: list[str] = list(model.vars["inner"])
        sample = [p for p in model.parameters.values() if not p.active and p.start is None]
        fixed_x = {model.names_psi[0][index] for p in sample for index in p.locations[0].indices}
        self.exogenous = [place for place, name in enumerate(self.observed) if name in fixed_x]
        self.q = len(model.param_vals)
        self.parameters = self._table(effects)
        self._inner_x = [self.inner.index(self.observed[place]) for place in self.exogenous]
        for parameter in model.parameters.values():
            if not parameter.active and parameter.start is not None:
                for place in parameter.locations:
                    place.matrix[place.indices] = parameter.start
                    if place.symmetric:
                        place.matrix[place.indices[::-1]] = parameter.start

    @property
    def p(self) -> int:
        return len(self.observed)

    def load_exogenous(self, covariance: Matrix) -> None:
        """Fix the exogenous block at the sample's (p x p, order of `observed`)."""
        self._model.mx_psi[np.ix_(self._inner_x, self._inner_x)] = covariance[
            np.ix_(self.exogenous, self.exogenous)
        ]

    def matrices(self, x: Matrix) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """B, Lambda, Psi, Theta at the free parameters `x` (q)."""
        self._model.update_matrices(x)
        beta, lambda_, psi, theta = self._model.matrices[:4]
        return beta, lambda_, psi, theta

    def sigma(self, x: Matrix) -> Matrix:
        """Model-implied covariance matrix (p x p)."""
        self._model.update_matrices(x)
        return self._model.calc_sigma()[0]

    def sigma_and_derivatives(self, x: Matrix) -> tuple[Matrix, Matrix]:
        """Sigma (p x p) and its derivatives with respect to each free parameter (q x p x p)."""
        self._model.update_matrices(x)
        sigma, (m, c) = self._model.calc_sigma()
        derivatives = np.empty((self.q, self.p, self.p))
        for place, derivative in enumerate(self._model.calc_sigma_grad(m, c)):
            derivatives[place] = derivative
        return sigma, derivatives

    def labels(self) -> dict[str, int]:
        """The place of each label among the free parameters; labels made equal share one."""
        own = {one.label: one.free for one in self.parameters if one.label and one.free is not None}
        return own | {name: own[kept] for name, kept in self._alias.items() if kept in own}

    def mean_and_derivatives(self, x: Matrix, alpha: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Lambda (I - B)^-1 alpha (p), its derivatives by the free parameters (q x p) and by alpha (p x m).

        `alpha` (m) holds the intercepts of the inner variables, in the order of `inner`.
        """
        beta, lambda_, _, _ = self.matrices(x)
        total = np.linalg.inv(np.eye(len(beta)) - beta)
        outer, level = lambda_ @ total, total @ alpha
        derivatives = np.zeros((self.q, self.p))
        for place, (by_beta, by_lambda, *_) in enumerate(self._model.mx_diffs):
            if by_beta is not None:
                derivatives[place] += outer @ (by_beta @ level)
            if by_lambda is not None:
                derivatives[place] += by_lambda @ level
        return lambda_ @ level, derivatives, outer

    def sizes(self, deviations: Matrix) -> dict[str, float]:
        """The natural size of each variable, given the observed standard deviations (p).

        A latent variable has the scale of the indicator whose loading is fixed.
        """
        by_name = dict(zip(self.observed, deviations, strict=True))
        for parameter in self.parameters:
            if (
                parameter.op == "=~"
                and parameter.free is None
                and parameter.value
                and parameter.lhs not in by_name
            ):
                by_name[parameter.lhs] = by_name.get(parameter.rhs, 1.0)
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

        A loading has the sign of its indicator's `covariance` (p x p) with the factor's marker: from the
        wrong side the search may end in a corner.
        """
        signs = np.ones((self.p, self.p)) if covariance is None else np.where(covariance < 0, -1.0, 1.0)
        place = {name: number for number, name in enumerate(self.observed)}
        marker: dict[str, int] = {}
        x = np.zeros(self.q)
        for parameter in sorted(self.parameters, key=lambda one: one.free is not None):
            if parameter.op == "=~":
                item = place.get(parameter.rhs)
                if item is not None:
                    marker.setdefault(parameter.lhs, item)
                if parameter.free is not None:
                    x[parameter.free] = 0.9 * (1.0 if item is None else signs[marker[parameter.lhs], item])
            elif parameter.free is not None and parameter.op == "~~" and parameter.lhs == parameter.rhs:
                x[parameter.free] = 0.5
        return x

    def _table(self, effects) -> list[Parameter]:
        """All parameters, loadings first, then paths, covariances, variances; exogenous ones left out."""
        model = self._model
        active = [name for name, parameter in model.parameters.items() if parameter.active]
        table = []
        for name, parameter in model.parameters.items():
            for place in parameter.locations:
                number = next(k for k, matrix in enumerate(model.matrices) if matrix is place.matrix)
                rows, columns = model.names[number]
                row, column = rows[place.indices[0]], columns[place.indices[1]]
                if not parameter.active and parameter.start is None:
                    continue  # exogenous: fixed at the sample's value
                if number >= 2:
                    lhs, op, rhs = sorted((row, column))[0], "~~", sorted((row, column))[1]
                    if effects["~~"].get(column, {}).get(row, "") != "":
                        lhs, rhs = column, row
                    elif row in effects["~~"] and column in effects["~~"][row]:
                        lhs, rhs = row, column
                elif row in effects["=~"].get(column, {}):
                    lhs, op, rhs = column, "=~", row
                else:
                    lhs, op, rhs = row, "~", column
                free = active.index(name) if parameter.active else None
                label = None if name.startswith("_") else name
                value = 0.0 if parameter.active else float(parameter.start)
                table.append(Parameter(lhs, op, rhs, label, free, value))
        rank = {"=~": 0, "~": 1, "~~": 2}
        return sorted(table, key=lambda entry: (rank[entry.op], entry.op == "~~" and entry.lhs == entry.rhs))


def _parse(text: str):
    """semopy's model of a text, with lavaan's covariances between pure outcomes added."""
    effects, _ = parse_desc(text)
    added = []
    predictors = {name for terms in effects["~"].values() for name in terms}
    indicators = {name for terms in effects["=~"].values() for name in terms}
    outcomes = [name for name in effects["~"] if name not in predictors and name not in indicators]
    for one, other in combinations(outcomes, 2):
        if other not in effects["~~"].get(one, {}) and one not in effects["~~"].get(other, {}):
            added.append(f"{one} ~~ {other}")
    try:
        model = semopy.Model("\n".join([text, *added]))
    except Exception:
        raise ModelError("the model text cannot be turned into matrices; check the names in it") from None
    effects, _ = parse_desc("\n".join([text, *added]))
    return model, effects
