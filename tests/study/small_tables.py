"""Input-output tables of the small study as an office may deliver them, and what has to come of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from small_runs import Content, Delivered, differences, run
from small_study import Cell, csv, deliveries, long, wide

from jobs.errors import DiamantError, ValidationStopped

Known = dict[Cell, float]


@dataclass(frozen=True)
class TableCase:
    """A table as an office may deliver it, and what has to come of it.

    `written` makes the file of the true cells. `stops` is a pattern that the sentence of `error` holds; where
    there is none, each cell comes out, as `known` changes them. `notes` is a pattern of the notes.
    """

    name: str
    written: Callable[[Known], Content]
    settings: dict[str, Any] = field(default_factory=dict)
    stops: str = ""
    error: type[DiamantError] = ValidationStopped
    known: Callable[[Known], Known] = lambda table: table
    codes: dict[str, str] = field(default_factory=dict)
    of_run: dict[str, Any] = field(default_factory=dict)
    notes: str = ""
    file: str = "flows.csv"
    until: str = "validate"

    def __str__(self) -> str:
        return self.name


def plain(table: Known) -> str:
    return csv(long(table))


def matrix(table: Known) -> str:
    return csv(wide(table))


def lines(change: Callable[[list[str]], list[str]], write: Callable[[Known], str] = matrix):
    """The file with its lines changed."""
    return lambda table: "".join(f"{line}\n" for line in change(write(table).splitlines()))


def without(lost: Callable[[Cell], bool], write: Callable[[Known], Content] = plain):
    """The table without the cells that are lost."""
    return lambda table: write({cell: value for cell, value in table.items() if not lost(cell)})


def check(case: TableCase, spark: SparkSession, folder: Path) -> None:
    """Deliver a case's table and hold what comes out against the truth, or what is said against `stops`."""
    table = deliveries()
    delivered = Delivered(case.written(table), case.file, case.settings)
    came = run(spark, folder, flows=delivered, codes=case.codes, until=case.until, of_run=case.of_run)
    if case.stops:
        assert came.error is not None, f"nothing was said: {came.notes} {differences(came.flows, table)[:5]}"
        assert isinstance(came.error, case.error) and came.error.exit_code != 1, str(came.error)
        assert re.search(case.stops, str(came.error)), str(came.error)
        assert "\n" not in str(came.error)
        return
    if came.error:
        raise came.error
    differing = differences(came.flows, case.known(table))
    assert not differing, differing[:5]
    assert re.search(case.notes, came.notes), came.notes
