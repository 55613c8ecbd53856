"""The driver's side of Delta tables: made, committed, and read without Spark, by delta-rs.

What a stage made on the driver (estimates, counts, numbers of codes) need not travel to Spark to be written,
nor what is published to be read; of what tasks wrote (see data_files) the driver commits the names. delta-rs
needs some milliseconds, where Spark plans ten queries a table. It reads and writes this machine alone; of a
table on HDFS it has a copy of the log (see log_copies). On an object store tables are left to Delta itself.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Schema,
    Transaction,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from jobs.places.place import Location, Place
from jobs.settings import schemas
from jobs.spark import delta_log, log_copies
from jobs.spark.delta_log import File
from jobs.spark.frames import rows_of
from jobs.spark.some_slices import Slices, expression

HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
OF_SYSTEM = re.compile(r"os error (\d+)")


@dataclass(frozen=True)
class Change:
    """What a commit does and says beside its rows."""

    predicate: str  # the rows that are replaced, in Delta's language
    transaction: tuple[str, int]  # the application, and its number, which grows with every commit
    metadata: str  # what the commit says of itself


def takes(folder: Location) -> bool:
    """Whether tables can be here: files are renamed in one step, and delta-rs takes no name for another."""
    in_one_step = isinstance(folder, Path) or folder.renames_in_one_step
    return in_one_step and not {"%", "\\"} & set(str(folder))


def create(folder: Location, table: schemas.Table, properties: dict[str, str]) -> None:
    """Make an empty table in a folder, with its keys as partitions. Another may have made it meanwhile."""
    with suppress(CommitFailedError), log_copies.opened(folder) as here, _silent_on_rows():
        DeltaTable.create(
            str(here),
            Schema.from_json(table.struct.json()),
            mode="ignore",
            partition_by=list(table.slices),
            description=table.meaning,
            configuration=dict(properties),
        )
    _add_checksums(folder, 0)


def replace(folder: Location, rows: pa.Table, change: Change, version: int) -> None:
    """Put rows in the place of those that the change names, in the commit after `version`.

    Raises CommitFailedError where another run committed since `version`, OSError where the disk is full or
    closed, ValueError for rows that the table or the change does not take.
    """
    with log_copies.opened(folder) as here, _silent_on_rows():
        write_deltalake(
            DeltaTable(str(here), version=version),
            rows,
            mode="overwrite",
            predicate=change.predicate,
            commit_properties=_properties(change),
            post_commithook_properties=HOOKS,
        )
    _add_checksums(folder, version + 1)


def commit(
    folder: Location, added: Sequence[File], removed: Sequence[File], change: Change, version: int
) -> None:
    """Put files that lie in the folder in the place of others, in the commit after `version`.

    Raises CommitFailedError and OSError as `replace` does. Of `change` the predicate is not looked at.
    """
    now = int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = [
        RemoveAction(file.path, True, now, file.size, {**file.slice}) for file in removed
    ]
    for file in added:
        rows = json.dumps({"numRecords": file.rows})
        actions.append(AddAction(file.path, file.size, {**file.slice}, now, True, rows))
    with log_copies.opened(folder) as here, _silent_on_rows():
        table = DeltaTable(str(here), version=version)
        table.create_write_transaction(
            actions,
            mode="append",  # what the files are put in the place of is among the actions
            schema=table.schema(),
            partition_by=table.metadata().partition_columns,
            commit_properties=_properties(change, operationMetrics=delta_log.counted(added, removed)),
            post_commithook_properties=HOOKS,
        )
    _add_checksums(folder, version + 1)


def _properties(change: Change, **more: Any) -> CommitProperties:
    """What delta-rs is told of a commit; one that another run was faster with is not tried again."""
    return CommitProperties(
        custom_metadata={"userMetadata": change.metadata, **more},
        max_commit_retries=0,
        app_transactions=[Transaction(*change.transaction)],
    )


def read(folder: Location, table: schemas.Table, slices: Slices, version: int | None) -> pa.Table:
    """Some slices of a table, in a state of it or as it is now, with the columns and types of its schema."""
    schema, wanted = rows_of(table.name).schema, expression(slices)
    with log_copies.opened(folder) as here:
        whole = DeltaTable(str(here), version=version).to_pyarrow_dataset()
        if isinstance(folder, Place):
            log_copies.fetch(folder, here, [part.path for part in whole.get_fragments(filter=wanted)])
        return whole.to_table(columns=schema.names, filter=wanted).cast(schema)


@contextmanager
def _silent_on_rows() -> Iterator[None]:
    """Errors of delta-rs without the rows that it quotes, and those of the system with their number."""
    try:
        yield
    except (DeltaError, OSError) as error:
        refused = OF_SYSTEM.search(str(error))
        if refused:
            raise OSError(int(refused[1]), os.strerror(int(refused[1]))) from None
        if isinstance(error, (CommitFailedError, OSError)):
            raise
        raise ValueError("delta-rs does not take these rows for the table.") from None


def _add_checksums(folder: Location, version: int) -> None:
    """Write beside a commit and its checkpoint the checksums that Hadoop writes, by which damage shows.

    HDFS keeps checksums of its own.
    """
    if isinstance(folder, Place):
        return
    log = folder / "_delta_log"
    checkpoint = log / f"{version:020}.checkpoint.parquet"
    pointer = [log / "_last_checkpoint"] if checkpoint.is_file() else []
    for path in (log / f"{version:020}.json", checkpoint, *pointer):
        if path.is_file():
            delta_log.add_checksum(path)
