"""A group's terms as matrices: which variable stands where, and what lavaan adds to what the text says.

Sigma = Lambda (I - B)^-1 Psi (I - B)^-T Lambda' + Theta. Observed variables that explain nothing stand in
Lambda and Theta, all others among the inner ones of B and Psi; so does an outcome whose residual covaries
with one of these. Added are, as by `sem` of lavaan 0.6 (Rosseel 2012, Journal of Statistical Software 48(2)):
variances; covariances of exogenous factors, and of variables that are outcomes alone; a residual of 0 for the
only indicator of a factor. Observed predictors have the sample's moments, unless the text writes a variance
or covariance of theirs: then they are random, with a free variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from jobs.sem.arrays import Matrix
from jobs.sem.model.syntax import Term
from jobs.sem.trouble import ModelError

BETA, LAMBDA, PSI, THETA = range(4)
_RANK = {"=~": 0, "~": 1, "~~": 2}
Place = tuple[int, int, int]  # matrix, row and column; of a symmetric matrix in the lower half


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
class Arrangement:
    """The variables of a model, its parameters, and the matrices' shapes and fixed values.

    `exogenous`: places among `observed` of the variables that have the sample's moments; `fixed`: B, Lambda,
    Psi, Theta end to end, zero where a parameter is free or an exogenous moment stands.
    """

    observed: list[str]
    latent: list[str]
    inner: list[str]
    exogenous: list[int]
    q: int
    parameters: list[Parameter]
    elements: Elements
    shapes: list[tuple[int, int]]
    fixed: Matrix


@dataclass(frozen=True)
class _Variables:
    """The variables in the order of the matrices, and those whose moments are the sample's."""

    observed: list[str]
    latent: list[str]
    inner: list[str]
    exogenous: list[str]

    def place(self, term: Term) -> Place:
        """Where a term's parameter stands."""
        inner, observed = self.inner, self.observed
        if term.op == "~~":
            names, matrix = (inner, PSI) if term.lhs in inner and term.rhs in inner else (observed, THETA)
            places = names.index(term.lhs), names.index(term.rhs)
            return matrix, max(places), min(places)
        to, of = (term.rhs, term.lhs) if term.op == "=~" else (term.lhs, term.rhs)
        if to in inner:
            return BETA, inner.index(to), inner.index(of)
        return LAMBDA, observed.index(to), inner.index(of)


def arrange(terms: tuple[Term, ...], ordered: tuple[str, ...] = ()) -> Arrangement:
    """The matrices of a group's terms, intercepts left out; `ordered` items have a residual always.

    Raises ModelError where the terms are no model.
    """
    terms = (*terms, *_covariances(terms))
    variables = _variables(terms)
    if not variables.observed:
        raise ModelError("the model text has factors only; name the observed variables that measure them")
    located = [(term, variables.place(term)) for term in (*terms, *_variances(terms, variables, ordered))]
    names = [None if term.value is not None else term.label or f"{k}" for k, (term, _) in enumerate(located)]
    first: dict[str, Place] = {}  # where each free parameter stands first
    for name, (_, where) in zip(names, located, strict=True):
        if name is not None:
            first[name] = min(first.get(name, where), where, key=_order)
    free = {name: number for number, name in enumerate(sorted(first, key=lambda name: _order(first[name])))}
    shapes = _shapes(variables)
    matrices = [np.zeros(shape) for shape in shapes]
    for name in variables.observed:
        if name in variables.inner:
            matrices[LAMBDA][variables.observed.index(name), variables.inner.index(name)] = 1.0
    elements, rows = set(), []
    for name, (term, where) in zip(names, located, strict=True):
        matrix, row, column = where
        number = None if name is None else free[name]
        if number is None:
            matrices[matrix][row, column] = term.value
            if matrix >= PSI:
                matrices[matrix][column, row] = term.value
        else:
            elements.add((number, *where))
        label = None if number is None else term.label
        rows.append((term, where, Parameter(term.lhs, term.op, term.rhs, label, number, term.value or 0.0)))
    columns = np.array(sorted(elements), dtype=np.intp).reshape(-1, 4).T
    return Arrangement(
        observed=variables.observed,
        latent=variables.latent,
        inner=variables.inner,
        exogenous=[variables.observed.index(name) for name in variables.exogenous],
        q=len(free),
        parameters=[parameter for *_, parameter in sorted(rows, key=_row)],
        elements=Elements(*columns),
        shapes=shapes,
        fixed=np.concatenate([matrix.reshape(-1) for matrix in matrices]),
    )


def _covariances(terms: tuple[Term, ...]) -> list[Term]:
    """The covariances that lavaan adds to the text: of exogenous factors, and of outcomes."""
    loadings = [term for term in terms if term.op == "=~"]
    paths = [term for term in terms if term.op == "~"]
    indicators = {term.rhs for term in loadings}
    explained, explaining = {term.lhs for term in paths}, {term.rhs for term in paths}
    outcomes = [
        name for name in dict.fromkeys(term.lhs for term in paths) if name not in explaining | indicators
    ]
    factors = sorted({term.lhs for term in loadings} - explained - indicators)
    written = {frozenset((term.lhs, term.rhs)) for term in terms if term.op == "~~"}
    pairs = [*combinations(outcomes, 2), *combinations(factors, 2)]
    return [Term(a, "~~", b) for a, b in pairs if frozenset((a, b)) not in written]


def _variables(terms: tuple[Term, ...]) -> _Variables:
    latent = {term.lhs for term in terms if term.op == "=~"}
    explained = {term.rhs if term.op == "=~" else term.lhs for term in terms if term.op != "~~"}
    explaining = {term.lhs if term.op == "=~" else term.rhs for term in terms if term.op != "~~"}
    covariances = [(term.lhs, term.rhs) for term in terms if term.op == "~~"]
    written = {name for pair in covariances for name in pair}
    observed = (explained | explaining | written) - latent
    outer = _outer((explained & observed) - explaining, covariances)
    return _Variables(
        observed=sorted(outer) + sorted(observed - outer),
        latent=sorted(latent),
        inner=sorted(latent) + sorted(observed - outer),
        exogenous=sorted(observed - explained - written),
    )


def _outer(outcomes: set[str], covariances: list[tuple[str, str]]) -> set[str]:
    """The outcomes but for those that covary with an inner variable: one matrix holds a covariance."""
    outer = set(outcomes)
    while True:
        crossing = {name for a, b in covariances if (a in outer) != (b in outer) for name in (a, b)} & outer
        if not crossing:
            return outer
        outer -= crossing


def _variances(terms: tuple[Term, ...], variables: _Variables, ordered: tuple[str, ...]) -> list[Term]:
    """The variances that the text leaves out; 0 for the only indicator of a factor, if it is not ordered."""
    written = {term.lhs for term in terms if term.op == "~~" and term.lhs == term.rhs}
    alone = _alone([term for term in terms if term.op == "=~"]) - set(ordered)
    names = [*variables.observed, *variables.latent]
    return [
        Term(name, "~~", name, value=0.0 if name in alone else None)
        for name in names
        if name not in written and name not in variables.exogenous
    ]


def _alone(loadings: list[Term]) -> set[str]:
    """The indicators of factors that have one, and which measure nothing else."""
    measures = [term.rhs for term in loadings]
    factors = [term.lhs for term in loadings]
    return {term.rhs for term in loadings if factors.count(term.lhs) == 1 and measures.count(term.rhs) == 1}


def _shapes(variables: _Variables) -> list[tuple[int, int]]:
    p, m = len(variables.observed), len(variables.inner)
    return [(m, m), (p, m), (m, m), (p, p)]


def _order(where: Place) -> tuple[int, ...]:
    """The order of the free parameters: by matrix, then by the later of the two variables."""
    matrix, row, column = where
    return matrix, max(row, column), min(row, column), row


def _row(located: tuple[Term, Place, Parameter]) -> tuple[object, ...]:
    """Loadings and paths in the order of the text, covariances and then variances in that of the matrices."""
    term, where, _ = located
    return _RANK[term.op], term.op == "~~" and term.lhs == term.rhs, _order(where) if term.op == "~~" else ()
