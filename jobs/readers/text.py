"""Separated text: any separator, encoding and decimal mark; selected by header name, all columns as text.

Each part of a folder is read by its own header. Spark reads a part whose records are plain lines, and a large
one whose lines are all alike in pieces; any other shape is read on the driver, in chunks, by the parser that
counted its records (see records.py).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType, StructField, StructType

from jobs.readers import files, regular
from jobs.readers.dialect import Dialect
from jobs.readers.files import CORRUPT, COUNTRY, FILE, PART, ROW, WAVE
from jobs.readers.records import Scan, clean, rows, scan
from jobs.settings import encodings
from jobs.settings.slices import Slice
from jobs.spark.frames import local, quoted
from jobs.transforms.cells import bare

CHUNK = 50_000  # records read on the driver at a time
IN_PART = 1 << 33  # monotonically_increasing_id counts a partition's rows in the lower 33 bits
# Paths that are the same as an address.
PLAIN = re.compile(r"(?:[a-z0-9]+://[A-Za-z0-9_.:@-]*)?[A-Za-z0-9_./-]+")
SIZES = ("spark.sql.files.openCostInBytes", "spark.sql.files.maxPartitionBytes")
MOST_PARTITIONS = "spark.sql.files.maxPartitionNum"
LARGEST_INT = 2**31 - 1
NO_PATTERN = {"__globPaths__": "false"}  # Spark takes the path for a name, with brackets and stars in it


def scanned(path: str, dialect: Dialect, wanted: list[str]) -> list[Scan]:
    """All parts of an input, each parsed once. Raises InputError, see records.scan."""
    return [scan(path, part, dialect, wanted) for part in files.parts(path)]


def read(
    spark: SparkSession, scans: Mapping[Slice, list[Scan]], wanted: list[str], splittable: bool = False
) -> DataFrame:
    """Columns `wanted` as text with the reader's own columns (files.ADDED).

    The files of all slices that have the same header are read in one scan. The row's number is the record's
    first line in its file. `splittable` reads large parts in parallel and gives 0 for it: for input-output
    tables, whose rows are known by their cell. Row numbers need `files_apart` while the frame is computed.
    """
    shapes: dict[Hashable, list[tuple[Slice, Scan]]] = {}
    for slice, of_slice in scans.items():
        for known in of_slice:
            shapes.setdefault(_shape(known, splittable), []).append((slice, known))
    frames = [
        _by_spark(spark, alike, wanted, splittable)
        if shape is not None
        else _on_the_driver(spark, alike, wanted)
        for shape, alike in shapes.items()
    ]
    return reduce(DataFrame.unionByName, frames)


@contextmanager
def files_apart(spark: SparkSession) -> Iterator[None]:
    """While this holds, a partition of a frame has one file, or one piece of a large one: a row's place there
    tells its place in the file.

    Spark puts small files together as long as their sizes, and for each file the cost of opening it, are
    below the largest size of a partition, which it makes larger where partitions would be too many.
    """
    apart = dict.fromkeys(SIZES, str(regular.PIECE)) | {MOST_PARTITIONS: str(LARGEST_INT)}
    usual = {key: spark.conf.get(key, None) for key in apart}
    for key, value in apart.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, before in usual.items():
            if before is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, before)


def counted(scans: list[Scan]) -> int:
    """How many rows the files of a slice hold."""
    return sum(known.records for known in scans)


def _shape(known: Scan, splittable: bool) -> Hashable:
    """What files have in common that Spark reads in one scan; None for those that the driver reads."""
    if not (known.line_records and _open_to_spark(known, splittable)):
        return None
    own = str(known.part) if _in_pieces(known, splittable) else alone(known.part)
    return (tuple(known.names), known.dialect, known.is_bare, own)


def _in_pieces(known: Scan, splittable: bool) -> bool:
    """Whether the part is so large that several tasks read it, with its rows' numbers."""
    return len(known.before) > 1 and files.ending(known.part) not in files.ARCHIVES and not splittable


def alone(part: Path) -> str:
    """The name of a file that is read in a scan of its own: Spark tells its name otherwise; empty if none."""
    return "" if PLAIN.fullmatch(str(files.spark_path(part))) else str(part)


def _open_to_spark(known: Scan, splittable: bool) -> bool:
    """Whether Spark can open the part and cut it into its records."""
    wide = encodings.python_name(known.dialect.encoding) in encodings.WIDE
    return files.spark_path(known.part) is not None and not wide and (splittable or known.numbered_by_place)


def _by_spark(
    spark: SparkSession, alike: list[tuple[Slice, Scan]], wanted: list[str], splittable: bool
) -> DataFrame:
    first = alike[0][1]
    in_pieces = _in_pieces(first, splittable)
    names = [f"c{place}" for place in range(len(first.names))]  # a header may hold dots and blanks
    # Java's names of most encodings are switched on for Spark's reader by this setting.
    spark.conf.set("spark.sql.legacy.javaCharsets", "true")
    # With columns left out by the parser itself, a row of too many fields would pass for a good one.
    frame = spark.read.options(**NO_PATTERN, columnPruning="false").csv(
        [str(files.spark_path(known.part)) for _, known in alike],
        schema=StructType([StructField(name, StringType()) for name in [*names, CORRUPT]]),
        sep=first.dialect.separator,
        encoding=encodings.java_name(first.dialect.encoding),
        header=True,
        enforceSchema=True,  # by position, and the positions were read from the files' own header
        multiLine=not (splittable or in_pieces),
        quote='"',
        escape='"',
        mode="PERMISSIVE",
        columnNameOfCorruptRecord=CORRUPT,
        ignoreLeadingWhiteSpace=True,
        ignoreTrailingWhiteSpace=True,
        maxColumns=max(known.most_fields for _, known in alike) + 1,
        maxCharsPerColumn=-1,
    )
    # A file, or a piece of one, is one partition, so this id is the row's place in it whatever the number of
    # cores; in a plan where rows can change partition it would not be.
    place = F.monotonically_increasing_id() % F.lit(IN_PART) + F.lit(2)
    if in_pieces:
        # Spark gives the line in which a piece begins, and the one that begins with it, to the piece before.
        piece = (F.col("_metadata.file_block_start") / F.lit(regular.PIECE)).cast("int")
        place = place + F.element_at(F.array(*map(F.lit, first.before)), piece + F.lit(1)).cast("long")
    by_name = dict(zip(first.names, names, strict=True))
    file = file_of_row() if len(alike) > 1 else F.lit("")  # Spark takes long to say of which file a row is
    cells = {column: F.col(by_name[column]) for column in wanted}
    rows = frame.select(
        file.alias(FILE),
        (F.lit(0).cast("long") if splittable else place).alias(ROW),
        *[(cell if first.is_bare else bare(cell)).alias(column) for column, cell in cells.items()],
        F.col(CORRUPT),
    )
    return with_places(spark, rows, [(slice, known.path, known.part) for slice, known in alike], wanted)


def file_of_row() -> Column:
    """The file that a row of a scan is from, as files.spark_path gives it."""
    return F.regexp_replace("_metadata.file_path", "^file:/+", "/")


def with_places(
    spark: SparkSession, rows: DataFrame, origins: list[tuple[Slice, str, Path]], wanted: list[str]
) -> DataFrame:
    """The rows of files with country, wave and part, known by their column FILE.

    `origins`: of each file its slice, the path of the input and the part. Of one file FILE may be empty.
    """
    columns = [COUNTRY, WAVE, PART, ROW, *[quoted(column) for column in wanted], CORRUPT]
    if len(origins) == 1:
        ((slice, path, part),) = origins
        name = files.part_name(path, part)
        own = {COUNTRY: F.lit(slice.country), WAVE: F.lit(slice.wave), PART: F.lit(name).cast("string")}
        return rows.withColumns(own).select(*columns)
    places = [
        (str(files.spark_path(part)), *slice, files.part_name(path, part)) for slice, path, part in origins
    ]
    known_files = local(spark, places, f"{FILE} string, {COUNTRY} string, {WAVE} string, {PART} string")
    return rows.join(F.broadcast(known_files), FILE).select(*columns)


def _on_the_driver(spark: SparkSession, alike: list[tuple[Slice, Scan]], wanted: list[str]) -> DataFrame:
    """The rows of some parts in chunks that the driver hands over."""
    return handed_over(spark, chain.from_iterable(_rows(*entry, wanted) for entry in alike), wanted)


def handed_over(spark: SparkSession, rows: Iterator[tuple[Any, ...]], wanted: list[str]) -> DataFrame:
    """Rows (country, wave, part, row, cells, corrupt) that were read on the driver, in chunks, as a frame."""
    schema = StructType(
        [
            *[StructField(column, StringType()) for column in (COUNTRY, WAVE, PART)],
            StructField(ROW, LongType()),
            *[StructField(column, StringType()) for column in [*wanted, CORRUPT]],
        ]
    )
    frames = []
    while chunk := list(islice(rows, CHUNK)):
        frames.append(local(spark, chunk, schema))
    return reduce(DataFrame.unionByName, frames) if frames else local(spark, [], schema)


def _rows(slice: Slice, known: Scan, wanted: list[str]) -> Iterator[tuple[str | int | None, ...]]:
    name = files.part_name(known.path, known.part)
    for row, cells, corrupt in rows(known, wanted):
        yield (*slice, name, row, *cells, corrupt)


def notes(scans: list[Scan], wanted: list[str]) -> list[str]:
    """What a reader of the report should know of the files: each kind said once.

    Names that nobody asked for are quoted only where the first row can be nothing but a header.
    """
    words = []
    headed = all(known.is_headed for known in scans)
    stray = sorted({name for known in scans for name in _stray(known)})
    if stray:
        shown = _listed([name for name in stray if headed or name in wanted])
        words.append(f"{len(stray)} column names had stray blanks{shown}")
    respelt = sorted({name for known in scans for name in set(known.names) - _as_they_stand(known)})
    if respelt:
        words.append(f"{len(respelt)} column names differ in capital letters{_listed(respelt)}")
    extra = list(dict.fromkeys(name for known in scans for name in known.names if name not in wanted))
    if extra:
        words.append(f"{len(extra)} columns of the file are not used{_listed(extra) if headed else ''}")
    headers = {tuple(known.names) for known in scans}
    if len(headers) > 1:
        words.append(f"the {len(scans)} parts have {len(headers)} different headers; each is read by its own")
    cut = [known.part.name for known in scans if known.cut]
    if cut:
        words.append(f"{', '.join(cut[:3])}: the last line has no line end; check that the file is whole")
    return words


def _listed(names: list[str]) -> str:
    """The first names after a colon; nothing where there is none."""
    return f": {', '.join(names[:5])}{' …' if len(names) > 5 else ''}" if names else ""


def _as_they_stand(known: Scan) -> set[str]:
    return {clean(name) for name in known.raw}


def _stray(known: Scan) -> list[str]:
    return [
        plain
        for name, plain in zip(known.raw, known.names, strict=True)
        if plain and name.strip("\ufeff") != clean(name)
    ]
