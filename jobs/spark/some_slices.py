"""The rows of some slices of a table: as a condition of Spark, Delta and Arrow.

A slice is given by the values of a table's slice columns, which are names without quotes in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_, or_

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.spark.frames import TableRows

Slices = Sequence[Mapping[str, str]]


def within(slices: Slices) -> Column:
    """The condition that a row is of one of the slices."""
    conditions = [
        reduce(and_, [*(F.col(column) == value for column, value in first), F.col(last).isin(values)])
        for first, last, values in _alike(slices)
    ]
    return reduce(or_, conditions) if conditions else F.lit(False)


def predicate(slices: Slices) -> str:
    """The same condition in Delta's language."""
    conditions = []
    for first, last, values in _alike(slices):
        listed = ", ".join(f"'{value}'" for value in values)
        equal = [f"{column} = '{value}'" for column, value in first]
        conditions.append("(" + " AND ".join([*equal, f"{last} IN ({listed})"]) + ")")
    return " OR ".join(conditions)


def expression(slices: Slices) -> pc.Expression:
    """The same condition for Arrow."""
    conditions = [
        reduce(and_, [*(pc.field(column) == value for column, value in first), pc.field(last).isin(values)])
        for first, last, values in _alike(slices)
    ]
    return reduce(or_, conditions) if conditions else pc.scalar(False)


def chosen(rows: TableRows, slices: Slices) -> TableRows:
    """The rows that are of one of the slices."""
    return rows.filter(expression(slices)) if isinstance(rows, pa.Table) else rows.where(within(slices))


def _alike(slices: Slices) -> list[tuple[tuple[tuple[str, str], ...], str, list[str]]]:
    """Slices that are alike but for their last column: the columns before it, it, and its values."""
    alike: dict[tuple[tuple[str, str], ...], tuple[str, list[str]]] = {}
    for slice in slices:
        *first, (last, value) = slice.items()
        alike.setdefault(tuple(first), (last, []))[1].append(value)
    return [(first, last, values) for first, (last, values) in alike.items()]
