"""Files of statistical packages as frames: those that the driver reads, and Parquet through Spark."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import InputError
from jobs.readers import files, statistical, text
from jobs.readers.files import CORRUPT, ROW
from jobs.readers.text import FILE, NO_PATTERN
from jobs.settings.slices import Slice
from jobs.spark.frames import quoted
from jobs.transforms.cells import bare

EXACT = 1e15  # whole doubles below it are exact
SPARKS_OWN = b"org.apache.spark.sql.parquet.row.metadata"  # Spark's types of a file that it wrote
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
        counts = {
            slice: sum(map(statistical.parquet_rows, files.parts(path))) for slice, path in inputs.items()
        }
        return _of_parquet(spark, inputs, wanted), counts
    counts = dict.fromkeys(inputs, 0)

    def rows() -> Iterator[tuple[Any, ...]]:
        for slice, path in inputs.items():
            for part in files.parts(path):
                for row in statistical.rows(path, part, form, wanted, encoding):
                    counts[slice] += 1
                    yield (*slice, *row)

    return text.handed_over(spark, rows(), wanted), counts


def parquet(spark: SparkSession, path: str, *parts: Path) -> DataFrame:
    """Parquet files of one shape with ROW, the row's place in its file, first row 2; of several with FILE.

    Raises InputError where the first is damaged.
    """
    try:
        known = [files.spark_path(part) for part in parts]
        if None in known:  # a name that Spark cannot open; such a file is alone
            table = pq.read_table(parts[0])
            places = pa.array(range(2, len(table) + 2), pa.int64())
            return spark.createDataFrame(table.append_column(ROW, places))
        frame = spark.read.options(**NO_PATTERN).parquet(*map(str, known))
        of_several = {FILE: text.file_of_row()} if len(parts) > 1 else {}
        return frame.withColumns({ROW: F.col("_metadata.row_index") + 2, **of_several})
    except Exception:
        raise InputError(statistical.damaged(path, parts[0], "Parquet")) from None


def _of_parquet(spark: SparkSession, inputs: Mapping[Slice, str], wanted: list[str]) -> DataFrame:
    """Files of one shape are read in one scan, whatever their number."""
    shapes: dict[Hashable, list[tuple[Slice, str, Path]]] = {}
    for slice, path in inputs.items():
        for part in files.parts(path):
            shapes.setdefault(_shape(path, part), []).append((slice, path, part))
    return reduce(DataFrame.unionByName, [_alike(spark, origins, wanted) for origins in shapes.values()])


def _shape(path: str, part: Path) -> Hashable:
    """What Parquet files have in common that Spark reads in one scan: columns, types, what Spark noted."""
    try:
        footer = pq.read_metadata(part)
    except Exception:
        raise InputError(statistical.damaged(path, part, "Parquet")) from None
    columns = [footer.schema.column(place) for place in range(footer.num_columns)]
    kinds = tuple((column.path, column.physical_type, str(column.logical_type)) for column in columns)
    return kinds, (footer.metadata or {}).get(SPARKS_OWN), text.alone(part)


def _alike(spark: SparkSession, origins: list[tuple[Slice, str, Path]], wanted: list[str]) -> DataFrame:
    _, path, first = origins[0]
    frame = parquet(spark, path, *[part for _, _, part in origins])
    columns = [name for name in frame.columns if name not in (ROW, FILE)]
    names = files.matched(columns, wanted)
    files.demand(files.shown(path, first), names, wanted)
    kinds = dict(frame.dtypes)
    own = dict(zip(names, columns, strict=True))
    rows = frame.select(
        FILE if FILE in frame.columns else F.lit("").alias(FILE),
        ROW,
        *[column_as_text(F.col(quoted(own[name])), kinds[own[name]]).alias(name) for name in wanted],
        F.lit(None).cast("string").alias(CORRUPT),
    )
    return text.with_places(spark, rows, origins, wanted)


def column_as_text(value: Column, kind: str) -> Column:
    """A column of Spark's type `kind` as text, by the rule of readers.typed."""
    plain = F.nullif(bare(value), F.lit("")) if kind == "string" else value.cast("string")
    if not kind.startswith(FRACTIONAL):
        return plain
    number = value.cast("double") if kind == "float" else value
    whole = (number == F.floor(number)) & (F.abs(number) < F.lit(EXACT))
    as_text = F.when(whole, number.cast("bigint").cast("string")).otherwise(plain)
    return as_text if kind.startswith("decimal") else F.when(~F.isnan(value), as_text)
