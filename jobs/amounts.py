"""What a number in a text is, and what makes it doubtful; jobs.transforms has the same for Spark.

Numbers that may not be what they look like are reported before they are used. Two things betray themselves
by the column as a whole: a mark of thousands that was read as a decimal mark, and a code for no answer
(999999999) that was read as an amount.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from jobs.codes import BLANKS

BLANK = "[ \u00a0\u2000-\u200a\u202f\u205f]"  # within a number
GAPS = {".": "[.]", ",": "[,]", "'": "['\u2019]", " ": BLANK}  # marks between thousands, as patterns
FEWEST = 5  # cells with a mark, below which three digits behind it may be chance
# A decimal of Spark as text: 999 and more, with or without a fraction of nines.
NINES = r"^9{3,}([.](0+|9+0*))?$"
LARGEST = 1e29  # below it a decimal of Spark holds the whole part of a number
PLACES = Decimal("1e-9")  # its decimals

# What a column looks like, by the doubt.
WORDS = {
    "thousands": "every number with a mark has exactly three digits behind it, as thousands have",
    "nines": "the largest number is written in nines only, as codes for no answer are",
}


def in_threes(gap: str, mark: str) -> str:
    """The pattern of a number whose digits are grouped in threes by the pattern `gap`."""
    return rf"^[+-]?[1-9][0-9]{{0,2}}(?:{gap}[0-9]{{3}})+(?:[{mark}][0-9]*)?$"


def like_thousands(marks: str) -> str:
    """The pattern of a number that may be one with thousands: three digits behind each mark."""
    return rf"^[+-]?[1-9][0-9]{{0,2}}([{marks}][0-9]{{3}})+$"


def surely_long(marks: str) -> str:
    """The pattern of what speaks against thousands: a mark, or more than three digits together."""
    return rf"[{marks}]|[0-9]{{4}}"


def with_point(text: str, mark: str, thousands: str | None = None) -> str | None:
    """A number's text with a point for the decimal `mark` and no marks of thousands.

    None where digits are grouped otherwise than in threes, or where a point stands beside a decimal comma; a
    text that is no number comes out as it is.
    """
    plain = text.strip(BLANKS)
    if thousands and thousands != mark:
        gap = GAPS[thousands]
        if re.search(in_threes(gap, mark), plain):
            plain = re.sub(gap, "", plain)
        elif re.search(gap, plain):
            return None
    if mark == ",":  # a point is no part of such a number, unless it was the mark of thousands
        return None if "." in plain else plain.replace(",", ".")
    return plain


def doubts(texts: Sequence[str], amounts: Sequence[float], marks: str) -> set[str]:
    """What is odd about a column of numbers: keys of WORDS, see transforms.doubts.

    `amounts` are its answers, `texts` how they are written, none where that tells nothing.
    """
    odd = {"thousands": _thousands(texts, marks), "nines": _nines(amounts)}
    return {doubt for doubt, holds in odd.items() if holds}


def _thousands(texts: Sequence[str], marks: str) -> bool:
    like, against = re.compile(like_thousands(marks)), re.compile(surely_long(marks))
    grouped = []
    for text in texts:
        if like.search(text):
            grouped.append(text)
        elif against.search(text):
            return False
    return len(grouped) >= FEWEST and len(set(grouped)) > 1


def _nines(amounts: Sequence[float]) -> bool:
    if not len(amounts) or max(amounts) < 999:
        return False
    known = [amount for amount in amounts if abs(amount) < LARGEST]
    nines = [amount for amount in known if _in_nines(amount)]
    others = [amount for amount in known if not _in_nines(amount)]
    if not nines:
        return False
    return stands_apart(max(nines), max(others, default=None), len(nines) > 1)


def stands_apart(top: float | None, rest: float | None, twice: bool) -> bool:
    """Whether the largest number in nines is far from all others, or stands there `twice` and apart.

    `top` is that number, `rest` the largest of the others; None where there is none.
    """
    if top is None or rest is None:
        return twice
    return top >= 10 * rest or (twice and top > rest and (top >= 2 * rest or top >= 999_999))


@lru_cache
def _in_nines(amount: float) -> bool:
    if amount < 999:
        return False
    exact = Decimal(repr(amount)).quantize(PLACES, rounding=ROUND_HALF_UP)
    return re.search(NINES, f"{exact:f}") is not None
