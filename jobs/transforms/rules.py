"""Row rules as conditions, and the small views that table rules look at."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, Literal

from pydantic import ValidationError, model_validator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import resources
from jobs.classifications import REST
from jobs.errors import SettingsError
from jobs.frames import local
from jobs.settings import Section

BALANCE_RELATIVE = 1e-5
BALANCE_ABSOLUTE = 0.5  # million: sums of rounded cells differ that much at most
CHECKS = ("not_null", "between", "in_set", "first_of", "only_if")


class RowRule(Section):
    """A rule every row has to meet. Missing answers meet all but `not_null`."""

    id: str
    severity: Literal["error", "warning"]
    reason: str
    not_null: str | None = None
    between: str | None = None
    in_set: str | None = None
    first_of: tuple[str, ...] | None = None
    only_if: str | None = None
    min: float | None = None
    max: float | None = None
    values: tuple[float | str, ...] = ()
    holds: str | None = None

    @model_validator(mode="after")
    def _one_check(self) -> RowRule:
        if sum(getattr(self, check) is not None for check in CHECKS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(CHECKS)}")
        return self


class TableRule(Section):
    """A great-expectations expectation over a table or a view of it."""

    id: str
    view: str
    severity: Literal["error", "warning"]
    reason: str
    expectation: str
    kwargs: dict[str, Any]


class Suite(Section):
    """The rules of one table, from `expectations/<table>.yaml`."""

    table: str
    row_rules: tuple[RowRule, ...]
    table_rules: tuple[TableRule, ...]


def read(table: str) -> Suite:
    """The suite of a table. Raises SettingsError naming what is wrong in its file."""
    name = f"expectations/{table}.yaml"
    try:
        return Suite.model_validate(resources.read_yaml(name))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{name}: {where}: {first['msg'].lower()}; mend the file.") from None


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


def duplicates(flows: DataFrame) -> DataFrame:
    """Cells that stand there more than once: a row a cell with label and `failing` 1."""
    keys = ["origin_region", "origin_sector", "destination_region", "destination_sector"]
    return _or_none(
        flows.where("destination_sector > 0")
        .groupBy(*keys)
        .count()
        .where("count > 1")
        .select(F.concat_ws(" ", *keys).alias("label"), F.lit(1).alias("failing"))
    )


def coverage(flows: DataFrame, numbers: dict[str, int]) -> DataFrame:
    """A row a region of the classification: `failing` is 1 where no cell has it."""
    spark = flows.sparkSession
    wanted = local(spark, [(code, number) for code, number in numbers.items()], "label string, number int")
    present = (
        flows.select(F.col("origin_region").alias("number"))
        .union(flows.select("destination_region"))
        .distinct()
    )
    joined = wanted.join(present.withColumn("there", F.lit(1)), "number", "left")
    return joined.select("label", F.when(F.col("there").isNull(), 1).otherwise(0).alias("failing"))


def totals(flows: DataFrame, numbers: dict[str, int]) -> DataFrame:
    """A row a sector: `failing` is 1 where its deliveries or purchases are the sum of all other sectors'."""
    sides = []
    for side in ("origin_sector", "destination_sector"):
        sides.append(
            flows.where(F.col(side) > 0)
            .groupBy(F.col(side).alias("number"))
            .agg(F.sum("value").alias("total"))
        )
    frames = []
    for sums in sides:
        whole = sums.agg(F.sum("total").alias("whole"), F.count("*").alias("sectors"))
        both = sums.crossJoin(F.broadcast(whole))
        others = (F.col("whole") - F.col("total")).cast("double")
        same = (
            (others > 0)
            & (F.abs(F.col("total").cast("double") - others) <= 1e-6 * others)
            & (F.col("sectors") > 2)
        )
        frames.append(both.select("number", same.cast("int").alias("failing")))
    found = reduce(DataFrame.union, frames).groupBy("number").agg(F.max("failing").alias("failing"))
    return _named(found, numbers)


def balance(flows: DataFrame, numbers: dict[str, int]) -> DataFrame:
    """A row a delivering sector: `failing` is 1 where trade with the rest of the country does not balance.

    Over the whole country, what the regions deliver to the rest equals what they get from it. Tables
    that hold one side only, or no rest of the country, are not tested.
    """
    to_rest = F.when(F.col("destination_region") == REST, F.col("value"))
    from_rest = F.when(F.col("origin_region") == REST, F.col("value"))
    sums = flows.groupBy(F.col("origin_sector").alias("number")).agg(
        F.sum(to_rest).alias("out"), F.sum(from_rest).alias("in")
    )
    gap = F.abs(F.col("out") - F.col("in")).cast("double")
    larger = F.greatest("out", "in").cast("double")
    differs = (gap > BALANCE_RELATIVE * larger) & (gap > BALANCE_ABSOLUTE * BALANCE_RELATIVE)
    return _named(
        sums.select("number", F.coalesce(differs, F.lit(False)).cast("int").alias("failing")), numbers
    )


def regions_without_firms(survey: DataFrame, codes: list[str]) -> DataFrame:
    """A row a region: `missing` is 1 where no firm of the survey has it."""
    wanted = local(survey.sparkSession, [(code,) for code in codes], "label string")
    present = survey.select(F.col("region").alias("label")).distinct().withColumn("there", F.lit(1))
    joined = wanted.join(present, "label", "left")
    return joined.select("label", F.when(F.col("there").isNull(), 1).otherwise(0).alias("missing"))


def _named(frame: DataFrame, numbers: dict[str, int]) -> DataFrame:
    labels = F.create_map(*[F.lit(part) for code, number in numbers.items() for part in (number, code)])
    return frame.select(labels[F.col("number").cast("int")].alias("label"), "failing")


def _or_none(frame: DataFrame) -> DataFrame:
    """The frame and one row without failure, so that a sum over it is never null."""
    return frame.unionByName(local(frame.sparkSession, [("", 0)], "label string, failing int"))
