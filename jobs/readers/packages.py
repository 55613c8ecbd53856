"""Files of statistical packages: Stata, SPSS and SAS through pyreadstat, Parquet through Spark."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType, StructField, StructType

from jobs.errors import InputError
from jobs.readers import files, typed
from jobs.readers.files import CORRUPT, PART, ROW, Rows
from jobs.readers.text import NO_PATTERN
from jobs.spark.frames import local, quoted

ROWS = 50_000  # rows a chunk; bounds the driver's memory
READERS: dict[str, Any] = {
    "stata": pyreadstat.read_dta,
    "spss": pyreadstat.read_sav,
    "sas": pyreadstat.read_sas7bdat,
}
DAMAGED = (
    pyreadstat.ReadstatError,
    pyreadstat.PyreadstatError,
    UnicodeDecodeError,
    OverflowError,
    ValueError,
)


def read(spark: SparkSession, path: str, form: str, wanted: list[str]) -> Rows:
    """Columns `wanted` as text (codes, not labels), with the reader's own columns (files.ADDED).

    Missing values of the package are null. Raises InputError where a file is damaged or lacks a column.
    """
    reader = _parquet if form == "parquet" else _package
    read = [reader(spark, path, part, form, wanted) for part in files.parts(path)]
    frames, counts = zip(*read, strict=True)
    return Rows(reduce(DataFrame.unionByName, frames), [], sum(counts))


def names(path: str, part: Path, form: str) -> list[str]:
    """The columns of a file. Raises InputError where it is damaged."""
    if form == "parquet":
        try:
            return list(pq.read_schema(part).names)
        except Exception:
            raise InputError(_damaged(path, part, "Parquet")) from None
    try:
        return list(READERS[form](str(part), metadataonly=True)[1].column_names)
    except DAMAGED:
        raise InputError(_damaged(path, part, form)) from None


def parquet(spark: SparkSession, path: str, part: Path) -> DataFrame:
    """A Parquet file with ROW, the row's place, first row 2. Raises InputError where it is damaged."""
    whole = files.spark_path(part)
    try:
        if whole is None:  # a name that Spark cannot open
            table = pq.read_table(part)
            places = pa.array(range(2, len(table) + 2), pa.int64())
            return spark.createDataFrame(table.append_column(ROW, places))
        frame = spark.read.options(**NO_PATTERN).parquet(whole)
        return frame.withColumn(ROW, F.col("_metadata.row_index") + 2)
    except Exception:
        raise InputError(_damaged(path, part, "Parquet")) from None


def parquet_rows(part: Path) -> int:
    """How many rows a Parquet file says that it holds."""
    return pq.read_metadata(part).num_rows


def _parquet(
    spark: SparkSession, path: str, part: Path, form: str, wanted: list[str]
) -> tuple[DataFrame, int]:
    frame = parquet(spark, path, part)
    files.demand(files.shown(path, part), frame.columns, wanted)
    kinds = dict(frame.dtypes)
    rows = frame.select(
        F.lit(files.part_name(path, part)).cast("string").alias(PART),
        ROW,
        *[typed.column(F.col(quoted(column)), kinds[column]).alias(column) for column in wanted],
        F.lit(None).cast("string").alias(CORRUPT),
    )
    return rows, parquet_rows(part)


def _package(
    spark: SparkSession, path: str, part: Path, form: str, wanted: list[str]
) -> tuple[DataFrame, int]:
    files.demand(files.shown(path, part), names(path, part, form), wanted)
    texts = [StructField(column, StringType()) for column in [*wanted, CORRUPT]]
    schema = StructType([StructField(PART, StringType()), StructField(ROW, LongType()), *texts])
    name, first, frames = files.part_name(path, part), 2, []
    for chunk in _chunks(path, part, form, wanted):
        rows = [
            (name, first + place, *map(typed.text, row), None)
            for place, row in enumerate(chunk[wanted].itertuples(index=False, name=None))
        ]
        frames.append(local(spark, rows, schema))
        first += len(rows)
    return reduce(DataFrame.unionByName, frames) if frames else local(spark, [], schema), first - 2


def _chunks(path: str, part: Path, form: str, wanted: list[str]) -> Iterator[Any]:
    count, whole = 0, -1
    try:
        whole = READERS[form](str(part), metadataonly=True)[1].number_rows or -1  # some files do not tell
        for chunk, _ in pyreadstat.read_file_in_chunks(
            READERS[form], str(part), chunksize=ROWS, usecols=wanted
        ):
            count += len(chunk)
            yield chunk
    except DAMAGED:
        raise InputError(_damaged(path, part, form)) from None
    if whole not in (-1, count):
        raise InputError(
            f"{files.shown(path, part)} says that it holds {whole:,} rows, and {count:,} can be read; "
            "deliver it again."
        )


def _damaged(path: str, part: Path, form: str) -> str:
    return f"{files.shown(path, part)} is no whole {form} file; deliver it again."
