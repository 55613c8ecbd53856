"""Files of statistical packages: Stata, SPSS and SAS through pyreadstat, Parquet through Spark."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pandas as pd
import pyreadstat
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import InputError
from jobs.frames import local
from jobs.readers import files

ROWS = 50_000  # rows a chunk; bounds the driver's memory
READERS: dict[str, Any] = {
    "stata": pyreadstat.read_dta,
    "spss": pyreadstat.read_sav,
    "sas": pyreadstat.read_sas7bdat,
}


def read(spark: SparkSession, path: str, form: str, wanted: list[str]) -> tuple[DataFrame, list[str]]:
    """Columns `wanted` as text (codes, not labels), with `row_number` and an empty `_corrupt`.

    Missing values of the package are null. Raises InputError where the file is damaged or lacks a column.
    """
    frames = [
        _parquet(spark, str(file), wanted) if form == "parquet" else _package(spark, str(file), form, wanted)
        for file in files.parts(path)
    ]
    return reduce(DataFrame.unionByName, frames), []


def _parquet(spark: SparkSession, path: str, wanted: list[str]) -> DataFrame:
    try:
        frame = spark.read.parquet(path)
    except Exception:
        raise InputError(f"{path} is no whole Parquet file; deliver it again.") from None
    files.demand(path, frame.columns, wanted)
    return frame.select(
        (F.col("_metadata.row_index") + 2).alias("row_number"),
        *[F.trim(F.col(f"`{column}`").cast("string")).alias(column) for column in wanted],
        F.lit(None).cast("string").alias("_corrupt"),
    )


def _package(spark: SparkSession, path: str, form: str, wanted: list[str]) -> DataFrame:
    reader = READERS[form]
    try:
        _, facts = reader(path, metadataonly=True)
        files.demand(path, facts.column_names, wanted)
        chunks = [
            chunk for chunk, _ in pyreadstat.read_file_in_chunks(reader, path, chunksize=ROWS, usecols=wanted)
        ]
    except (pyreadstat.ReadstatError, UnicodeDecodeError):
        raise InputError(f"{path} is no whole {form} file; deliver it again.") from None
    schema = ", ".join(["row_number bigint", *[f"`{column}` string" for column in wanted], "_corrupt string"])
    frames, first = [], 2
    for chunk in chunks:
        rows = [
            (first + place, *map(_text, row), None)
            for place, row in enumerate(chunk[wanted].itertuples(index=False, name=None))
        ]
        frames.append(local(spark, rows, schema))
        first += len(rows)
    return reduce(DataFrame.unionByName, frames) if frames else local(spark, [], schema)


def _text(value: Any) -> str | None:
    """A cell as text: whole numbers without a point, missing as null."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None
