"""Small tables within an expression: from a code to its number, from a number to its name."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F


def looked_up(key: Column | str, values: Mapping[str, str | float] | Mapping[int, str]) -> Column:
    """The value that stands for `key` (a column, or its name) in `values`; null where there is none."""
    if not values:
        return F.lit(None)
    key = F.col(key) if isinstance(key, str) else key
    return F.create_map(*[F.lit(part) for pair in values.items() for part in pair])[key]
