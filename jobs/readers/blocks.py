"""Cells of a table in blocks, read at sight by Arrow and numpy: labels to numbers, values to exact decimals.

What is read at sight is what transforms.plain_cells reads so; any other cell comes out as text, for all rules
of transforms.flows. A block holds some hundred thousand cells. Nothing here knows of files or of Spark.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.amounts import NINES, like_thousands, surely_long
from jobs.settings.classifications import REST
from jobs.settings.inputs import LABELS
from jobs.transforms.flows import LEFT_OUT, NOBODY

SCALE = 9  # digits behind the point, as in schemas/flows.yaml
ONE = 10**SCALE
EXACT = pa.decimal128(24, SCALE)
LONG = pa.decimal256(76, 40)  # of texts with more digits, before they are rounded
UNKNOWN = np.iinfo(np.int16).min  # in the place of a number: a label that nothing declares
NUMBER = r"^([0-9]{1,15}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE]-[01]?[0-9])?$"  # what LONG holds
TINY = r"^[0-9](\.[0-9]*)?[eE]-([2-9][0-9]|1[1-9]|[1-9][0-9]{2})$"  # what is rounded to 0
UNREAD = [*LABELS, "value", "row_number"]  # the columns of cells that are not read at sight, as text

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Reading:
    """How a table is read: the number of each text by label, the values of columns that choose its cells,
    the decimal mark, and the texts that stand for zero, which are not read at sight."""

    meanings: Mapping[str, Mapping[str, int]]
    where: Mapping[str, Collection[str]]
    decimal: str
    zero: Collection[str]


@dataclass(frozen=True)
class Texts:
    """A column of texts that repeat: the different ones, without blanks around them, and which a cell has."""

    different: Sequence[str]
    places: Array


@dataclass(frozen=True)
class Block:
    """Cells after a look at them.

    `values`: their texts, or doubles where all are exact. `numbers`: of each label. `billionths`: the values,
    as whole numbers. `dropped`: cells that are left out;
    `unread`: those that are not read at sight. The others are sound.
    """

    labels: Mapping[str, Texts]
    values: pa.Array
    numbers: Mapping[str, Array]
    billionths: Array
    dropped: Array
    unread: Array
    first: int | None = None  # the number of the first cell's row, where rows have numbers

    @property
    def sound(self) -> Array:
        return ~(self.dropped | self.unread)


def looked_at(
    labels: Mapping[str, Texts], values: pa.Array, reading: Reading, choosing: Mapping[str, Texts]
) -> Block:
    """A block of cells; `values` are texts or doubles, `choosing` the columns that `reading.where` names."""
    numbers = {label: _numbers(labels[label], reading.meanings[label]) for label in LABELS}
    buyer = labels["destination_sector"]
    unnamed = np.array([not text for text in buyer.different], bool)[buyer.places]
    unnamed &= (numbers["destination_region"] == REST) & (numbers["destination_sector"] == UNKNOWN)
    numbers["destination_sector"][unnamed] = NOBODY
    elsewhere = [
        np.array([text not in chosen for text in choosing[name].different], bool)[choosing[name].places]
        for name, chosen in reading.where.items()
    ]
    dropped = reduce(or_, [*elsewhere, *(number == LEFT_OUT for number in numbers.values())])
    texts, billionths, is_number = _read(values, reading)
    unknown = reduce(or_, (number == UNKNOWN for number in numbers.values()))
    return Block(labels, texts, numbers, billionths, dropped, ~dropped & (unknown | ~is_number))


def cells(block: Block) -> list[pa.Array]:
    """The sound cells: the number of each label, and the value."""
    sound = block.sound
    chosen = slice(None) if sound.all() else sound
    pairs = np.zeros((len(block.billionths[chosen]), 2), np.int64)  # the lower half of 128 bits comes first
    pairs[:, 0] = block.billionths[chosen]
    values = pa.Array.from_buffers(EXACT, len(pairs), [None, pa.py_buffer(pairs)])
    return [*(pa.array(block.numbers[label][chosen]) for label in LABELS), values]


def unread(block: Block, blank: str | None) -> list[pa.Array]:
    """The cells that are not read at sight, in the columns UNREAD; `blank` where a text is empty."""
    places = np.flatnonzero(block.unread)
    texts = [
        pa.array([of.different[place] or blank for place in of.places[places]], pa.string())
        for of in (block.labels[label] for label in LABELS)
    ]
    own = block.values.take(pa.array(places)).cast(pa.string())
    values = [text.strip() or blank for text in own.to_pylist()]
    rows = places + block.first if block.first is not None else np.zeros(len(places), np.int64)
    return [*texts, pa.array(values, pa.string()), pa.array(rows, pa.int64())]


def tally(block: Block, decimal: str) -> dict[str, Any]:
    """What the cells add up to, see transforms.doubts: of all, and of the values of sound ones.

    `least`, `greatest`: of the texts that are grouped like thousands, the first and the last.
    """
    sound = block.sound
    amounts = block.billionths[sound]
    texts = block.values if sound.all() else block.values.filter(pa.array(sound))
    is_text = not pa.types.is_floating(texts.type)
    grouped, long = _marks(texts, decimal) if is_text else _marks_of_doubles(texts, amounts)
    nines = _in_nines(amounts)
    rest = amounts[~nines]
    zeros = texts.filter(pa.array(amounts == 0)) if is_text else pa.array([], pa.string())
    bounds = pc.min_max(grouped).as_py()
    return {
        "rows": len(sound),
        "dropped": int(block.dropped.sum()),
        "unread": int(block.unread.sum()),
        "vanished": pc.sum(pc.match_substring_regex(zeros, "^[^eE]*[1-9]")).as_py() or 0,
        "grouped": len(grouped),
        "least": bounds["min"],
        "greatest": bounds["max"],
        "long": long - len(grouped),  # a text that is grouped has a mark, which is long
        "nines": int(nines.sum()),
        "top": int(amounts[nines].max()) / ONE if nines.any() else None,
        "rest": int(rest.max()) / ONE if len(rest) else None,
    }


def _marks(texts: pa.Array, decimal: str) -> tuple[pa.Array, int]:
    """The texts that may be numbers with marks of thousands, and how many speak against such marks."""
    is_long = pc.match_substring(texts, decimal)
    others = texts.filter(pc.invert(is_long))
    long = pc.sum(is_long).as_py() or 0
    long += pc.sum(pc.match_substring_regex(others, surely_long(decimal))).as_py() or 0
    return _grouped(texts, decimal), long


def _marks_of_doubles(values: pa.Array, amounts: Array) -> tuple[pa.Array, int]:
    """The same of the texts of doubles that are read at sight, of which only few are made."""
    in_threes = (amounts % (ONE // 1000) == 0) & (amounts % (ONE // 100) != 0)
    in_threes &= (amounts >= ONE) & (amounts < 1000 * ONE)
    long = int(((amounts % ONE != 0) | (amounts >= 1000 * ONE)).sum())
    return values.filter(pa.array(in_threes)).cast(pa.string()), long


def _numbers(label: Texts, meanings: Mapping[str, int]) -> Array:
    return np.array([meanings.get(text, UNKNOWN) for text in label.different], np.int16)[label.places]


def _read(values: pa.Array, reading: Reading) -> tuple[pa.Array, Array, Array]:
    """The texts, the values in billionths, and which are numbers from 0 on; those that are none are 0.

    Blanks are around the texts of few tables, and are taken off where a text is no number with them.
    """
    if pa.types.is_floating(values.type):
        billionths = _of_doubles(values)
        if billionths is not None:
            return values, billionths, np.ones(len(values), bool)
        values = pc.if_else(pc.is_nan(values), None, values).cast(pa.string()).fill_null("")
    good = np.ones(len(values), bool)
    exact = _exact(_with_point(values, reading.decimal))
    if exact is None:
        values = pc.utf8_trim_whitespace(values)
        texts = _with_point(values, reading.decimal)
        is_tiny = pc.match_substring_regex(texts, TINY)
        is_number = pc.match_substring_regex(texts, NUMBER)
        good = pc.or_(is_number, is_tiny).to_numpy(zero_copy_only=False)
        exact = _exact(pc.if_else(pc.and_not(is_number, is_tiny), texts, "0"))
    if exact is None:
        return values, np.zeros(len(values), np.int64), np.zeros(len(values), bool)
    halves = np.frombuffer(exact.buffers()[1], np.int64)[2 * exact.offset :][: 2 * len(exact)].reshape(-1, 2)
    good = good & (halves[:, 1] == 0) & (halves[:, 0] >= 0)
    if reading.decimal == ",":
        good &= ~pc.match_substring(values, ".").to_numpy(zero_copy_only=False)
    if reading.zero:
        good &= ~pc.is_in(values, pa.array(list(reading.zero), pa.string())).to_numpy(zero_copy_only=False)
    return values, np.where(good, halves[:, 0], 0), good


def _of_doubles(values: pa.Array) -> Array | None:
    """Doubles as billionths, None where one has more than fifteen digits or nine behind the point.

    Of decimals of at most fifteen digits no two are the same double: the one that is nearest is the one that
    the double was written from, digit for digit.
    """
    if values.null_count:
        return None
    doubles = values.to_numpy()
    with np.errstate(invalid="ignore", over="ignore"):
        billionths = np.rint(doubles * ONE)
        is_exact = (billionths / ONE == doubles) & (billionths >= 0) & (billionths < 1e15)
    return billionths.astype(np.int64) if is_exact.all() else None


def _with_point(values: pa.Array, decimal: str) -> pa.Array:
    return values if decimal == "." else pc.replace_substring(values, decimal, ".")


def _exact(texts: pa.Array) -> pa.Array | None:
    """Texts as decimals, rounded half up; None where one is no number, or too large."""
    try:
        return texts.cast(EXACT)
    except pa.ArrowInvalid:
        pass
    try:
        return pc.round(texts.cast(LONG), SCALE, round_mode="half_towards_infinity").cast(EXACT)
    except pa.ArrowInvalid:
        return None


def _grouped(texts: pa.Array, decimal: str) -> pa.Array:
    """The texts that may be numbers with marks of thousands; the fourth letter from the end tells most."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return texts[:0]
    ends = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    letters = np.frombuffer(data, np.uint8)
    fourth = ends[1:] - 4
    marked = (letters[np.maximum(fourth, 0)] == ord(decimal)) & (fourth >= ends[:-1])
    some = texts.filter(pa.array(marked))
    return some.filter(pc.match_substring_regex(some, like_thousands(decimal)))


def _in_nines(amounts: Array) -> Array:
    """Which values are written in nines only, as codes for no answer are."""
    nines = np.zeros(len(amounts), bool)
    large = np.flatnonzero(amounts >= 999 * ONE)
    for place in large[amounts[large] // ONE % 1000 == 999]:
        whole, fraction = divmod(int(amounts[place]), ONE)
        nines[place] = re.search(NINES, f"{whole}.{fraction:0{SCALE}d}") is not None
    return nines
