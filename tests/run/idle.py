"""Stages that are idle and tables in memory, to test how a run is carried out without Spark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.errors import DiamantError
from jobs.run.context import Batch, Outcome, Results
from jobs.settings.slices import Slice
from jobs.spark.delta_log import Keys
from jobs.spark.tables import Commit
from jobs.stages.order import STAGES

INNER = list(STAGES)[1:-1]


@dataclass
class Kept:
    """The tables as a run sees them: by table and slice the version, what was said, and the rows."""

    held: dict[str, dict[Keys, tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)  # tables
    spoilt: dict[str, str] = field(default_factory=dict)  # tables with a slice whose files are not whole
    aside: list[str] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)  # rows that a table does not get

    def exists(self, name: str) -> bool:
        return name in self.held

    def at_rest(self) -> AbstractContextManager[None]:
        return nullcontext()

    def version(self, name: str) -> int | None:
        return self.versions.get(name)

    def rows(self, name: str, slice: Mapping[str, str]) -> list[dict[str, Any]]:
        return [{"kind": "region", "code": "a", "number": 1}]

    def damage(self, name: str) -> str | None:
        return self.damaged.get(name)

    def slice_damage(self, name: str, keys: Keys, digests: Mapping[str, str]) -> str | None:
        assert digests == {"part": "a digest"}
        return self.spoilt.get(name)

    def digests(self, name: str, keys: Keys) -> dict[str, str]:
        return {"part": "a digest"}

    def latest(self, name: str) -> dict[Keys, tuple[int, dict[str, Any]]]:
        return self.held.get(name, {})

    def counted(self, name: str, keys: Sequence[Keys]) -> dict[Keys, int]:
        return {key: 10 - self.lost.get(name, 0) for key in keys}

    def move_aside(self, name: str) -> str:
        self.aside.append(name)
        self.held.pop(name, None)
        self.damaged.pop(name, None)
        self.spoilt.pop(name, None)
        return f"damaged/{name}-1"

    def replace(
        self, name: str, rows: Any, slices: Sequence[Mapping[str, str]], said: Any, files: Any = ()
    ) -> Commit:
        version = self.versions[name] = self.versions.get(name, 0) + 1
        keys = [tuple(slice.values()) for slice in slices]
        self.held.setdefault(name, {}).update(dict.fromkeys(keys, (version, dict(said))))
        self.spoilt.pop(name, None)
        return Commit(name, version, dict.fromkeys(keys, 10))


@dataclass
class Idle:
    """A stage that only commits its tables; `reads` is what its result depends on."""

    NAME: str
    ran: list[str]
    batches: list[tuple[str, list[str]]]
    reads: list[str] = field(default_factory=lambda: ["a"])
    fails: dict[str, DiamantError] = field(default_factory=dict)  # by slice
    meanwhile: Callable[[Batch], None] = lambda batch: None

    @property
    def __name__(self) -> str:
        return f"jobs.stages.{self.NAME}"

    @property
    def READS(self) -> tuple[str, ...]:
        earlier = INNER[: INNER.index(self.NAME)] if self.NAME in INNER else []
        return tuple(f"of {name}" for name in earlier[-1:])

    @property
    def TABLES(self) -> tuple[str, ...]:
        return (f"first of {self.NAME}", f"of {self.NAME}")

    @property
    def ROWS(self) -> tuple[str, ...]:
        return (f"of {self.NAME}",)

    def inputs(self, settings: Any, tables: Any) -> list[Any]:
        return list(self.reads)

    def run(self, batch: Batch) -> Results:
        self.ran.append(self.NAME)
        self.batches.append((self.NAME, [str(slice) for slice in batch.slices]))
        self.meanwhile(batch)
        results = Results({table: _Frame() for table in self.TABLES})
        for slice in batch.slices:
            if str(slice) in self.fails:
                results.fail(slice, self.fails[str(slice)])
            else:
                results.outcomes[slice] = Outcome(10)
        return results

    # What the publication is asked.
    def is_current(self, context: Any, ledger: Any, failures: Mapping[Slice, DiamantError]) -> bool:
        return False


class _Frame:
    """A frame of which nothing is asked but to be written."""


class Session:
    """A session without Spark, whose frames in memory can be forgotten."""

    class catalog:
        @staticmethod
        def clearCache() -> None:
            pass


class Silent:
    """Progress that keeps what was skipped and said."""

    def __init__(self) -> None:
        self.skips: list[str] = []
        self.said: list[str] = []
        self.failures: list[str] = []

    def stage(self, name: str, label: str) -> Any:
        from contextlib import nullcontext

        return nullcontext(lambda outcome: None)

    def slices(self, number: int) -> Callable[[int], None]:
        return lambda done: None

    def skipped(self, name: str, label: str) -> None:
        self.skips.append(name)

    def failed(self, slice: str, error: Exception) -> None:
        self.failures.append(slice)

    def say(self, text: str) -> None:
        self.said.append(text)


def ledger_of(folder: Path) -> Path:
    return folder / "work" / "ledger.json"
