"""lavaan's model text beyond semopy's parser: labels and values by group, definitions, equalities.

`a*x` labels a parameter, `0.5*x` fixes it, `NA*x` frees it, `c(a, b)*x` does so group by group. Parameters of
one label are equal, within a group and across groups. `x ~ 1` is an intercept, `name := expression` a defined
parameter, `a == b` makes two labels one. The first loading of a factor is 1 unless NA frees it (Rosseel 2012,
Journal of Statistical Software 48(2)).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from jobs.sem.defined import Definition, Expression
from jobs.sem.trouble import ModelError

NAME = re.compile(r"[^\W\d][\w.]*")
FORMULA = re.compile(r"([^=~<>:|]+?)\s*(=~|~~|~)\s*([^=~<>:|]+)")
UNFINISHED = re.compile(r"(?:[=~:+*,(]|==|:=)$")
FREE = "_free"  # begins the name of a loading that has no label, in the text for semopy
UNREADABLE = "the model text cannot be read; write it in lavaan's syntax, one formula a line"


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

    `groups`: each group's formulas in semopy's syntax; `intercepts`: each group's `~ 1` terms, by variable;
    `definitions` in the order of the text; `alias`: a label to the one that stands for it (`a == b`).
    """

    groups: list[str]
    intercepts: list[dict[str, Term]]
    definitions: list[Definition]
    alias: dict[str, str]


def read(text: str, groups: int = 1) -> ModelText:
    """Read a model's text for a number of groups. Raises ModelError where it is not lavaan's syntax."""
    terms: list[list[Term]] = [[] for _ in range(groups)]
    definitions: list[Definition] = []
    alias: dict[str, str] = {}
    for line in _lines(text):
        if ":=" in line:
            definitions.append(_definition(line, definitions))
        elif "==" in line:
            _join(line, alias)
        else:
            for group, found in enumerate(_terms(line, groups)):
                terms[group] += found
    terms = [[_renamed(one, alias) for one in _first_loadings(_merged(group))] for group in terms]
    if not any(one.op in ("=~", "~") and one.rhs != "1" for one in terms[0]):
        raise ModelError("the model text has no formula; write it in lavaan's syntax, one formula a line")
    return ModelText(
        groups=["\n".join(_written(group)) for group in terms],
        intercepts=[{one.lhs: one for one in group if one.rhs == "1"} for group in terms],
        definitions=definitions,
        alias=alias,
    )


def entries(text: str) -> int:
    """For how many groups the text lists labels or values by c(); 1 where it lists none."""
    listed = re.findall(r"(?<![\w.])c\s*\(([^()]*)\)\s*\*", "\n".join(_lines(text)))
    return max([1, *(len(one.split(",")) for one in listed)])


def equates(text: str) -> bool:
    """Whether the text makes labels equal (`a == b`)."""
    return any("==" in line for line in _lines(text))


def _lines(text: str) -> list[str]:
    """One formula each: without comments, split at semicolons, joined where one goes on."""
    lines: list[str] = []
    goes_on = False
    for raw in re.split(r"[\n;]", re.sub(r"[#!].*", "", text.replace("\u223c", "~"))):
        line = raw.strip()
        if not line:
            continue
        if goes_on or line[0] in "+*" or (lines and lines[-1].count("(") > lines[-1].count(")")):
            lines[-1:] = [f"{lines[-1]} {line}" if lines else line]
        else:
            lines.append(line)
        goes_on = bool(UNFINISHED.search(line))
    return lines


def _definition(line: str, above: list[Definition]) -> Definition:
    name, _, expression = (part.strip() for part in line.partition(":="))
    if not NAME.fullmatch(name):
        raise ModelError(f"{name or 'nothing'} is defined by :=, and is no name")
    if any(one.name == name for one in above):
        raise ModelError(f"{name} is defined twice")
    return Definition(name, Expression.read(expression))


def _join(line: str, alias: dict[str, str]) -> None:
    """Make the two labels of `a == b` one; the first stands for both."""
    one, _, other = (part.strip() for part in line.partition("=="))
    if not (NAME.fullmatch(one) and NAME.fullmatch(other)):
        raise ModelError(f"the constraint {line} is no equality of two labels; write a == b")
    kept, gone = alias.get(one, one), alias.get(other, other)
    for name in [*(key for key, value in alias.items() if value == gone), other, gone]:
        alias[name] = kept


def _terms(line: str, groups: int) -> list[list[Term]]:
    """The terms of one formula, by group."""
    formula = FORMULA.fullmatch(line)
    if not formula:
        raise ModelError(UNREADABLE)
    left, op, right = formula.groups()
    names = [name.strip() for name in re.split(r"[+,]", left)]
    found: list[list[Term]] = [[] for _ in range(groups)]
    for part in re.split(r"\+(?![^(]*\))", right):
        *modifiers, rhs = (piece.strip() for piece in _factors(part))
        if not all(NAME.fullmatch(name) for name in (*names, rhs) if (name, op) != ("1", "~")):
            raise ModelError(UNREADABLE)
        for group in range(groups):
            for lhs in names:
                term = Term(lhs, op, rhs)
                for modifier in modifiers:
                    term = _modified(term, _of_group(modifier, group, groups))
                found[group].append(term)
    return found


def _factors(part: str) -> list[str]:
    """What stands between the asterisks; an intercept's 1 may have a number before it."""
    return re.split(r"\*(?![^(]*\))", part)


def _of_group(modifier: str, group: int, groups: int) -> str:
    """A modifier's part for a group: c(a, b) has one each, anything else is the same for all."""
    listed = re.fullmatch(r"c\s*\((.*)\)", modifier)
    if not listed:
        return modifier.strip("\"'")
    each = [one.strip().strip("\"'") for one in listed[1].split(",")]
    if len(each) != groups:
        raise ModelError(f"{modifier} has {len(each)} entries for {groups} groups; give one a group")
    return each[group]


def _modified(term: Term, modifier: str) -> Term:
    if modifier == "NA":
        return replace(term, freed=True)
    if NAME.fullmatch(modifier):
        return replace(term, label=modifier)
    try:
        return replace(term, value=float(modifier))
    except ValueError:
        raise ModelError(
            f"the modifier {modifier} is not supported; write a label, a number, NA, or c() of them"
        ) from None


def _merged(terms: list[Term]) -> list[Term]:
    """A parameter written twice is one, with the modifiers of both, as lavaan's NA*x + a*x."""
    merged: dict[tuple[str, str, str], Term] = {}
    for one in terms:
        ends = (one.rhs, one.op, one.lhs) if one.op == "~~" else (one.lhs, one.op, one.rhs)
        key = ends if ends in merged else (one.lhs, one.op, one.rhs)
        before = merged.get(key)
        if before is None:
            merged[key] = one
        else:
            value = before.value if one.value is None else one.value
            label, freed = one.label or before.label, one.freed or before.freed
            merged[key] = replace(before, label=label, value=value, freed=freed)
    return list(merged.values())


def _first_loadings(terms: list[Term]) -> list[Term]:
    """The first loading of each factor fixed at 1, unless it has a value or is freed."""
    seen: set[str] = set()
    out = []
    for one in terms:
        if one.op == "=~" and one.lhs not in seen:
            seen.add(one.lhs)
            freed = one.freed or (one.label or "").startswith(FREE)  # a group's text is read once more
            one = one if freed or one.value is not None else replace(one, value=1.0)
        out.append(one)
    return out


def _renamed(term: Term, alias: dict[str, str]) -> Term:
    return replace(term, label=alias.get(term.label, term.label)) if term.label else term


def _written(terms: list[Term]) -> list[str]:
    """Formulas for semopy, which fixes a first loading of its own unless all have a name or one a number."""
    lines = []
    for place, one in enumerate(term for term in terms if term.rhs != "1"):
        loose = one.label or (f"{FREE}{place}" if one.op == "=~" else None)
        modifier = repr(one.value) if one.value is not None else loose
        lines.append(f"{one.lhs} {one.op} {f'{modifier}*' if modifier else ''}{one.rhs}")
    return lines
