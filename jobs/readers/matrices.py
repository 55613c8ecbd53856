"""Input-output tables as wide matrices: a row a selling sector of a region, a column a buying one.

The settings say what each header row holds of the buyer and each label column of the seller: its region, its
sector, both in one label, or something else, as a unit. A region may be named only in the first cell of its
block, as merged cells are written.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.codes import BLANKS
from jobs.errors import InputError
from jobs.readers import excel, files, text
from jobs.readers.dialect import Dialect
from jobs.readers.files import CORRUPT
from jobs.readers.records import Lines, clean, first_cell, up_to_end
from jobs.settings import encodings
from jobs.settings.inputs import LABELS, FlowsInput
from jobs.settings.slices import Slice
from jobs.spark.frames import local
from jobs.transforms.cells import bare

NO_TEXT = "".join(map(chr, range(33)))  # a line of these alone is blank for Spark's reader
ELSEWHERE = "elsewhere"
CELL = ("country", "wave", "part", "row_number", *LABELS, "value", ELSEWHERE, CORRUPT)
PARTS = "parts array<string>"  # the fields of a row
CHUNK = 2000  # rows that the driver hands over at a time


@dataclass(frozen=True)
class Matrix:
    """A part of a wide table, after one pass over it.

    `heads`: its header rows as they stand; `width`: its columns, without empty ones at the end; `buyers`: the
    region and the sector of each column; `count`: its cells, a row of another length being one. `is_plain`:
    whether Spark can split its lines; `is_merged`: whether its regions are named once a block.
    """

    part: Path
    heads: list[list[str]]
    width: int
    buyers: list[tuple[str, str]]
    count: int
    is_plain: bool
    is_merged: bool


def scan(settings: FlowsInput, path: str, part: Path) -> Matrix:
    """What a pass over a matrix tells. Raises InputError where its header rows are not as declared."""
    dialect, shown = Dialect.of(settings), files.shown(path, part)
    rows = _rows(path, part, dialect)
    heads, width = _heads(settings, shown, rows)
    first, count, quotes = len(settings.labels), 0, False
    regions: list[str] = []
    place = settings.labels.index("region") if "region" in settings.labels else None
    for _, fields, in_quotes in rows:
        quotes = quotes or in_quotes
        if fields in heads:  # they stand there again where parts were put into one file
            continue
        fits = _fits(fields, width)
        count += width - first if fits else 1
        if fits and place is not None:
            regions.append(clean(fields[place]))
    plain = not (dialect.is_workbook or dialect.skip or dialect.until or quotes) and _open_to_spark(
        part, dialect
    )
    return Matrix(part, heads, width, _buyers(settings, heads, width), count, plain, _is_merged(regions))


def demand(settings: FlowsInput, path: str, part: Path) -> None:
    """Look at the header rows alone. Raises InputError where they are not as declared."""
    _heads(settings, files.shown(path, part), _rows(path, part, Dialect.of(settings)))


def labels(
    settings: FlowsInput, path: str, part: Path
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The region and the sector of each row, and of each column. Raises InputError, see `demand`."""
    rows = _rows(path, part, Dialect.of(settings))
    heads, width = _heads(settings, files.shown(path, part), rows)
    sellers, region = [], ""
    for _, fields, _ in rows:
        held = {kind: clean(cell) for kind, cell in zip(settings.labels, fields, strict=False)}
        region = held.get("region") or region
        sellers.append(
            both(held["both"], settings.join) if "both" in held else (region, held.get("sector", ""))
        )
    return sellers, _buyers(settings, heads, width)[len(settings.labels) :]


def read(spark: SparkSession, slice: Slice, settings: FlowsInput, path: str, matrix: Matrix) -> DataFrame:
    """The cells of a matrix; a row of another length than the header is one cell.

    Read as lines and unfolded, since a matrix of all European regions has more columns than a reader
    of columns takes.
    """
    dialect, first = Dialect.of(settings), len(settings.labels)
    buyers = [(place, *buyer) for place, buyer in enumerate(matrix.buyers) if place >= first]
    labels = local(spark, buyers, "place int, destination_region string, destination_sector string")
    by_spark = matrix.is_plain and not matrix.is_merged
    rows = _by_spark(spark, matrix, dialect) if by_spark else _on_the_driver(spark, path, settings, matrix)
    body = rows.where(~_is_head(matrix.heads) & ~_is_blank(F.col("parts")))
    beyond = F.slice("parts", matrix.width + 1, F.greatest(F.size("parts") - matrix.width, F.lit(1)))
    fits = (F.size("parts") >= matrix.width) & _is_blank(beyond)
    origin_region, origin_sector = _seller(settings)
    unfolded = body.where(fits).select(
        origin_region.alias("origin_region"),
        origin_sector.alias("origin_sector"),
        F.posexplode("parts").alias("place", "value"),
    )
    cells = unfolded.join(F.broadcast(labels), "place")
    broken = body.where(~fits).select(F.array_join("parts", dialect.separator).alias(CORRUPT))
    absent = F.lit(None).cast("string")
    place = {
        **{column: F.lit(value) for column, value in slice.keys.items()},
        "part": F.lit(files.part_name(path, matrix.part)).cast("string"),
        "row_number": F.lit(0).cast("long"),
        ELSEWHERE: F.lit(False),
    }
    trimmed = bare(F.col("value"))
    whole = cells.withColumns({**place, "value": trimmed, CORRUPT: absent})
    spoilt = broken.withColumns({**place, **{role: absent for role in (*LABELS, "value")}})
    return whole.select(*CELL).unionByName(spoilt.select(*CELL))


def split(label: Column, join: str) -> tuple[Column, Column]:
    """The region and the sector in a label that holds both; the first mark between them counts."""
    parts = F.split(label, _literal(join), 2)
    return bare(F.get(parts, F.lit(0))), bare(F.get(parts, F.lit(1)))


def _rows(path: str, part: Path, dialect: Dialect) -> Iterator[tuple[int, list[str], bool]]:
    """The rows of a table that hold something: number, fields, and whether quotes are in them.

    Raises InputError where quotes do not fit.
    """
    every = up_to_end(_lines(path, part, dialect), lambda row: row[1], dialect)
    return (row for row in every if first_cell(row[1]))


def _lines(path: str, part: Path, dialect: Dialect) -> Iterator[tuple[int, list[str], bool]]:
    if dialect.is_workbook:
        for number, cells in excel.rows(path, part, dialect.sheet, dialect.skip):
            yield number, cells, False
        return
    shown = files.shown(path, part)
    with files.text(path, part, dialect.encoding) as stream:
        lines = Lines.of_table(stream, shown, dialect)
        for number, line in enumerate(lines, start=lines.skipped + 1):
            fields = _fields(line, dialect, shown, number) if line.strip(NO_TEXT) else []
            yield number, fields, '"' in line


def _heads(
    settings: FlowsInput, shown: str, rows: Iterator[tuple[int, list[str], bool]]
) -> tuple[list[list[str]], int]:
    """The header rows of a matrix, and its columns. Raises InputError where they do not fit each other."""
    first, wanted = len(settings.labels), len(settings.header)
    heads = [fields for _, fields, _ in islice(rows, wanted)]
    if len(heads) < wanted:
        raise InputError(f"{shown} has no {wanted} header rows; check the file, and header and skip.")
    widths = {
        held: max((place + 1 for place, label in enumerate(head) if clean(label)), default=0)
        for held, head in zip(settings.header, heads, strict=True)
        if held != "other"
    }
    width = max(widths.values())
    # Of a region that is named once a block, the cells behind its name are blank, at the row's end too.
    whole = {held for held, own in widths.items() if own == width}
    named = [clean(head[first]) if len(head) > first else "" for head in heads]
    regions = dict(zip(settings.header, named, strict=True)).get("region", "there")
    if width <= first or not whole & {"sector", "both"} or not regions:
        raise InputError(
            f"{shown}: the header rows do not fit each other; each needs a label a column, behind {first} "
            f"column{'s' if first > 1 else ''} of labels: check header, labels and skip."
        )
    return heads, width


def _buyers(settings: FlowsInput, heads: Sequence[list[str]], width: int) -> list[tuple[str, str]]:
    """The region and the sector of each column."""
    by_kind = {
        held: [clean(label) for label in (*head, *[""] * width)][:width]
        for held, head in zip(settings.header, heads, strict=True)
    }
    if "both" in by_kind:
        return [both(label, settings.join) for label in by_kind["both"]]
    first = len(settings.labels)
    regions = by_kind["region"]
    if _is_merged(regions[first:]):
        regions = [*regions[:first], *_filled(regions[first:])]
    return list(zip(regions, by_kind["sector"], strict=True))


def both(label: str, join: str) -> tuple[str, str]:
    """As `split`, of a text."""
    region, _, sector = label.partition(join)
    return clean(region), clean(sector)


def _seller(settings: FlowsInput) -> tuple[Column, Column]:
    labels = {held: F.col("parts")[place] for place, held in enumerate(settings.labels)}
    if "both" in labels:
        return split(labels["both"], settings.join)
    return bare(labels["region"]), bare(labels["sector"])


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
    return (
        files.spark_path(part) is not None and encodings.python_name(dialect.encoding) not in encodings.WIDE
    )


def _by_spark(spark: SparkSession, matrix: Matrix, dialect: Dialect) -> DataFrame:
    """The fields of the file's lines, not blank ones, as the column `parts`."""
    spark.conf.set("spark.sql.legacy.javaCharsets", "true")
    lines = spark.read.options(**text.NO_PATTERN).csv(
        str(files.spark_path(matrix.part)),
        schema="line string",
        sep="\x01",
        encoding=encodings.java_name(dialect.encoding),
        quote="",
        header=False,
    )
    return lines.select(F.split("line", _literal(dialect.separator), -1).alias("parts"))


def _on_the_driver(spark: SparkSession, path: str, settings: FlowsInput, matrix: Matrix) -> DataFrame:
    """As `_by_spark`, for what it cannot open or split, and with regions filled in where they are merged."""
    rows = _filled_rows(path, settings, matrix)
    frames = [local(spark, [], PARTS)]
    while chunk := [(fields,) for fields in islice(rows, CHUNK)]:
        frames.append(local(spark, chunk, PARTS))
    return reduce(DataFrame.unionByName, frames)


def _filled_rows(path: str, settings: FlowsInput, matrix: Matrix) -> Iterator[list[str]]:
    place = settings.labels.index("region") if matrix.is_merged else None
    region = ""
    for _, fields, _ in _rows(path, matrix.part, Dialect.of(settings)):
        if place is not None and fields not in matrix.heads and _fits(fields, matrix.width):
            region = clean(fields[place]) or region
            fields = [*fields[:place], region, *fields[place + 1 :]]
        yield fields


def _is_head(heads: Sequence[list[str]]) -> Column:
    own = [F.array(*[F.lit(label) for label in head]) for head in heads]
    return reduce(or_, [F.col("parts") == head for head in own])


def _is_blank(cells: Column) -> Column:
    return F.forall(cells, lambda cell: F.btrim(cell, F.lit(BLANKS)) == "")


def _literal(separator: str) -> str:
    """The separator as a regular expression that means itself."""
    return f"\\Q{separator}\\E"
