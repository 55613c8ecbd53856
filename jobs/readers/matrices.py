"""Input-output tables as wide matrices: a row a selling sector of a region, a column a buying one.

The settings say what each header row holds of the buyer and each label column of the seller: its region, its
sector, both in one label, or something else, as a unit. Label columns are told by their place, or by what a
header row calls them. A region may be named only in the first cell of its block, as merged cells are
written, or by its file, which then holds its own matrix alone. This module looks at a file once;
unfolded.py makes its cells.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from jobs.errors import InputError
from jobs.readers import excel, files
from jobs.readers.dialect import Dialect
from jobs.readers.quotes import Lines
from jobs.readers.records import clean, first_cell, up_to_end
from jobs.settings import encodings
from jobs.settings.inputs import FlowsInput, Held

NO_TEXT = "".join(map(chr, range(33)))  # a line of these alone is blank for Spark's reader
Row = tuple[int, list[str], str]  # its number, its fields, and its line, "" in a workbook


@dataclass(frozen=True)
class Headers:
    """The header rows of a matrix.

    `rows`: as they stand; `width`: the columns, without empty ones at the end; `labels`: what each of the
    first columns holds of the seller; `buyers`: the region and the sector of each column behind these;
    `region`: the one of the whole file, None where it is named within.
    """

    rows: list[list[str]]
    width: int
    labels: tuple[Held, ...]
    buyers: list[tuple[str, str]]
    region: str | None


@dataclass(frozen=True)
class Matrix:
    """A part of a wide table, after one pass over it.

    `count`: its cells, a row of another length than the header being one. `is_plain`: whether Spark can split
    its lines; `is_bare`: whether no blanks are in them; `is_merged`: whether its regions are named once a
    block; `is_regular`: whether all its rows are plain and as long as its header, which stands there once.
    """

    part: Path
    headers: Headers
    count: int
    is_plain: bool
    is_bare: bool
    is_merged: bool
    is_regular: bool


def scan(settings: FlowsInput, path: str, part: Path) -> Matrix:
    """What a pass over a matrix tells. Raises InputError where its header rows are not as declared."""
    dialect = Dialect.of(settings)
    rows = _rows(path, part, dialect)
    headers = _headers(settings, path, part, rows)
    count, is_plain, is_bare, is_even = 0, True, True, True
    regions: list[str] = []
    place = headers.labels.index("region") if "region" in headers.labels else None
    for _, fields, line in rows:
        if fields in headers.rows:  # they stand there again where parts were put into one file
            is_even = False
            continue
        is_even = is_even and len(fields) == headers.width and line.endswith("\n")
        is_plain = is_plain and '"' not in line
        is_bare = is_bare and line.isascii() and len(line.replace(dialect.separator, ",").split()) == 1
        fits = _fits(fields, headers.width)
        count += len(headers.buyers) if fits else 1
        if fits and place is not None:
            regions.append(clean(fields[place]))
    is_plain = is_plain and _open_to_spark(part, dialect)
    is_merged = _is_merged(regions)
    is_regular = is_even and is_plain and not is_merged
    return Matrix(part, headers, count, is_plain, is_bare, is_merged, is_regular)


def demand(settings: FlowsInput, path: str, part: Path) -> None:
    """Look at the header rows alone. Raises InputError where they are not as declared."""
    _headers(settings, path, part, _rows(path, part, Dialect.of(settings)))


def labels(
    settings: FlowsInput, path: str, part: Path
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The region and the sector of each row, and of each column. Raises InputError, see `demand`."""
    rows = _rows(path, part, Dialect.of(settings))
    headers = _headers(settings, path, part, rows)
    sellers, region = [], headers.region or ""
    for _, fields, _ in rows:
        held = {kind: clean(cell) for kind, cell in zip(headers.labels, fields, strict=False)}
        region = held.get("region") or region
        sellers.append(
            both(held["both"], settings.join) if "both" in held else (region, held.get("sector", ""))
        )
    return sellers, headers.buyers


def both(label: str, join: str) -> tuple[str, str]:
    """The region and the sector in a label that holds both; the first mark between them counts."""
    region, _, sector = label.partition(join)
    return clean(region), clean(sector)


def filled_rows(settings: FlowsInput, path: str, matrix: Matrix) -> Iterator[list[str]]:
    """The rows below the headers, with the region of each filled in where it is named once a block."""
    headers = matrix.headers
    place = headers.labels.index("region") if matrix.is_merged else None
    region = ""
    for _, fields, _ in _rows(path, matrix.part, Dialect.of(settings)):
        if fields in headers.rows:
            continue
        if place is not None and _fits(fields, headers.width):
            region = clean(fields[place]) or region
            fields = [*fields[:place], region, *fields[place + 1 :]]
        yield fields


def _rows(path: str, part: Path, dialect: Dialect) -> Iterator[Row]:
    """The rows of a table that hold something. Raises InputError where quotes do not fit."""
    every = up_to_end(_lines(path, part, dialect), lambda row: row[1], dialect)
    return (row for row in every if first_cell(row[1]))


def _lines(path: str, part: Path, dialect: Dialect) -> Iterator[Row]:
    if dialect.is_workbook:
        for number, cells in excel.rows(path, part, dialect.sheet, dialect.skip):
            yield number, cells, ""
        return
    shown = files.shown(path, part)
    with files.text(path, part, dialect.encoding) as stream:
        lines = Lines.of_table(stream, shown, dialect)
        for number, line in enumerate(lines, start=lines.skipped + 1):
            fields = _fields(line, dialect, shown, number) if line.strip(NO_TEXT) else []
            yield number, fields, line


def _headers(settings: FlowsInput, path: str, part: Path, rows: Iterator[Row]) -> Headers:
    """The header rows of a matrix. Raises InputError where they do not fit each other or the settings."""
    shown, wanted = files.shown(path, part), len(settings.header)
    own = [fields for _, fields, _ in islice(rows, wanted)]
    heads = [[clean(label) for label in fields] for fields in own]
    if len(heads) < wanted:
        raise InputError(f"{shown} has no {wanted} header rows; check the file, and header and skip.")
    named = _named_labels(settings, heads, shown) if settings.columns else settings.labels
    first = len(named)
    widths = {
        held: max((place + 1 for place, label in enumerate(head) if label), default=0)
        for held, head in zip(settings.header, heads, strict=True)
        if held != "other"
    }
    width = max(widths.values())
    # Of a region that is named once a block, the cells behind its name are blank, at the row's end too.
    whole = {held for held, of_row in widths.items() if of_row == width}
    beginnings = [head[first] if len(head) > first else "" for head in heads]
    region_begins = dict(zip(settings.header, beginnings, strict=True)).get("region", "there")
    if width <= first or not whole & {"sector", "both"} or not region_begins:
        raise InputError(
            f"{shown}: the header rows do not fit each other; each needs a label a column, behind {first} "
            f"column{'s' if first > 1 else ''} of labels: check header, labels and skip."
        )
    region = part.name.partition(".")[0] if settings.is_by_region else None
    by_kind = {
        held: [*head, *[""] * width][first:width] for held, head in zip(settings.header, heads, strict=True)
    }
    return Headers(own, width, named, _buyers(settings, by_kind, region), region)


def _named_labels(settings: FlowsInput, heads: Sequence[Sequence[str]], shown: str) -> tuple[Held, ...]:
    """What the columns up to the last one that is named hold of the seller."""
    places: dict[int, Held] = {}
    for held in ("region", "sector", "both"):
        if name := settings.columns.get(held):
            at = sorted({place for head in heads for place, label in enumerate(head) if label == name})
            if len(at) != 1:
                times = "several columns" if at else "no column"
                raise InputError(f"{shown}: the header rows name {times} {name}; check flows.columns.")
            places[at[0]] = held  # type: ignore[assignment]
    return tuple(places.get(place, "other") for place in range(max(places) + 1))


def _buyers(
    settings: FlowsInput, by_kind: dict[Held, list[str]], of_file: str | None
) -> list[tuple[str, str]]:
    """The region and the sector of each column; `by_kind` is what the header rows hold of it."""
    if "both" in by_kind:
        return [both(label, settings.join) for label in by_kind["both"]]
    sectors = by_kind["sector"]
    if of_file is not None:
        return [
            (settings.rest, "") if sector == settings.exports else (of_file, sector) for sector in sectors
        ]
    regions = by_kind["region"]
    return list(zip(_filled(regions) if _is_merged(regions) else regions, sectors, strict=True))


def _is_merged(regions: Sequence[str]) -> bool:
    """Whether regions are named in the first cell of their block only: some are blank, and none is repeated.

    A region that is missing among others that stand in each cell is a fault of the file.
    """
    named = [region for region in regions if region]
    return bool(named) and len(named) < len(regions) and bool(regions[0]) and len(set(named)) == len(named)


def _filled(regions: Sequence[str]) -> list[str]:
    filled: list[str] = []
    for region in regions:
        filled.append(region or filled[-1])
    return filled


def _fits(fields: Sequence[str], width: int) -> bool:
    return len(fields) >= width and not any(map(clean, fields[width:]))


def _fields(line: str, dialect: Dialect, shown: str, row: int) -> list[str]:
    """The fields of a line, without quotes around them. Raises InputError where its quotes do not fit."""
    if '"' not in line:
        return line.rstrip("\r\n").split(dialect.separator)
    try:
        return next(csv.reader([line], delimiter=dialect.separator, strict=True))
    except csv.Error:
        raise InputError(
            f"{shown}, row {row}: a double quote stands where no text begins or ends; mend the quote."
        ) from None


def _open_to_spark(part: Path, dialect: Dialect) -> bool:
    bounded = dialect.is_workbook or dialect.skip or dialect.until
    wide = encodings.python_name(dialect.encoding) in encodings.WIDE
    return not bounded and not wide and files.spark_path(part) is not None
