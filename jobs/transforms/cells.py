"""Cells of text as codes and numbers: how a table's texts are read. Pure functions of columns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs import codes
from jobs.amounts import GAPS, in_threes
from jobs.transforms.lookup import looked_up

EXACT = "decimal(38,9)"  # of a number; holds no NaN and no infinity
EXPONENT = "decimal(38,18)"  # of a code with an exponent, see jobs.codes


def bare(text: Column) -> Column:
    """A text without the blanks of every kind around it.

    Taking them off takes as long as reading the file, so that a text is looked at first: one of ASCII alone
    that begins and ends with no blank has none.
    """
    is_ascii = F.octet_length(text) == F.length(text)
    has_none = is_ascii & (F.substring(text, 1, 1) > " ") & (F.substring(text, -1, 1) > " ")
    return F.when(has_none, text).otherwise(F.btrim(text, F.lit(codes.BLANKS)))


def trimmed(text: Column) -> Column:
    """A text without the blanks of every kind around it; null where nothing is left."""
    plain = bare(text)
    return F.when(plain != "", plain)


def answered(cells: Column) -> Column:
    """A map of cells, each trimmed, without the blank ones."""
    bare = F.transform_values(cells, lambda _, text: F.btrim(text, F.lit(codes.BLANKS)))
    return F.map_filter(bare, lambda _, text: text != "")


def written_out(text: Column) -> Column:
    """As jobs.codes.written_out: `12.0`, `1.2E1` and `1e+05` as `12`, `12` and `100000`, others as they are.

    For identifiers, and for whole doubles that were cast to text.
    """
    return _without_exponent(text, F.regexp_replace(text, codes.WITH_ZEROS, "$1"))


def code(text: Column) -> Column:
    """As jobs.codes.canonical: the form in which codes are compared; `05`, `5.0` and `+5` are `5`."""
    plain = F.regexp_replace(_without_exponent(text, text), codes.WHOLE, "$1$2")
    return F.when(plain == "-0", F.lit("0")).otherwise(plain)


def declared(text: Column, meanings: Mapping[str, Hashable]) -> Column:
    """The declared code that a cell stands for; null where it stands for none.

    `meanings` holds the codes and what each means. The text itself is looked up first, then its canonical
    form, unless declared codes of different meaning share that form (`5` and `05`).
    """
    exact = F.when(text.isin(list(meanings)), text)
    sharing: dict[str, list[str]] = defaultdict(list)
    for entry in meanings:
        form = codes.canonical(entry)
        if re.match(codes.WHOLE, form):
            sharing[form].append(entry)
    clear = {
        form: entries[0]
        for form, entries in sharing.items()
        if len({meanings[entry] for entry in entries}) == 1
    }
    return exact.when(text.isNotNull(), looked_up(code(text), clear)) if clear else exact


def number(text: Column, decimal: str, thousands: str | None = None, kind: str = EXACT) -> Column:
    """A number of a decimal type, as the settings say numbers are written; null where it is none.

    NaN and infinity are none. `text` has no blanks around it (see `bare`).
    `decimal` is the mark, or both marks where either may stand (columns of a typed file); what the two read
    differently is no number then. `thousands` is the mark between groups of three digits, which need not be
    there; digits that are grouped otherwise are no number.
    """
    readings = [with_point(text, mark, thousands).try_cast(kind) for mark in decimal]
    if len(readings) == 1:
        return readings[0]
    by_point, by_comma = readings
    same = by_point.isNull() | by_comma.isNull() | (by_point == by_comma)
    return F.when(same, F.coalesce(by_point, by_comma))


def with_point(text: Column, mark: str, thousands: str | None = None) -> Column:
    """As jobs.amounts.with_point, of a text without blanks around it."""
    plain = text
    if thousands and thousands != mark:
        gap = GAPS[thousands]
        grouped = plain.rlike(in_threes(gap, mark))
        plain = F.when(grouped, F.regexp_replace(plain, gap, "")).when(~plain.rlike(gap), plain)
    if mark == ",":  # a point is no part of such a number, unless it was the mark of thousands
        plain = F.when(~F.contains(plain, F.lit(".")), F.replace(plain, F.lit(","), F.lit(".")))
    return plain


def _without_exponent(text: Column, otherwise: Column) -> Column:
    """The whole number that a text with an exponent is; `otherwise` where there is no exponent to undo."""
    exact = F.replace(text, F.lit(","), F.lit(".")).try_cast(EXPONENT)
    whole = F.when(exact == F.floor(exact), exact.cast("decimal(20,0)").cast("string"))
    return F.when(text.rlike(codes.WITH_EXPONENT), F.coalesce(whole, text)).otherwise(otherwise)
