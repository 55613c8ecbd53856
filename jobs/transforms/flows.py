"""Cells of text into deliveries between numbered sectors of numbered regions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.amounts import WORDS
from jobs.codes import BLANKS
from jobs.settings.classifications import FIRST_PART, REST, Classification, FileCodes
from jobs.settings.inputs import LABELS, FlowsInput
from jobs.transforms import cells as reading
from jobs.transforms.doubts import evidence, tallied
from jobs.transforms.lookup import by_slice, looked_up

VALUE = "decimal(24,9)"  # as schemas/flows.yaml
SMALLEST = "0.0000000005"  # what is nearer to 0 is stored as 0
LEFT_OUT = -1  # in the place of a number: a label of the drop list
NOBODY = 0  # number of a buying sector that is final demand or not known

PLACE = ("country", "wave", "part", "row_number")
# Regions and sectors of some slices, and the condition that a row is of these; None where all rows are.
Codes = tuple[Column | None, Classification, Classification]

TOTALS = "totals"  # in the drop list: all labels of sums, see `totals`
SUMS = ("total", "sum", "out", "all")
BLANK = "blank"  # among the texts for zero: an empty cell
LONGEST = 5  # characters of a code of NUTS, at level 3
COUNTRY = re.compile(r"[A-Z]{2}[0-9A-Z]{1,3}$")  # a region's code of NUTS, which begins with its country
LARGE = 1e20  # far beyond any delivery; decimals of Spark hold some more
NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class Notation:
    """How a table is written: labels with a meaning of their own, and the marks within numbers.

    Labels of `drop` are left out, `final` are final demand, `rest` is the rest of the country. `thousands`
    is the mark between groups of three digits, a blank standing for every kind of blank. Texts of `zero`
    stand for 0 (BLANK for an empty cell), and so do values below 0 down to minus `tolerance`.
    """

    drop: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    rest: str = "REST"
    decimal: str = "."
    thousands: str | None = None
    zero: tuple[str, ...] = ()
    tolerance: float = 0.0

    @classmethod
    def of(cls, settings: FlowsInput) -> Notation:
        """The notation of a table. A workbook's numbers have a point, whatever mark its texts have."""
        decimal = settings.decimal if settings.format == "csv" else "".join(sorted({".", settings.decimal}))
        return cls(
            settings.drop,
            settings.final,
            settings.rest,
            decimal,
            settings.thousands,
            settings.zero,
            settings.tolerance,
        )


def numbered(cells: DataFrame, codes: Sequence[Codes], notation: Notation) -> DataFrame:
    """Cells (see readers.flows) with numbers for labels, the parsed value, `dropped`, `faults` and `signs`.

    `dropped`: the cell carries a label that is left out, or an extra-regio region, or is of another year or
    kind than is asked for (`elsewhere`). `faults`: a label that
    is in no classification, or a value that is no number, negative or too large; the reason names the
    label, which is public, never the value. `record` is the whole cell where it is faulty. Final demand, and
    deliveries to the rest of the country whose buyer is not known (null), get the sector number 0. `signs`
    is for `odd_values`. `codes`: the regions and sectors of the slices that the cells are of.

    A label that stands for other codes has the number of a part (see settings.classifications.FileCodes).
    For cells with such a label `finer` tells their labels apart, and `pattern` which labels are parts, and
    of what length; both are null for all others (see transforms.conversion).

    A label counts as it stands, or without the blanks around it, or, where only one label of its kind can
    be meant, as the whole number that it writes (`1` or `1.0` for `01`).
    """
    frame = cells.withColumns(_labels(codes, notation)).withColumn("destination_sector_number", buyer())
    exact = reading.number(_value(notation), notation.decimal, notation.thousands)
    rounded = (exact < 0) & (exact >= F.lit(-notation.tolerance).cast(reading.EXACT))
    frame = frame.withColumn("exact", F.when(rounded, F.lit(0).cast(reading.EXACT)).otherwise(exact))
    readable = F.col("_corrupt").isNull()
    faults = [
        F.when(~readable, _fault("fields", F.lit("the row has too few or too many fields"))),
        *[F.when(readable & F.col(f"{label}_number").isNull(), _undeclared(label)) for label in LABELS],
        *[
            F.when(readable & condition, _fault(rule, F.lit(f"the value is {words}")))
            for rule, condition, words in _value_faults(notation)
        ],
    ]
    frame = frame.withColumn("dropped", left_out())
    frame = frame.withColumn("faults", F.filter(F.array(*faults), lambda entry: entry.isNotNull()))
    none = F.array().cast(frame.schema["faults"].dataType)
    frame = frame.withColumn("faults", F.when(F.col("dropped"), none).otherwise(F.col("faults")))
    is_sound = ~F.col("dropped") & (F.size("faults") == 0)
    finer, pattern = finer_labels({label: reading.trimmed(F.col(label)) for label in LABELS})
    written = reading.trimmed(F.col("value"))
    value = F.col("exact").try_cast(VALUE)
    record = F.to_json(F.struct(*[column for column in cells.columns if column not in (*PLACE, "elsewhere")]))
    return frame.select(
        *PLACE,
        *[F.col(f"{label}_number").cast("smallint").alias(label) for label in LABELS],
        value.alias("value"),
        "dropped",
        "faults",
        F.when(is_sound, finer).alias("finer"),
        F.when(is_sound, pattern).alias("pattern"),
        F.when(is_sound, signs(written, value, notation.decimal)).alias("signs"),
        F.when(F.size("faults") > 0, record).alias("record"),  # costly, and of no use for sound cells
    )


def buyer() -> Column:
    """The number of a cell's buying sector: NOBODY where the rest of the country buys and names none."""
    unnamed = reading.trimmed(F.col("destination_sector")).isNull()
    unknown = unnamed & (F.col("destination_region_number") == REST)
    return F.coalesce("destination_sector_number", F.when(unknown, F.lit(NOBODY).cast("smallint")))


def left_out() -> Column:
    """Whether a cell with numbers for labels is `dropped` (see `numbered`)."""
    labels = [F.coalesce(F.col(f"{label}_number") == LEFT_OUT, F.lit(False)) for label in LABELS]
    return F.col("_corrupt").isNull() & reduce(or_, [F.coalesce("elsewhere", F.lit(False)), *labels])


def finer_labels(texts: Mapping[str, Column]) -> tuple[Column, Column]:
    """`finer` and `pattern` of a cell with numbers for labels; `texts` are its labels without blanks."""
    is_part = {label: F.coalesce(F.col(f"{label}_number") <= FIRST_PART, F.lit(False)) for label in LABELS}
    is_finer = reduce(or_, is_part.values())
    ways = [
        F.when(part, F.length(texts[label]) if label.endswith("region") else F.lit(1)).otherwise(0)
        for label, part in is_part.items()
    ]
    return F.when(is_finer, F.xxhash64(*LABELS)), F.when(is_finer, F.concat_ws(" ", *ways))


def signs(written: Column, value: Column, decimal: str) -> Column:
    """What a value and its text (without blanks around it) tell for `odd_values` to sum up."""
    vanished = (value == 0) & written.rlike("^[^eE]*[1-9]")
    return F.struct(vanished.alias("vanished"), evidence(written, value, decimal).alias("evidence"))


def odd_values() -> list[Column]:
    """What cells add up to by their `signs`: `vanished`, and `tallies` for transforms.doubts."""
    return [
        F.count_if("signs.vanished").alias("vanished"),
        tallied(F.col("signs.evidence")).alias("tallies"),
    ]


def notes_on_values(vanished: int, doubts: Mapping[str, bool], notation: Notation) -> list[str]:
    """Notes on values that may mean something else than they say.

    Values so near to 0 that they are stored as 0, and what transforms.doubts finds odd. They are told and
    do not stop the run, as in the survey: a factor common to all cells is in no ratio of deliveries.
    """
    notes = []
    if vanished:
        notes.append(f"flows: {vanished:,} values are below {SMALLEST} and count as 0")
    if doubts["thousands"] and not notation.thousands:
        notes.append(
            f"warning: flows: {WORDS['thousands']}; if it is a mark of thousands, set flows.thousands"
        )
    if doubts["nines"]:
        notes.append(f"warning: flows: {WORDS['nines']}; if it stands for a missing value, mend the file")
    return notes


def meanings(
    regions: Classification, sectors: Classification, notation: Notation
) -> dict[str, dict[str, int]]:
    """By label of a cell (see LABELS) the number that each text stands for."""
    left_out = dict.fromkeys((*notation.drop, *regions.extra_regio), LEFT_OUT)
    if TOTALS in notation.drop:
        known = {*regions.in_file.numbers, *sectors.in_file.numbers, notation.rest, *notation.final}
        sums = totals(tuple(regions.in_file.numbers), regions.in_file.length)
        left_out |= {label: LEFT_OUT for label in sums if label not in known}
    region = {**regions.in_file.numbers, notation.rest: REST, **left_out}
    seller = {**sectors.in_file.numbers, **left_out}
    buyer = {**sectors.in_file.numbers, **dict.fromkeys(notation.final, NOBODY), **left_out}
    return {
        label: {text.strip(BLANKS): number for text, number in of_label.items()}
        for label, of_label in zip(LABELS, (region, seller, region, buyer), strict=True)
    }


def _labels(codes: Sequence[Codes], notation: Notation) -> dict[str, Column]:
    """The number of each label of a cell, by `<label>_number`; null where it is undeclared."""
    numbers: dict[str, list[tuple[Column | None, Column]]] = {label: [] for label in LABELS}
    for condition, regions, sectors in codes:
        for label, texts in meanings(regions, sectors, notation).items():
            codes_of_file = regions.in_file if label.endswith("region") else None
            numbers[label].append((condition, _number(F.col(label), texts, codes_of_file)))
    return {f"{label}_number": by_slice(values) for label, values in numbers.items()}


def totals(regions: Sequence[str], length: int | None = None) -> list[str]:
    """Labels of what is more than one region or sector, for regions of these codes.

    Of codes that are cut to a `length`, only what is shorter is more than one region.

    Sums by their usual names, the country, the regions above those of the run, and extra-regio (HU, HU1 and
    HUZZ for HU11).
    """
    of_words = [form for word in SUMS for form in (word.upper(), word.capitalize(), word)]
    countries = {code[:2] for code in regions if COUNTRY.match(code)}
    whole = {code[:length] for code in regions if COUNTRY.match(code)}
    above = {code[:shorter] for code in whole for shorter in range(2, len(code))}
    extra = {country + "Z" * length for country in countries for length in (1, 2, 3)}
    return list(dict.fromkeys([*of_words, *sorted(above | extra)]))


def _value(notation: Notation) -> Column:
    """The value's text, trimmed (see transforms.cells); a zero where it stands for one."""
    text = reading.trimmed(F.col("value"))
    blank = F.lit(BLANK in notation.zero) & F.col("_corrupt").isNull()
    named = text.isin([entry for entry in notation.zero if entry != BLANK])
    return F.when(F.when(text.isNull(), blank).otherwise(named), F.lit("0")).otherwise(text)


def _number(label: Column, plain: Mapping[str, int], of_file: FileCodes | None) -> Column:
    """What a label means, by the one rule for codes (jobs.codes); null where it is undeclared.

    `of_file`: for labels of regions, how long their codes are and which are abroad.
    """
    text = reading.trimmed(label)
    if of_file and of_file.length is not None and of_file.length < LONGEST:
        inner = text.rlike(f"^[A-Z]{{2}}[0-9A-Z]{{{of_file.length - 1},{LONGEST - 2}}}$")
        shorter = F.substring(text, 1, of_file.length)
        text = F.when(inner & ~text.isin(list(plain)), shorter).otherwise(text)
    number = looked_up(reading.declared(text, plain), plain)
    if of_file and of_file.abroad:
        abroad = text.rlike(f"^({'|'.join(sorted(of_file.abroad))})[0-9A-Z]{{0,{LONGEST - 2}}}$")
        number = F.coalesce(number, F.when(abroad, F.lit(LEFT_OUT)))
    return number


def _value_faults(notation: Notation) -> list[tuple[str, Column, str]]:
    """Rule, condition and words of what can be wrong with a value, over the columns `value` and `exact`."""
    exact = F.col("exact")
    plain = F.replace(_value(notation), F.lit(notation.decimal), F.lit("."))
    amount = F.abs(plain.try_cast("double"))
    beyond = exact.isNull() & plain.rlike(f"^{NUMBER}$") & (amount >= LARGE) & (amount < F.lit(float("inf")))
    too_large = F.coalesce(beyond, F.lit(False)) | ((exact >= 0) & exact.try_cast(VALUE).isNull())
    too_large = F.coalesce(too_large, F.lit(False))
    return [
        ("value", exact.isNull() & ~too_large, "no number"),
        ("negative", (exact < 0) & ~_is_final(notation), "negative"),
        ("large", too_large, "too large"),
    ]


def _is_final(notation: Notation) -> Column:
    """Whether a cell is bought by final demand, which takes from stocks too."""
    return F.coalesce(reading.trimmed(F.col("destination_sector")).isin(list(notation.final)), F.lit(False))


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
