"""A model's text as data: semopy's parser, lavaan's rules.

Read once a text and never changed, so that the groups of a run share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import semopy
from numpy.typing import NDArray
from semopy.parser import parse_desc

from jobs.sem.arrays import Matrix
from jobs.sem.model.defined import Definition
from jobs.sem.model.syntax import read
from jobs.sem.trouble import ModelError

BETA, LAMBDA, PSI, THETA = range(4)
_RANK = {"=~": 0, "~": 1, "~~": 2}


@dataclass(frozen=True)
class Parameter:
    """A parameter as lavaan writes it; `free` is its place among the free parameters, None if fixed."""

    lhs: str
    op: str
    rhs: str
    label: str | None
    free: int | None
    value: float


@dataclass(frozen=True)
class Elements:
    """Where the free parameters stand, in their order: E >= q, for a label may stand in several places.

    `free` (E): place among the free parameters; `matrix` (E): BETA, LAMBDA, PSI or THETA; `row`, `column`
    (E): of a symmetric matrix the lower half only.
    """

    free: NDArray[np.intp]
    matrix: NDArray[np.intp]
    row: NDArray[np.intp]
    column: NDArray[np.intp]


@dataclass(frozen=True)
class Parsed:
    """What `Structure` holds of a text, and the matrices' shapes and fixed values.

    `fixed`: B, Lambda, Psi, Theta end to end, zero where a parameter is free or an exogenous moment stands.
    """

    definitions: list[Definition]
    alias: dict[str, str]
    observed: list[str]
    latent: list[str]
    inner: list[str]
    exogenous: list[int]
    q: int
    parameters: list[Parameter]
    elements: Elements
    shapes: list[tuple[int, int]]
    fixed: Matrix


@lru_cache(maxsize=32)
def parsed(text: str) -> Parsed:
    """Read a model's text. Raises ModelError where it is no model for one group."""
    written = read(text)
    if written.intercepts[0]:
        raise ModelError("the model text sets intercepts, which is for several groups fitted at once")
    model, effects = _model(written.groups[0])
    model.prepare_params()
    observed = list(model.vars["observed"])
    if not observed:
        raise ModelError("the model text has factors only; name the observed variables that measure them")
    sample = [p for p in model.parameters.values() if not p.active and p.start is None]
    fixed_x = {model.names_psi[0][index] for p in sample for index in p.locations[0].indices}
    elements = _elements(model)
    matrices = [np.zeros(matrix.shape) + matrix for matrix in model.matrices[:4]]
    for matrix, row, column in zip(elements.matrix, elements.row, elements.column, strict=True):
        _set(matrices[matrix], row, column, 0.0, matrix >= PSI)
    for parameter in model.parameters.values():
        if not parameter.active:
            for place in parameter.locations:
                start = 0.0 if parameter.start is None else parameter.start
                row, column = place.indices
                _set(matrices[_number(model, place)], row, column, start, place.symmetric)
    return Parsed(
        definitions=written.definitions,
        alias=written.alias,
        observed=observed,
        latent=sorted(model.vars["latent"]),
        inner=list(model.vars["inner"]),
        exogenous=[place for place, name in enumerate(observed) if name in fixed_x],
        q=len(model.param_vals),
        parameters=_table(model, effects),
        elements=elements,
        shapes=[matrix.shape for matrix in matrices],
        fixed=np.concatenate([matrix.reshape(-1) for matrix in matrices]),
    )


def _model(text: str):
    """semopy's model of a text, with lavaan's covariances between pure outcomes added."""
    effects, _ = parse_desc(text)
    added = []
    predictors = {name for terms in effects["~"].values() for name in terms}
    indicators = {name for terms in effects["=~"].values() for name in terms}
    outcomes = [name for name in effects["~"] if name not in predictors and name not in indicators]
    for first, second in combinations(outcomes, 2):
        if second not in effects["~~"].get(first, {}) and first not in effects["~~"].get(second, {}):
            added.append(f"{first} ~~ {second}")
    try:
        model = semopy.Model("\n".join([text, *added]))
    except Exception:
        raise ModelError("the model text cannot be turned into matrices; check the names in it") from None
    effects, _ = parse_desc("\n".join([text, *added]))
    return model, effects


def _number(model, place) -> int:
    return next(number for number, matrix in enumerate(model.matrices) if matrix is place.matrix)


def _set(matrix: Matrix, row: int, column: int, value: float, symmetric: bool) -> None:
    matrix[row, column] = value
    if symmetric:
        matrix[column, row] = value


def _first(model, name: str) -> tuple[int, ...]:
    """Where a parameter stands first: semopy lists some of them in the order of a set, which is any."""
    places = model.parameters[name].locations
    return min((_number(model, place), *sorted(place.indices, reverse=True)) for place in places)


def _free(model) -> list[str]:
    """Names of the free parameters, in the order of the matrices."""
    names = [name for name, parameter in model.parameters.items() if parameter.active]
    return sorted(names, key=lambda name: _first(model, name))


def _elements(model) -> Elements:
    elements = []
    for free, name in enumerate(_free(model)):
        for place in model.parameters[name].locations:
            number, (row, column) = _number(model, place), place.indices
            ends = (max(row, column), min(row, column)) if number >= PSI else (row, column)
            elements.append((free, number, *ends))
    columns = np.array(sorted(set(elements)), dtype=np.intp).reshape(-1, 4).T
    return Elements(*columns)


def _table(model, effects) -> list[Parameter]:
    """All parameters, loadings first, then paths, covariances, variances; exogenous ones left out."""
    active = _free(model)
    table = []
    for name, parameter in model.parameters.items():
        for place in parameter.locations:
            number = _number(model, place)
            rows, columns = model.names[number]
            row, column = rows[place.indices[0]], columns[place.indices[1]]
            if not parameter.active and parameter.start is None:
                continue  # exogenous: fixed at the sample's value
            if number >= PSI:
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
            entry = Parameter(lhs, op, rhs, label, free, value)
            # Loadings and paths stand as the text has them; what semopy adds, as the matrices have it.
            where = (_RANK[op], op == "~~" and lhs == rhs, _first(model, name) if op == "~~" else ())
            table.append((where, entry))
    return [entry for _, entry in sorted(table, key=lambda row: row[0])]
