"""What every stage is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pyspark.sql import SparkSession

from jobs.settings.inputs import WaveSettings
from jobs.settings.run_file import RunSettings
from jobs.spark.tables import Tables


@dataclass(frozen=True)
class Context:
    """The session, the settings and the tables of a run."""

    spark: SparkSession
    settings: RunSettings
    tables: Tables
    stages: Mapping[str, Any]  # the stages' modules by name, in their order (see Stage)

    def slice(self, wave: WaveSettings, **more: str) -> dict[str, str]:
        """The slice of a table that a wave of this run fills."""
        return {"country": self.settings.country, "wave": wave.wave, **more}


@dataclass(frozen=True)
class Outcome:
    """What a stage did: rows in, out and set aside (they must add up), and what a reader should know."""

    rows_in: int
    rows_out: int
    rows_set_aside: int = 0
    notes: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """A stage is a module with these names."""

    NAME: str
    TABLES: tuple[str, ...]  # what it writes; the last one is its commit point
    READS: tuple[str, ...]  # the tables of other stages that its result depends on

    def inputs(self, context: Context, wave: WaveSettings) -> list[Any]:
        """Settings sections, digests of files: what the result depends on besides the tables it reads."""

    def run(self, context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
        """Read tables, call pure functions, replace the wave's slice of each table of TABLES."""
