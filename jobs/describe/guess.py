"""How a file is written: format, encoding, separator, decimal mark, and where its table begins.

Guesses from the beginning of the file; what is unsure is said.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from charset_normalizer import from_bytes

from jobs.errors import InputError
from jobs.readers import excel, files, records, statistical
from jobs.readers.dialect import Dialect
from jobs.readers.quotes import SEPARATOR_LINE
from jobs.readers.records import clean
from jobs.settings.endings import BY_ENDING

ENCODINGS = ("cp1250", "cp1252", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859-2", "iso8859-15")
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SEPARATORS = ";,\t|"
SAMPLE = 1 << 20  # bytes that are looked at
ROWS = 300  # rows of them
MOST_TITLES = 30  # rows above a header
WITH_MARK = re.compile(r"[+-]?\d+([.,])\d+$")


@dataclass(frozen=True)
class Guess:
    """How a file is written. `remarks` are sentences on what is unsure, or deserves a look.

    `heads`: the first rows of the table, as they stand. `sheets`: those of a workbook.
    """

    path: str
    part: Path
    form: str
    dialect: Dialect
    decimal: str
    heads: list[list[str]]
    sheets: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def is_records(self) -> bool:
        """Whether the file is text or a workbook, whose rows have a place."""
        return self.form in ("csv", "excel")


def guess(path: str, given: Dialect | None = None) -> Guess:
    """How the file `path` is written; of a folder its first part. Raises InputError where it cannot be read.

    What `given` says other than its defaults is taken from there.
    """
    part = files.parts(path)[0]
    name = Path(part.name.lower())
    plain = Path(name.stem) if name.suffix in files.ARCHIVES else name
    form = BY_ENDING.get(plain.suffix.lstrip("."), "csv")
    given = given or Dialect()
    if form == "excel":
        return _of_workbook(path, part, given)
    if form == "csv":
        return _of_text(path, part, given)
    names = statistical.names(path, part, form, given.encoding)
    return Guess(path, part, form, given, ".", [names])


def rows(known: Guess) -> Iterator[list[str | None]]:
    """The rows below the header, a text a column of it, None where it is blank."""
    if known.is_records:
        scanned = records.scan(known.path, known.part, known.dialect, [])
        width = len(scanned.names)
        for record in records.records(scanned):
            fields: list[str | None] = [clean(cell) or None for cell in record.fields[:width]]
            yield fields + [None] * (width - len(fields))
    elif known.form == "parquet":
        yield from _of_parquet(known)
    else:
        names = known.heads[0]
        for _, _, *cells, _ in statistical.rows(
            known.path, known.part, known.form, names, known.dialect.encoding
        ):
            yield list(cells)


def _of_parquet(known: Guess) -> Iterator[list[str | None]]:
    from pyarrow import parquet

    from jobs.readers import typed

    for batch in parquet.ParquetFile(known.part).iter_batches():
        for row in zip(*[column.to_pylist() for column in batch.columns], strict=True):
            yield [typed.text(cell) for cell in row]


def _of_workbook(path: str, part: Path, given: Dialect) -> Guess:
    sheets = excel.sheets(path, part)
    sheet = given.sheet or max(sheets, key=lambda name: _cells(path, part, name))
    lines = [cells for _, cells in islice(excel.rows(path, part, sheet), ROWS)]
    skip = given.skip or _titles(lines)
    dialect = replace(given, is_workbook=True, sheet=sheet, skip=skip)
    texts = [cell for line in lines[skip:] for cell in line]
    remarks = [f"the sheet {sheet} has the most cells; name another by --sheet"] if len(sheets) > 1 else []
    if not _in_table(lines):
        remarks.append("no table was found on the sheet: no rows have as many cells as others")
    return Guess(path, part, "excel", dialect, _decimal(texts), lines[skip:], tuple(sheets), tuple(remarks))


def _cells(path: str, part: Path, sheet: str) -> int:
    """Cells of the first rows that hold something."""
    return sum(bool(cell) for _, cells in islice(excel.rows(path, part, sheet), ROWS) for cell in cells)


def _of_text(path: str, part: Path, given: Dialect) -> Guess:
    sample = files.beginning(path, part, SAMPLE)
    remarks = []
    encoding, sure = _encoding(sample) if given.encoding == files.PLAIN_ENCODING else (given.encoding, True)
    if not sure:
        remarks.append(f"the encoding {encoding} is a guess; look at letters with accents")
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(sample).lstrip("\ufeff")
    lines = text.splitlines()[:ROWS]
    if not lines:
        raise InputError(f"{files.shown(path, part)} is empty; deliver the file again.")
    named = SEPARATOR_LINE.fullmatch(lines[0])
    start = 1 if named else 0
    candidates = named.group(1) if named else SEPARATORS
    parsed = {mark: list(csv.reader(lines[start:], delimiter=mark)) for mark in candidates}
    separator = max(parsed, key=lambda mark: _fitness(parsed[mark]))
    if _fitness(parsed[separator]) <= 1:
        remarks.append("no separator was found: no mark cuts the lines into as many fields as others")
    chosen = parsed[separator]
    skip = given.skip or _titles(chosen)
    dialect = replace(given, separator=separator, encoding=encoding, skip=skip)
    texts = [cell for line in chosen[skip:] for cell in line]
    return Guess(path, part, "csv", dialect, _decimal(texts), chosen[skip:], (), tuple(remarks))


def _encoding(sample: bytes) -> tuple[str, bool]:
    """The encoding, and whether it is sure."""
    for mark, name in MARKS.items():
        if sample.startswith(mark):
            return name, True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # the sample may end within a character
        return "utf-8", True
    except UnicodeDecodeError:
        best = from_bytes(sample, cp_isolation=list(ENCODINGS)).best()
        return (best.encoding.replace("_", "-") if best else "cp1252"), False


def _width(line: Sequence[str]) -> int:
    """The place of the last cell that holds something, from 1; 0 for a blank row."""
    return max((place for place, cell in enumerate(line, start=1) if clean(cell)), default=0)


def _in_table(lines: Sequence[Sequence[str]]) -> int:
    """The number of fields that most rows have."""
    counts = Counter(len(line) for line in lines if _width(line) > 1)
    return counts.most_common(1)[0][0] if counts else 0


def _fitness(lines: Sequence[Sequence[str]]) -> float:
    """How well a separator cuts lines: many fields, as many in each."""
    width = _in_table(lines)
    same = sum(len(line) == width for line in lines) / len(lines)
    return width * same**2 if width > 1 else 0.0


def _titles(lines: Sequence[Sequence[str]]) -> int:
    """The number of rows above the table: those that are much shorter than the table is wide."""
    widest = Counter(_width(line) for line in lines[:ROWS]).most_common(3)
    width = max((width for width, count in widest if count > 1), default=0)
    for place, line in enumerate(lines[:MOST_TITLES]):
        if width and _width(line) >= max(2, 0.6 * width) and len([c for c in line if clean(c)]) > 1:
            return place
    return 0


def _decimal(texts: Sequence[str]) -> str:
    """The decimal mark that more numbers have."""
    marks = Counter(hit.group(1) for text in texts if (hit := WITH_MARK.fullmatch(clean(text))))
    return "," if marks[","] > marks["."] else "."
