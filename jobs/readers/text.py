"""Separated text: any separator, encoding and decimal mark; selected by header name, all columns as text."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from jobs.readers import files

CORRUPT = "_corrupt"
IN_PART = 1 << 33  # monotonically_increasing_id counts a partition's rows in the lower 33 bits
# What Spark's reader takes by itself; others need the JVM's own list, switched on for the read.
SPARKS_OWN = {"utf-8", "iso-8859-1", "us-ascii", "utf-16", "utf-16le", "utf-16be", "utf-32"}


def read(
    spark: SparkSession, path: str, separator: str, encoding: str, wanted: list[str], splittable: bool = False
) -> tuple[DataFrame, list[str]]:
    """Columns `wanted` as text, `row_number`, and `_corrupt` (the row's text where its fields do not fit).

    Also gives notes on the header: columns left out and names with stray blanks. A survey is read with
    quoted line breaks, one task a file, so that a row's number is its place among the records of the
    file (the header is 1). `splittable` reads in parallel instead, without line breaks in quotes and
    with row number 0: for input-output tables, whose rows are known by their cell.
    Raises InputError for a missing, empty or header-only file, a missing column, or a wrong encoding.
    """
    raw, clean = files.header(path, separator, encoding)
    files.demand(path, clean, wanted)
    if encoding.lower() not in SPARKS_OWN:
        spark.conf.set("spark.sql.legacy.javaCharsets", "true")
    frames = [
        _part(spark, part, separator, encoding, raw, clean, wanted, splittable) for part in files.parts(path)
    ]
    notes = []
    stray = [name for name, plain in zip(raw, clean, strict=True) if name.lstrip("\ufeff") != plain]
    if stray:
        notes.append(f"{len(stray)} column names had stray blanks: {', '.join(map(str.strip, stray[:5]))}")
    extra = [name for name in clean if name not in wanted]
    if extra:
        shown = ", ".join(extra[:5]) + (" …" if len(extra) > 5 else "")
        notes.append(f"{len(extra)} columns of the file are not used: {shown}")
    return reduce(DataFrame.unionByName, frames), notes


def _part(
    spark: SparkSession,
    file: Path,
    separator: str,
    encoding: str,
    raw: list[str],
    clean: list[str],
    wanted: list[str],
    splittable: bool,
) -> DataFrame:
    names = [f"c{place}" for place in range(len(clean))]  # a header may hold dots and blanks
    schema = StructType([StructField(name, StringType()) for name in [*names, CORRUPT]])
    frame = spark.read.csv(
        str(file.resolve()),
        schema=schema,
        sep=separator,
        encoding=encoding,
        header=True,
        enforceSchema=True,  # by position, and the positions were read from this file's own header
        multiLine=not splittable,
        quote='"',
        escape='"',
        mode="PERMISSIVE",
        columnNameOfCorruptRecord=CORRUPT,
        ignoreLeadingWhiteSpace=True,
        ignoreTrailingWhiteSpace=True,
        maxColumns=len(names) + 10,
        maxCharsPerColumn=-1,
    )
    # A file read with line breaks is one partition, so this id is the row's place in it whatever the
    # number of cores; in a plan where rows can change partition it would not be.
    place = F.monotonically_increasing_id() % F.lit(IN_PART) + F.lit(2)
    by_name = {name: column for name, column in zip(clean, names, strict=True)}
    return frame.select(
        (F.lit(0).cast("long") if splittable else place).alias("row_number"),
        *[F.col(by_name[column]).alias(column) for column in wanted],
        F.col(CORRUPT),
    )
