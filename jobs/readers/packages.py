"""Files of statistical packages as frames: those that the driver reads, and Parquet through Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import InputError
from jobs.readers import files, statistical, text
from jobs.readers.files import CORRUPT, COUNTRY, PART, ROW, WAVE
from jobs.readers.text import NO_PATTERN
from jobs.settings.slices import Slice
from jobs.spark.frames import quoted
from jobs.transforms.cells import bare

EXACT = 1e15  # whole doubles below it are exact
FRACTIONAL = ("double", "float", "decimal")


def read(
    spark: SparkSession,
    inputs: Mapping[Slice, str],
    form: str,
    wanted: list[str],
    encoding: str = files.PLAIN_ENCODING,
) -> tuple[DataFrame, dict[Slice, int]]:
    """Columns `wanted` as text (codes, not labels), with the reader's own columns (files.ADDED).

    `encoding` is that of the texts, where the file does not tell it. Missing values of the package are null.
    Gives the rows that the files of each slice say they hold, too. Raises InputError where a file is damaged
    or lacks a column: see statistical.check, which tells of which slice.
    """
    if form == "parquet":
        frames = [
            _parquet(spark, path, part, wanted).withColumns(
                {COUNTRY: F.lit(slice.country), WAVE: F.lit(slice.wave)}
            )
            for slice, path in inputs.items()
            for part in files.parts(path)
        ]
        counts = {
            slice: sum(map(statistical.parquet_rows, files.parts(path))) for slice, path in inputs.items()
        }
        return reduce(DataFrame.unionByName, frames), counts
    counts = dict.fromkeys(inputs, 0)

    def rows() -> Iterator[tuple[Any, ...]]:
        for slice, path in inputs.items():
            for part in files.parts(path):
                for row in statistical.rows(path, part, form, wanted, encoding):
                    counts[slice] += 1
                    yield (*slice, *row)

    return text.handed_over(spark, rows(), wanted), counts


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
        raise InputError(statistical.damaged(path, part, "Parquet")) from None


def _parquet(spark: SparkSession, path: str, part: Path, wanted: list[str]) -> DataFrame:
    frame = parquet(spark, path, part)
    names = files.matched(frame.columns, wanted)
    files.demand(files.shown(path, part), names, wanted)
    kinds = dict(frame.dtypes)
    own = dict(zip(names, frame.columns, strict=True))
    return frame.select(
        F.lit(files.part_name(path, part)).cast("string").alias(PART),
        ROW,
        *[column_as_text(F.col(quoted(own[name])), kinds[own[name]]).alias(name) for name in wanted],
        F.lit(None).cast("string").alias(CORRUPT),
    )


def column_as_text(value: Column, kind: str) -> Column:
    """A column of Spark's type `kind` as text, by the rule of readers.typed."""
    plain = F.nullif(bare(value), F.lit("")) if kind == "string" else value.cast("string")
    if not kind.startswith(FRACTIONAL):
        return plain
    number = value.cast("double") if kind == "float" else value
    whole = (number == F.floor(number)) & (F.abs(number) < F.lit(EXACT))
    as_text = F.when(whole, number.cast("bigint").cast("string")).otherwise(plain)
    return as_text if kind.startswith("decimal") else F.when(~F.isnan(value), as_text)
