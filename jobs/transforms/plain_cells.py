"""Cells that mean what they say, letter by letter: nearly all of a table, read in a tenth of the time.

A label or a value may be written in many ways (see transforms.flows), and asking for all of them takes long.
A cell whose labels are codes as they are declared, and whose value is a number from 0 on, needs none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.settings.inputs import LABELS
from jobs.transforms import cells as reading
from jobs.transforms.flows import (
    VALUE,
    Codes,
    Notation,
    buyer,
    finer_labels,
    left_out,
    meanings,
    signs,
)
from jobs.transforms.lookup import by_slice

FAULTS = "array<struct<rule: string, reason: string>>"
MEANINGS = "codes int, label string, text string, number smallint"
CELL = ("country", "wave", "part", "row_number", *LABELS, "value", "elsewhere", "_corrupt")


def rows(codes: Sequence[Codes], notation: Notation) -> Iterable[tuple[object, ...]]:
    """What the labels of tables mean, as rows of MEANINGS; `codes` there is a place in `codes`."""
    for place, (_, regions, sectors) in enumerate(codes):
        for label, texts in meanings(regions, sectors, notation).items():
            for text, number in texts.items():
                yield (place, label, text, number)


def at_sight(cells: DataFrame, notation: Notation) -> DataFrame:
    """Cells (see readers.flows) with the columns that transforms.flows.numbered gives them, none at fault.

    Their labels have been looked up (see `with_numbers`). A cell that `numbered` has to look at has itself
    in `unread`, a struct, which is null for all others; its other columns mean nothing.
    """
    numbers = {label: F.col(f"{label}_number") for label in LABELS}
    text = F.col("value")
    sound = reduce(and_, [F.col("_corrupt").isNull(), *[number.isNotNull() for number in numbers.values()]])
    sound = sound & F.coalesce(F.col("number") >= 0, F.lit(False))
    if notation.zero:
        sound = sound & ~text.isin(list(notation.zero))
    # Step by step, since Spark works out anew what stands several times in one step.
    frame = cells.withColumn("destination_sector_number", buyer())
    frame = frame.withColumn("number", reading.number(text, notation.decimal, notation.thousands, VALUE))
    frame = frame.withColumns({"dropped": left_out(), "sound": sound})
    finer, pattern = finer_labels({label: F.col(label) for label in LABELS})
    of_value = signs(text, F.col("number"), notation.decimal)
    return frame.select(
        "country",
        "wave",
        *[number.alias(label) for label, number in numbers.items()],
        F.col("number").alias("value"),
        "dropped",
        F.when(~F.col("dropped"), finer).alias("finer"),
        F.when(~F.col("dropped"), pattern).alias("pattern"),
        F.when(~F.col("dropped"), of_value).alias("signs"),
        *[value.alias(name) for name, value in _no_fault().items()],
        F.when(~(F.col("dropped") | F.col("sound")), F.struct(*CELL)).alias("unread"),
    )


def _no_fault() -> dict[str, Column]:
    """The columns of cells that tell of faults, for those without any."""
    absent = {"part": "string", "row_number": "bigint", "record": "string"}
    nothing = {name: F.lit(None).cast(kind) for name, kind in absent.items()}
    return {**nothing, "faults": F.array().cast(FAULTS)}


def read_at_sight(frame: DataFrame) -> DataFrame:
    """The cells of `at_sight` that need no second look."""
    return frame.where("unread is null").drop("unread")


def unread(frame: DataFrame) -> DataFrame:
    """The other cells of `at_sight`, as they came."""
    return frame.where("unread is not null").select("unread.*")


def with_numbers(
    frame: DataFrame, labels: Sequence[str], known: DataFrame, codes: Sequence[Codes]
) -> DataFrame:
    """Rows with the number of each of these labels, null where its text is none of those that are declared.

    `known` has the columns of MEANINGS. The frame has country and wave where `codes` are several.
    """
    several = len(codes) > 1
    if several:
        places = [(of, F.lit(place)) for place, (of, _, _) in enumerate(codes)]
        frame = frame.withColumn("codes", by_slice(places))
    for label in labels:
        own = F.col("text").alias(label), F.col("number").alias(f"{label}_number")
        texts = known.where(F.col("label") == label).select(*(["codes"] if several else []), *own)
        keys = ["codes", label] if several else label
        frame = frame.join(F.broadcast(texts), keys, "left")
    return frame.drop("codes")
