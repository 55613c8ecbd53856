"""Tables whose every line is one record, counted by their bytes, which takes a tenth of a parser's time."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.readers import files
from jobs.readers.dialect import Dialect
from jobs.settings import encodings

CHUNK = 1 << 24  # bytes that are looked at together
PIECE = 1 << 25  # bytes that one task reads of a large file
LONGEST_LINE = 1 << 24  # bytes; one that is longer is left to the parser, and refused there
END = ord("\n")
# A line that is not blank begins with a letter, a digit or what stands before the digits of a number.
BEGINS = np.array([byte < 128 and (chr(byte).isalnum() or chr(byte) in "+-.") for byte in range(256)])


class Lines(NamedTuple):
    """How many lines a file has, the header's among them, and whether all its text is ASCII.

    `before`: how many of them end before each PIECE of the file's bytes.
    """

    number: int
    is_ascii: bool
    before: tuple[int, ...]


def may_be(dialect: Dialect) -> bool:
    """Whether a table that is written so can be counted by its bytes at all."""
    bounded = dialect.is_workbook or dialect.skip or dialect.until
    wide = encodings.python_name(dialect.encoding) in encodings.WIDE
    return not bounded and not wide and dialect.separator.isascii()


def count(path: str, part: Path, dialect: Dialect, width: int) -> Lines | None:
    """The lines of a part, the header and others of `width` fields; None where only a parser can tell.

    A parser has to look at a file with quotes, lines of another length, lines that may be blank or are
    blank in their first field, mixed line ends, a last line without an end, or bytes that are no text. The
    header may have quotes and a byte order mark; the caller knows that it is one line.
    """
    if width < 2 or not may_be(dialect):
        return None
    encoding = encodings.python_name(dialect.encoding)
    place, total, all_ascii, with_return, before = 0, 0, True, set(), [0]
    for chunk in _chunks(path, part):
        header = 0 if place else chunk.find(b"\n") + 1
        ends = _ends(chunk, header, ord(dialect.separator), width)
        is_ascii = chunk.isascii()
        if ends is None or not (is_ascii or _is_text(chunk, encoding)):
            return None
        returns = chunk.count(b"\r")
        with_return.add(returns > 0)
        if returns and not returns == len(ends) == chunk.count(b"\r\n"):
            return None
        while place + len(chunk) > len(before) * PIECE:
            before.append(total + int(np.searchsorted(ends, len(before) * PIECE - place)))
        place, total, all_ascii = place + len(chunk), total + len(ends), all_ascii and is_ascii
    return Lines(total, all_ascii, tuple(before)) if len(with_return) == 1 else None


def _chunks(path: str, part: Path) -> Iterator[bytes]:
    """The file in pieces that end with a line, unpacked. Raises InputError where it is damaged."""
    with files.unpacked(path, part) as stream:
        while piece := stream.read(CHUNK):
            yield piece + stream.readline(LONGEST_LINE)


def pieces(path: str, part: Path, begin: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The lines below the header that begin from byte `begin` up to `end`, in pieces that end with a line.

    A packed file has to be read whole. Raises InputError where it is damaged.
    """
    with files.unpacked(path, part) as stream:
        if begin:
            stream.seek(begin - 1)
        # The header, or the rest of a line that began before.
        place = max(begin - 1, 0) + len(stream.readline(LONGEST_LINE))
        while end is None or place < end:
            piece = stream.read(CHUNK if end is None else min(CHUNK, end - place))
            if not piece:
                return
            piece += b"" if piece.endswith(b"\n") else stream.readline(LONGEST_LINE)
            place += len(piece)
            yield piece


def columns(path: str, part: Path, dialect: Dialect, names: Sequence[str]) -> dict[str, list[str]]:
    """The texts below the header, by the columns' names; all are held in memory.

    Raises InputError where the file is damaged.
    """
    text = b"".join(pieces(path, part)).decode(encodings.python_name(dialect.encoding))
    cells = text.replace("\r\n", "\n").replace("\n", dialect.separator).split(dialect.separator)
    return {name: cells[place : -1 : len(names)] for place, name in enumerate(names)}


def _ends(chunk: bytes, header: int, separator: int, width: int) -> NDArray[np.intp] | None:
    """Where the lines of a chunk end; None where they are not alike, but for a `header` of so many bytes."""
    if chunk.find(b'"', header) >= 0 or b"\0" in chunk or not chunk.endswith(b"\n"):
        return None
    codes = np.frombuffer(chunk, np.uint8)[header:]
    if not len(codes):
        return np.array([header - 1])
    marks = np.flatnonzero((codes == END) | (codes == separator))
    if len(marks) % width or np.diff(marks, prepend=-1).max() > csv.field_size_limit():
        return None
    rows = codes[marks].reshape(-1, width)
    if not ((rows[:, -1] == END).all() and (rows[:, :-1] == separator).all()):
        return None
    ends = marks[width - 1 :: width]
    first = codes[np.concatenate([[0], ends[:-1] + 1])]
    if not (BEGINS[first] & (first != separator)).all():
        return None
    return np.concatenate([[header - 1], ends + header]) if header else ends


def _is_text(chunk: bytes, encoding: str) -> bool:
    try:
        chunk.decode(encoding)
    except UnicodeError:
        return False
    return True
