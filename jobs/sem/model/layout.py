"""Which parameters of several groups are one: labels, equal parameters, fixed ones, latent means.

The parameters of a group stand in one vector: the free ones of its structure (q), intercepts of its
endogenous observed variables (r), means of its latent variables (l). All groups together have k free
parameters. `equal` and `partial` mean what lavaan's group.equal and group.partial do: parameters of a kind
are the same in all groups, but for those that are named. With equal intercepts the latent means are free in
all groups but the first, else they are zero (Meredith 1993, Psychometrika 58, 525-543).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.sem.arrays import Matrix
from jobs.sem.model.constraints import Constraint, kept
from jobs.sem.model.defined import Definition
from jobs.sem.model.structure import Parameter, Structure, structure_of_terms
from jobs.sem.model.syntax import Term, read
from jobs.sem.trouble import ModelError

EQUAL = (
    *("loadings", "intercepts", "means", "regressions", "residuals", "residual.covariances"),
    *("lv.variances", "lv.covariances"),
)


@dataclass(frozen=True)
class GroupLayout:
    """A group's parameters; `free` of each is a place in its vector (q + r + l), None if the text fixes it.

    `place` (q + r + l): where each stands among the k free ones of all groups, -1 where it is `fixed`.
    """

    name: str
    structure: Structure
    parameters: list[Parameter]
    place: NDArray[np.intp]
    fixed: Matrix


@dataclass(frozen=True)
class Layout:
    """All groups; `names` (k) has the free parameters by name, `labels` their places by label.

    `definitions` are made of these, and `constraints` tie them.
    """

    groups: list[GroupLayout]
    names: list[str]
    labels: dict[str, int]
    definitions: list[Definition]
    constraints: list[Constraint]

    @property
    def k(self) -> int:
        return len(self.names)

    def constrained(self, x: Matrix) -> tuple[Matrix, Matrix]:
        """What is zero, or not below it, at the free parameters `x` (k): values (m) and slopes (m x k)."""
        return kept(self.constraints, self.definitions, self.labels, x)


def layout(
    text: str,
    groups: list[str],
    equal: tuple[str, ...] = (),
    partial: tuple[str, ...] = (),
    ordered: tuple[str, ...] = (),
) -> Layout:
    """Lay out a model's text for the groups named. Raises ModelError where text or names are not right."""
    unknown = [name for name in equal if name not in EQUAL]
    if unknown:
        raise ModelError(f"{unknown[0]} cannot be equal; choose from {', '.join(EQUAL)}")
    written = read(text, len(groups))
    structures = [structure_of_terms(entry, ordered) for entry in written.groups]
    apart = {"".join(name.split()) for name in partial}
    names: list[str] = []
    places: dict[tuple, int] = {}
    labels: dict[str, int] = {}
    named: set[str] = set()
    groups_laid = []
    for number, (name, structure) in enumerate(zip(groups, structures, strict=True)):
        parameters, fixed = _parameters(structure, written.intercepts[number], _means_free(equal, number))
        place = np.full(len(fixed), -1, dtype=np.intp)
        for entry in parameters:
            if entry.free is None:
                continue
            spelled = _spelled(entry)
            named |= spelled & apart
            key: tuple = (number, entry.free)
            if entry.label:
                key = ("label", entry.label)
            elif _kind(entry, structure) in equal and not spelled & apart:
                key = ("equal", entry.lhs, entry.op, entry.rhs)
            if key not in places:
                places[key] = len(names)
                names.append(f"{entry.lhs} {entry.op} {entry.rhs}".strip() + f" ({name})")
            place[entry.free] = places[key]
            if entry.label:
                labels[entry.label] = places[key]
        groups_laid.append(GroupLayout(name, structure, parameters, place, fixed))
    if apart - named:
        raise ModelError(f"the partial {sorted(apart - named)[0]} is no free parameter of the model")
    labels |= {name: labels[kept] for name, kept in written.alias.items() if kept in labels}
    return Layout(groups_laid, names, labels, written.definitions, written.constraints)


def _means_free(equal: tuple[str, ...], number: int) -> bool:
    return number > 0 and "intercepts" in equal and "means" not in equal


def _parameters(
    structure: Structure, terms: dict[str, Term], means_free: bool
) -> tuple[list[Parameter], Matrix]:
    """A group's parameters, intercepts and latent means last, and the values of those that are fixed."""
    parameters = list(structure.parameters)
    exogenous = {structure.observed[place] for place in structure.exogenous}
    names = [name for name in structure.observed if name not in exogenous]
    loose = dict.fromkeys(names, True) | dict.fromkeys(structure.latent, means_free)
    fixed = np.zeros(structure.q + len(loose))
    for place, (name, free) in enumerate(loose.items(), start=structure.q):
        term = terms.get(name)
        value = term.value if term else None
        if value is not None or (term is None and not free):
            fixed[place] = value or 0.0
            parameters.append(Parameter(name, "~1", "", None, None, fixed[place]))
        else:
            parameters.append(Parameter(name, "~1", "", term.label if term else None, place, 0.0))
    strange = [name for name in terms if name not in loose]
    if strange:
        raise ModelError(
            f"the intercept of {strange[0]} is no parameter; it is a predictor or not in the model"
        )
    return parameters, fixed


def _spelled(parameter: Parameter) -> set[str]:
    """The ways to write a parameter's name without blanks."""
    names = {f"{parameter.lhs}{parameter.op}{parameter.rhs}"}
    return names | {f"{parameter.rhs}{parameter.op}{parameter.lhs}"} if parameter.op == "~~" else names


def _kind(parameter: Parameter, structure: Structure) -> str:
    """Which of EQUAL a parameter belongs to."""
    latent = parameter.lhs in structure.latent
    if parameter.op in ("=~", "~"):
        return "loadings" if parameter.op == "=~" else "regressions"
    if parameter.op == "~1":
        return "means" if latent else "intercepts"
    if latent and parameter.rhs in structure.latent:
        return "lv.variances" if parameter.lhs == parameter.rhs else "lv.covariances"
    return "residuals" if parameter.lhs == parameter.rhs else "residual.covariances"
