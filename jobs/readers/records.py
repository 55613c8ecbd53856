"""The records of a table, counted and checked by a parser that Spark's reader is held against.

A table is separated text or a sheet of a workbook. Around it there may be titles above the header (`skip`),
footnotes (`until`), a line `sep=;`, empty columns at the end, and rows that hold nothing.

Python's csv module parses each file once, strictly, before Spark does. It gives the header, the number of
records, and whether each record is one line in the way Spark's reader takes it. Files of other shapes
(text over several lines, blank lines between records, several kinds of line ends) are read from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from jobs.codes import BLANKS
from jobs.errors import InputError
from jobs.readers import files, regular
from jobs.readers.dialect import Dialect
from jobs.readers.quotes import Lines, OddQuote, Record, check_lines, parsed

Row = TypeVar("Row")
NAME = re.compile(r"[^\W\d]")  # how a column's name begins: with a letter or an underscore


@dataclass(frozen=True)
class Scan:
    """What one pass over a part file tells.

    `raw`, `names`: the header as it stands, and without blanks around its names. `records`: rows below the
    header that are not blank; `fitting`: those with as many fields as the header has names. `most_fields`: of
    any row. `line_records`: each record is one line, and every parser reads its fields alike.
    `numbered_by_place`: record n is line n + 1 of the file, and all lines end alike. `cut`: the last line
    has no end, as in a file that was not delivered whole. `is_bare`: there are no quotes, and no blanks but
    those of ASCII, which Spark's reader takes off. `is_regular`: all lines are alike (see readers.regular),
    and `before` (see regular.Lines) is known.
    """

    path: str
    part: Path
    dialect: Dialect
    raw: list[str]
    names: list[str]
    records: int
    fitting: int
    most_fields: int
    line_records: bool
    numbered_by_place: bool
    cut: bool
    is_bare: bool = False
    is_regular: bool = False
    before: tuple[int, ...] = ()

    @property
    def shown(self) -> str:
        return files.shown(self.path, self.part)

    @property
    def is_headed(self) -> bool:
        """Whether the first row can be nothing but a header, so that its own words may be quoted.

        A header that lost its line end holds the first firm's answers after the names; it is longer than
        the rows, and answers are numbers and blanks among others.
        """
        return 2 * self.fitting > self.records and all(NAME.match(name) for name in self.names)


def header(path: str, part: Path, dialect: Dialect) -> list[str]:
    """The names of the header without blanks around them; nothing else is read.

    Raises InputError where the file is empty, damaged or not in the encoding.
    """
    with _opened(path, part, dialect, strict=False) as source:
        return _names(_head(source.records, files.shown(path, part)))


def scan(path: str, part: Path, dialect: Dialect, wanted: list[str]) -> Scan:
    """Read a part once and check its records.

    Raises InputError where it is empty, damaged, not in the encoding, lacks a column of `wanted`, has no row,
    or has quotes that do not fit each other; the row and the column are named.
    """
    if of_lines := _scan_of_lines(path, part, dialect, wanted):
        return of_lines
    try:
        return _scan(path, part, dialect, wanted, strict=True)
    except OddQuote:
        # Text after a closing quote, such as "Acme" Ltd, is no good CSV, but its line can be one record.
        return _scan(path, part, dialect, wanted, strict=False)


def records(known: Scan) -> Iterator[Record]:
    """The records below the header of a scanned file."""
    with _opened(known.path, known.part, known.dialect, strict=False) as source:
        _head(source.records, known.shown)
        for record in source.records:
            fields = _fitted(record.fields, len(known.names))
            if not _blank(fields, len(known.names)):
                yield record if fields is record.fields else replace(record, fields=fields)


def rows(known: Scan, wanted: list[str]) -> Iterator[tuple[int, list[str | None], str | None]]:
    """Each row's number, its cells of the columns `wanted`, and nothing; or no cells and its text as it is.

    The latter where its fields do not fit the header.
    """
    places = [known.names.index(column) for column in wanted]
    for record in records(known):
        if len(record.fields) == len(known.names):
            yield record.row, [clean(record.fields[place]) or None for place in places], None
        else:
            yield record.row, [None] * len(places), known.dialect.separator.join(record.fields)


def first_cell(fields: Iterable[str]) -> str:
    """The first cell of a row that is not blank, "" where all are."""
    return next((cell for cell in map(clean, fields) if cell), "")


def clean(cell: str) -> str:
    """A cell without blanks around it, no-break ones included."""
    return cell.strip(BLANKS)


def _head(every: Iterator[Record], shown: str) -> Record:
    """The first record that is not blank."""
    for record in every:
        if not _blank(record.fields, 0):
            return record
    raise InputError(f"{shown} is empty; deliver the file again.")


def _scan_of_lines(path: str, part: Path, dialect: Dialect, wanted: list[str]) -> Scan | None:
    """As `_scan`, of a file whose lines are alike (see readers.regular); None for any other."""
    if not regular.may_be(dialect):
        return None
    with _opened(path, part, dialect, strict=False) as source:
        head = _head(source.records, files.shown(path, part))
    names = files.matched(_names(head), wanted)
    width = len(names)
    if head.row > 1 or not _is_plain(source, head, width):
        return None
    lines = regular.count(path, part, dialect, width)
    if lines is None or lines.number < 2:
        return None
    files.demand(files.shown(path, part), names, wanted)
    return Scan(
        path=path,
        part=part,
        dialect=dialect,
        raw=head.fields,
        names=names,
        records=lines.number - 1,
        fitting=lines.number - 1,
        most_fields=width,
        line_records=True,
        numbered_by_place=True,
        cut=False,
        is_bare=lines.is_ascii,
        is_regular=True,
        before=lines.before,
    )


def _scan(path: str, part: Path, dialect: Dialect, wanted: list[str], strict: bool) -> Scan:
    shown = files.shown(path, part)
    with _opened(path, part, dialect, strict) as source:
        head = _head(source.records, shown)
        names = files.matched(_names(head), wanted)
        files.demand(shown, names, wanted)
        width, count, fitting, most = len(names), 0, 0, len(head.fields)
        line_records = strict and _is_plain(source, head, width)
        by_place = head.row == 1
        following = head.row + head.lines
        for record in source.records:
            fields = _fitted(record.fields, width)
            if _blank(fields, width):
                # Spark's reader takes a row of separators alone for a record.
                line_records = line_records and len(record.fields) < 2
                continue
            line_records = line_records and fields is record.fields
            by_place = by_place and record.row == following  # else a blank line stands between
            following = record.row + record.lines
            if record.lines > 1:
                check_lines(record, [name if name in wanted else "" for name in names], dialect, shown)
                line_records = False
            count, fitting = count + 1, fitting + (len(fields) == width)
            most = max(most, len(fields))
    if not count:
        raise InputError(f"{shown} has a header and no rows; deliver the file again.")
    return Scan(
        path=path,
        part=part,
        dialect=dialect,
        raw=head.fields[:width],
        names=names,
        records=count,
        fitting=fitting,
        most_fields=most,
        line_records=line_records,
        numbered_by_place=by_place and source.ends in ("\n", "\r\n", None),
        cut=source.cut,
    )


class _Source:
    """The records of an opened table, blank ones among them, from its header on.

    `is_plain`: whether the file begins with the header and ends with the table.
    """

    def __init__(self, records: Iterator[Record], dialect: Dialect, lines: Lines | None, stream: Any) -> None:
        self.records = up_to_end(records, lambda record: record.fields, dialect) if dialect.until else records
        self.is_plain = lines is not None and not lines.skipped and not dialect.until
        self._lines, self._stream = lines, stream

    @property
    def cut(self) -> bool:
        """Whether the last line has no end; known when all records were read."""
        return self._lines is not None and self._lines.cut

    @property
    def ends(self) -> Any:
        """The line ends that were met so far."""
        return self._stream.newlines if self._stream else None


@contextmanager
def _opened(path: str, part: Path, dialect: Dialect, strict: bool) -> Iterator[_Source]:
    if dialect.is_workbook:
        from jobs.readers import excel  # its library is of no use for text

        sheet = excel.rows(path, part, dialect.sheet, dialect.skip)
        yield _Source((Record(row, 1, cells) for row, cells in sheet), dialect, None, None)
        return
    with files.text(path, part, dialect.encoding) as stream:
        lines = Lines.of_table(stream, files.shown(path, part), dialect)
        yield _Source(parsed(lines, dialect, strict), dialect, lines, stream)


def up_to_end(rows: Iterator[Row], fields: Callable[[Row], Iterable[str]], dialect: Dialect) -> Iterator[Row]:
    """The rows of a table up to the one, below the header, that ends it; `fields` gives the cells of one."""
    headed = False
    for row in rows:
        first = first_cell(fields(row))
        if headed and dialect.ends_at(first):
            return
        headed = headed or bool(first)
        yield row


def _is_plain(source: _Source, head: Record, width: int) -> bool:
    """Whether nothing but the table is in the file, and its header is one line of `width` names."""
    return source.is_plain and head.lines == 1 and len(head.fields) == width


def _names(head: Record) -> list[str]:
    """The names of a header without blanks around them, and without the empty ones at its end."""
    names = [clean(name) for name in head.fields]
    while len(names) > 1 and not names[-1]:
        names.pop()
    return names


def _fitted(fields: list[str], width: int) -> list[str]:
    """The fields of a record without empty ones behind the table's last column."""
    if len(fields) > width and not any(map(clean, fields[width:])):
        return fields[:width]
    return fields


def _blank(fields: list[str], width: int) -> bool:
    """Whether a record holds nothing; in a table of one column an empty text in quotes is a record."""
    if not fields:
        return True
    return width != 1 and not clean(fields[0]) and not any(map(clean, fields))
