"""What a rule of a wave map makes of a firm's cells: a value, or the reason why the row is at fault.

One function a kind of rule, see settings.wave_maps; `answer` picks the one of a rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add, sub

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.codes import BLANKS
from jobs.settings.classifications import Classification
from jobs.settings.wave_maps import Rule
from jobs.transforms.cells import EXACT, declared, looked_up, number, trimmed, written_out
from jobs.transforms.lookup import by_slice

UNDECLARED = "has a code the map does not declare"
PLAIN_NUMBER = r"^[+-]?[0-9]+([.,][0-9]+)?$"


@dataclass(frozen=True)
class Questionnaire:
    """How a file's cells are read: where they are, how numbers are written, what codes there are.

    `labels` has the regions and the sectors, each with the condition that a row is of their slices (see
    transforms.lookup). `once` gives what to use in the place of a column that is used several times.
    """

    cells: Column
    cell: Callable[[str], Column]
    decimal: str = "."
    thousands: str | None = None
    labels: Mapping[str, Sequence[tuple[Column | None, Classification]]] = field(default_factory=dict)
    once: Callable[[Column], Column] = lambda column: column


@dataclass(frozen=True)
class Answer:
    """What a rule makes of a row: the value, and why the row is at fault (null where it is not)."""

    value: Column
    fault: Column | None = None


@dataclass(frozen=True)
class NumberCell:
    """The text of a cell, the number in it, and whether it stands for no answer; both are null then."""

    text: Column
    value: Column
    missing: Column | None


def number_cell(rule: Rule, questionnaire: Questionnaire, source: str) -> NumberCell:
    """A cell of a rule that reads numbers."""
    text = questionnaire.cell(source)
    if rule.unit:
        text = trimmed(F.regexp_replace(text, "%$", ""))
    value = number(text, questionnaire.decimal, questionnaire.thousands)
    if not rule.missing:
        return NumberCell(text, questionnaire.once(value), None)
    missing = _is_missing(rule.missing, text, value)
    return NumberCell(
        F.when(~missing, text), questionnaire.once(F.when(~missing, value)), questionnaire.once(missing)
    )


def _is_missing(missing: tuple[str, ...], text: Column, value: Column) -> Column:
    """Whether a number cell holds a code for no answer: as text, as a number, or as a code."""
    conditions = [text.isin(list(missing))]
    numbers = [entry.replace(",", ".") for entry in missing if re.match(PLAIN_NUMBER, entry)]
    if numbers:
        conditions.append(value.isin([F.lit(entry).try_cast(EXACT) for entry in numbers]))
    # In a file with a decimal comma, `-9.0` is no number, and `9.000` may be nine thousand.
    code = declared(text, {entry: entry for entry in missing})
    conditions.append(value.isNull() & ~text.rlike("[.,]000$") & code.isNotNull())
    return F.coalesce(_any(conditions), F.lit(False))


def answer(rule: Rule, questionnaire: Questionnaire, type_: str) -> Answer:
    """A rule's answer in the type of its canonical column, null for those the question was not asked."""
    given = _KINDS[rule.kind](rule, questionnaire)
    if rule.kind == "number":
        given = _in_type(rule, given, type_)
    value = given.value.try_cast(type_)
    return Answer(F.when(F.col(rule.asked_of), value) if rule.asked_of else value, given.fault)


def _in_type(rule: Rule, answer: Answer, type_: str) -> Answer:
    """A number that its column can hold; where it cannot, the row is at fault."""
    value, columns = answer.value, ", ".join(rule.sources)
    faults = [] if answer.fault is None else [answer.fault]
    if type_ == "int":
        value = value.try_cast(EXACT)  # a whole number may be off by the rounding error of binary fractions
        if rule.round:
            value = F.round(value, 0)
        else:
            broken = value != F.floor(value)
            faults.append(F.when(broken, F.lit(f"{columns} is no whole number")))
            value = F.when(~broken, value)
    # A factor can lead to infinity, which is no decimal number either.
    held = value.try_cast(EXACT).isNotNull() & value.try_cast(type_).isNotNull()
    faults.append(F.when(answer.value.isNotNull() & ~held, F.lit(f"{columns} is no number")))
    return Answer(F.when(held, value), F.coalesce(*faults))


def _text(rule: Rule, questionnaire: Questionnaire) -> Answer:
    parts = []
    for source in rule.sources:
        cell = questionnaire.cell(source)
        text = written_out(cell)
        missing = cell.isin(list(rule.missing)) | text.isin(list(rule.missing))
        parts.append(F.when(~missing, text) if rule.missing else text)
    return Answer(_joined(parts, rule.between))


def _joined(parts: Sequence[Column], between: str) -> Column:
    """Texts put together; null where one of them is."""
    joined = [column for part in parts for column in (F.lit(between), part)][1:]
    return F.concat(*joined) if len(parts) > 1 else parts[0]


def _number(rule: Rule, questionnaire: Questionnaire) -> Answer:
    cells = {source: number_cell(rule, questionnaire, source) for source in rule.sources}
    faults = []
    for source, cell in cells.items():
        unreadable = cell.text.isNotNull() & cell.value.isNull()
        faults.append(F.when(unreadable, F.lit(f"{source} is no number")))
        if len(cells) > 1:
            faults.append(F.when(cell.value < 0, F.lit(f"{source} is negative")))
    added = [source for source in rule.sources if source not in (rule.minus or ())]
    taken = [source for source in rule.sources if source not in added]
    parts = {source: F.coalesce(cell.value, F.lit(0).cast(EXACT)) for source, cell in cells.items()}
    total = reduce(add, [parts[source] for source in added])
    total = reduce(sub, [parts[source] for source in taken], total)
    if rule.unit:
        whole = {"percent": 100, "share": 1}[rule.unit]
        beyond = (total < 0) | (total > whole)
        faults.append(F.when(beyond, F.lit(f"{', '.join(rule.sources)} is not between 0 and {whole}")))
    factor = 0.01 if rule.unit == "percent" else rule.factor
    scaled = total if factor == 1.0 else total.cast("double") * F.lit(factor)
    fault = F.coalesce(*faults)
    known = _any(cells[source].value.isNotNull() for source in added) & fault.isNull()
    # A sum is unknown where one of its parts has no answer.
    for cell in cells.values():
        known = known if cell.missing is None else known & ~cell.missing
    return Answer(F.when(known, scaled), fault)


def _greater(rule: Rule, questionnaire: Questionnaire) -> Answer:
    cells = {source: number_cell(rule, questionnaire, source) for source in rule.sources}
    faults = [
        F.when(cell.text.isNotNull() & cell.value.isNull(), F.lit(f"{source} is no number"))
        for source, cell in cells.items()
    ]
    above = [cell.value > F.lit(rule.than) for cell in cells.values()]
    greater = _any(F.coalesce(condition, F.lit(False)) for condition in above)
    known = _any(condition.isNotNull() for condition in above)
    return Answer(F.when(greater, F.lit(True)).when(known, F.lit(False)), F.coalesce(*faults))


def _size_class(rule: Rule, questionnaire: Questionnaire) -> Answer:
    source = rule.sources[0]
    meanings: dict[str, int | None] = {**rule.classes, **dict.fromkeys(rule.missing)}
    code, fault = _declared(source, questionnaire, meanings)
    return Answer(looked_up(code, rule.classes), fault)


def _yes_no(rule: Rule, questionnaire: Questionnaire) -> Answer:
    codes = _codes(rule, questionnaire)
    yes = codes.some(lambda code: code.isin(list(rule.yes)))
    no = codes.some(lambda code: _is_no(code, rule))
    return Answer(F.when(yes, F.lit(True)).when(no, F.lit(False)), codes.fault)


def _ticked(rule: Rule, questionnaire: Questionnaire) -> Answer:
    codes = _codes(rule, questionnaire)
    yes = codes.some(lambda code: code.isin(list(rule.yes)))
    # A blank box is not ticked. A box with a missing or an unknown code may be ticked or not.
    undecided = codes.some(lambda code: ~_is_no(code, rule))
    return Answer(F.when(yes, F.lit(True)).when(~undecided, F.lit(False)), codes.fault)


def _is_no(code: Column, rule: Rule) -> Column:
    """Whether a declared code, null for an unknown one, stands for no."""
    return F.coalesce(code.isin(list(rule.no)), F.lit(rule.on_unknown == "no"))


def _scale(rule: Rule, questionnaire: Questionnaire) -> Answer:
    meanings = {entry: place for place, entry in enumerate(rule.order)} | dict.fromkeys(rule.missing, -1)
    places = {entry: float(place) for place, entry in enumerate(rule.order)}
    values, faults = [], []
    for source in rule.sources:
        code, fault = _declared(source, questionnaire, meanings)
        values.append(looked_up(code, places))
        faults.append(fault)
    highest = F.greatest(*values) if len(values) > 1 else values[0]  # of those that are answered
    return Answer(highest, F.coalesce(*faults))


def code_text(rule: Rule, questionnaire: Questionnaire) -> Column:
    """The code in the cells of a rule, as it is written there."""
    cell = _joined([questionnaire.cell(name) for name in rule.sources], rule.between)
    return _leading(cell, rule.digits, rule.width) if rule.digits else cell


def _code(rule: Rule, questionnaire: Questionnaire) -> Answer:
    source = ", ".join(rule.sources)
    cell = code_text(rule, questionnaire)
    codes, values = [], []
    for condition, classification in questionnaire.labels[rule.of or ""]:
        known = {division.strip(BLANKS): item for division, item in classification.by_division.items()}
        outside = [entry.strip(BLANKS) for entry in (*classification.extra_regio, *rule.missing)]
        codes.append((condition, declared(cell, {**dict.fromkeys(outside), **known})))
        values.append((condition, known))
    code = questionnaire.once(by_slice(codes))
    fault = F.when(cell.isNull(), F.lit(f"{source} is blank, which is no code of the {rule.of}")).when(
        code.isNull(), F.lit(f"{source} is no code of the {rule.of}")
    )
    return Answer(by_slice([(condition, looked_up(code, known)) for condition, known in values]), fault)


def _leading(code: Column, digits: int, width: int | None) -> Column:
    """The leading digits of a code of activities: 26 of `26.51`, `2651`, `C26.51` and `C 2651`.

    Before a point stand as many digits as are asked for, but for zeros that were lost in front. A text
    without digits stays as it is.
    """
    bare = F.regexp_replace(written_out(code), r"^[A-Za-z]?\s*", "")
    before, behind = (
        F.regexp_extract(bare, r"^([0-9]+)", 1),
        F.regexp_extract(bare, r"^[0-9]+[.,]([0-9]+)", 1),
    )
    whole = F.lpad(before, width, "0") if width else before
    pointed = F.lpad(before, digits, "0")
    chosen = F.when(behind != "", pointed).otherwise(F.substring(whole, 1, digits))
    return F.when(before == "", code).otherwise(chosen)


def _either(rule: Rule, questionnaire: Questionnaire) -> Answer:
    columns = [F.col(name) for name in rule.either or ()]
    yes = _any(F.coalesce(column, F.lit(False)) for column in columns)
    known = _any(column.isNotNull() for column in columns)
    return Answer(F.when(yes, F.lit(True)).when(known, F.lit(False)))


def _absent(rule: Rule, questionnaire: Questionnaire) -> Answer:
    return Answer(F.lit(None))


@dataclass(frozen=True)
class _Codes:
    """The declared codes of a rule's answered cells, null for an unknown one.

    `some`: whether one of the codes meets a condition; false where no cell is answered. `fault`: why the row
    is at fault; it names the first column with an unknown code.
    """

    some: Callable[[Callable[[Column], Column]], Column]
    fault: Column


def _codes(rule: Rule, questionnaire: Questionnaire) -> _Codes:
    """The codes of a rule on yes and no."""
    meanings = {**dict.fromkeys(rule.yes, "yes"), **dict.fromkeys(rule.no, "no")}
    meanings |= dict.fromkeys(rule.missing, "missing")
    if len(rule.sources) == 1:
        (source,) = rule.sources
        cell = questionnaire.cell(source)
        code, fault = _declared(source, questionnaire, meanings)
        return _Codes(lambda condition: cell.isNotNull() & condition(code), fault)
    # Most boxes are blank, and blank cells are not in the map.
    cells = F.map_filter(questionnaire.cells, lambda source, _: source.isin(list(rule.sources)))
    codes = questionnaire.once(F.transform_values(cells, lambda _, text: declared(text, meanings)))
    sources = F.map_keys(F.map_filter(codes, lambda _, code: code.isNull()))
    return _Codes(
        lambda condition: F.exists(F.map_values(codes), condition),
        F.concat(F.get(sources, F.lit(0)), F.lit(f" {UNDECLARED}")),
    )


def _declared(
    source: str, questionnaire: Questionnaire, meanings: Mapping[str, Hashable]
) -> tuple[Column, Column]:
    """The declared code in a cell (see cells.declared), and the fault of a row that has another."""
    cell = questionnaire.cell(source)
    code = questionnaire.once(declared(cell, meanings))
    return code, F.when(cell.isNotNull() & code.isNull(), F.lit(f"{source} {UNDECLARED}"))


def _any(conditions: Iterable[Column]) -> Column:
    return reduce(lambda a, b: a | b, conditions)


_KINDS: dict[str, Callable[[Rule, Questionnaire], Answer]] = {
    "text": _text,
    "number": _number,
    "size_class": _size_class,
    "greater": _greater,
    "yes_no": _yes_no,
    "ticked": _ticked,
    "scale": _scale,
    "code": _code,
    "either": _either,
    "absent": _absent,
}


def as_given(rule: Rule, questionnaire: Questionnaire) -> Column:
    """The value of a rule's answer, before it takes the type of a column."""
    return _KINDS[rule.kind](rule, questionnaire).value
