"""Delta tables: read, replace a slice in one transaction, look at versions. Nothing else touches Delta."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd
from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
)
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from jobs import schemas
from jobs.errors import InputError, SliceHeld

ATTEMPTS = 3
KEPT = "interval 3650 days"  # older states stay readable as long as a statistical office keeps them


@dataclass(frozen=True)
class Commit:
    """A slice as it was last committed: what it was made from, and how many rows it got."""

    table: str
    slice: dict[str, str]
    version: int
    sequence: int
    fingerprint: str
    rows: int
    skipped: bool = False  # the slice already held this; nothing was written


class Tables:
    """The Delta tables below one folder (a local path or any URI that Spark knows)."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark = spark
        self.root = root if "://" in root else str(Path(root).resolve())
        self.commits: list[Commit] = []  # what `replace` left, in its order

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def exists(self, name: str) -> bool:
        return DeltaTable.isDeltaTable(self.spark, self.path(name))

    def version(self, name: str) -> int | None:
        """The table's newest version; None where it does not exist."""
        if not self.exists(name):
            return None
        return DeltaTable.forPath(self.spark, self.path(name)).history(1).collect()[0]["version"]

    def read(self, name: str, slice: dict[str, str] | None = None, version: int | None = None) -> DataFrame:
        """The table, one slice of it, or an older state of it. Raises InputError where it does not exist."""
        if not self.exists(name):
            raise InputError(f"the table {name} does not exist yet; run the stages before this one first.")
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        frame = reader.load(self.path(name))
        for column, value in (slice or {}).items():
            frame = frame.where(frame[column] == value)
        return frame

    def replace(
        self,
        name: str,
        frame: DataFrame,
        slice: dict[str, str],
        fingerprint: str,
    ) -> Commit:
        """Put `frame` in the place of one slice, in one transaction.

        The fingerprint stands for all that the frame was made from: where the slice's last commit carries
        the same one, the write is skipped, so that a run taken up after a kill makes no version twice. The
        commit carries the fingerprint of what it was made from, and an application id with a number
        that grows with every accepted commit of the slice, so that a writer that comes late is skipped
        by Delta. Raises SliceHeld where another run committed the slice meanwhile.
        """
        table = schemas.table(name)
        assert set(slice) == set(table.slices), f"{name} is sliced by {table.slices}"
        self._create(table)
        before = self.last_commit(name, slice)
        if before is not None and before.fingerprint == fingerprint:
            skipped = dataclasses.replace(before, skipped=True)
            self.commits.append(skipped)
            return skipped
        sequence = before.sequence + 1 if before else 1
        metadata = {"slice": slice, "sequence": sequence, "fingerprint": fingerprint}
        writer = (
            table.conform(frame)
            .write.format("delta")
            .mode("overwrite")
            .option("replaceWhere", " AND ".join(f"{column} = '{value}'" for column, value in slice.items()))
            .option("txnAppId", "/".join(["diamant", name, *slice.values()]))
            .option("txnVersion", str(sequence))
            .option("userMetadata", json.dumps(metadata, sort_keys=True))
        )
        for attempt in range(1, ATTEMPTS + 1):
            try:
                writer.save(self.path(name))
                break
            except ConcurrentTransactionException:
                break  # the same number was committed by another run: read back below
            except (
                ConcurrentAppendException,
                ConcurrentDeleteReadException,
                ConcurrentDeleteDeleteException,
            ):
                if attempt == ATTEMPTS:
                    raise SliceHeld(
                        f"another run writes {name} for {_words(slice)}; try again later."
                    ) from None
        after = self.last_commit(name, slice)
        if after is None or after.fingerprint != fingerprint or after.sequence != sequence:
            raise SliceHeld(f"another run replaced {name} for {_words(slice)} meanwhile; run again.")
        self.commits.append(after)
        return after

    def last_commit(self, name: str, slice: dict[str, str]) -> Commit | None:
        """The newest commit of a slice, from the table's history; None where there is none."""
        if not self.exists(name):
            return None
        history = DeltaTable.forPath(self.spark, self.path(name)).history()
        rows = history.select("version", "userMetadata", "operationMetrics").where("userMetadata is not null")
        for row in rows.toLocalIterator():
            metadata = json.loads(row["userMetadata"])
            if metadata.get("slice") == slice:
                return Commit(
                    table=name,
                    slice=slice,
                    version=row["version"],
                    sequence=metadata["sequence"],
                    fingerprint=metadata["fingerprint"],
                    rows=int(row["operationMetrics"].get("numOutputRows", 0)),
                )
        return None

    def _create(self, table: schemas.Table) -> None:
        """Make the table where it is missing, with its keys as partitions and no statistics of micro data."""
        if self.exists(table.name):
            return
        builder = (
            DeltaTable.createIfNotExists(self.spark)
            .location(self.path(table.name))
            .addColumns(table.struct)
            .partitionedBy(*table.slices)
            .comment(table.meaning)
            .property("delta.logRetentionDuration", KEPT)
            .property("delta.deletedFileRetentionDuration", KEPT)
        )
        if table.micro:  # the log holds minima and maxima of indexed columns in clear
            builder = builder.property("delta.dataSkippingNumIndexedCols", "0")
        builder.execute()


def collected(frame: DataFrame) -> pd.DataFrame:
    """A small table on the driver."""
    return cast(pd.DataFrame, frame.toPandas())


def _words(slice: dict[str, str]) -> str:
    return ", ".join(f"{column} {value}" for column, value in slice.items())
