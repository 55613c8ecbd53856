"""A questionnaire's answers into the canonical survey, by a wave map."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.codes import BLANKS
from jobs.settings import schemas
from jobs.settings.classifications import Classification
from jobs.settings.wave_maps import Rule, WaveMap
from jobs.transforms.cells import EXACT, answered, declared, looked_up, number, trimmed, written_out
from jobs.transforms.doubts import doubts, evidence
from jobs.transforms.flows import Codes
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


class _Once:
    """Columns that a frame gets before others use them, so that Spark computes each of them once a row."""

    def __init__(self, name: str):
        self.name, self.columns = name, list[Column]()

    def __call__(self, column: Column) -> Column:
        # A column of the file may have any name, so the columns made from it are numbered.
        name = f"{self.name} {len(self.columns)}"
        self.columns.append(column.alias(name))
        return F.col(name)


def harmonise(
    answers: DataFrame,
    wave_map: WaveMap,
    codes: Sequence[Codes],
    decimal: str = ".",
    thousands: str | None = None,
) -> DataFrame:
    """Answers (schema `answers`) as the canonical survey, with the column `faults`.

    `faults` is an array of (rule, reason): an undeclared code, or a cell that is no number the column holds,
    where the map says that the row is set aside for it. The reason names the column, never its value.
    `codes`: the regions and sectors of the slices that the answers are of (see transforms.flows).
    `decimal` and `thousands` are those of transforms.cells.number.
    """
    canonical = schemas.table("harmonised")
    types = {column.name: column.type for column in canonical.columns}
    cell, part = _Once("cell"), _Once("part")
    questionnaire = Questionnaire(
        F.col("cells"),
        cache(lambda source: cell(F.col("cells").getItem(source))),
        decimal,
        thousands,
        {
            "regions": [(condition, regions) for condition, regions, _ in codes],
            "sectors": [(condition, sectors) for condition, _, sectors in codes],
        },
        part,
    )
    results = {name: _answer(rule, questionnaire, types[name]) for name, rule in wave_map.rules.items()}
    frame = answers.withColumn("cells", answered(F.col("answers")))
    frame = frame.select("*", *cell.columns).select("*", *part.columns)
    for names in wave_map.levels:
        frame = frame.withColumns({name: results[name].value for name in names})
    industrial = [
        (condition, F.col("sector").isin(list(sectors.industrial))) for condition, _, sectors in codes
    ]
    frame = frame.withColumn("industrial", F.coalesce(by_slice(industrial), F.lit(False)))
    faults = [
        F.when(answer.fault.isNotNull(), _broken(f"{wave_map.rules[name].kind}:{name}", answer.fault))
        for name, answer in results.items()
        if answer.fault is not None and wave_map.rules[name].on_unknown == "quarantine"
    ]
    return frame.select(
        *[F.col(column.name).cast(column.type).alias(column.name) for column in canonical.columns],
        F.filter(F.array(*faults), lambda entry: entry.isNotNull()).alias("faults"),
        "answers",
    )


def contradictions(
    answers: DataFrame, wave_map: WaveMap, decimal: str = ".", thousands: str | None = None
) -> list[tuple[str, Column]]:
    """For each declared pair of questions its words and the condition under which their answers differ.

    The condition is over a frame with the columns of the harmonised survey and `answers`.
    """
    cells = answered(F.col("answers"))
    questionnaire = Questionnaire(cells, cells.getItem, decimal, thousands)
    differing = []
    for check in wave_map.contradictions:
        first, second = F.col(check.column), _KINDS[check.against.kind](check.against, questionnaire).value
        differing.append((check.words, F.coalesce(first != second, F.lit(False))))
    return differing


def doubtful(
    answers: DataFrame, wave_map: WaveMap, decimal: str = ".", thousands: str | None = None
) -> tuple[DataFrame, list[tuple[str, str, Column]]]:
    """What is odd about the columns of numbers (see transforms.doubts); rules with `as_written` are left out.

    Gives a frame with the columns of `answers` and some more, and for each column of a number the rule, the
    column and an aggregate over that frame.
    """
    cell, part, judged = _Once("cell"), _Once("part"), _Once("evidence")
    questionnaire = Questionnaire(
        F.col("answers"),
        cache(lambda source: cell(trimmed(F.col("answers").getItem(source)))),
        decimal,
        thousands,
        once=part,
    )
    doubted = []
    for name, rule in wave_map.rules.items():
        if rule.kind == "number" and not rule.as_written:
            for source in rule.sources:
                number_cell = _number_cell(rule, questionnaire, source)
                odd = doubts(judged(evidence(number_cell.text, number_cell.value, decimal)))
                doubted.append((name, source, odd))
    frame = answers
    for columns in (cell.columns, part.columns, judged.columns):
        frame = frame.select("*", *columns)
    return frame, doubted


def _number_cell(rule: Rule, questionnaire: Questionnaire, source: str) -> NumberCell:
    """A cell of a `number` rule."""
    text = questionnaire.cell(source)
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


def _answer(rule: Rule, questionnaire: Questionnaire, type_: str) -> Answer:
    """A rule's answer in the type of its canonical column, null for those the question was not asked."""
    answer = _KINDS[rule.kind](rule, questionnaire)
    if rule.kind == "number":
        answer = _in_type(rule, answer, type_)
    value = answer.value.try_cast(type_)
    return Answer(F.when(F.col(rule.asked_of), value) if rule.asked_of else value, answer.fault)


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
    cell = questionnaire.cell(rule.sources[0])
    text = written_out(cell)
    if not rule.missing:
        return Answer(text)
    missing = cell.isin(list(rule.missing)) | text.isin(list(rule.missing))
    return Answer(F.when(~missing, text))


def _number(rule: Rule, questionnaire: Questionnaire) -> Answer:
    cells = {source: _number_cell(rule, questionnaire, source) for source in rule.sources}
    faults = []
    for source, cell in cells.items():
        unreadable = cell.text.isNotNull() & cell.value.isNull()
        faults.append(F.when(unreadable, F.lit(f"{source} is no number")))
        if len(cells) > 1:
            faults.append(F.when(cell.value < 0, F.lit(f"{source} is negative")))
    fault = F.coalesce(*faults)
    parts = [F.coalesce(cell.value, F.lit(0).cast(EXACT)) for cell in cells.values()]
    total = reduce(lambda a, b: a + b, parts)
    scaled = total if rule.factor == 1.0 else total.cast("double") * F.lit(rule.factor)
    known = _any(cell.value.isNotNull() for cell in cells.values()) & fault.isNull()
    # A sum is unknown where one of its parts has no answer.
    for cell in cells.values():
        known = known if cell.missing is None else known & ~cell.missing
    return Answer(F.when(known, scaled), fault)


def _yes_no(rule: Rule, questionnaire: Questionnaire) -> Answer:
    codes, fault = _codes(rule, questionnaire, {"yes": rule.yes, "no": rule.no})
    yes = F.exists(codes, lambda code: code.isin(list(rule.yes)))
    no = F.exists(codes, lambda code: code.isin(list(rule.no)))
    return Answer(F.when(yes, F.lit(True)).when(no, F.lit(False)), fault)


def _ticked(rule: Rule, questionnaire: Questionnaire) -> Answer:
    codes, fault = _codes(rule, questionnaire, {"yes": rule.yes, "no": rule.no})
    yes = F.exists(codes, lambda code: code.isin(list(rule.yes)))
    # A blank box is not ticked. A box with a missing or an unknown code may be ticked or not.
    undecided = F.exists(codes, lambda code: code.isNull() | ~code.isin(list(rule.no)))
    return Answer(F.when(yes, F.lit(True)).when(~undecided, F.lit(False)), fault)


def _scale(rule: Rule, questionnaire: Questionnaire) -> Answer:
    source = rule.sources[0]
    cell = questionnaire.cell(source)
    meanings = {entry: place for place, entry in enumerate(rule.order)} | dict.fromkeys(rule.missing, -1)
    code = questionnaire.once(declared(cell, meanings))
    unknown = cell.isNotNull() & code.isNull()
    value = looked_up(code, {entry: float(place) for place, entry in enumerate(rule.order)})
    return Answer(value, F.when(unknown, F.lit(f"{source} {UNDECLARED}")))


def _code(rule: Rule, questionnaire: Questionnaire) -> Answer:
    source = rule.sources[0]
    cell = questionnaire.cell(source)
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


def _either(rule: Rule, questionnaire: Questionnaire) -> Answer:
    columns = [F.col(name) for name in rule.either or ()]
    yes = _any(F.coalesce(column, F.lit(False)) for column in columns)
    known = _any(column.isNotNull() for column in columns)
    return Answer(F.when(yes, F.lit(True)).when(known, F.lit(False)))


def _absent(rule: Rule, questionnaire: Questionnaire) -> Answer:
    return Answer(F.lit(None))


def _codes(
    rule: Rule, questionnaire: Questionnaire, answers: dict[str, tuple[str, ...]]
) -> tuple[Column, Column]:
    """The declared codes of a rule's answered cells, null for an unknown one, and the fault of the row.

    `answers` holds the codes by what they mean. The fault names the first column with an unknown code.
    """
    meanings = {entry: meaning for meaning, entries in answers.items() for entry in entries}
    meanings.update(dict.fromkeys(rule.missing, "missing"))
    if len(rule.sources) == 1:
        source = rule.sources[0]
        cells = F.create_map(F.lit(source), questionnaire.cell(source))
        cells = F.map_filter(cells, lambda _, text: text.isNotNull())
    else:  # most boxes are blank, and blank cells are not in the map
        cells = F.map_filter(questionnaire.cells, lambda source, _: source.isin(list(rule.sources)))
    codes = questionnaire.once(F.transform_values(cells, lambda _, text: declared(text, meanings)))
    unknown = F.map_keys(F.map_filter(codes, lambda _, code: code.isNull()))
    return F.map_values(codes), F.concat(F.get(unknown, F.lit(0)), F.lit(f" {UNDECLARED}"))


def _broken(rule: str, reason: Column) -> Column:
    return F.struct(F.lit(rule).alias("rule"), reason.alias("reason"))


def _any(conditions: Iterable[Column]) -> Column:
    return reduce(lambda a, b: a | b, conditions)


_KINDS: dict[str, Callable[[Rule, Questionnaire], Answer]] = {
    "text": _text,
    "number": _number,
    "yes_no": _yes_no,
    "ticked": _ticked,
    "scale": _scale,
    "code": _code,
    "either": _either,
    "absent": _absent,
}
