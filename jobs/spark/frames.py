"""Small local tables as Spark frames, through Arrow: no Python runs on the executors for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from jobs.settings import schemas

TableRows = DataFrame | pa.Table  # of a table: on the executors, or on the driver already


def local(spark: SparkSession, rows: Iterable[Sequence[Any]], schema: str | StructType) -> DataFrame:
    """Rows (tuples in the order of the schema) as a frame."""
    struct = cast(StructType, StructType.fromDDL(schema)) if isinstance(schema, str) else schema
    return spark.createDataFrame(_arrow(rows, struct), schema=struct)


def rows_of(table: str, rows: Iterable[Sequence[Any]] = ()) -> pa.Table:
    """Rows (tuples in the order of the schema) of a table of `schemas/`, which stay on the driver."""
    return _arrow(rows, schemas.table(table).struct)


def _arrow(rows: Iterable[Sequence[Any]], struct: StructType) -> pa.Table:
    schema = to_arrow_schema(struct)
    columns = list(zip(*rows, strict=True)) or [() for _ in schema]
    arrays = [pa.array(list(values), type=field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def nothing(spark: SparkSession, table: str) -> DataFrame:
    """No rows, in the shape of a table of `schemas/`."""
    return local(spark, [], schemas.table(table).struct)


def collected(frame: DataFrame) -> pd.DataFrame:
    """A small table on the driver."""
    return cast(pd.DataFrame, frame.toPandas())


def quoted(column: str) -> str:
    """A column's name as Spark's functions take it, with dots, blanks and backticks in it."""
    return "`" + column.replace("`", "``") + "`"
