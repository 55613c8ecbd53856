"""The rules of a table as its file states them, and row rules as conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.checks.rules import RowRule
from jobs.settings.slices import Slice


def flagged(frame: DataFrame, rules: Iterable[RowRule]) -> DataFrame:
    """`frame` with one column `broken_<id>` (0 or 1) a rule: one pass, and one group-by for `first_of`."""
    place = F.struct("part", "row_number")  # row numbers begin anew in each part of a folder
    for rule in rules:
        if rule.first_of:
            first = frame.groupBy(*rule.first_of).agg(
                F.min(place).alias(f"first_{rule.id}"), F.count("*").alias("times")
            )
            frame = frame.join(
                F.broadcast(first.where("times > 1").drop("times")), list(rule.first_of), "left"
            )
            later = place > F.col(f"first_{rule.id}")
            frame = frame.withColumn(f"broken_{rule.id}", F.coalesce(later, F.lit(False)).cast("int")).drop(
                f"first_{rule.id}"
            )
        else:
            frame = frame.withColumn(f"broken_{rule.id}", F.coalesce(_broken(rule), F.lit(False)).cast("int"))
    return frame


def counts(flagged: DataFrame, rules: Sequence[RowRule]) -> dict[Slice, dict[str, int]]:
    """How many rows of each slice broke each rule; under `rows` all, under `aside` those with an error.

    `flagged` has the column `faults`, too. One pass.
    """
    sums = flagged.groupBy("country", "wave").agg(
        F.count("*").alias("rows"),
        F.count_if(F.size("faults") > 0).alias("aside"),
        *[F.sum(f"broken_{rule.id}").alias(f"broken_{rule.id}") for rule in rules],
    )
    return {
        Slice(row["country"], row["wave"]): {
            **{"rows": row["rows"], "aside": row["aside"]},
            **{rule.id: row[f"broken_{rule.id}"] for rule in rules},
        }
        for row in sums.collect()
    }


def _broken(rule: RowRule) -> Column:
    if rule.not_null:
        return F.col(rule.not_null).isNull()
    if rule.between:
        value = F.col(rule.between)
        low = value < rule.min if rule.min is not None else F.lit(False)
        high = value > rule.max if rule.max is not None else F.lit(False)
        return low | high | F.isnan(value.cast("double"))
    if rule.in_set:
        return ~F.col(rule.in_set).isin(list(rule.values))
    answered = F.col(str(rule.only_if)).isNotNull() & (F.col(str(rule.only_if)).cast("string") != "false")
    return answered & ~F.coalesce(F.col(str(rule.holds)), F.lit(False))


def faults(rules: Iterable[RowRule]) -> Column:
    """Array of (rule, reason) of the error rules a flagged row broke."""
    entries = [
        F.when(
            F.col(f"broken_{rule.id}") == 1,
            F.struct(F.lit(rule.id).alias("rule"), F.lit(rule.reason).alias("reason")),
        )
        for rule in rules
        if rule.severity == "error"
    ]
    return F.filter(F.array(*entries), lambda entry: entry.isNotNull())
