"""Regular tables, as text, in blocks that Spark's tasks read by Arrow (see blocks.py, matrix_blocks.py).

A table is read once (see one_pass.py), and once more for cells that are not read at sight, if it has any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from jobs.readers import blocks, files, regular
from jobs.readers.blocks import Block, Reading, Texts
from jobs.readers.matrix_blocks import MatrixTable, parted
from jobs.readers.parquet_blocks import ParquetTable
from jobs.readers.records import Scan, clean
from jobs.settings import encodings
from jobs.settings.inputs import SIDES
from jobs.settings.slices import Slice
from jobs.spark.spread import ship_code

VALUE = "value"
TASK = 1 << 26  # bytes that a task reads, or more of a table that would be more than MOST tasks
MOST = 64
SMALL = 1 << 23  # bytes that the driver reads itself: starting Python on executors takes longer
BLANK = "".join(map(chr, range(33)))  # what Spark's reader takes off around a field
UNREAD = ", ".join(["table int", *(f"{name} string" for name in blocks.UNREAD[:-1]), "row_number bigint"])


@dataclass(frozen=True)
class Table:
    """A part of a slice's long table and how it is read.

    `columns`: by what a column is for, its header; a side stands for its region and sector in one label,
    which `join` parts.
    """

    slice: Slice
    scan: Scan
    columns: Mapping[str, str]
    join: str
    reading: Reading
    blank = None  # what an empty cell is

    @property
    def path(self) -> str:
        return self.scan.path

    @property
    def part(self) -> Path:
        return self.scan.part

    def blocks(self, begin: int, end: int | None) -> Iterator[Block]:
        """The cells of the lines that begin in these bytes of the file."""
        scan, reading = self.scan, self.reading
        encoding = encodings.python_name(scan.dialect.encoding)
        for lines in regular.pieces(scan.path, scan.part, begin, end):
            text = lines if scan.is_bare or encoding == "utf-8" else lines.decode(encoding).encode()
            parsed = _parsed(text, scan, self.columns, reading.where)
            texts = {name: _texts(parsed[name], scan.is_bare) for name in parsed if name != VALUE}
            labels = {role: texts[name] for role, name in self.columns.items() if role != VALUE}
            for side in (side for side in SIDES if side in labels):
                labels |= parted(side, labels.pop(side), self.join)
            choosing = {name: texts[name] for name in reading.where}
            yield blocks.looked_at(labels, parsed[VALUE], reading, choosing)


AnyTable = Table | MatrixTable | ParquetTable
Piece = tuple[int, int, int | None]  # the place of a table, and the bytes where its lines begin


def can_read(scan: Scan) -> bool:
    """Whether lines of the table can be told by their bytes, and tasks can open it."""
    return scan.is_regular and files.spark_path(scan.part) is not None


def unread(spark: SparkSession, tables: Sequence[AnyTable]) -> DataFrame:
    """The cells that are not read at sight, as readers.flows gives them."""

    def rows(pieces: Iterable[Piece]) -> Iterator[pa.RecordBatch]:
        for place, begin, end in pieces:
            for block in tables[place].blocks(begin, end):
                columns = blocks.unread(block, tables[place].blank)
                own = pa.array(np.full(len(columns[0]), place, np.int32))
                yield pa.RecordBatch.from_arrays([own, *columns], names=["table", *blocks.UNREAD])

    frame = by_tasks(spark, tables, rows, UNREAD)
    parts = [files.part_name(table.path, table.part) for table in tables]
    absent = {"elsewhere": F.lit(False), "_corrupt": F.lit(None).cast("string")}
    frame = frame.withColumns({"part": _by_table(parts), **absent})
    return of_slices(frame, tables)


def of_slices(frame: DataFrame, tables: Sequence[AnyTable]) -> DataFrame:
    """Rows with the country and the wave of their `table` in its place."""
    slices = [table.slice for table in tables]
    countries, waves = ([getattr(slice, key) for slice in slices] for key in ("country", "wave"))
    return frame.withColumns({"country": _by_table(countries), "wave": _by_table(waves)}).drop("table")


def _by_table(values: Sequence[str | None]) -> Column:
    """The value that stands at the place `table`."""
    if len(set(values)) == 1:
        return F.lit(values[0]).cast("string")
    return F.get(F.array(*map(F.lit, values)), F.col("table"))


def by_tasks(
    spark: SparkSession,
    tables: Sequence[AnyTable],
    make: Callable[[Iterable[Piece]], Iterable[pa.RecordBatch]],
    schema: str,
) -> DataFrame:
    """What `make` gives of the pieces of each task, as rows of the schema."""
    tasks = _tasks(tables)
    if _are_small(tables):
        struct = cast(StructType, StructType.fromDDL(schema))
        batches = [batch for pieces in tasks for batch in make(pieces)]
        rows = pa.Table.from_batches(batches, schema=to_arrow_schema(struct))
        return spark.createDataFrame(rows, schema=struct)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                yield from make(tasks[place])

    ship_code(spark)
    return spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(read, schema)


def _are_small(tables: Sequence[AnyTable]) -> bool:
    if any(files.ending(table.part) in files.ARCHIVES for table in tables):
        return False
    return sum(table.part.stat().st_size for table in tables) <= SMALL


def _tasks(tables: Sequence[AnyTable]) -> list[list[Piece]]:
    """Pieces of tables, put together to what a task reads: a large table is cut, small ones are joined.

    A very large one is cut into MOST pieces, since each has sums of its own, which have to be added up.
    """
    tasks: list[list[Piece]] = [[]]
    room = TASK
    for place, table in enumerate(tables):
        part = table.part
        size = part.stat().st_size
        can_cut = files.ending(part) not in files.ARCHIVES
        step = max(TASK, size // MOST + 1)
        begins = list(range(0, size, step)) if can_cut else [0]
        for begin, end in zip(begins, [*begins[1:], None], strict=True):
            length = min(size - begin, step)
            if length > room and tasks[-1]:
                tasks.append([])
                room = TASK
            tasks[-1].append((place, begin, end))
            room -= length
    return tasks


def _parsed(
    lines: bytes, scan: Scan, columns: Mapping[str, str], others: Iterable[str]
) -> dict[str, pa.Array]:
    """The columns of whole lines as texts that repeat, by their headers; that of the value under VALUE."""
    named = {name: f"c{scan.names.index(name)}" for name in {*columns.values(), *others}}
    value = named[columns[VALUE]]
    repeated = pa.dictionary(pa.int32(), pa.string())
    read = pyarrow.csv.read_csv(
        pa.BufferReader(lines),
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False,
            block_size=len(lines) + 1,
            column_names=[f"c{place}" for place in range(len(scan.names))],
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=scan.dialect.separator, quote_char=False, double_quote=False
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=list(named.values()),
            column_types={name: pa.string() if name == value else repeated for name in named.values()},
            strings_can_be_null=False,
        ),
    )
    texts = {name: read.column(own).chunk(0) for name, own in named.items()}
    values = texts[columns[VALUE]]
    in_where = {name: values.dictionary_encode() for name in others if named[name] == value}
    return {name: text for name, text in texts.items() if named[name] != value} | in_where | {VALUE: values}


def _texts(column: pa.DictionaryArray, is_bare: bool) -> Texts:
    different = [text.strip(BLANK) for text in column.dictionary.to_pylist()]
    if not is_bare:
        different = [clean(text) for text in different]
    return Texts(different, column.indices.to_numpy())
