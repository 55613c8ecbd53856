"""Constraints between parameters, as lavaan's `c == a*b`, `a > 0` and `a + b < 1`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobs.sem.model.defined import Expression
from jobs.sem.trouble import ModelError, excerpt

SIGN = re.compile(r"==|<(?!~)|>")


@dataclass(frozen=True)
class Constraint:
    """`expression` is zero (`equality`), or at least zero; `text` is the constraint as it was written."""

    text: str
    expression: Expression
    equality: bool

    @classmethod
    def read(cls, formula: str) -> Constraint:
        """Raises ModelError where the formula is no constraint of labels and numbers."""
        sides = [side.strip() for side in SIGN.split(formula)]
        if len(sides) != 2 or not all(sides):
            raise ModelError(f"the constraint {excerpt(formula)} has to have one sign between two sides")
        left, right = (Expression.read(side).text for side in sides)
        smaller = "<" in formula
        difference = f"({right}) - ({left})" if smaller else f"({left}) - ({right})"
        constraint = cls(formula, Expression.read(difference), "==" in formula)
        if not constraint.expression.names:
            raise ModelError(f"the constraint {excerpt(formula)} has no label of a parameter")
        return constraint
