"""The cells of wide matrices (see matrices.py) as a frame.

They are read as lines and unfolded, since a matrix of all European regions has more columns than a reader of
columns takes. What labels mean is looked up a row and a column, not a cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import islice

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.codes import BLANKS
from jobs.readers import files, text
from jobs.readers.dialect import Dialect
from jobs.readers.files import CORRUPT
from jobs.readers.matrices import Matrix, filled_rows
from jobs.settings import encodings
from jobs.settings.inputs import LABELS, FlowsInput
from jobs.settings.slices import Slice
from jobs.spark.frames import local
from jobs.transforms.cells import bare

ELSEWHERE = "elsewhere"
FIELDS = "fields array<string>"  # of a row
BUYERS = "country string, wave string, place int, destination_region string, destination_sector string"
NO_PLACE = 0  # in `place` of BUYERS: the one cell of a row that does not fit its header
CHUNK = 2000  # rows that the driver hands over at a time
LookUp = Callable[[DataFrame, Sequence[str]], DataFrame]  # adds what labels mean, see transforms.plain_cells


def read(
    spark: SparkSession, tables: Mapping[Slice, tuple[str, Sequence[Matrix]]], of: FlowsInput, look_up: LookUp
) -> DataFrame:
    """The cells of matrices that are written as the settings `of` say, by slice with the path of its table.

    A row of another length than its header is one cell.
    """
    rows: list[DataFrame] = []
    buyers: list[tuple[object, ...]] = [(None, None, NO_PLACE, None, None)]
    for slice, (path, matrices) in tables.items():
        for matrix in matrices:
            place = {
                **{column: F.lit(value) for column, value in slice.keys.items()},
                "part": F.lit(files.part_name(path, matrix.part)).cast("string"),
                "before": F.lit(len(buyers)),
            }
            rows.append(_sellers(_fields_of_rows(spark, path, of, matrix), of, matrix).withColumns(place))
            columns = enumerate(matrix.headers.buyers, start=len(buyers))
            buyers += [(*slice.keys.values(), number, *buyer) for number, buyer in columns]
    sellers = look_up(reduce(DataFrame.unionByName, rows), LABELS[:2])
    of_row = [column for column in sellers.columns if column != "fields"]
    cells = sellers.select(*of_row, F.posexplode_outer("fields").alias("place", "value"))
    cells = cells.withColumn("place", F.coalesce(F.col("before") + F.col("place"), F.lit(NO_PLACE)))
    of_column = look_up(local(spark, buyers, BUYERS), LABELS[2:]).drop("country", "wave")
    bare_values = all(matrix.is_bare for _, matrices in tables.values() for matrix in matrices)
    return (
        cells.join(F.broadcast(of_column), "place")
        .drop("before", "place")
        .withColumns(
            {
                # A row that does not fit is shown as it stands, without its labels beside it.
                **{label: F.when(F.col(CORRUPT).isNull(), F.col(label)) for label in LABELS[:2]},
                "value": F.col("value") if bare_values else bare(F.col("value")),
                "row_number": F.lit(0).cast("long"),
                ELSEWHERE: F.lit(False),
            }
        )
    )


def split(label: Column, join: str) -> tuple[Column, Column]:
    """The region and the sector in a label that holds both; the first mark between them counts."""
    parts = F.split(label, re.escape(join), 2)
    return bare(F.get(parts, F.lit(0))), bare(F.get(parts, F.lit(1)))


def _sellers(rows: DataFrame, settings: FlowsInput, matrix: Matrix) -> DataFrame:
    """Rows with the labels of their seller, and the `fields` behind these.

    A row that does not fit its header has no fields, but its text as a corrupt record.
    """
    headers, own = matrix.headers, F.col("fields")
    width, first = headers.width, len(headers.labels)
    beyond = F.slice(own, width + 1, F.greatest(F.size(own) - width, F.lit(1)))
    no_more = F.forall(beyond, lambda cell: bare(cell) == "")
    fits = F.when(F.size(own) == width, True).otherwise((F.size(own) > width) & no_more)
    labels = {held: F.get("labels", F.lit(place)) for place, held in enumerate(headers.labels)}
    if "both" in labels:
        region, sector = split(labels["both"], settings.join)
    else:
        region = F.lit(headers.region) if headers.region is not None else bare(labels["region"])
        sector = bare(labels["sector"])
    return rows.withColumn("fits", fits).select(
        region.alias("origin_region"),
        sector.alias("origin_sector"),
        F.when(~F.col("fits"), F.array_join(own, Dialect.of(settings).separator)).alias(CORRUPT),
        F.when(F.col("fits"), F.slice(own, first + 1, width - first)).alias("fields"),
    )


def _fields_of_rows(spark: SparkSession, path: str, settings: FlowsInput, matrix: Matrix) -> DataFrame:
    """The rows below the headers that hold something: all their `fields`, and the first of them, `labels`."""
    if matrix.is_plain and not matrix.is_merged:
        return _by_spark(spark, settings, matrix)
    rows = filled_rows(settings, path, matrix)
    frames = [local(spark, [], FIELDS)]
    while chunk := [(fields,) for fields in islice(rows, CHUNK)]:
        frames.append(local(spark, chunk, FIELDS))
    whole = reduce(DataFrame.unionByName, frames)
    return whole.withColumn("labels", F.slice("fields", 1, len(matrix.headers.labels)))


def _by_spark(spark: SparkSession, settings: FlowsInput, matrix: Matrix) -> DataFrame:
    """As `_fields_of_rows`, of a file whose lines Spark can split.

    The labels are taken from a line's beginning, since Spark asks for them again, of each line, on its own.
    """
    dialect, headers = Dialect.of(settings), matrix.headers
    spark.conf.set("spark.sql.legacy.javaCharsets", "true")
    lines = spark.read.options(**text.NO_PATTERN).csv(
        str(files.spark_path(matrix.part)),
        schema="line string",
        sep="\x01",
        encoding=encodings.java_name(dialect.encoding),
        quote="",
        header=False,
    )
    heads = [dialect.separator.join(head) for head in headers.rows]
    is_blank = F.btrim("line", F.lit(BLANKS + dialect.separator)) == ""
    body = lines.where(~is_blank & ~F.col("line").isin(heads))
    mark = re.escape(dialect.separator)
    beginning = F.substring_index("line", dialect.separator, len(headers.labels))
    return body.select(
        F.split("line", mark, -1).alias("fields"), F.split(beginning, mark, -1).alias("labels")
    )
