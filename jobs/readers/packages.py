"""Files of statistical packages: Stata, SPSS and SAS through pyreadstat, Parquet through Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import InputError
from jobs.readers import files, text, typed
from jobs.readers.files import CORRUPT, COUNTRY, PART, ROW, WAVE
from jobs.readers.text import NO_PATTERN
from jobs.settings.slices import Slice
from jobs.spark.frames import quoted

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


def read(
    spark: SparkSession, inputs: Mapping[Slice, str], form: str, wanted: list[str]
) -> tuple[DataFrame, dict[Slice, int]]:
    """Columns `wanted` as text (codes, not labels), with the reader's own columns (files.ADDED).

    Missing values of the package are null. Gives the rows that the files of each slice say they hold, too.
    Raises InputError where a file is damaged or lacks a column: see `check`, which tells of which slice.
    """
    if form == "parquet":
        frames = [
            _parquet(spark, path, part, wanted).withColumns(
                {COUNTRY: F.lit(slice.country), WAVE: F.lit(slice.wave)}
            )
            for slice, path in inputs.items()
            for part in files.parts(path)
        ]
        counts = {slice: sum(map(parquet_rows, files.parts(path))) for slice, path in inputs.items()}
        return reduce(DataFrame.unionByName, frames), counts
    counts = dict.fromkeys(inputs, 0)

    def rows() -> Iterator[tuple[Any, ...]]:
        for slice, path in inputs.items():
            for part in files.parts(path):
                for row in _package(path, part, form, wanted):
                    counts[slice] += 1
                    yield (*slice, *row)

    return text.handed_over(spark, rows(), wanted), counts


def check(path: str, form: str, wanted: list[str]) -> None:
    """Raise InputError where a part cannot be read, or lacks a column."""
    for part in files.parts(path):
        files.demand(files.shown(path, part), names(path, part, form), wanted)


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


def _parquet(spark: SparkSession, path: str, part: Path, wanted: list[str]) -> DataFrame:
    frame = parquet(spark, path, part)
    files.demand(files.shown(path, part), frame.columns, wanted)
    kinds = dict(frame.dtypes)
    return frame.select(
        F.lit(files.part_name(path, part)).cast("string").alias(PART),
        ROW,
        *[typed.column(F.col(quoted(column)), kinds[column]).alias(column) for column in wanted],
        F.lit(None).cast("string").alias(CORRUPT),
    )


def _package(path: str, part: Path, form: str, wanted: list[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of a part: its name, the row's number, the cells, nothing corrupt."""
    name, number = files.part_name(path, part), 2
    for chunk in _chunks(path, part, form, wanted):
        for row in chunk[wanted].itertuples(index=False, name=None):
            yield (name, number, *map(typed.text, row), None)
            number += 1


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
