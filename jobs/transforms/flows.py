"""Cells of text into deliveries between numbered sectors of numbered regions."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.classifications import REST, Classification
from jobs.transforms.harmonise import number

LABELS = ("origin_region", "origin_sector", "destination_region", "destination_sector")
VALUE = "decimal(24,9)"  # as schemas/flows.yaml
SMALLEST = "0.0000000005"  # what is nearer to 0 is stored as 0
SHORTEST_TINY = 11  # characters of the shortest such value without an exponent, .0000000001
LEFT_OUT = -1  # in the place of a number: a label of the drop list
NOBODY = 0  # number of a buying sector that is final demand or not known

BLANKS = r"\s\p{Z}\x{FEFF}"  # blanks of every kind, no-break ones among them
# How programs write a whole number: with a fraction of zeros, or with an exponent after a mark or a plus.
WHOLE = r"[+-]?[0-9]+([.,]0*)?"
EXPONENT = r"[+-]?[0-9]+([.,][0-9]*[eE][+]?|[eE][+])[0-9]{1,2}"
DIGITS = 28  # more than these a disguised number is not read
NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"

FEWEST_GROUPED = 5  # values with a mark from which their look says something
FAR = 10  # times the next value: so far off, a largest value of nines only is no measurement


@dataclass(frozen=True)
class Notation:
    """How a table is written: labels with a meaning of their own, and the marks within numbers.

    Labels of `drop` are left out, `final` are final demand, `rest` is the rest of the country. `thousands`
    is the mark between groups of three digits, a blank standing for every kind of blank.
    """

    drop: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    rest: str = "REST"
    decimal: str = "."
    thousands: str | None = None


def numbered(
    cells: DataFrame,
    regions: Classification,
    sectors: Classification,
    notation: Notation,
    keep: tuple[str, ...] = (),
) -> DataFrame:
    """Cells (see readers.flows) with numbers for labels, the parsed value, `written`, `dropped` and `faults`.

    `dropped`: the cell carries a label that is left out, or an extra-regio region. `faults`: a label that
    is in no classification, or a value that is no number, negative or too large; the reason names the
    label, which is public, never the value. Final demand, and deliveries to the rest of the country whose
    buyer is not known (null), get the sector number 0. `written` is the value's text. Columns `keep` are
    carried along.

    A label counts as it stands, or without the blanks around it, or, where only one label of its kind can
    be meant, as the whole number that it writes (`1` or `1.0` for `01`).
    """
    frame = cells.withColumns(_labels(regions, sectors, notation))
    frame = frame.withColumn("exact", _exact(F.col("value"), notation))
    unknown_buyer = _stripped(F.coalesce("destination_sector", F.lit(""))) == ""
    unknown_buyer = unknown_buyer & (F.col("destination_region_number") == REST)
    buyer = F.coalesce("destination_sector_number", F.when(unknown_buyer, NOBODY))
    frame = frame.withColumn("destination_sector_number", buyer)
    readable = F.col("_corrupt").isNull()
    dropped = readable & reduce(
        or_, [F.coalesce(F.col(f"{label}_number") == LEFT_OUT, F.lit(False)) for label in LABELS]
    )
    faults = [
        F.when(~readable, _fault("fields", F.lit("the row has too few or too many fields"))),
        *[F.when(readable & F.col(f"{label}_number").isNull(), _undeclared(label)) for label in LABELS],
        *[
            F.when(readable & condition, _fault(rule, F.lit(f"the value is {words}")))
            for rule, condition, words in _value_faults(notation)
        ],
    ]
    frame = frame.withColumn("dropped", dropped)
    frame = frame.withColumn("faults", F.filter(F.array(*faults), lambda entry: entry.isNotNull()))
    none = F.array().cast(frame.schema["faults"].dataType)
    return frame.select(
        "part",
        "row_number",
        *keep,
        *[F.col(f"{label}_number").cast("smallint").alias(label) for label in LABELS],
        F.col("exact").try_cast(VALUE).alias("value"),
        F.col("value").alias("written"),
        "dropped",
        F.when(F.col("dropped"), none).otherwise(F.col("faults")).alias("faults"),
        F.to_json(
            F.struct(*[column for column in cells.columns if column not in ("part", "row_number")])
        ).alias("record"),
    )


def doubts(accepted: DataFrame, notation: Notation) -> list[str]:
    """Notes on values of accepted cells (see `numbered`) that may mean something else than they say.

    Values so near to 0 that they are stored as 0; values that all look like groups of thousands; a largest
    value of nines only, far from the others, which may stand for a missing one.
    """
    value = F.col("value").cast("double")  # Spark has no fast aggregation for decimals of this size
    look = accepted.agg(
        F.count_if(vanishes()).alias("vanished"), F.max(F.when(is_nines(), value)).alias("nines")
    ).collect()[0]
    notes = []
    if look["vanished"]:
        notes.append(f"flows: {look['vanished']:,} values are below {SMALLEST} and count as 0")
    if not notation.thousands and _all_in_groups(accepted, notation):
        notes.append(
            "warning: flows: every value has exactly three digits behind the mark; if it is a mark of "
            "thousands, set flows.thousands"
        )
    if look["nines"] is not None:
        others = accepted.where(~is_nines()).agg(F.max(value).alias("largest")).collect()[0]["largest"]
        if others is not None and look["nines"] >= FAR * others:
            notes.append(
                "warning: flows: the largest value consists of nines only and is far above all others; if "
                "it stands for a missing value, mend the file"
            )
    return notes


def _all_in_groups(accepted: DataFrame, notation: Notation) -> bool:
    """Whether enough different values have a mark, and no value speaks against its being one of thousands.

    Most tables have a value that does among their first, so that the others need no look.
    """
    if not accepted.where(~F.coalesce(fits_groups(notation), F.lit(True))).isEmpty():
        return False
    grouped = accepted.where(fits_groups(notation)).select("written")
    return (
        grouped.limit(FEWEST_GROUPED).count() == FEWEST_GROUPED and grouped.distinct().limit(2).count() == 2
    )


def vanishes() -> Column:
    """Whether a value of `written` is not zero and is stored as 0."""
    written = F.col("written")
    long = (F.length(written) >= SHORTEST_TINY) | F.contains(F.lower(written), F.lit("e"))
    return long & (F.col("value") == 0) & written.rlike("^[^eE]*[1-9]")


def fits_groups(notation: Notation) -> Column:
    """Whether the decimal mark in `written` may be one of thousands; null for short values without it."""
    written = F.col("written")
    mark = F.instr(written, notation.decimal)
    groups = written.rlike(rf"^[1-9][0-9]{{0,2}}[{notation.decimal}][0-9]{{3}}$")
    return F.when(mark > 0, (F.length(written) - mark == 3) & groups).when(F.length(written) > 3, False)


def is_nines() -> Column:
    """Whether `written` is a whole number of nines only, three at least."""
    return F.startswith("written", F.lit("9")) & F.col("written").rlike(r"^9{3,}([.,]0*)?$")


def _labels(regions: Classification, sectors: Classification, notation: Notation) -> dict[str, Column]:
    """The number of each label of a cell, by `<label>_number`; null where it is undeclared."""
    left_out = dict.fromkeys((*notation.drop, *regions.extra_regio), LEFT_OUT)
    region = {**regions.numbers, notation.rest: REST, **left_out}
    seller = {**sectors.numbers, **left_out}
    buyer = {**sectors.numbers, **dict.fromkeys(notation.final, NOBODY), **left_out}
    meanings = dict(zip(LABELS, (region, seller, region, buyer), strict=True))
    return {f"{label}_number": _number(F.col(label), meanings[label]) for label in LABELS}


def _number(label: Column, meanings: dict[str, int]) -> Column:
    """What a label means: as it stands, else without blanks around it, else as the whole number it writes."""
    declared = {text.strip(): meaning for text, meaning in meanings.items()}
    times = Counter(_whole(text) for text in declared)
    disguised = {
        form: meaning for text, meaning in declared.items() if (form := _whole(text)) and times[form] == 1
    }
    exact, plain = _map(declared), _stripped(label)
    numbers = [exact[label], exact[plain]]
    return F.coalesce(*numbers, *([_map(disguised)[_whole_of(plain)]] if disguised else []))


def _map(entries: dict[str, int]) -> Column:
    return F.create_map(*[F.lit(part) for pair in entries.items() for part in pair])


def _stripped(text: Column) -> Column:
    return F.regexp_replace(text, f"^[{BLANKS}]+|[{BLANKS}]+$", "")


def _whole(text: str) -> str | None:
    """The whole number that a declared label writes, in digits; None where it is none."""
    if not re.fullmatch(f"{WHOLE}|{EXPONENT}", text):
        return None
    value = Decimal(text.replace(",", "."))
    return str(int(value)) if value == value.to_integral_value() and abs(value) < 10**DIGITS else None


def _whole_of(text: Column) -> Column:
    """`_whole` of a column of labels."""
    value = F.replace(text, F.lit(","), F.lit(".")).try_cast("decimal(38,9)")
    whole = (value == F.floor(value)) & (F.abs(value) < F.lit(Decimal(10**DIGITS)))
    return F.when(text.rlike(f"^({WHOLE}|{EXPONENT})$") & whole, value.cast("decimal(38,0)").cast("string"))


def _exact(text: Column, notation: Notation) -> Column:
    """The number that a text writes, with nine decimals; null where it is none or beyond 29 digits."""
    return F.coalesce(
        number(_ungrouped(text, notation), notation.decimal),
        number(_ungrouped(_stripped(text), notation), notation.decimal),
    )


def _ungrouped(text: Column, notation: Notation) -> Column:
    """A number's text without its marks of thousands; null where they do not part groups of three digits."""
    if not notation.thousands:
        return text
    mark = f"[{BLANKS}]" if notation.thousands == " " else f"[{notation.thousands}]"
    groups = rf"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+([{notation.decimal}][0-9]*)?$"
    without = F.when(text.rlike(groups), F.regexp_replace(text, mark, ""))
    return F.when(text.rlike(mark), without).otherwise(text)


def _value_faults(notation: Notation) -> list[tuple[str, Column, str]]:
    """Rule, condition and words of what can be wrong with a value, over the columns `value` and `exact`."""
    exact = F.col("exact")
    plain = _ungrouped(_stripped(F.col("value")), notation)
    plain = F.replace(plain, F.lit(notation.decimal), F.lit("."))
    finite = F.abs(plain.try_cast("double")) < F.lit(float("inf"))
    beyond = exact.isNull() & plain.rlike(f"^{NUMBER}$") & finite
    too_large = F.coalesce(beyond, F.lit(False)) | ((exact >= 0) & exact.try_cast(VALUE).isNull())
    too_large = F.coalesce(too_large, F.lit(False))
    return [
        ("value", exact.isNull() & ~too_large, "no number"),
        ("negative", exact < 0, "negative"),
        ("large", too_large, "too large"),
    ]


def _undeclared(label: str) -> Column:
    kind = label.split("_")[1]
    words = F.concat(
        F.lit(f"{label.replace('_', ' ')} '"),
        F.substring(F.coalesce(label, F.lit("")), 1, 80),
        F.lit(f"' is in neither the run's {kind}s nor its drop list"),
    )
    return _fault(label, words)


def _fault(rule: str, reason: Column) -> Column:
    return F.struct(F.lit(f"flows:{rule}").alias("rule"), reason.alias("reason"))
