"""Tables that are read in blocks, in one pass: cells into files, and what checks and indicators need of them.

A task writes the sound cells of its pieces as Parquet files of the table flows, which the run commits once it
knows that the tables are whole (see spark.driver_tables), and hands over counts and sums.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import InputError
from jobs.readers import block_sums, blocks, in_blocks
from jobs.readers.block_sums import KINDS, NUMBER, Once, Sums
from jobs.readers.in_blocks import AnyTable, Piece
from jobs.settings import schemas
from jobs.settings.inputs import LABELS, SIDES
from jobs.settings.slices import Slice
from jobs.spark.data_files import new_path
from jobs.spark.delta_log import File

COLUMNS = [*LABELS, "value"]
SCHEMA = pa.schema(
    [
        *(pa.field(label, pa.int16(), nullable=False) for label in LABELS),
        pa.field("value", blocks.EXACT, nullable=False),
    ]
)
PARTS = "table int, told binary, key bigint, cells bigint, low bigint, high bigint"


@dataclass
class Pass:
    """What came of the tables.

    `tallies`: of each block, see blocks.tally, with the place of its `table`. `files`: the files that hold
    the sound cells, by slice. `doubtful`: slices of which a cell may stand there twice. `sums`: country,
    wave, side, region, sector, KINDS, and the `cells` and their `value`.
    """

    sums: DataFrame
    tallies: list[dict[str, Any]] = field(default_factory=list)
    files: dict[Slice, list[File]] = field(default_factory=dict)
    doubtful: set[Slice] = field(default_factory=set)


@dataclass
class _Written:
    """What a task made of its pieces of a table."""

    table: AnyTable
    folder: Path
    path: Path
    once: Once
    tallies: list[dict[str, Any]] = field(default_factory=list)
    sums: list[Sums] = field(default_factory=list)
    rows: int = 0
    writer: pq.ParquetWriter | None = None

    def take(self, block: blocks.Block) -> None:
        self.tallies.append(blocks.tally(block, self.table.reading.decimal))
        columns = blocks.cells(block)
        if not len(columns[0]):
            return
        if self.writer is None:
            options = {"compression": "snappy", "use_dictionary": list(LABELS), "write_statistics": False}
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600, exist_ok=False)
            self.writer = pq.ParquetWriter(self.path, SCHEMA, **options)
        self.writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
        self.rows += len(columns[0])
        self.sums += block_sums.added(block)
        self.once.look(block)

    def told(self) -> dict[str, Any]:
        """Counts, the file, and which cells were seen; the file is complete then."""
        file = None
        if self.writer is not None:
            self.writer.close()
            below = self.path.relative_to(self.folder).as_posix()
            file = File(below, self.path.stat().st_size, self.rows, self.table.slice.keys)
        return {"tallies": self.tallies, "file": file, "seen": self.once.seen}


def taken(spark: SparkSession, tables: Sequence[AnyTable], folder: Path) -> Pass:
    """Read the tables once; the sound cells are in new files of the folder, which tasks can reach.

    Raises InputError where a file is damaged.
    """

    def parts(pieces: Iterable[Piece]) -> Iterator[pa.RecordBatch]:
        done: dict[int, _Written] = {}
        for place, begin, end in pieces:
            if place not in done:
                table = tables[place]
                path = folder / new_path(schemas.table("flows"), table.slice.keys)
                done[place] = _Written(table, folder, path, Once(table.reading))
            try:
                for block in tables[place].blocks(begin, end):
                    done[place].take(block)
            except InputError as error:
                yield _row(place, pickle.dumps(error))
        for place, written in done.items():
            yield _row(place, pickle.dumps(written.told()))
            if written.sums:
                sums = block_sums.merged(written.sums)
                own = np.full(len(sums.keys), place, np.int32)
                absent = pa.nulls(len(own), pa.binary())
                yield pa.RecordBatch.from_arrays([pa.array(own), absent, *map(pa.array, sums)], names=NAMES)

    frame = in_blocks.by_tasks(spark, tables, parts, PARTS).persist()
    done = Pass(_sums(frame, tables))
    seen: dict[Slice, Once] = {}
    for row in frame.where("told is not null").select("table", "told").toArrow().to_pylist():
        table, told = tables[row["table"]], pickle.loads(row["told"])
        if isinstance(told, InputError):
            raise told
        done.tallies += [{"table": row["table"], **tally} for tally in told["tallies"]]
        done.files.setdefault(table.slice, [])
        if told["file"]:
            done.files[table.slice].append(told["file"])
        seen.setdefault(table.slice, Once(table.reading)).join(*told["seen"])
    done.doubtful = {slice for slice, once in seen.items() if not once.is_sure}
    return done


NAMES = [column.split()[0] for column in PARTS.split(", ")]


def _row(place: int, told: bytes) -> pa.RecordBatch:
    columns = [pa.array([place], pa.int32()), pa.array([told], pa.binary())]
    return pa.RecordBatch.from_arrays([*columns, *(pa.nulls(1, pa.int64()) for _ in range(4))], names=NAMES)


def _sums(frame: DataFrame, tables: Sequence[AnyTable]) -> DataFrame:
    """The sums of all parts of a slice, with their keys unfolded."""
    parts = in_blocks.of_slices(frame.where("told is null"), tables)
    amounts = {name: F.sum(name).cast("decimal(20,0)") for name in ("low", "high")}
    billionths = amounts["high"] * F.lit(2**block_sums.LOW) + amounts["low"]
    sums = parts.groupBy("country", "wave", "key").agg(
        F.sum("cells").alias("cells"),
        # No more digits than these, or Spark rounds the product.
        (billionths.cast("decimal(28,0)") * F.lit("0.000000001").cast("decimal(9,9)")).alias("value"),
    )
    key, kinds, mask = F.col("key"), len(KINDS), (1 << NUMBER) - 1
    number = {
        name: F.shiftright(key, kinds + place * NUMBER).bitwiseAND(F.lit(mask)).cast("smallint")
        for place, name in enumerate(("sector", "region", "side"))
    }
    bits = {name: F.shiftright(key, place).bitwiseAND(F.lit(1)) == 1 for place, name in enumerate(KINDS)}
    sums = sums.withColumns({**number, **bits}).drop("key")
    return sums.withColumn("side", F.array(*map(F.lit, SIDES))[F.col("side")])
