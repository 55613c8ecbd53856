"""What every stage is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from pyspark.sql import DataFrame, SparkSession

from jobs.errors import DiamantError
from jobs.settings.run_file import RunFile
from jobs.settings.slices import Slice, SliceSettings
from jobs.spark.delta_log import File
from jobs.spark.frames import TableRows
from jobs.spark.tables import Tables


@dataclass(frozen=True)
class Context:
    """The session (started when it is first needed), the settings and the tables of a run."""

    session: Callable[[], SparkSession]
    settings: RunFile
    tables: Tables
    stages: Mapping[str, Any]  # the stages' modules by name, in their order (see Stage)
    expect_little: Callable[[], None] = lambda: None  # says so before the session starts

    @property
    def spark(self) -> SparkSession:
        return self.session()

    @cached_property
    def slices(self) -> dict[Slice, SliceSettings]:
        return self.settings.slices

    @cached_property
    def countries(self) -> list[str]:
        """The countries of the run in their order."""
        return list(dict.fromkeys(slice.country for slice in self.slices))

    def shown(self, slice: Slice) -> str:
        """The slice in a line of progress: the wave alone where the run has one country."""
        return str(slice) if len(self.countries) > 1 else slice.wave

    def named(self, slice: Slice) -> str:
        """The slice in a sentence."""
        shown = self.shown(slice)
        return shown if shown != slice.wave else f"wave {slice.wave}"

    def batch(self, slices: Iterable[Slice]) -> Batch:
        return Batch(
            self.session, self.tables, self.settings.work, {slice: self.slices[slice] for slice in slices}
        )


@dataclass(frozen=True)
class Batch:
    """The slices that a stage works on together, and the tables it reads and writes."""

    session: Callable[[], SparkSession]
    tables: Tables
    work: str
    slices: Mapping[Slice, SliceSettings]

    @property
    def spark(self) -> SparkSession:
        return self.session()

    def read(self, table: str) -> DataFrame:
        """The rows of a table that are of this batch. Raises InputError where the table does not exist."""
        return self.tables.read(table, [slice.keys for slice in self.slices])

    def only(self, slices: Iterable[Slice]) -> Batch:
        """The batch of some of these slices."""
        chosen = set(slices)
        kept = {slice: own for slice, own in self.slices.items() if slice in chosen}
        return Batch(self.session, self.tables, self.work, kept)

    def alike(self, key: Callable[[SliceSettings], Hashable]) -> dict[Any, Batch]:
        """The batch in parts whose slices have the same key, in the order of the first slice of each."""
        parts: dict[Any, list[Slice]] = {}
        for slice, settings in self.slices.items():
            parts.setdefault(key(settings), []).append(slice)
        return {value: self.only(slices) for value, slices in parts.items()}


@dataclass(frozen=True)
class Outcome:
    """What a stage did with a slice, and what a reader should know.

    Rows in, out and set aside must add up. Where `rows_out` is None the rows out are those that were
    written to the stage's tables `ROWS`.
    """

    rows_in: int
    rows_out: int | None = None
    rows_set_aside: int = 0
    notes: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass
class Results:
    """What a stage made of a batch: frames by table, and for each slice an outcome or why it failed.

    Rows that the stage made on the driver stay there, as a table of Arrow.

    A frame may hold rows of slices that failed; of these only the rows set aside are written. A table of
    TABLES without a frame is left as it is. A frame that is made of tables that stand before it in TABLES is
    given as a function, which is called once these are written. `files`: what tasks wrote of a table.
    """

    frames: dict[str, TableRows | Callable[[], TableRows]] = field(default_factory=dict)
    files: dict[str, dict[Slice, list[File]]] = field(default_factory=dict)
    outcomes: dict[Slice, Outcome] = field(default_factory=dict)
    failures: dict[Slice, DiamantError] = field(default_factory=dict)

    def fail(self, slice: Slice, error: DiamantError) -> None:
        """The slice leaves the run for this reason; the first one counts."""
        self.outcomes.pop(slice, None)
        self.failures.setdefault(slice, error)


class Stage(Protocol):
    """A stage is a module with these names."""

    NAME: str
    TABLES: tuple[str, ...]  # what it writes; the last one is its commit point
    ROWS: tuple[str, ...]  # the tables whose rows are the stage's rows out
    READS: tuple[str, ...]  # the tables of other stages that its result depends on

    def inputs(self, settings: SliceSettings, tables: Tables) -> list[Any]:
        """Settings, digests of files: what a slice's result depends on besides the tables it reads."""

    def run(self, batch: Batch) -> Results:
        """Read tables, call pure functions, give frames for all slices of the batch.

        A DiamantError that is raised is the failure of the whole batch.
        """
