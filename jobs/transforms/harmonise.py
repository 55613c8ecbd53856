"""A questionnaire's answers into the canonical survey, by a wave map."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import schemas
from jobs.classifications import Classification
from jobs.wavemaps import Rule, WaveMap

EXACT = "decimal(38,9)"  # holds no NaN and no infinity


def harmonise(
    answers: DataFrame,
    wave_map: WaveMap,
    regions: Classification,
    sectors: Classification,
    decimal: str = ".",
) -> DataFrame:
    """Answers (schema `answers`) as the canonical survey, with the column `faults`.

    `faults` is an array of (rule, reason): an undeclared code, or a cell that is no number the column holds,
    where the map says that the row is set aside for it. The reason names the column, never its value.
    """
    labels = {"regions": regions, "sectors": sectors}
    canonical = schemas.table("harmonised")
    types = {column.name: column.type for column in canonical.columns}
    frame = answers
    faults: list[Column] = []
    # Columns that others lean on come first.
    ordered = sorted(
        wave_map.rules.items(), key=lambda entry: (entry[1].asked_of is not None, entry[1].kind == "either")
    )
    for name, rule in ordered:
        answered, fault = _KINDS[rule.kind](rule, labels, decimal)
        value = answered.try_cast(types[name])
        if fault is not None:  # a number that is too large for its column is none either
            fault = fault | (answered.isNotNull() & value.isNull())
        if rule.asked_of:
            value = F.when(F.col(rule.asked_of), value)
        frame = frame.withColumn(name, value)
        if fault is not None and rule.on_unknown == "quarantine":
            faults.append(F.when(fault, _fault(name, rule)))
    frame = frame.withColumn(
        "industrial", F.coalesce(F.col("sector").isin(list(sectors.industrial)), F.lit(False))
    )
    frame = frame.withColumn("faults", F.filter(F.array(*faults), lambda entry: entry.isNotNull()))
    return frame.select(
        *[F.col(column.name).cast(column.type).alias(column.name) for column in canonical.columns],
        "faults",
        "answers",
    )


def contradictions(answers: DataFrame, wave_map: WaveMap, decimal: str = ".") -> list[tuple[str, Column]]:
    """For each declared pair of questions its words and the condition under which their answers differ.

    The condition is over a frame with the columns of the harmonised survey and `answers`.
    """
    found = []
    for check in wave_map.contradictions:
        value, _ = _KINDS[check.against.kind](check.against, {}, decimal)
        found.append(
            (
                check.words,
                F.col(check.column).isNotNull() & value.isNotNull() & (F.col(check.column) != value),
            )
        )
    return found


def cell(column: str) -> Column:
    """The answer to a question; null where it was left blank."""
    return F.col("answers").getItem(column)


def number(text: Column, decimal: str) -> Column:
    """A number written with the declared decimal mark; null where it is none (NaN and infinity are none)."""
    plain = F.replace(text, F.lit(decimal), F.lit(".")) if decimal != "." else text
    # A text with both marks is a number with separators of thousands: not declared, so not guessed.
    other = F.contains(text, F.lit("." if decimal != "." else ","))
    return F.when(~other, plain.try_cast(EXACT))


def _fault(name: str, rule: Rule) -> Column:
    what = {"number": "is no number", "code": f"is no code of the {rule.of}"}.get(
        rule.kind, "has a code the map does not declare"
    )
    columns = ", ".join(rule.sources)
    return F.struct(F.lit(f"{rule.kind}:{name}").alias("rule"), F.lit(f"{columns} {what}").alias("reason"))


Labels = dict[str, Classification]
Made = tuple[Column, "Column | None"]  # the value, and whether the answer is unknown


def _text(rule: Rule, labels: Labels, decimal: str) -> Made:
    return cell(rule.sources[0]), None


def _number(rule: Rule, labels: Labels, decimal: str) -> Made:
    parsed = [number(cell(source), decimal) for source in rule.sources]
    unknown = _any(
        cell(source).isNotNull() & value.isNull() for source, value in zip(rule.sources, parsed, strict=True)
    )
    answered = _any(value.isNotNull() for value in parsed)
    total = reduce(lambda a, b: a + b, [F.coalesce(value, F.lit(0).cast(EXACT)) for value in parsed])
    scaled = total if rule.factor == 1.0 else total.cast("double") * F.lit(rule.factor)
    # A sum with an unreadable part is not known.
    return F.when(answered & ~unknown, scaled), unknown


def _yes_no(rule: Rule, labels: Labels, decimal: str) -> Made:
    cells = [cell(source) for source in rule.sources]
    yes = _any(F.coalesce(one.isin(list(rule.yes)), F.lit(False)) for one in cells)
    no = _any(F.coalesce(one.isin(list(rule.no)), F.lit(False)) for one in cells)
    unknown = _any(one.isNotNull() & ~one.isin([*rule.yes, *rule.no]) for one in cells)
    return F.when(yes, F.lit(True)).when(no, F.lit(False)), unknown


def _ticked(rule: Rule, labels: Labels, decimal: str) -> Made:
    return _any(cell(source).isNotNull() & ~cell(source).isin(list(rule.no)) for source in rule.sources), None


def _scale(rule: Rule, labels: Labels, decimal: str) -> Made:
    answer = cell(rule.sources[0])
    places = F.create_map(
        *[F.lit(part) for place, code in enumerate(rule.order) for part in (code, float(place))]
    )
    return places[answer], answer.isNotNull() & ~answer.isin(list(rule.order))


def _code(rule: Rule, labels: Labels, decimal: str) -> Made:
    answer = cell(rule.sources[0])
    classification = labels[rule.of or ""]
    codes = classification.by_division
    known = F.create_map(*[F.lit(part) for pair in codes.items() for part in pair])
    accepted = [*codes, *classification.extra_regio]
    return known[answer], answer.isNull() | ~answer.isin(accepted)


def _either(rule: Rule, labels: Labels, decimal: str) -> Made:
    columns = [F.col(name) for name in rule.either or ()]
    yes = _any(F.coalesce(column, F.lit(False)) for column in columns)
    return F.when(yes, F.lit(True)).when(_any(column.isNotNull() for column in columns), F.lit(False)), None


def _absent(rule: Rule, labels: Labels, decimal: str) -> Made:
    return F.lit(None), None


def _any(conditions) -> Column:
    return reduce(lambda a, b: a | b, conditions)


_KINDS: dict[str, Callable[[Rule, Labels, str], Made]] = {
    "text": _text,
    "number": _number,
    "yes_no": _yes_no,
    "ticked": _ticked,
    "scale": _scale,
    "code": _code,
    "either": _either,
    "absent": _absent,
}
