"""Numbers that may not be what they look like: they are reported before they are used. Pure functions.

Two things betray themselves by the column as a whole: a mark of thousands that was read as a decimal mark,
and a code for no answer (999999999) that was read as an amount.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

FEWEST = 5  # cells with a mark, below which three digits behind it may be chance
NINES = (
    r"^9{3,}([.](0+|9+0*))?$"  # a decimal of Spark as text: 999 and more, with or without a fraction of nines
)

# What a column looks like, by the doubt.
WORDS = {
    "thousands": "every number with a mark has exactly three digits behind it, as thousands have",
    "nines": "the largest number is written in nines only, as codes for no answer are",
}


def evidence(text: Column, value: Column, decimal: str) -> Column:
    """What one cell has to say for or against each doubt, for `doubts` to sum up.

    `text` is the cell without blanks around it, `value` the number in it, both null where it stands for no
    answer, and `decimal` the mark or marks as for transforms.cells.number.
    """
    marks = f"[{decimal}]"
    return F.struct(
        F.when(text.rlike(rf"^[+-]?[1-9][0-9]{{0,2}}({marks}[0-9]{{3}})+$"), text).alias("grouped"),
        (value.isNotNull() & text.rlike(rf"{marks}|[0-9]{{4}}")).alias("long"),
        ((value >= 999) & value.cast("string").rlike(NINES)).alias("nines"),
        value.cast("double").alias("amount"),
    )


def doubts(column: Column) -> Column:
    """What is odd about a column of numbers: an aggregate of its evidence, a struct of the booleans of WORDS.

    `thousands`: at least five cells have the mark, all of these have exactly three digits behind it after one
    to three that do not begin with 0, they are not all alike, and no number has more than three digits
    without a mark.

    `nines`: the largest number is written in nines only, 999 or more, and stands apart: it is ten times the
    next one and more, or it stands there twice and is twice the next one, or has six digits and more.
    """
    grouped, amount = column["grouped"], column["amount"]
    thousands = (
        (F.count_if(grouped.isNotNull()) >= FEWEST)
        & (F.min(grouped) != F.max(grouped))
        & (F.count_if(column["long"] & grouped.isNull()) == 0)
    )
    top, rest = F.max(F.when(column["nines"], amount)), F.max(F.when(~column["nines"], amount))
    twice = F.count_if(column["nines"]) >= 2
    apart = (top >= 10 * rest) | (twice & (top > rest) & ((top >= 2 * rest) | (top >= 999_999)))
    nines = F.when(rest.isNull(), twice).otherwise(apart)
    return F.struct(
        F.coalesce(thousands, F.lit(False)).alias("thousands"),
        F.coalesce(nines, F.lit(False)).alias("nines"),
    )
