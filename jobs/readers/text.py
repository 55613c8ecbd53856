"""Separated text: any separator, encoding and decimal mark; selected by header name, all columns as text.

Each part of a folder is read by its own header. Spark reads a part whose records are plain lines; any other
shape is read on the driver, in chunks, by the parser that counted its records (see records.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import islice

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType, StructField, StructType

from jobs.codes import BLANKS
from jobs.readers import files
from jobs.readers.files import CORRUPT, PART, ROW, Rows
from jobs.readers.records import Dialect, Scan, clean, records, scan
from jobs.settings import encodings
from jobs.spark.frames import local, quoted

CHUNK = 50_000  # records read on the driver at a time
IN_PART = 1 << 33  # monotonically_increasing_id counts a partition's rows in the lower 33 bits
NO_PATTERN = {"__globPaths__": "false"}  # Spark takes the path for a name, with brackets and stars in it


def scanned(path: str, dialect: Dialect, wanted: list[str]) -> list[Scan]:
    """All parts of an input, each parsed once. Raises InputError, see records.scan."""
    return [scan(path, part, dialect, wanted) for part in files.parts(path)]


def read(spark: SparkSession, scans: list[Scan], wanted: list[str], splittable: bool = False) -> Rows:
    """Columns `wanted` as text with the reader's own columns (files.ADDED).

    The row's number is the record's first line in its file. `splittable` reads large parts in parallel and
    gives 0 for it: for input-output tables, whose rows are known by their cell.
    """
    frames = []
    for known in scans:
        by_spark = known.line_records and _open_to_spark(known, splittable)
        reader = _by_spark if by_spark else _on_the_driver
        frames.append(reader(spark, known, wanted, splittable))
    count = sum(known.records for known in scans)
    return Rows(reduce(DataFrame.unionByName, frames), _notes(scans, wanted), count)


def _open_to_spark(known: Scan, splittable: bool) -> bool:
    """Whether Spark can open the part and cut it into its records."""
    wide = encodings.python_name(known.dialect.encoding) in encodings.WIDE
    return files.spark_path(known.part) is not None and not wide and (splittable or known.numbered_by_place)


def _by_spark(spark: SparkSession, known: Scan, wanted: list[str], splittable: bool) -> DataFrame:
    names = [f"c{place}" for place in range(len(known.names))]  # a header may hold dots and blanks
    # Java's names of most encodings are switched on for Spark's reader by this setting.
    spark.conf.set("spark.sql.legacy.javaCharsets", "true")
    # With columns left out by the parser itself, a row of too many fields would pass for a good one.
    frame = spark.read.options(**NO_PATTERN, columnPruning="false").csv(
        str(files.spark_path(known.part)),
        schema=StructType([StructField(name, StringType()) for name in [*names, CORRUPT]]),
        sep=known.dialect.separator,
        encoding=encodings.java_name(known.dialect.encoding),
        header=True,
        enforceSchema=True,  # by position, and the positions were read from this part's own header
        multiLine=not splittable,
        quote='"',
        escape='"',
        mode="PERMISSIVE",
        columnNameOfCorruptRecord=CORRUPT,
        ignoreLeadingWhiteSpace=True,
        ignoreTrailingWhiteSpace=True,
        maxColumns=known.most_fields + 1,
        maxCharsPerColumn=-1,
    )
    # A file that is not split is one partition, so this id is the row's place in it whatever the number of
    # cores; in a plan where rows can change partition it would not be.
    place = F.monotonically_increasing_id() % F.lit(IN_PART) + F.lit(2)
    by_name = dict(zip(known.names, names, strict=True))
    return frame.select(
        F.lit(files.part_name(known.path, known.part)).cast("string").alias(PART),
        (F.lit(0).cast("long") if splittable else place).alias(ROW),
        *[F.btrim(F.col(by_name[column]), F.lit(BLANKS)).alias(column) for column in wanted],
        F.col(CORRUPT),
    )


def _on_the_driver(spark: SparkSession, known: Scan, wanted: list[str], splittable: bool) -> DataFrame:
    """The part's rows in chunks that the driver hands over; `splittable` changes nothing."""
    columns = [
        StructField(PART, StringType()),
        StructField(ROW, LongType()),
        *[StructField(column, StringType()) for column in [*wanted, CORRUPT]],
    ]
    rows, frames = _rows(known, wanted), []
    while chunk := list(islice(rows, CHUNK)):
        frames.append(local(spark, chunk, StructType(columns)))
    return reduce(DataFrame.unionByName, frames).select(
        PART, ROW, *[F.col(quoted(column)) for column in [*wanted, CORRUPT]]
    )


def _rows(known: Scan, wanted: list[str]) -> Iterator[tuple[str | int | None, ...]]:
    name = files.part_name(known.path, known.part)
    places = [known.names.index(column) for column in wanted]
    for record in records(known):
        if len(record.fields) == len(known.names):
            cells = [clean(record.fields[place]) or None for place in places]
            yield (name, record.row, *cells, None)
        else:
            yield (
                name,
                record.row,
                *([None] * len(places)),
                known.dialect.separator.join(record.fields),
            )


def _notes(scans: list[Scan], wanted: list[str]) -> list[str]:
    """What a reader of the report should know of the files: each kind said once."""
    notes = []
    stray = sorted({name for known in scans for name in _stray(known)})
    if stray:
        notes.append(f"{len(stray)} column names had stray blanks: {', '.join(stray[:5])}")
    extra = list(dict.fromkeys(name for known in scans for name in known.names if name not in wanted))
    if extra:
        shown = ", ".join(extra[:5]) + (" …" if len(extra) > 5 else "")
        notes.append(f"{len(extra)} columns of the file are not used: {shown}")
    headers = {tuple(known.names) for known in scans}
    if len(headers) > 1:
        notes.append(f"the {len(scans)} parts have {len(headers)} different headers; each is read by its own")
    cut = [known.part.name for known in scans if known.cut]
    if cut:
        notes.append(f"{', '.join(cut[:3])}: the last line has no line end; check that the file is whole")
    return notes


def _stray(known: Scan) -> list[str]:
    return [
        plain
        for name, plain in zip(known.raw, known.names, strict=True)
        if name.strip("\ufeff") != plain and plain
    ]
