"""Separated text as records, by Python's csv module, which is told where quotes do not fit each other.

A double quote that nothing closes, or that swallows rows up to the next quote, stops the file: no parser
can know what was meant, and rows must not vanish.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import TextIOBase
from itertools import chain

from jobs.errors import InputError
from jobs.readers.dialect import Dialect

LONGEST_LINE = 1 << 24  # characters; a matrix of all European regions has some hundred thousand a line
LINE_END = re.compile(r"\r\n|\r|\n")
END = "\x00end of the file\n"  # laid after the last line, to see whether a quote is still open there
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
OPEN = "a double quote opens a text that nothing closes; mend the quote"


@dataclass(frozen=True)
class Record:
    """A record of the file: the number of its first line (from 1), how many lines it takes, its fields."""

    row: int
    lines: int
    fields: list[str]


class OddQuote(Exception):
    """A strict parser meets text behind a closing quote."""


class Lines:
    """The lines of a stream with their ends. Raises InputError for a line that no table has."""

    def __init__(self, stream: TextIOBase, shown: str) -> None:
        self._stream, self.shown = stream, shown
        self.cut, self.skipped, self._first = False, 0, ""

    @classmethod
    def of_table(cls, stream: TextIOBase, shown: str, dialect: Dialect) -> Lines:
        """The lines of a table, without a line `sep=;` and the rows above the header."""
        lines = cls(stream, shown)
        lines._skip_separator(dialect.separator)
        for _ in range(dialect.skip):
            lines.skipped += bool(lines._next())
        return lines

    def _skip_separator(self, separator: str) -> None:
        """Leave out the first line where it is `sep=;`, as Excel reads it. Raises InputError for another."""
        start = self._stream.readline(LONGEST_LINE)
        if named := SEPARATOR_LINE.fullmatch(start.strip("\ufeff\r\n")):
            if named.group(1) != separator:
                raise InputError(
                    f"{self.shown}, row 1: the file names {named.group(1)!r} as its separator, and "
                    f"{separator!r} is declared; mend separator."
                )
            self.skipped += 1
        else:
            self._first = start

    def _next(self) -> str:
        first, self._first = self._first, ""
        return first or self._stream.readline(LONGEST_LINE)

    def __iter__(self) -> Iterator[str]:
        last, number = "\n", self.skipped
        while line := self._next():
            last, number = line, number + 1
            if len(line) == LONGEST_LINE:
                raise InputError(
                    f"{self.shown}, row {number}: the line is longer than {LONGEST_LINE:,} characters, so "
                    "this is no table; check the file."
                )
            yield line
        self.cut = not last.endswith(("\n", "\r"))


def parsed(lines: Lines, dialect: Dialect, strict: bool) -> Iterator[Record]:
    """All records, blank lines among them.

    Raises InputError where a quote is still open at the end or a field is too long; OddQuote where a strict
    parser gives up on text behind a closing quote.
    """
    source: Iterable[str] = lines if strict else chain(lines, [END])
    reader = csv.reader(
        source, delimiter=dialect.separator, skipinitialspace=dialect.separator != " ", strict=strict
    )
    above, shown = lines.skipped, lines.shown
    row = above + 1
    try:
        for fields in reader:
            if not strict and fields and fields[-1].endswith(END.rstrip()):
                break
            following = above + reader.line_num + 1
            yield Record(row, following - row, fields)
            row = following
    except csv.Error as error:
        if "expected after" in str(error):
            raise OddQuote from None
        words = OPEN
        if "NUL" in str(error):
            words = "the line holds a null character, so this is no text; check the file and its encoding"
        elif "limit" in str(error):
            words = (
                f"a field is longer than {csv.field_size_limit():,} characters; "
                "a double quote is missing or too many"
            )
        raise InputError(f"{shown}, row {row}: {words}.") from None
    if not strict and len(fields) == 1 and fields[0] == END.rstrip():
        return
    if not strict:
        raise InputError(f"{shown}, row {row}: {OPEN}.")


def check_lines(record: Record, names: list[str], dialect: Dialect, shown: str) -> None:
    """Raise InputError where a record of several lines looks like rows that a stray quote swallowed.

    Such a text holds the end of its own row and the beginning of another one, so its lines have as many
    separators as the rows of the table; or what comes out has not as many fields as the header.
    `names`: a name a column, "" where it may be no name but data; the message then gives its place.
    """
    rows = f"row {record.row}"
    last = record.row + record.lines - 1
    if len(record.fields) != len(names):
        raise InputError(
            f"{shown}, {rows}: a text in double quotes runs to row {last}, and what comes out does not fit "
            "the header; a quote is missing or too many."
        )
    between, separator = len(names) - 1, dialect.separator
    is_odd = any(field.count('"') % 2 for field in record.fields)  # half a pair of quotes is left over
    for place, field in enumerate(record.fields):
        first, *inner = LINE_END.split(field)
        if not inner or not between:
            continue
        whole = between > 1 and any(line.count(separator) >= between for line in inner[:-1])
        ends_meet = first.count(separator) == between - place and inner[-1].count(separator) == place
        if whole or ends_meet or (is_odd and separator in field):
            raise InputError(
                f"{shown}, {rows}, column {names[place] or place + 1}: a double quote swallows the rows up "
                f"to {last}; a quote is missing or too many."
            )
