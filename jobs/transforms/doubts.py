"""Numbers that may not be what they look like, in columns of Spark: see jobs.amounts. Pure functions."""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import Column, Row
from pyspark.sql import functions as F

from jobs.amounts import FEWEST, NINES, like_thousands, stands_apart, surely_long

TALLIES = ("grouped", "least", "greatest", "long", "nines", "top", "rest")


def evidence(text: Column, value: Column, decimal: str) -> Column:
    """What one cell has to say for or against each doubt, for `tallied` to sum up.

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


def tallied(column: Column) -> Column:
    """A struct of the tallies of a column's evidence, for `doubts` once it is collected: an aggregate."""
    return F.struct(*[tally.alias(name) for name, tally in tallies(column).items()])


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


def added() -> Column:
    """As `tallied`, of rows of `tallies` of parts of a column."""
    ways = {"least": F.min, "greatest": F.max, "top": F.max, "rest": F.max}
    return F.struct(*[ways.get(name, F.sum)(name).alias(name) for name in TALLIES])


def doubts(of: Row) -> dict[str, bool]:
    """Whether a column of numbers is odd, by its tallies, for each of the doubts of jobs.amounts.WORDS.

    `thousands`: at least five cells have the mark, all of these have exactly three digits behind it after one
    to three that do not begin with 0, they are not all alike, and no number has more than three digits
    without a mark.

    `nines`: the largest number is written in nines only, 999 or more, and stands apart: it is ten times the
    next one and more, or it stands there twice and is twice the next one, or has six digits and more.
    """
    thousands = of["grouped"] >= FEWEST and of["least"] != of["greatest"] and of["long"] == 0
    return {"thousands": thousands, "nines": stands_apart(of["top"], of["rest"], of["nines"] >= 2)}
