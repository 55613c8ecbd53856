"""lavaan's model text as terms: labels and values by group, definitions, equalities.

`a*x` labels a parameter, `0.5*x` fixes it, `NA*x` frees it, `c(a, b)*x` does so group by group. Parameters of
one label are equal, within a group and across groups. `x ~ 1` is an intercept, `name := expression` a defined
parameter, `a == b` makes two labels one, `a == 0.5` fixes what has the label. The first loading of a factor
is 1 unless NA frees it (Rosseel 2012, Journal of Statistical Software 48(2)).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from math import isfinite

from jobs.sem.model.constraints import SIGN, Constraint
from jobs.sem.model.defined import Definition, Expression
from jobs.sem.trouble import ModelError, excerpt

NAME = re.compile(r"[^\W\d][\w.]{0,199}")
NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# What stands before the plus of a number such as 1e+3, which adds no term.
EXPONENT = re.compile(r"(?<![\w.])(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE](?=\+[0-9])")
OPERATOR = re.compile(r"[=~<>:|]+")
OPERATORS = ("=~", "~~", "~")
COMMENT = re.compile(r"[#!].*")
NO_LABELS = {"nan", "inf", "infinity"}  # R reads them as numbers
UNFINISHED = re.compile(r"(?:[=~:+*,(]|==|:=)$")
UNREADABLE = "the model text cannot be read; write it in lavaan's syntax, one formula a line"

# What lavaan reads and this does not, with what to write instead.
UNSUPPORTED = {
    re.compile(r"^(group|level|block|class)\s*:"): (
        "a block",
        "label parameters by group with c(a, b)*x, and write one level",
    ),
    re.compile(r"<~"): ("a composite (<~)", "compute it as a column, or measure a factor with =~"),
    re.compile(r"~\*~"): ("a scaling factor (~*~)", "leave it out"),
    re.compile(r"\|"): ("a threshold (|)", "leave it out: thresholds are free"),
    re.compile(r"(?<![\w.])start\s*\("): ("start()", "leave it out: searches find their own starts"),
    re.compile(r"(?<![\w.])equal\s*\("): ("equal()", "give both parameters the same label"),
    re.compile(r"(?<![\w.])efa\s*\("): ("efa()", "write the loadings of each factor"),
    re.compile(r"[\w.]:[\w.]"): ("an interaction (a:b)", "compute the product as a column"),
}

# Beyond these a model is no model of a survey, and reading it alone would take minutes.
MOST_FORMULAS = 2_000
MOST_VARIABLES = 300
MOST_CORRELATED = 100  # factors and outcomes, each pair of which has a covariance
MOST_GROUPS = 50


TWO_NUMBERS = "{} makes a label equal to two numbers; leave one of them out"


@dataclass(frozen=True)
class Term:
    """A parameter of one group as the text has it; `value` fixes it, `freed` is NA's."""

    lhs: str
    op: str
    rhs: str
    label: str | None = None
    value: float | None = None
    freed: bool = False


@dataclass(frozen=True)
class ModelText:
    """A text read for a number of groups.

    `groups`: each group's terms but for intercepts; `intercepts`: each group's `~ 1` terms, by variable;
    `definitions` and `constraints` in the order of the text; `alias`: a label to the one that stands for it
    (`a == b`).
    """

    groups: list[tuple[Term, ...]]
    intercepts: list[dict[str, Term]]
    definitions: list[Definition]
    constraints: list[Constraint]
    alias: dict[str, str]


def read(text: str, groups: int = 1) -> ModelText:
    """Read a model's text for a number of groups. Raises ModelError where it is not lavaan's syntax."""
    terms: list[list[Term]] = [[] for _ in range(groups)]
    definitions: dict[str, Definition] = {}
    constraints: list[Constraint] = []
    alias: dict[str, str] = {}
    numbers: dict[str, float] = {}
    formulas = _formulas(text)
    if len(formulas) > MOST_FORMULAS:
        raise ModelError(f"the model text has {len(formulas)} formulas, and at most {MOST_FORMULAS} are read")
    defined = _defined(formulas)
    for line, formula in formulas:
        try:
            if ":=" in formula:
                _define(formula, definitions)
            elif sides := _equal_sides(formula, defined):
                _equate(formula, sides, alias, numbers)
            elif SIGN.search(formula):
                constraints.append(Constraint.read(formula, line))
            else:
                for group, added in enumerate(_terms(formula, groups)):
                    terms[group] += added
        except ModelError as error:
            raise ModelError(str(error), line) from None
    fixed = numbers | {name: numbers[kept] for name, kept in alias.items() if kept in numbers}
    terms = [[_resolved(term, alias, fixed) for term in _first_loadings(_merged(group))] for group in terms]
    if not any(term.op in ("=~", "~") and term.rhs != "1" for term in terms[0]):
        raise ModelError("the model text has no formula; write it in lavaan's syntax, one formula a line")
    _check_size(terms[0])
    return ModelText(
        groups=[tuple(term for term in group if term.rhs != "1") for group in terms],
        intercepts=[{term.lhs: term for term in group if term.rhs == "1"} for group in terms],
        definitions=[
            replace(definition, expression=definition.expression.with_numbers(fixed))
            for definition in definitions.values()
        ],
        constraints=[
            replace(constraint, expression=constraint.expression.with_numbers(fixed))
            for constraint in constraints
        ],
        alias=alias,
    )


def entries(text: str) -> int:
    """For how many groups the text lists labels or values by c(); 1 where it lists none.

    Raises ModelError for more groups than any model is fitted to at once.
    """
    most = 1
    for line, formula in _formulas(text):
        for listed in re.findall(r"(?<![\w.])c\s*\(([^()]*)\)\s*\*", formula):
            most = max(most, listed.count(",") + 1)
            if most > MOST_GROUPS:
                raise ModelError(f"c() has {most} entries, and at most {MOST_GROUPS} groups are read", line)
    return most


def equates(text: str) -> bool:
    """Whether the text makes labels equal (`a == b`); a number is no other label."""
    formulas = _formulas(text)
    defined = _defined(formulas)
    sides = [_equal_sides(formula, defined) for _, formula in formulas]
    return any(not any(NUMBER.fullmatch(side) for side in pair) for pair in sides if pair)


def line_of(text: str, name: str) -> int | None:
    """The line (from 1) that names a variable or label first; None where none does."""
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w.])")
    lines = enumerate(text.split("\n"), start=1)
    return next((number for number, line in lines if word.search(COMMENT.sub("", line))), None)


def _formulas(text: str) -> list[tuple[int, str]]:
    """Each formula and the line (from 1) it begins in.

    Without comments, split at semicolons, joined where one goes on.
    """
    formulas: list[tuple[int, list[str]]] = []
    goes_on, open_brackets = False, 0
    for number, line in enumerate(text.replace("\u223c", "~").split("\n"), start=1):
        for piece in COMMENT.sub("", line).split(";"):
            part = piece.strip()
            if not part:
                continue
            if formulas and (goes_on or open_brackets > 0 or part[0] in "+*"):
                formulas[-1][1].append(part)
            else:
                formulas.append((number, [part]))
                open_brackets = 0
            open_brackets += part.count("(") - part.count(")")
            goes_on = bool(UNFINISHED.search(part))
    return [(number, " ".join(parts)) for number, parts in formulas]


def _check_size(terms: list[Term]) -> None:
    """Refuse a model that would take minutes to read."""
    variables = {name for term in terms for name in (term.lhs, term.rhs)} - {"1"}
    correlated = {term.lhs for term in terms if term.op in ("=~", "~")}
    for kind, number, most in (
        ("variables", len(variables), MOST_VARIABLES),
        ("factors and outcomes", len(correlated), MOST_CORRELATED),
    ):
        if number > most:
            raise ModelError(f"the model has {number} {kind}, and at most {most} are read")


def _define(formula: str, definitions: dict[str, Definition]) -> None:
    """Add the parameter that `name := expression` defines."""
    name, _, expression = (part.strip() for part in formula.partition(":="))
    if not NAME.fullmatch(name):
        raise ModelError(f"{excerpt(name) or 'nothing'} is defined by :=, and is no name")
    if name in definitions:
        raise ModelError(f"{excerpt(name)} is defined twice")
    definitions[name] = Definition(name, Expression.read(expression))


def _equal_sides(formula: str, defined: Collection[str]) -> list[str]:
    """The sides of `a == b` and `a == 0.5`, of which one at least is a label; none of other formulas.

    What is `defined` by := is no label: to make it equal to something is a constraint.
    """
    sides = [side.strip() for side in formula.split("==")]
    if len(sides) != 2 or set(sides) & set(defined):
        return []
    labels = [side for side in sides if NAME.fullmatch(side)]
    return sides if labels and all(side in labels or NUMBER.fullmatch(side) for side in sides) else []


def _defined(formulas: list[tuple[int, str]]) -> set[str]:
    """The names that the text defines by :=."""
    return {formula.partition(":=")[0].strip() for _, formula in formulas if ":=" in formula}


def _equate(formula: str, sides: list[str], alias: dict[str, str], numbers: dict[str, float]) -> None:
    """Make the two labels of `a == b` one, of which the first stands for both; `a == 0.5` is a number."""
    left, right = sides
    if NUMBER.fullmatch(left):
        left, right = right, left
    if NUMBER.fullmatch(right):
        label = alias.get(left, left)
        if numbers.setdefault(label, float(right)) != float(right):
            raise ModelError(TWO_NUMBERS.format(excerpt(left)))
        return
    kept, gone = alias.get(left, left), alias.get(right, right)
    if gone in numbers and numbers.setdefault(kept, numbers[gone]) != numbers[gone]:
        raise ModelError(TWO_NUMBERS.format(excerpt(formula)))
    for name in [*(key for key, value in alias.items() if value == gone), right, gone]:
        alias[name] = kept


def _terms(formula: str, groups: int) -> list[list[Term]]:
    """The terms of one formula, by group."""
    for mark, (what, remedy) in UNSUPPORTED.items():
        if mark.search(formula):
            raise ModelError(f"{what} in {excerpt(formula)} is not supported; {remedy}")
    operators = list(OPERATOR.finditer(formula))
    if len(operators) != 1 or operators[0].group() not in OPERATORS:
        raise ModelError(UNREADABLE)
    op = operators[0].group()
    names = [name.strip() for name in re.split(r"[+,]", formula[: operators[0].start()])]
    terms: list[list[Term]] = [[] for _ in range(groups)]
    for part in _split(formula[operators[0].end() :], "+"):
        *modifiers, rhs = (piece.strip() for piece in _split(part, "*"))
        intercept = (rhs, op) == ("1", "~")
        if not all(NAME.fullmatch(name) for name in names) or not (intercept or NAME.fullmatch(rhs)):
            raise ModelError(UNREADABLE)
        if rhs in names and op != "~~":
            raise ModelError(f"{excerpt(rhs)} stands on both sides of {op}; no variable explains itself")
        for group in range(groups):
            for lhs in names:
                term = Term(lhs, op, rhs)
                for modifier in modifiers:
                    term = _modified(term, _of_group(modifier, group, groups))
                terms[group].append(term)
    return terms


def _split(text: str, mark: str) -> list[str]:
    """The parts between the marks that stand in no brackets; the plus of a number as 1e+3 is no mark."""
    exponents = {match.end() for match in EXPONENT.finditer(text)}
    parts, start, depth = [], 0, 0
    for place, letter in enumerate(text):
        if letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == mark and depth <= 0 and place not in exponents:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _of_group(modifier: str, group: int, groups: int) -> str:
    """A modifier's part for a group: c(a, b) has one each, anything else is the same for all."""
    listed = re.fullmatch(r"c\s*\((.*)\)", modifier)
    if not listed:
        return modifier.strip("\"'")
    each = [entry.strip().strip("\"'") for entry in listed[1].split(",")]
    if len(each) != groups:
        raise ModelError(f"{excerpt(modifier)} has {len(each)} entries for {groups} groups; give one a group")
    return each[group]


def _modified(term: Term, modifier: str) -> Term:
    if modifier == "NA":
        return replace(term, freed=True)
    if NUMBER.fullmatch(modifier):
        value = float(modifier)
        if not isfinite(value):
            raise ModelError(f"the number {excerpt(modifier)} is too large")
        return replace(term, value=value)
    if not NAME.fullmatch(modifier):
        raise ModelError(
            f"the modifier {excerpt(modifier)} is not supported; write a label, a number, NA, or c() of them"
        )
    if modifier.lower() in NO_LABELS:
        raise ModelError(f"{excerpt(modifier)} is no label, but a number; give it another name")
    return replace(term, label=modifier)


def _merged(terms: list[Term]) -> list[Term]:
    """A parameter written twice is one, with the modifiers of both, as lavaan's NA*x + a*x."""
    merged: dict[tuple[str, str, str], Term] = {}
    for term in terms:
        ends = (term.rhs, term.op, term.lhs) if term.op == "~~" else (term.lhs, term.op, term.rhs)
        key = ends if ends in merged else (term.lhs, term.op, term.rhs)
        before = merged.get(key)
        if before is None:
            merged[key] = term
        else:
            value = before.value if term.value is None else term.value
            label, freed = term.label or before.label, term.freed or before.freed
            merged[key] = replace(before, label=label, value=value, freed=freed)
    return list(merged.values())


def _first_loadings(terms: list[Term]) -> list[Term]:
    """The first loading of each factor fixed at 1, unless it has a value or is freed."""
    seen: set[str] = set()
    out = []
    for term in terms:
        if term.op == "=~" and term.lhs not in seen:
            seen.add(term.lhs)
            term = term if term.freed or term.value is not None else replace(term, value=1.0)
        out.append(term)
    return out


def _resolved(term: Term, alias: dict[str, str], fixed: dict[str, float]) -> Term:
    """The term with the label that stands for its own, and with the number that label is equal to."""
    if term.label is None:
        return term
    return replace(term, label=alias.get(term.label, term.label), value=fixed.get(term.label, term.value))
