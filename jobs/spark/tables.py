"""Delta tables: read, replace a slice in one transaction, look at versions. Nothing else touches Delta."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
)
from delta.tables import DeltaTable
from pyarrow import parquet
from pyspark.sql import DataFrame, SparkSession

from jobs.errors import InputError, SliceHeld
from jobs.output.manifests import sha256
from jobs.settings import schemas
from jobs.spark import delta_log, failures
from jobs.spark.delta_log import Damaged

ATTEMPTS = 3
PAUSES = (0.1, 0.3, 0.6)  # seconds between looks at a log that seems damaged
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
        self._whole: set[str] = set()  # slices whose bytes were found to be those that were written

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

    def rows(self, name: str, slice: dict[str, str]) -> list[dict[str, Any]]:
        """A slice of a few rows without Spark, columns of the slice left out; none without the table.

        Raises InputError where the table's log or files are not whole.
        """
        try:
            state = self._state(name)
            files = state.of_slice(slice) if state else []
            tables = [
                parquet.read_table(Path(self.path(name)) / file.path, partitioning=None) for file in files
            ]
        except (Damaged, OSError, pa.ArrowException) as error:
            where = f"the table {name} ({self.path(name)})"
            raise InputError(f"{where} is damaged ({type(error).__name__}); delete its folder.") from None
        return [row for table in tables for row in table.to_pylist()]

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
        with self._explained(name):
            self._create(table)
        before = self.last_commit(name, slice)
        if before is not None and before.fingerprint == fingerprint and self._holds(before):
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
                with self._explained(name):
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
        """The newest commit of a slice, from the table's log; None where there is none.

        Raises InputError where the log is not whole.
        """
        try:
            state = self._state(name)
        except Damaged as error:
            raise InputError(f"the table {name} is damaged: {error}; run the same command again.") from None
        for version, info in reversed(state.commits if state else []):
            metadata = _metadata(info)
            if metadata.get("slice") == slice:
                return Commit(
                    table=name,
                    slice=slice,
                    version=version,
                    sequence=metadata["sequence"],
                    fingerprint=metadata["fingerprint"],
                    rows=int(info.get("operationMetrics", {}).get("numOutputRows", 0)),
                )
        return None

    def damage(self, name: str) -> str | None:
        """Why the table cannot be read or written any more; None where it can, or does not exist."""
        try:
            state = self._state(name)
        except Damaged as error:
            return str(error)
        if state is None:
            return None
        table = schemas.table(name)
        declared = json.loads(table.struct.json())["fields"]
        if state.columns != declared or state.slices != list(table.slices):
            return "another version of the program wrote it"
        return None

    def slice_damage(self, name: str, slice: dict[str, str], digests: dict[str, str]) -> str | None:
        """What is wrong with the data files of a slice that had these sha256; None where they are whole.

        A slice that was found whole is not read again by this object, unless it was committed anew.
        """
        key = json.dumps([name, slice, digests], sort_keys=True)
        if key in self._whole:
            return None
        state = self._state(name)
        files = state.of_slice(slice) if state else []
        folder = Path(self.path(name))
        checksums = {delta_log.checksum_of(file.path) for file in files}
        if {file.path for file in files} != digests.keys() - checksums:
            return "its log names other data files than were written"
        if not all((folder / file.path).is_file() for file in files):
            return "a data file is gone"
        for path, digest in digests.items():
            lost = path in checksums and not (folder / path).exists()  # Spark does without a checksum file
            if not lost and sha256(folder / path) != digest:
                return "a data file is damaged"
        self._whole.add(key)
        return None

    def digests(self, commit: Commit) -> dict[str, str]:
        """The data files of a commit's slice and their checksum files: paths below the table, and sha256."""
        state = self._state(commit.table)
        folder = Path(self.path(commit.table))
        data = [file.path for file in state.of_slice(commit.slice)] if state else []
        beside = [path for path in map(delta_log.checksum_of, data) if (folder / path).is_file()]
        return {path: sha256(folder / path) for path in [*data, *beside]}

    def move_aside(self, name: str) -> Path:
        """Move a damaged table out of the way, whole, to the folder `damaged` beside the tables."""
        aside = Path(self.root).parent / "damaged"
        aside.mkdir(mode=0o700, exist_ok=True)
        number = next(n for n in itertools.count(1) if not (aside / f"{name}-{n}").exists())
        os.rename(self.path(name), aside / f"{name}-{number}")
        return aside / f"{name}-{number}"

    def _state(self, name: str) -> delta_log.State | None:
        """What the table's log says; None where there is no table.

        Raises Damaged where the log stays damaged: another run may be in the middle of a commit.
        """
        folder = Path(self.path(name))
        for pause in (*PAUSES, None):
            try:
                return delta_log.read(folder) if os.path.lexists(folder) else None
            except Damaged:
                if pause is None:
                    raise
                time.sleep(pause)
        return None

    def _holds(self, commit: Commit) -> bool:
        """Whether the data files of a commit's slice are there as the log says."""
        state = self._state(commit.table)
        folder = Path(self.path(commit.table))
        return state is not None and all(
            delta_log.whole(folder, file) for file in state.of_slice(commit.slice)
        )

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        """A full disk or missing rights, found by Spark or Delta, as a sentence that names the table."""
        try:
            yield
        except Exception as error:
            sentence = failures.explained(error, f"the table {name} ({self.path(name)})")
            if sentence is None:
                raise
            raise sentence from None

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


def _metadata(info: dict[str, Any]) -> dict[str, Any]:
    """What `replace` wrote into a commit; nothing where another program committed."""
    try:
        said = json.loads(info.get("userMetadata") or "{}")
    except ValueError:
        return {}
    ours = isinstance(said, dict) and {"slice", "sequence", "fingerprint"} <= said.keys()
    return said if ours else {}


def _words(slice: dict[str, str]) -> str:
    return ", ".join(f"{column} {value}" for column, value in slice.items())
