"""Small tables within an expression: from a code to its number, from a number to its name; of one slice or
of several that have different ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F


def looked_up(key: Column | str, values: Mapping[str, str | float] | Mapping[int, str]) -> Column:
    """The value that stands for `key` (a column, or its name) in `values`; null where there is none."""
    if not values:
        return F.lit(None)
    key = F.col(key) if isinstance(key, str) else key
    return F.create_map(*[F.lit(part) for pair in values.items() for part in pair])[key]


def of_slices(slices: Iterable[tuple[str, str]]) -> Column:
    """The condition that a row with country and wave is of one of the slices."""
    waves: dict[str, list[str]] = {}
    for country, wave in slices:
        waves.setdefault(country, []).append(wave)
    conditions = [
        (F.col("country") == country) & F.col("wave").isin(of_country)
        for country, of_country in waves.items()
    ]
    return reduce(or_, conditions)


def by_slice(values: Sequence[tuple[Column | None, Column]]) -> Column:
    """The value whose condition (see `of_slices`) holds; a single one needs no condition."""
    if len(values) == 1:
        return values[0][1]
    (first, value), *others = values
    assert first is not None
    chosen = F.when(first, value)
    for condition, value in others:
        assert condition is not None
        chosen = chosen.when(condition, value)
    return chosen
