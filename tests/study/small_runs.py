"""The small study run as far as a case needs it, in the session of the tests, and held against the truth."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from small_study import Cell, Row, Truth, answers, csv, firms, write_settings

from jobs.checks import pages
from jobs.errors import DiamantError
from jobs.run.context import Context, Outcome
from jobs.settings import classifications, schemas
from jobs.settings import reading as settings
from jobs.spark import session
from jobs.spark.frames import TableRows, rows_of
from jobs.spark.tables import Commit, Tables
from jobs.stages.order import STAGES

Content = str | bytes | dict[str, str | bytes]  # of a file, or of the parts of a folder by their names


@dataclass(frozen=True)
class Delivered:
    """What an office delivers: a file or a folder, its name, and what the run file says of it."""

    content: Content
    name: str = "survey.csv"
    settings: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        if isinstance(self.content, dict):
            path.mkdir()
            for name, content in self.content.items():
                (path / name).write_bytes(_bytes(content))
        else:
            path.write_bytes(_bytes(self.content))
        return path


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


@dataclass(frozen=True)
class Came:
    """What came of a run: tables by firm and by cell, each stage's outcome, and the error that ended it."""

    survey: Truth
    flows: dict[Cell, float]
    outcomes: dict[str, Outcome]
    error: DiamantError | None

    @property
    def notes(self) -> str:
        return "\n".join(note for outcome in self.outcomes.values() for note in outcome.notes)


class InMemory(Tables):
    """Tables with the same columns, without Delta, which would be two thirds of a small run."""

    def __init__(self, spark: SparkSession) -> None:
        super().__init__(lambda: spark, "in memory")
        self._kept: dict[str, pa.Table] = {}
        self._written = tempfile.TemporaryDirectory()  # for files that tasks write
        self._space = Path(self._written.name)

    def exists(self, name: str) -> bool:
        return name in self._kept

    def version(self, name: str) -> int | None:
        return 1 if name in self._kept else None

    def read(self, name, slices=None, version=None) -> DataFrame:
        return self.spark.createDataFrame(self._kept[name], schema=schemas.table(name).struct)

    def rows(self, name: str, slice: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        return self._kept[name].to_pylist() if self.exists(name) else []

    def space(self, name: str) -> Path:
        return self._space

    def replace(self, name, frame: TableRows, slices, said, files=()) -> Commit:
        table = schemas.table(name)
        if isinstance(frame, pa.Table) and not files:
            rows = frame.cast(rows_of(name).schema)
        else:
            whole = self._frame(table, frame)
            if files:
                keys = {column: F.lit(value) for column, value in slices[0].items()}
                cells = self.spark.read.parquet(*[str(self._space / file.path) for file in files])
                whole = table.conform(whole.unionByName(cells.withColumns(keys)))
            rows = whole.toArrow()
        for column in table.columns:  # Delta refuses them as well
            assert column.nullable or not rows[column.name].null_count, f"{name}.{column.name} holds a null"
        self._kept[name] = rows
        return Commit(name, 1, {tuple(slices[0].values()): rows.num_rows})


IN_MEMORY = ("ingest", "harmonise", "validate")


def run(
    spark: SparkSession,
    folder: Path,
    survey: Delivered | None = None,
    flows: Delivered | None = None,
    until: str = "validate",
    of_run: dict[str, Any] | None = None,
    **settings_files: dict[str, Any],
) -> Came:
    """Run the stages until `until` on what was delivered; `settings_files`: see `write_settings`.

    `of_run`: other keys of the run file.
    Any error but those a user can act on is raised.
    """
    wave: dict[str, Any] = {"wave": "w1"}
    if survey:
        path = {"path": str(survey.write(folder)), "map": str(folder / "map.yaml")}
        wave["survey"] = {**path, **survey.settings}
    if flows:
        tables = {"layout": "long", "paths": {"flows": str(flows.write(folder))}}
        wave["flows"] = {**tables, **flows.settings}
    conf = write_settings(folder, {"waves": [wave], **(of_run or {})}, **settings_files)
    outcomes: dict[str, Outcome] = {}
    try:
        context = Context(lambda: spark, settings.read(str(conf)), InMemory(spark), STAGES)
        # The pages of the checks are for readers; to draw them would be a fifth of a small run.
        with patch.object(pages, "write", lambda folder, *rest: (folder / "page").touch()):
            for name in IN_MEMORY[: IN_MEMORY.index(until) + 1]:
                outcomes[name] = _stage(context, name)
    except DiamantError as error:
        return Came({}, {}, outcomes, error)
    if until == "ingest":
        return Came({}, _by_cell(context), outcomes, None)
    return Came(*tables_of(context, "survey" if until == "validate" else "harmonised"), outcomes, None)


def _stage(context: Context, name: str) -> Outcome:
    """A stage of the run's one slice: its tables are kept, and no row is lost. Raises why it failed."""
    (slice,) = context.slices
    results = STAGES[name].run(context.batch([slice]))
    written = 0
    for table in STAGES[name].TABLES:
        files = results.files.get(table, {}).get(slice, [])
        if files or table in results.frames:
            frame = results.frames.get(table, rows_of(table))
            rows = frame() if callable(frame) else frame
            commit = context.tables.replace(table, rows, [slice.keys], {}, files)
            written += sum(commit.rows.values()) if table in STAGES[name].ROWS else 0
    session.release(context.spark)
    for error in results.failures.values():
        raise error
    done = results.outcomes[slice]
    assert done.rows_in == written + done.rows_set_aside, f"{name} lost rows"
    return replace(done, rows_out=written)


def tables_of(context: Context, table: str) -> tuple[Truth, dict[Cell, float]]:
    """The survey's table by firm, and the deliveries by cell, of the wave of a run."""
    return _by_firm(context, table), _by_cell(context)


def _rows(context: Context, table: str) -> list[dict[str, Any]]:
    """The rows of a table that holds one slice."""
    if isinstance(context.tables, InMemory):
        return context.tables.rows(table)
    return [row.asDict() for row in context.tables.read(table).collect()]


def _by_firm(context: Context, table: str) -> Truth:
    rows = _rows(context, table)
    assert len({row["firm_id"] for row in rows}) == len(rows), "a firm came out twice"
    return {row["firm_id"]: row for row in rows}


def _by_cell(context: Context) -> dict[Cell, float]:
    (own,) = context.slices.values()
    regions = {0: "REST", **classifications.read(own.regions).codes}
    sectors = {0: "", **classifications.read(own.sectors).codes}
    rows = _rows(context, "flows")
    cells = {
        (
            regions[row["origin_region"]],
            sectors[row["origin_sector"]],
            regions[row["destination_region"]],
            sectors[row["destination_sector"]],
        ): float(row["value"])
        for row in rows
    }
    assert len(cells) == len(rows), "a cell came out twice"
    return cells


@dataclass(frozen=True)
class Case:
    """A survey as an office may deliver it, and what has to come of it.

    `cells` changes the typed questionnaires, `written` makes the file of them. `stops` is a pattern that the
    sentence of `error` holds; where there is none, each firm comes out with its values, as `known` changes
    them. `notes` is a pattern of the notes.
    """

    name: str
    cells: Callable[[list[Row]], None] = lambda rows: None
    written: Callable[[list[Row]], Content] = csv
    settings: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    of_map: dict[str, Any] = field(default_factory=dict)
    of_run: dict[str, Any] = field(default_factory=dict)
    file: str = "survey.csv"
    until: str = "harmonise"
    stops: str = ""
    error: type[DiamantError] = DiamantError
    known: Callable[[Truth], None] = lambda truth: None
    notes: str = ""

    def __str__(self) -> str:
        return self.name


def check(case: Case, spark: SparkSession, folder: Path) -> None:
    """Deliver a case's survey and hold what comes out against the truth, or what is said against `stops`."""
    truth = firms()
    rows = answers(truth)
    case.cells(rows)
    delivered = Delivered(case.written(rows), case.file, case.settings)
    files = {"rules": case.rules, "codes": case.codes, "of_map": case.of_map}
    came = run(spark, folder, delivered, until=case.until, of_run=case.of_run, **files)
    if case.stops:
        assert came.error is not None, f"nothing was said; {differences(came.survey, truth)[:5]}"
        sentence = str(came.error)
        assert isinstance(came.error, case.error) and came.error.exit_code != 1, sentence
        assert re.search(case.stops, sentence, re.DOTALL), sentence
        assert_no_answers(sentence, rows)
        return
    if came.error:
        raise came.error
    case.known(truth)
    differing = differences(came.survey, truth)
    assert not differing, differing[:5]
    assert re.search(case.notes, came.notes), came.notes


def assert_no_answers(sentence: str, rows: list[Row]) -> None:
    """A message is one line, and quotes no name of a firm and no figure of it."""
    assert "\n" not in sentence
    private = {row[column] for row in rows for column in ("firm", "name", "turn", "rd") if column in row}
    quoted = [text for text in private if len(text) > 3 and text in sentence]
    assert not quoted, f"the message quotes {quoted}: {sentence}"


def put(column: str, *texts: str, first: int = 4, step: int = 6) -> Callable[[list[Row]], None]:
    """Put texts into a column: into the cell of firm `first` and every `step`-th after it, one a firm."""

    def change(rows: list[Row]) -> None:
        for place, text in enumerate(texts):
            rows[first - 1 + place * step][column] = text

    return change


def replaced(columns: tuple[str, ...], texts: dict[str, str]) -> Callable[[list[Row]], None]:
    """Cells of `columns` that hold one of `texts` hold another text instead."""

    def change(rows: list[Row]) -> None:
        for row in rows:
            row.update({column: texts.get(row[column], row[column]) for column in columns})

    return change


def rewritten(columns: tuple[str, ...], write: Callable[[str], str]) -> Callable[[list[Row]], None]:
    """Cells of `columns` that are not blank are written another way."""

    def change(rows: list[Row]) -> None:
        for row in rows:
            row.update({column: write(row[column]) for column in columns if row[column]})

    return change


def without(*identifiers: str) -> Callable[[Truth], None]:
    """Firms that are set aside."""

    def change(truth: Truth) -> None:
        for firm in identifiers:
            del truth[firm]

    return change


def unknown(column: str, *identifiers: str) -> Callable[[Truth], None]:
    """Firms whose value is not known."""

    def change(truth: Truth) -> None:
        for firm in identifiers:
            truth[firm][column] = None

    return change


def changed(column: str, value: Callable[[Any], Any]) -> Callable[[Truth], None]:
    """Another value for each firm, made of the known one."""

    def change(truth: Truth) -> None:
        for values in truth.values():
            values[column] = value(values[column])

    return change


def renamed(pattern: str) -> Callable[[Truth], None]:
    """Firms have other identifiers, made of the digits of theirs."""

    def change(truth: Truth) -> None:
        for firm in list(truth):
            truth[pattern.format(firm[2:])] = truth.pop(firm)

    return change


def differences(came: dict[Any, Any], known: dict[Any, Any]) -> list[str]:
    """What differs between two tables by firm or by cell, in words."""
    missing = [f"{key} is missing" for key in known if key not in came]
    strange = [f"{key} should not be there" for key in came if key not in known]
    differing = [
        f"{key}: {column} is {_value(came[key], column)}, not {value}"
        for key in known
        if key in came
        for column, value in _columns(known[key]).items()
        if not _same(_value(came[key], column), value)
    ]
    return [*missing, *strange, *differing]


def _columns(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"value": value}


def _value(row: Any, column: str) -> Any:
    return _columns(row)[column]


def _same(came: Any, known: Any) -> bool:
    if came is None or known is None or isinstance(known, (str, bool)):
        return came == known
    return math.isclose(float(came), float(known), rel_tol=1e-9, abs_tol=1e-9)
