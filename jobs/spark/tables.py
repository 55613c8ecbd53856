"""Delta tables: read, replace slices in one transaction, look at versions. Nothing else touches Delta."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
)
from delta.tables import DeltaTable
from deltalake.exceptions import CommitFailedError
from pyarrow import parquet
from pyspark.sql import DataFrame, SparkSession

from jobs.errors import InputError, SliceHeld
from jobs.places import copies
from jobs.places.place import Location, digest, located, there
from jobs.settings import schemas
from jobs.spark import data_files, delta_log, driver_tables, failures, log_copies
from jobs.spark.delta_log import Damaged, Keys
from jobs.spark.frames import TableRows, rows_of
from jobs.spark.some_slices import predicate, within

PAUSES = (0.1, 0.3, 0.6)  # seconds between looks at a log that seems damaged
KEPT = "interval 36500 days"  # older states stay readable, even where the clock jumps ahead by years
# The log holds no minima and maxima of columns: of micro data they would stand there in clear, and of others
# nobody asks for them.
PROPERTIES = {
    "delta.logRetentionDuration": KEPT,
    "delta.deletedFileRetentionDuration": KEPT,
    "delta.dataSkippingNumIndexedCols": "0",
    "delta.checkpointInterval": "10",
}
OVERTAKEN = (
    ConcurrentTransactionException,
    ConcurrentAppendException,
    ConcurrentDeleteReadException,
    ConcurrentDeleteDeleteException,
    CommitFailedError,
)


@dataclass(frozen=True)
class Commit:
    """A commit of slices of a table: its number, and the rows of each slice that it left."""

    table: str
    version: int
    rows: Mapping[Keys, int]


class Tables:
    """The Delta tables below one folder (a local path or any URI that Spark knows).

    `session` gives the Spark session when a table is read or written for the first time; what stands in
    the logs is read without one.
    """

    def __init__(self, session: Callable[[], SparkSession], root: str) -> None:
        self._session = session
        place = located(root)
        self.root = str(place.resolve() if isinstance(place, Path) else place)
        self.demand_held: Callable[[], None] = lambda: None  # raises SliceHeld where the lock was lost
        self._whole: set[Any] = set()  # slices whose bytes were found to be those that were written
        self._rows: dict[Any, list[dict[str, Any]]] = {}  # by table, slice and version
        self._states: dict[str, tuple[Any, delta_log.State]] = {}  # by table, with the log's signature
        self._latest: dict[str, tuple[Any, dict[Keys, tuple[int, dict[str, Any]]]]] = {}  # likewise
        self._swept: set[str] = set()  # tables elsewhere without what killed runs left
        self._looked_at: set[str] | None = None  # tables whose logs need no other look, see `at_rest`

    @property
    def spark(self) -> SparkSession:
        return self._session()

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """While this holds, nothing is written: each table's log is looked at once, not for every slice."""
        self._looked_at = set()
        try:
            yield
        finally:
            self._looked_at = None

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def folder(self, name: str) -> Location:
        return located(self.path(name))

    def exists(self, name: str) -> bool:
        return any((self.folder(name) / "_delta_log").glob("*.json"))

    def version(self, name: str) -> int | None:
        """The table's newest version; None where it does not exist. Raises InputError where it is damaged."""
        state = self._whole_state(name)
        return state.version if state else None

    def read(
        self, name: str, slices: Sequence[Mapping[str, str]] | None = None, version: int | None = None
    ) -> DataFrame:
        """The table, some slices of it, or an older state of it.

        Slices may name some of the table's slice columns only. Raises InputError where it does not exist.
        """
        if not self.exists(name):
            raise InputError(f"the table {name} does not exist yet; run the stages before this one first.")
        folder = self.folder(name)
        if slices is not None and version is None and driver_tables.takes(folder):
            state, table = self._whole_state(name), schemas.table(name)
            files = [file for slice in slices for file in (state.of_slice(slice) if state else [])]
            if data_files.are_read(folder, table, files):
                return data_files.read(self.spark, folder, table, files)
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        frame = reader.load(self.path(name))
        return frame if slices is None else frame.where(within(slices))

    def on_driver(self, name: str, slices: Sequence[Mapping[str, str]], version: int | None) -> pa.Table:
        """Some slices of a table for the driver, without Spark unless the table is on an object store.

        Raises InputError where it does not exist or is damaged.
        """
        folder = self.folder(name)
        if self._whole_state(name) is None or not driver_tables.takes(folder):
            read = self.read(name, slices, version).select(*schemas.table(name).names).toArrow()
            return read.cast(rows_of(name).schema)
        return driver_tables.read(folder, schemas.table(name), slices, version)

    def rows(self, name: str, slice: Mapping[str, str]) -> list[dict[str, Any]]:
        """A slice of a few rows without Spark, columns of the slice left out; none without the table.

        Raises InputError where the table's log or files are not whole.
        """
        try:
            state = self._state(name)
            key = (name, tuple(slice.items()), state.version if state else None)
            if key in self._rows:
                return self._rows[key]
            files = state.of_slice(slice) if state else []
            tables = [
                parquet.read_table(copies.local(self.folder(name) / file.path), partitioning=None)
                for file in files
            ]
        except (Damaged, OSError, pa.ArrowException) as error:
            where = f"the table {name} ({self.path(name)})"
            raise InputError(f"{where} is damaged ({type(error).__name__}); delete its folder.") from None
        self._rows[key] = [row for table in tables for row in table.to_pylist()]
        return self._rows[key]

    def space(self, name: str) -> Path | None:
        """The folder of a table, which is there then, for tasks to write files; None where they cannot.

        What tasks wrote for a run that was killed is deleted: no commit names it.
        """
        folder = self.folder(name)
        if not isinstance(folder, Path) or not driver_tables.takes(folder):
            return None
        self.demand_held()
        with self._explained(name):
            self._create(schemas.table(name))
        state = self._whole_state(name)
        data_files.sweep(folder, state.known if state else ())
        return folder

    def replace(
        self,
        name: str,
        rows: TableRows | None,
        slices: Sequence[Mapping[str, str]],
        said: Mapping[str, Any],
        files: Sequence[delta_log.File] = (),
    ) -> Commit:
        """Put `rows` in the place of some slices, in one transaction; a slice without rows becomes empty.

        `files`: what stands in the folder of the table already (see `space`) and belongs to the slices, too;
        only where there are any may there be no rows. The commit carries `said` in its metadata, and an
        application id with a number that grows with every commit of the table, so that a writer that comes
        late is refused. Raises SliceHeld where another run committed to the table meanwhile.
        """
        table = schemas.table(name)
        assert all(set(slice) == set(table.slices) for slice in slices), f"{name} is sliced by {table.slices}"
        self.demand_held()
        with self._explained(name):
            self._create(table)
        state = self._whole_state(name) or delta_log.State(version=0)
        sequence = 1 + max([info["sequence"] for _, info in _ours(state)], default=0)
        words = {**said, "sequence": sequence, "slices": [dict(slice) for slice in slices]}
        metadata = json.dumps(words, sort_keys=True)
        change = driver_tables.Change(predicate(slices), (f"diamant/{name}", sequence), metadata)
        held = SliceHeld(f"another run wrote to the table {name} meanwhile; run again when it has ended.")
        folder = self.folder(name)
        try:
            with self._explained(name):
                if not driver_tables.takes(folder):
                    assert rows is not None, "tasks write no files for a table elsewhere"
                    self._save(table, rows, change)
                elif isinstance(rows, pa.Table) and not files:
                    driver_tables.replace(folder, rows, change, state.version)
                else:
                    if not files:  # `space` did so before tasks wrote any, which no commit knows yet
                        self._sweep(name, folder, state.known)
                    former = [file for slice in slices for file in state.of_slice(slice)]
                    new = () if rows is None else data_files.write(self._frame(table, rows), folder, table)
                    if not all(file.slice in slices for file in new):
                        raise ValueError(f"there are rows of other slices for the table {name}.")
                    driver_tables.commit(folder, [*files, *new], former, change, state.version)
        except OVERTAKEN:
            raise held from None
        after = self._whole_state(name)
        mine = [version for version, info in _ours(after) if info == json.loads(metadata)]
        if not mine or after is None:
            raise held
        keys = [tuple(slice[column] for column in table.slices) for slice in slices]
        return Commit(name, mine[-1], self.counted(name, keys))

    def counted(self, name: str, keys: Iterable[Keys]) -> dict[Keys, int]:
        """The rows of each slice, from the table's log. Raises InputError where it is damaged."""
        state = self._whole_state(name)
        files = state.by_slice if state else {}
        return {key: sum(file.rows for file in files.get(key, [])) for key in keys}

    def latest(self, name: str) -> dict[Keys, tuple[int, dict[str, Any]]]:
        """The newest commit of each slice: its version, and what it said.

        Raises InputError where the table's log is not whole.
        """
        state, order = self._whole_state(name), schemas.table(name).slices
        signature = self._states[name][0] if state else ()
        known = self._latest.get(name)
        if known is None or known[0] != signature:
            newest = {
                tuple(slice[column] for column in order): (version, info)
                for version, info in _ours(state)
                for slice in info["slices"]
            }
            known = self._latest[name] = (signature, newest)
        return known[1]

    def damage(self, name: str) -> str | None:
        """Why the table cannot be read or written any more; None where it can, or does not exist."""
        try:
            state = self._state(name)
        except Damaged as error:
            return str(error)
        if state is None:
            return None
        table = schemas.table(name)
        if state.columns != table.declared or state.slices != list(table.slices):
            return "another version of the program wrote it"
        return None

    def slice_damage(self, name: str, keys: Keys, digests: Mapping[str, str]) -> str | None:
        """What is wrong with the data files of a slice that had these sha256; None where they are whole.

        A slice that was found whole is not read again by this object, unless it was committed anew.
        """
        state = name, keys, frozenset(digests.items())
        if state in self._whole:
            return None
        folder, files = self.folder(name), self._files(name, keys)
        checksums = {delta_log.checksum_of(file.path) for file in files}
        if {file.path for file in files} != digests.keys() - checksums:
            return "its log names other data files than were written"
        if not all((folder / file.path).is_file() for file in files):
            return "a data file is gone"
        for path, known in digests.items():
            lost = path in checksums and not (folder / path).exists()  # Spark does without a checksum file
            if not lost and digest(folder / path) != known:
                return "a data file is damaged"
        self._whole.add(state)
        return None

    def digests(self, name: str, keys: Keys) -> dict[str, str] | None:
        """The data files of a slice and their checksum files: paths below the table, and sha256.

        None where a file is gone, or is not as its checksum file says.
        """
        folder, files = self.folder(name), self._files(name, keys)
        if not all(delta_log.whole(folder, file) for file in files):
            return None
        data = [file.path for file in files]
        beside = [path for path in map(delta_log.checksum_of, data) if (folder / path).is_file()]
        return {path: digest(folder / path) for path in [*data, *beside]}

    def move_aside(self, name: str) -> Location:
        """Move a damaged table out of the way, whole, to the folder `damaged` beside the tables."""
        aside = located(self.root).parent / "damaged"
        aside.mkdir(mode=0o700, exist_ok=True)
        number = next(n for n in itertools.count(1) if not (aside / f"{name}-{n}").exists())
        self.folder(name).rename(aside / f"{name}-{number}")  # type: ignore[arg-type]  # both are of one kind
        return aside / f"{name}-{number}"

    def _files(self, name: str, keys: Keys) -> list[delta_log.File]:
        state = self._state(name)
        return state.of_slice(dict(zip(schemas.table(name).slices, keys, strict=True))) if state else []

    def _whole_state(self, name: str) -> delta_log.State | None:
        """What the table's log says. Raises InputError where it is not whole."""
        try:
            return self._state(name)
        except Damaged as error:
            raise InputError(f"the table {name} is damaged: {error}; run the same command again.") from None

    def _state(self, name: str) -> delta_log.State | None:
        """What the table's log says, read anew where its files changed; None where there is no table.

        Raises Damaged where the log stays damaged: another run may be in the middle of a commit.
        """
        if self._looked_at is not None and name in self._looked_at:
            return self._states[name][1]
        folder = self.folder(name)
        for pause in (*PAUSES, None):
            if not there(folder):
                return None
            signature = delta_log.signature(folder)
            known = self._states.get(name)
            try:
                if not known or known[0] != signature:
                    self._states[name] = (signature, delta_log.read(log_copies.copy(folder)))
                if self._looked_at is not None:
                    self._looked_at.add(name)
                return self._states[name][1]
            except Damaged:
                if pause is None:
                    raise
                time.sleep(pause)
        return None

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        """A full disk or missing rights, found by Spark or Delta, as a sentence that names the table."""
        try:
            yield
        except Exception as error:
            if sentence := failures.explained(error, f"the table {name} ({self.path(name)})"):
                raise sentence from None
            raise

    def _frame(self, table: schemas.Table, rows: TableRows) -> DataFrame:
        """Rows as a frame in the shape of the table."""
        if isinstance(rows, pa.Table):
            rows = self.spark.createDataFrame(rows, schema=table.struct)
        return table.conform(rows)

    def _sweep(self, name: str, folder: Location, known: set[str]) -> None:
        """Delete what tasks of a killed run wrote; elsewhere once, since listing many folders takes long."""
        if isinstance(folder, Path) or name not in self._swept:
            data_files.sweep(folder, known)
            self._swept.add(name)

    def _save(self, table: schemas.Table, rows: TableRows, change: driver_tables.Change) -> None:
        """Commit rows by Delta in Spark."""
        writer = (
            self._frame(table, rows)
            .write.format("delta")
            .mode("overwrite")
            .option("replaceWhere", change.predicate)
            .options(txnAppId=change.transaction[0], txnVersion=str(change.transaction[1]))
            .option("userMetadata", change.metadata)
        )
        writer.save(self.path(table.name))

    def _create(self, table: schemas.Table) -> None:
        """Make the table where it is missing, with its keys as partitions."""
        if self.exists(table.name):
            return
        folder = self.folder(table.name)
        if driver_tables.takes(folder):
            driver_tables.create(folder, table, PROPERTIES)
            return
        builder = DeltaTable.createIfNotExists(self.spark).location(self.path(table.name))
        builder = builder.addColumns(table.struct).partitionedBy(*table.slices).comment(table.meaning)
        for name, value in PROPERTIES.items():
            builder = builder.property(name, value)
        builder.execute()


def _ours(state: delta_log.State | None) -> list[tuple[int, dict[str, Any]]]:
    """Version and metadata of the commits that `replace` made; those of other programs are left out."""
    commits = []
    for version, info in state.commits if state else []:
        try:
            said = json.loads(info.get("userMetadata") or "{}")
        except ValueError:
            continue
        if isinstance(said, dict) and {"slices", "sequence"} <= said.keys():
            commits.append((version, said))
    return commits
