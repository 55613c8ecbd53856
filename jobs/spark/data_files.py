"""The data files of tables: Parquet, written by tasks, read by the names in the table's log.

Spark writes and reads them as any Parquet; the driver commits them (see driver_tables). Delta's own writer
and reader ask some ten queries more of each table, which is most of the time of a small run.

Each file lies in a folder of its slice, such as `country=NL/wave=cis4`, as Delta and Spark lay them out.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from jobs.places.place import Location
from jobs.settings import schemas
from jobs.spark.delta_log import File, checksum_of, checksums_beside
from jobs.spark.frames import nothing

DRAFT = "draft-"  # begins the name of the folder in a table that Spark writes to before a commit
FEW = 32  # files; Spark lists more of them by a job of its own, where Delta knows them already
END = 1 << 14  # bytes in which what stands at the end of a Parquet file mostly is
PATTERNS = set("{}[]*?")  # letters of a path that Spark takes for a pattern of names


def folder_of(table: schemas.Table, slice: Mapping[str, str]) -> str:
    """Where the files of a slice lie below their table."""
    return "/".join(f"{column}={slice[column]}" for column in table.slices)


def new_path(table: schemas.Table, slice: Mapping[str, str]) -> str:
    """The path, below its table, of a file that a task is about to write for a slice."""
    return f"{folder_of(table, slice)}/{uuid.uuid4()}.parquet"


def are_read(folder: Location, table: schemas.Table, files: Sequence[File]) -> bool:
    """Whether `read` takes these files: there are few, and each lies in the folder of its slice."""
    in_place = all(file.path.rpartition("/")[0] == folder_of(table, file.slice) for file in files)
    return in_place and len(files) <= FEW and not PATTERNS & set(str(folder))


def read(spark: SparkSession, folder: Location, table: schemas.Table, files: Sequence[File]) -> DataFrame:
    """The rows of some files of a table, with the columns and types of its schema."""
    if not files:
        return nothing(spark, table.name)
    root = _for_spark(folder)
    reader = spark.read.schema(table.struct).option("basePath", root)
    return reader.parquet(*[f"{root}/{file.path}" for file in files]).select(*table.struct.names)


def write(frame: DataFrame, folder: Location, table: schemas.Table) -> list[File]:
    """Write rows as files of a table, which are part of it once they are committed.

    Raises ValueError for a row without a value where the table demands one.
    """
    draft = folder / f"{DRAFT}{uuid.uuid4()}"
    writer = frame.write.partitionBy(*table.slices)
    try:
        writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").parquet(_for_spark(draft))
        return [_placed(name, draft, table) for name in _parquet_files(draft)]
    finally:
        with suppress(OSError):
            _remove(draft)


def sweep(folder: Location, known: Collection[str]) -> None:
    """Delete what tasks wrote for a run that was killed: files that are not known and drafts."""
    for entry in folder.iterdir():
        if entry.name.startswith(DRAFT):
            _remove(entry)
        elif "=" in entry.name:
            for name in _parquet_files(entry):
                if f"{entry.name}/{name}" not in known:
                    (entry / name).unlink()
                    if isinstance(entry, Path):
                        checksums_beside(entry / name).unlink(missing_ok=True)


def _for_spark(folder: Location) -> str:
    return f"file:{folder}" if isinstance(folder, Path) else str(folder)


def _parquet_files(folder: Location) -> list[str]:
    """The data files below a folder, by their paths from there."""
    if isinstance(folder, Path):
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    return [name for name, _ in folder.walk() if name.endswith(".parquet")]


def _remove(folder: Location) -> None:
    if isinstance(folder, Path):
        shutil.rmtree(folder)
    else:
        folder.remove()


def _placed(name: str, draft: Location, table: schemas.Table) -> File:
    """Move a file of a draft, with its checksums, to the folder of its slice."""
    slice = dict(part.split("=", 1) for part in name.split("/")[:-1])
    path, place = draft / name, draft.parent / name
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows = _rows(_metadata(path), table)
    path.rename(place)  # type: ignore[arg-type]  # both are of one kind
    if isinstance(draft, Path) and (beside := draft / checksum_of(name)).exists():
        beside.rename(draft.parent / checksum_of(name))
    return File(name, place.stat().st_size, rows, slice)


def _metadata(path: Location) -> Any:
    """What Parquet says of a file at its end, read without the rest where that is elsewhere."""
    if isinstance(path, Path):
        return pq.read_metadata(path)
    end = path.read_end(END)
    size = int.from_bytes(end[-8:-4], "little") + 8  # of what stands at the end, by its last bytes
    return pq.read_metadata(pa.BufferReader(end if size <= len(end) else path.read_end(size)))


def _rows(content: Any, table: schemas.Table) -> int:
    """The number of rows of a Parquet file, from its metadata."""
    demanded = {field.name for field in table.struct if not field.nullable}
    for column in _columns(content):
        nulls = column.statistics.null_count if column.statistics else 0
        if nulls and column.path_in_schema in demanded:
            raise ValueError(f"the table {table.name} takes no row without {column.path_in_schema}.")
    return int(content.num_rows)


def _columns(content: Any) -> Iterable[Any]:
    """The parts of the columns of a Parquet file, in each of its groups of rows."""
    for group in map(content.row_group, range(content.num_row_groups)):
        yield from map(group.column, range(group.num_columns))
