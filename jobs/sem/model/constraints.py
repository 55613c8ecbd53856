"""Constraints between parameters, as lavaan's `c == a*b`, `a > 0` and `a + b < 1`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.model.defined import Definition, Expression, define
from jobs.sem.trouble import ModelError, excerpt

SIGN = re.compile(r"==|<(?!~)|>")


@dataclass(frozen=True)
class Constraint:
    """`expression` is zero (`equality`), or at least zero; `text` is what is written, at `line` (from 1)."""

    text: str
    expression: Expression
    equality: bool
    line: int

    @classmethod
    def read(cls, formula: str, line: int) -> Constraint:
        """Raises ModelError where the formula is no constraint of labels and numbers."""
        sides = [side.strip() for side in SIGN.split(formula)]
        if len(sides) != 2 or not all(sides):
            raise ModelError(f"the constraint {excerpt(formula)} has to have one sign between two sides")
        left, right = (Expression.read(side).text for side in sides)
        smaller = "<" in formula
        difference = f"({right}) - ({left})" if smaller else f"({left}) - ({right})"
        constraint = cls(formula, Expression.read(difference), "==" in formula, line)
        if not constraint.expression.names:
            raise ModelError(f"the constraint {excerpt(formula)} has no label of a parameter")
        return constraint


def kept(
    constraints: Sequence[Constraint],
    definitions: Sequence[Definition],
    labels: Mapping[str, int],
    x: Matrix,
) -> tuple[Matrix, Matrix]:
    """What is zero, or not below it, at the free parameters `x` (k): values (m) and slopes (m x k).

    `labels`: the place of each label among the parameters. Raises ModelError where a constraint names what is
    neither a label nor defined.
    """
    unit = np.eye(len(x))
    sides = [Definition(entry.text, entry.expression) for entry in constraints]
    values, slopes = define(
        [*definitions, *sides],
        {name: float(x[place]) for name, place in labels.items()},
        {name: unit[place] for name, place in labels.items()},
    )
    return values[len(definitions) :], slopes.reshape(-1, len(x))[len(definitions) :]


def labels_within(constraint: Constraint, definitions: Iterable[Definition]) -> list[str]:
    """The labels that a constraint ties, those within what it names by := too; sorted."""
    within = {definition.name: definition.expression.names for definition in definitions}
    names, open_names = set[str](), list(constraint.expression.names)
    while open_names:
        name = open_names.pop()
        if name in within:
            open_names += within.pop(name)
        else:
            names.add(name)
    return sorted(names)
