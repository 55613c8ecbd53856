"""Parameters defined from others, as lavaan's `through := a*b`: arithmetic of labels, with its gradient.

The gradient gives the error by the delta method (Sobel 1982), for every covariance of the estimates. An
expression is read by Python's parser and only arithmetic is let through, so that a model's text runs no code.
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.trouble import ModelError, excerpt

LONGEST = 10_000  # characters of an expression
DEEPEST = 100  # operations within each other; a sum of as many labels is as deep
Dual = tuple[float, dict[str, float]]  # a value, and its derivatives by the labels it is made of


@dataclass(frozen=True)
class Expression:
    """Arithmetic of labels: + - * /, powers (^ or **), sqrt, exp, log, parentheses and numbers.

    Raises ModelError where `text` is anything else.
    """

    text: str
    tree: ast.expr

    @classmethod
    def read(cls, text: str) -> Expression:
        said = excerpt(text)
        if len(text) > LONGEST:
            raise ModelError(f"the expression {said} is longer than {LONGEST} characters; split it")
        try:
            tree = ast.parse(text.replace("^", "**").strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ModelError(
                f"the expression {said} cannot be read; write labels, numbers and + - * / ^"
            ) from None
        if _deeper_than(tree, DEEPEST):
            raise ModelError(
                f"the expression {said} is nested deeper than {DEEPEST} operations; split it by :="
            )
        for node in ast.walk(tree):
            if not _is_arithmetic(node):
                raise ModelError(
                    f"the expression {said} has more than labels, numbers, + - * / ^, {', '.join(FUNCTIONS)}"
                )
        return cls(text.strip(), tree)

    @property
    def names(self) -> list[str]:
        """The labels in it, sorted."""
        names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        return sorted(names - {node.func.id for node in _calls(self.tree)})

    def with_numbers(self, numbers: Mapping[str, float]) -> Expression:
        """The same with numbers in the place of the labels that have one."""
        return Expression(self.text, _Numbers(numbers).visit(copy.deepcopy(self.tree)))

    def at(self, values: Mapping[str, float]) -> Dual:
        """Its value at the labels' values, and its derivatives by each label in it; NaN where undefined."""
        try:
            return _dual(self.tree, values)
        except (ZeroDivisionError, OverflowError, ValueError):  # ValueError: the root of a negative number
            return np.nan, dict.fromkeys(self.names, np.nan)


@dataclass(frozen=True)
class Definition:
    """A defined parameter: `name := expression`."""

    name: str
    expression: Expression


def define(
    definitions: list[Definition], values: Mapping[str, float], gradients: Mapping[str, Matrix]
) -> tuple[Matrix, Matrix]:
    """Values (d) and gradients (d x k) of the definitions, from each label's value and gradient (k).

    A definition may use the ones above it. Raises ModelError where a label is none of the model's.
    """
    known, slopes = dict(values), dict(gradients)
    size = len(next(iter(slopes.values()))) if slopes else 0
    for definition in definitions:
        absent = [name for name in definition.expression.names if name not in known]
        if absent:
            raise ModelError(f"{definition.name} is defined by {absent[0]}, which is no label of the model")
        value, derivatives = definition.expression.at(known)
        slopes[definition.name] = sum(
            (d * slopes[name] for name, d in derivatives.items()), start=np.zeros(size)
        )
        known[definition.name] = value
    names = [definition.name for definition in definitions]
    return np.array([known[name] for name in names]), np.array([slopes[name] for name in names])


FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {  # with the derivative
    "sqrt": (math.sqrt, lambda a: 0.5 / math.sqrt(a)),
    "exp": (math.exp, math.exp),
    "log": (math.log, lambda a: 1 / a),
}
_ALLOWED = (
    *(ast.BinOp, ast.UnaryOp, ast.Name, ast.Load, ast.Constant),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UAdd, ast.USub),
)


class _Numbers(ast.NodeTransformer):
    """Puts numbers in the place of labels."""

    def __init__(self, numbers: Mapping[str, float]) -> None:
        self.numbers = numbers

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.numbers[node.id]) if node.id in self.numbers else node


def _calls(tree: ast.expr) -> Iterator[Any]:
    """The calls of functions in it, each with a name for its function."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))


def _is_arithmetic(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        known = isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
        return (
            known and len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred)
        )
    return isinstance(node, _ALLOWED) and not (isinstance(node, ast.Constant) and not _is_number(node))


def _deeper_than(tree: ast.expr, most: int) -> bool:
    """Whether more than `most` operations stand within each other."""
    level: list[ast.AST] = [tree]
    for _ in range(most + 1):
        level = [part for node in level for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    return bool(level)


def _is_number(node: ast.Constant) -> bool:
    return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def _dual(node: ast.expr, values: Mapping[str, float]) -> Dual:
    """Value and derivatives of a node (forward differentiation)."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, (int, float))
        return float(node.value), {}
    if isinstance(node, ast.Name):
        return values[node.id], {node.id: 1.0}
    if isinstance(node, ast.UnaryOp):
        value, slope = _dual(node.operand, values)
        sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
        return sign * value, {name: sign * d for name, d in slope.items()}
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        value, slope = _dual(node.args[0], values)
        function, derivative = FUNCTIONS[node.func.id]
        return function(value), {name: derivative(value) * d for name, d in slope.items()}
    assert isinstance(node, ast.BinOp)
    (a, da), (b, db) = _dual(node.left, values), _dual(node.right, values)
    value, by_a, by_b = _OPERATIONS[type(node.op)](a, b)
    if not np.isrealobj(value):  # a fractional power of a negative number
        raise OverflowError
    slope = {name: by_a * d for name, d in da.items()}
    for name, d in db.items():
        slope[name] = slope.get(name, 0.0) + by_b * d
    return value, slope


def _power(a: float, b: float) -> tuple[float, float, float]:
    by_exponent = a**b * np.log(a) if a > 0 else 0.0 if float(b).is_integer() else np.nan
    return a**b, b * a ** (b - 1) if b else 0.0, by_exponent


# value, and derivatives by the left and the right side
_OPERATIONS: dict[type[ast.operator], Callable[[float, float], tuple[float, float, float]]] = {
    ast.Add: lambda a, b: (a + b, 1.0, 1.0),
    ast.Sub: lambda a, b: (a - b, 1.0, -1.0),
    ast.Mult: lambda a, b: (a * b, b, a),
    ast.Div: lambda a, b: (a / b, 1 / b, -a / b**2),
    ast.Pow: _power,
}
