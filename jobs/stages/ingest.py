"""Ingest: the files of submissions into tables, nothing dropped silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial, reduce
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.checks.quarantine import Reasons, noted, reasons_by_slice, set_aside, too_many
from jobs.checks.whole import Counts, demand_all_parts, demand_whole
from jobs.errors import InputError
from jobs.readers import files, flows, packages, statistical, text
from jobs.readers.dialect import Dialect
from jobs.readers.files import CORRUPT, COUNTRY, PART, ROW, WAVE
from jobs.readers.records import header
from jobs.run import conversions, numbers
from jobs.run.context import Batch, Outcome, Results
from jobs.settings import resources, wave_maps
from jobs.settings.inputs import FlowsInput, SurveyInput
from jobs.settings.slices import Slice, SliceSettings
from jobs.settings.wave_maps import WaveMap
from jobs.spark.frames import TableRows, quoted, rows_of
from jobs.spark.tables import Tables
from jobs.stages.at_sight import Cells, both, tables_counted
from jobs.stages.deliveries import MANGLED, Read, counted, failing, sound, with_parts
from jobs.transforms import flow_sums
from jobs.transforms.cells import declared, trimmed
from jobs.transforms.flows import Notation, notes_on_values

NAME = "ingest"
LEFT_OUT = {
    "survey": "rows have other values than the map's filter names and were left out",
    "flows": "cells carry a label of the drop list, or another value than where names, and were left out",
}
ADDED_UP = "finer regions or sectors were added up"
AS_RECORDS = ("csv", "excel")  # formats whose rows are counted by readers.records
TABLES = ("quarantine", "flows", "flow_sums", "answers")
ROWS = ("flows", "answers")
READS: tuple[str, ...] = ()


def inputs(settings: SliceSettings, tables: Tables) -> list[Any]:
    maps = [settings.survey.map] if settings.survey else []
    return [
        settings.survey,
        settings.flows,
        {path: files.content_digest(path) for path in settings.inputs.values()},
        [resources.digest(name) for name in (settings.regions, settings.sectors)],
        [wave_maps.digest(name) for name in maps],
        conversions.inputs(settings, settings.flows),
        [classification.numbers for classification in numbers.known(tables, settings)],
    ]


def run(batch: Batch) -> Results:
    results = Results()
    survey = _survey(batch, results)
    counts = {"survey": survey.counted} if survey else {}
    tables = _flows(batch.only(set(batch.slices) - set(results.failures)), results)
    if tables:
        counts["flows"] = _put_cells(batch, tables, results)
    else:
        results.frames |= {name: rows_of(name) for name in ("flows", "flow_sums")}
    reads = [read for read in (survey, tables) if read]
    if not reads:
        return results
    any_aside = any(of_slice.aside for by_slice in counts.values() for of_slice in by_slice.values())
    aside = _aside(reads) if any_aside else rows_of("quarantine")
    reasons = reasons_by_slice(aside, ["source"]) if any_aside else {}
    for slice, settings in batch.slices.items():
        if slice not in results.failures:
            with failing(results, slice):
                results.outcomes[slice] = _outcome(slice, settings, reads, counts, reasons)
    results.frames["quarantine"] = aside
    answers = survey.frame if survey else None
    results.frames["answers"] = sound(answers) if answers is not None else rows_of("answers")
    return results


def misfits(settings: SliceSettings) -> list[str]:
    """What will not fit, by the headers of the slice's files alone: one sentence per input."""
    looks: list[Callable[[], None]] = []
    if settings.survey:
        looks.append(partial(_look_at_survey, settings.survey))
    if settings.flows:
        looks.append(partial(flows.demand, settings.flows))
    words = []
    for look in looks:
        try:
            look()
        except InputError as error:
            words.append(str(error))
    return words


def _look_at_survey(survey: SurveyInput) -> None:
    """Raises InputError where a part cannot be read or lacks a column of the map."""
    wanted = list(wave_maps.read(survey.map).columns)
    for part in files.parts(survey.path):
        if survey.format in AS_RECORDS:
            names = header(survey.path, part, Dialect.of(survey))
        else:
            names = statistical.names(survey.path, part, survey.format, survey.encoding)
        files.demand(files.shown(survey.path, part), files.matched(names, wanted), wanted)


def _survey(batch: Batch, results: Results) -> Read | None:
    """The surveys of the batch; files with the same map and marks are read together."""
    frames: list[DataFrame] = []
    counts: dict[Slice, int] = {}
    notes: dict[Slice, list[str]] = {}

    def form(settings: SliceSettings) -> tuple[Any, ...] | None:
        survey = settings.survey
        return (survey.format, survey.map, Dialect.of(survey)) if survey else None

    for shape, part in batch.alike(form).items():
        if shape is None:
            continue
        kind, map_name, dialect = shape
        wave_map = wave_maps.read(map_name)
        wanted = list(wave_map.columns)
        paths = {slice: own.survey.path for slice, own in part.slices.items() if own.survey}
        if kind in AS_RECORDS:
            scans = {}
            for slice, path in paths.items():
                with failing(results, slice):
                    scans[slice] = text.scanned(path, dialect, wanted)
            if scans:
                frames.append(_answers(text.read(batch.spark, scans, wanted), wave_map))
            counts |= {slice: text.counted(of_slice) for slice, of_slice in scans.items()}
            notes |= {slice: text.notes(of_slice, wanted) for slice, of_slice in scans.items()}
            continue
        readable = {}
        for slice, path in paths.items():
            with failing(results, slice):
                statistical.check(path, kind, wanted, dialect.encoding)
                readable[slice] = path
        if readable:
            rows, of_files = packages.read(batch.spark, readable, kind, wanted, dialect.encoding)
            frames.append(_answers(rows, wave_map))
            counts |= of_files
            notes |= {slice: [] for slice in readable}
    if not frames:
        return None
    rows = reduce(DataFrame.unionByName, frames).persist()
    with text.files_apart(batch.spark):
        return Read("survey", rows, counted(rows, _named("survey", counts)), counts, notes)


def _named(source: str, slices: Iterable[Slice]) -> str:
    return f"{source} of {', '.join(map(str, slices))}"


def _answers(rows: DataFrame, wave_map: WaveMap) -> DataFrame:
    """Rows of text as one map of the answered cells each; a row whose fields do not fit is at fault.

    Rows that the map's filter leaves out are dropped.
    """
    wanted = wave_map.columns
    left_out = F.lit(False)
    for column, values in wave_map.filter.items():
        chosen = declared(trimmed(F.col(quoted(column))), {value: value for value in values})
        left_out = left_out | chosen.isNull()
    cells = F.map_from_arrays(
        F.array(*[F.lit(name) for name in wanted]), F.array(*[F.col(quoted(name)) for name in wanted])
    )
    answers = F.map_filter(cells, lambda _, answer: answer.isNotNull() & (answer != ""))
    broken = F.struct(
        F.lit("fields").alias("rule"), F.lit("the row has too few or too many fields").alias("reason")
    )
    texts = F.array_join(F.concat(F.map_values("answers"), F.array(F.coalesce(CORRUPT, F.lit("")))), "")
    return (
        rows.select(
            F.col(COUNTRY).alias("country"),
            F.col(WAVE).alias("wave"),
            F.col(PART).alias("part"),
            F.col(ROW).alias("row_number"),
            answers.alias("answers"),
            F.filter(
                F.array(F.when(F.col(CORRUPT).isNotNull(), broken)), lambda fault: fault.isNotNull()
            ).alias("faults"),
            (left_out & F.col(CORRUPT).isNull()).alias("dropped"),
            F.col(CORRUPT).alias("record"),
            F.col(CORRUPT),
        )
        .select("*", F.contains(texts, F.lit(MANGLED)).alias("mangled"))
        .drop(CORRUPT)
    )


def _flows(batch: Batch, results: Results) -> Read | None:
    """The input-output tables of the batch; those with the same layout and marks are read together."""
    cells = Cells()
    counts: dict[Slice, int] = {}
    notes: dict[Slice, list[str]] = {}
    public: dict[Slice, list[str]] = {}
    folder = batch.tables.space("flows") if any(own.flows for own in batch.slices.values()) else None
    for shape, part in batch.alike(_layout).items():
        if shape is None:
            continue
        scanned = {}
        for slice, own in part.slices.items():
            with failing(results, slice):
                if own.flows:
                    scanned[slice] = flows.scanned(own.flows)
        if not scanned:
            continue
        readable = part.only(scanned)
        numbers.given(batch.tables, readable.slices.values())
        cells.add(tables_counted(readable, scanned, _named("flows", scanned), folder))
        counts |= {slice: table.count for slice, table in scanned.items()}
        notes |= {slice: table.notes for slice, table in scanned.items()}
        public |= {slice: _of_year(table.settings) for slice, table in scanned.items()}
    if not counts:
        return None
    return Read("flows", cells.frame, cells.counts, counts, notes, public, cells.files, cells.sums)


def _of_year(settings: FlowsInput) -> list[str]:
    """How far the table's year is from the wave's, where the run file chooses among several."""
    if settings.table_year is None or settings.year is None:
        return []
    apart = abs(settings.year - settings.table_year)
    side = "before" if settings.year >= settings.table_year else "after"
    return [f"deliveries are of {settings.table_year}, {apart} years {side} the wave's year {settings.year}"]


def _layout(settings: SliceSettings) -> str | None:
    return settings.flows.writing if settings.flows else None


def _put_cells(batch: Batch, read: Read, results: Results) -> dict[Slice, Counts]:
    """The cells of tables and their sums into the results; their counts."""
    frame, counts = with_parts(batch, read, results)
    if frame is not None:
        results.frames["flows"] = frame
    results.files["flows"] = read.files
    by_rows = [slice.keys for slice in counts if slice not in read.files]

    def sums() -> TableRows:
        of_rows = flow_sums.sums(batch.tables.read("flows", by_rows)) if by_rows else None
        frame = both(read.sums, of_rows)
        return rows_of("flow_sums") if frame is None else frame

    results.frames["flow_sums"] = sums
    return counts


def _aside(reads: list[Read]) -> DataFrame:
    """The rows set aside, of which there are some, as rows of quarantine."""
    frames = [
        set_aside(read.frame.where(F.size("faults") > 0), NAME, read.source, F.col("record"))
        for read in reads
        if read.frame is not None
    ]
    return reduce(DataFrame.unionByName, frames)


def _outcome(
    slice: Slice,
    settings: SliceSettings,
    reads: list[Read],
    counted: Mapping[str, Mapping[Slice, Counts]],
    reasons: Reasons,
) -> Outcome:
    """What came of a slice.

    Raises InputError where its rows are not in the declared encoding or other rows came out than its files
    hold, ValidationStopped where too many were set aside.
    """
    rows, aside, dropped = 0, 0, 0
    notes: list[str] = []
    odd: list[str] = []
    kept: dict[str, int] = {"survey": 0, "flows": 0}
    for read in reads:
        if slice not in read.counts:
            continue
        counts = counted[read.source].get(slice, Counts())
        path = _shown(settings, read.source)
        demand_whole(path, counts, read.counts[slice])
        of_source = settings.survey if read.source == "survey" else settings.flows
        assert of_source is not None
        why = reasons.get((*slice, read.source), [])
        too_many(of_source.max_quarantined, counts.rows, counts.aside, why, NAME, path)
        left_out = counts.dropped + counts.merged
        rows, aside, dropped = rows + counts.rows, aside + counts.aside, dropped + left_out
        kept[read.source] = counts.rows - counts.aside - left_out
        if settings.flows and read.source == "flows":
            demand_all_parts(path, counts, settings.flows.absent)
            odd = notes_on_values(counts.vanished, counts.doubts, Notation.of(settings.flows))
        if counts.merged:
            of_versions = settings.nuts or (settings.flows and settings.flows.correspondence)
            words = "other regions or sectors were converted" if of_versions else ADDED_UP
            notes.append(f"{counts.finer:,} cells of {words}")
        notes += [*read.notes[slice], *read.public.get(slice, [])]
        if counts.dropped:
            notes.append(f"{counts.dropped:,} {LEFT_OUT[read.source]}")
        notes += noted(counts.aside, why)
    notes += odd
    named = {
        role: {"name": Path(path).name, "sha256": files.sha256(path)}
        for role, path in settings.inputs.items()
    }
    public = [note for read in reads if read.source == "flows" for note in read.public.get(slice, [])]
    detail = {"files": named, "rows": kept, "cells_left_out": dropped, "public": public}
    return Outcome(rows - dropped, None, aside, tuple(notes), detail)


def _shown(settings: SliceSettings, source: str) -> str:
    if source == "survey":
        return settings.inputs["survey"]
    return ", ".join(path for role, path in settings.inputs.items() if role != "survey")


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
