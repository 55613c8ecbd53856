"""Numbers that may not be what they look like, in columns of Spark: see jobs.amounts. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.amounts import FEWEST, NINES, like_thousands, surely_long

TALLIES = ("grouped", "least", "greatest", "long", "nines", "top", "rest")


def evidence(text: Column, value: Column, decimal: str) -> Column:
    """What one cell has to say for or against each doubt, for `doubts` to sum up.

    `text` is the cell without blanks around it, `value` the number in it, both null where it stands for no
    answer, and `decimal` the mark or marks as for transforms.cells.number.
    """
    # What every match has in common is asked first: patterns take ten times as long.
    in_threes = F.substring(text, -4, 1).isin(list(decimal))
    with_mark = reduce(or_, [F.contains(text, F.lit(mark)) for mark in decimal])
    ends_in_nines = F.coalesce(value.try_cast("bigint") % 1000, F.lit(999)) == 999
    return F.struct(
        # A number for the text, since Spark sorts all rows to find the least of texts.
        F.when(in_threes & text.rlike(like_thousands(decimal)), F.xxhash64(text)).alias("grouped"),
        (value.isNotNull() & (with_mark | text.rlike(surely_long(decimal)))).alias("long"),
        ((value >= 999) & ends_in_nines & value.cast("string").rlike(NINES)).alias("nines"),
        value.cast("double").alias("amount"),
    )


def doubts(column: Column) -> Column:
    """What is odd about a column of numbers: an aggregate of its evidence, a struct of booleans.

    Their names are those of jobs.amounts.WORDS.

    `thousands`: at least five cells have the mark, all of these have exactly three digits behind it after one
    to three that do not begin with 0, they are not all alike, and no number has more than three digits
    without a mark.

    `nines`: the largest number is written in nines only, 999 or more, and stands apart: it is ten times the
    next one and more, or it stands there twice and is twice the next one, or has six digits and more.
    """
    return judged(tallies(column))


def tallies(column: Column) -> dict[str, Column]:
    """What evidence adds up to, as aggregates; `added` adds up rows of them."""
    grouped, amount, nines = column["grouped"], column["amount"], column["nines"]
    return {
        "grouped": F.count(grouped),
        "least": F.min(grouped),
        "greatest": F.max(grouped),
        "long": F.count_if(column["long"] & grouped.isNull()),
        "nines": F.count_if(nines),
        "top": F.max(F.when(nines, amount)),
        "rest": F.max(F.when(~nines, amount)),
    }


def added() -> dict[str, Column]:
    """Rows of `tallies` of parts of a column, as aggregates."""
    ways = {"least": F.min, "greatest": F.max, "top": F.max, "rest": F.max}
    return {name: ways.get(name, F.sum)(name) for name in TALLIES}


def judged(of: Mapping[str, Column]) -> Column:
    """What tallies of a column say, see `doubts`."""
    thousands = (of["grouped"] >= FEWEST) & (of["least"] != of["greatest"]) & (of["long"] == 0)
    top, rest = of["top"], of["rest"]
    twice = of["nines"] >= 2
    apart = (top >= 10 * rest) | (twice & (top > rest) & ((top >= 2 * rest) | (top >= 999_999)))
    nines = F.when(rest.isNull(), twice).otherwise(apart)
    return F.struct(
        F.coalesce(thousands, F.lit(False)).alias("thousands"),
        F.coalesce(nines, F.lit(False)).alias("nines"),
    )
