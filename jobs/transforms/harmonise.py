"""A questionnaire's answers into the canonical survey, by a wave map."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.settings import schemas
from jobs.settings.wave_maps import WaveMap
from jobs.transforms.answers import Questionnaire, answer, as_given, code_text, number_cell
from jobs.transforms.cells import answered, trimmed
from jobs.transforms.doubts import evidence, tallied
from jobs.transforms.flows import Codes
from jobs.transforms.lookup import by_slice

NUTS = "^[A-Z]{2}[0-9A-Z]{0,3}$"


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
    results = {name: answer(rule, questionnaire, types[name]) for name, rule in wave_map.rules.items()}
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


def codes_in(answers: DataFrame, wave_map: WaveMap, column: str) -> DataFrame:
    """The codes of a column that look like regions of NUTS, as they are written: country, wave and `code`."""
    questionnaire = Questionnaire(F.col("answers"), lambda source: trimmed(F.col("answers").getItem(source)))
    code = code_text(wave_map.rules[column], questionnaire)
    return answers.select("country", "wave", code.alias("code")).where(F.col("code").rlike(NUTS)).distinct()


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
        first, second = F.col(check.column), as_given(check.against, questionnaire)
        differing.append((check.words, F.coalesce(first != second, F.lit(False))))
    return differing


def doubtful(
    answers: DataFrame, wave_map: WaveMap, decimal: str = ".", thousands: str | None = None
) -> tuple[DataFrame, list[tuple[str, str, Column]]]:
    """What is odd about the columns of numbers (see transforms.doubts); rules with `as_written` are left out.

    Gives a frame with the columns of `answers` and some more, and for each column of a number the rule, the
    column and its tallies, an aggregate over that frame.
    """
    cell, part, kept = _Once("cell"), _Once("part"), _Once("evidence")
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
                read = number_cell(rule, questionnaire, source)
                weighed = evidence(read.text, read.value, decimal)
                doubted.append((name, source, tallied(kept(weighed))))
    frame = answers
    for columns in (cell.columns, part.columns, kept.columns):
        frame = frame.select("*", *columns)
    return frame, doubted


def _broken(rule: str, reason: Column) -> Column:
    return F.struct(F.lit(rule).alias("rule"), reason.alias("reason"))
