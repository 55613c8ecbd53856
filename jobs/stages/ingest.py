"""Ingest: a submission's files into tables, one transaction per table, nothing dropped silently."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.checks.quarantine import reasons_noted, set_aside, stop_above
from jobs.errors import InputError
from jobs.readers import files, flows, packages, text
from jobs.readers.files import CORRUPT, PART, ROW, Rows
from jobs.readers.records import Dialect, header
from jobs.run import numbers
from jobs.run.context import Context, Outcome
from jobs.settings import resources, wave_maps
from jobs.settings.inputs import FlowsInput, SurveyInput, WaveSettings
from jobs.spark.frames import nothing, quoted
from jobs.transforms.flows import Notation, doubts, numbered

NAME = "ingest"
TABLES = ("quarantine", "flows", "answers")
READS: tuple[str, ...] = ()


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    paths = [wave.survey.path] if wave.survey else []
    paths += list(wave.flows.paths.values()) if wave.flows else []
    maps = [wave.survey.map] if wave.survey else []
    return [
        wave.survey,
        wave.flows,
        {path: files.sha256(path) for path in paths},
        [resources.digest(name) for name in (settings.regions, settings.sectors, *maps)],
        [classification.numbers for classification in numbers.known(context)],
    ]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    tables, slice = context.tables, context.slice(wave)
    survey = _survey(context, wave.survey) if wave.survey else None
    deliveries = _flows(context, wave.flows) if wave.flows else None
    aside = nothing(context.spark, "quarantine")
    for read in (survey, deliveries):
        if read is not None:
            aside = aside.unionByName(_keyed(read.aside, slice))
    tables.replace("quarantine", aside, context.slice(wave, stage=NAME), fingerprint)
    for read in (survey, deliveries):
        if read is not None:
            stop_above(read.allowed, read.rows, _keyed(read.aside, slice), NAME, read.path)

    accepted = deliveries.accepted if deliveries else nothing(context.spark, "flows")
    flow_rows = tables.replace("flows", _keyed(accepted, slice), slice, fingerprint).rows
    accepted = survey.accepted if survey else nothing(context.spark, "answers")
    answer_rows = tables.replace("answers", _keyed(accepted, slice), slice, fingerprint).rows
    for read in (survey, deliveries):
        if read is not None:
            read.frame.unpersist()
    rows_in = sum(read.rows for read in (survey, deliveries) if read)
    rows_aside = sum(read.rows_aside for read in (survey, deliveries) if read)
    rows_dropped = deliveries.rows_dropped if deliveries else 0
    notes = [note for read in (survey, deliveries) if read for note in read.notes]
    return Outcome(
        rows_in - rows_dropped,
        flow_rows + answer_rows,
        rows_aside,
        notes=tuple(notes),
        detail={
            "files": {
                role: file for read in (survey, deliveries) if read for role, file in read.files.items()
            },
            "rows": {"survey": answer_rows, "flows": flow_rows},
            "cells_left_out": rows_dropped,
        },
    )


def misfits(wave: WaveSettings) -> list[str]:
    """What will not fit, by the headers of the wave's files alone: one sentence per input."""
    looks = [partial(_look_at_survey, wave.survey)] if wave.survey else []
    looks += [partial(flows.demand, wave.flows)] if wave.flows else []
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
        if survey.format == "csv":
            names = header(survey.path, part, Dialect(survey.separator, survey.encoding))
        else:
            names = packages.names(survey.path, part, survey.format)
        files.demand(files.shown(survey.path, part), names, wanted)


class _Read:
    """One input as read: the accepted rows, those set aside, and the counts.

    Raises InputError where rows are not in the declared encoding, or where other rows came out than the
    files hold.
    """

    def __init__(self, rows: Rows, source: str, paths: dict[str, str], allowed: float):
        frame = self.frame = rows.frame.persist()
        path = self.path = ", ".join(paths.values())
        self.allowed = allowed
        self.files = {
            role: {"name": Path(path).name, "sha256": files.sha256(path)} for role, path in paths.items()
        }
        faulty = F.size("faults") > 0
        dropped = F.col("dropped") if "dropped" in frame.columns else F.lit(False)
        sums = frame.agg(
            F.count("*").alias("rows"),
            F.coalesce(F.sum(faulty.cast("int")), F.lit(0)).alias("aside"),
            F.coalesce(F.sum(dropped.cast("int")), F.lit(0)).alias("dropped"),
            F.coalesce(F.max(F.contains("record", F.lit("\ufffd"))), F.lit(False)).alias("mangled"),
        )
        try:
            counts = sums.collect()[0]
        except Py4JJavaError as error:
            if "FAILED_READ_FILE" not in str(error):
                raise
            raise InputError(f"{path} is damaged: not all of it can be read; deliver it again.") from None
        self.rows, self.rows_aside, self.rows_dropped = counts["rows"], counts["aside"], counts["dropped"]
        if counts["mangled"]:
            raise InputError(f"{path} is not in the declared encoding; mend encoding in the run file.")
        if not rows.count:
            raise InputError(f"{path} has a header and no rows; deliver the file again.")
        if self.rows != rows.count:
            raise InputError(
                f"{path} holds {rows.count:,} rows, and {self.rows:,} came out; take out what is unusual in "
                "it (quotes, line breaks in fields, blank lines), or save it anew, and report this."
            )
        if self.rows == self.rows_aside + self.rows_dropped:
            allowed_words = "no row of it could be read" if not self.rows_dropped else "no cell of it is left"
            if not self.rows_aside:
                raise InputError(f"{path}: {allowed_words}; check the drop list.")
        self.accepted = self.frame.where(~faulty & ~dropped)
        keyed = self.frame.where(faulty).withColumns({"country": F.lit(""), "wave": F.lit("")})
        self.aside = set_aside(keyed, NAME, source, F.col("record"))
        self.notes = rows.notes + (
            [f"{self.rows_dropped:,} cells carry a label of the drop list and were left out"]
            if self.rows_dropped
            else []
        )
        self.notes += reasons_noted(self.aside, self.rows_aside)


def _survey(context: Context, survey: SurveyInput) -> _Read:
    wanted = list(wave_maps.read(survey.map).columns)
    if survey.format == "csv":
        dialect = Dialect(survey.separator, survey.encoding)
        rows = text.read(context.spark, text.scanned(survey.path, dialect, wanted), wanted)
    else:
        rows = packages.read(context.spark, survey.path, survey.format, wanted)
    cells = F.map_from_arrays(
        F.array(*[F.lit(name) for name in wanted]), F.array(*[F.col(quoted(name)) for name in wanted])
    )
    answers = F.map_filter(cells, lambda _, answer: answer.isNotNull() & (answer != ""))
    broken = F.struct(
        F.lit("fields").alias("rule"), F.lit("the row has too few or too many fields").alias("reason")
    )
    frame = rows.frame.select(
        F.col(PART).alias("part"),
        F.col(ROW).alias("row_number"),
        answers.alias("answers"),
        F.filter(F.array(F.when(F.col(CORRUPT).isNotNull(), broken)), lambda fault: fault.isNotNull()).alias(
            "faults"
        ),
        F.coalesce(F.col(CORRUPT), F.to_json(answers)).alias("record"),
    )
    return _Read(replace(rows, frame=frame), "survey", {"survey": survey.path}, survey.max_quarantined)


def _flows(context: Context, settings: FlowsInput) -> _Read:
    rows = flows.read(context.spark, settings)
    notation = Notation(settings.drop, settings.final, settings.rest, settings.decimal, settings.thousands)
    frame = numbered(
        rows.frame,
        *numbers.given(context),
        notation,
    )
    read = _Read(replace(rows, frame=frame), "flows", settings.paths, settings.max_quarantined)
    read.notes += doubts(read.accepted, notation)
    return read


def _keyed(frame: DataFrame, slice: dict[str, str]) -> DataFrame:
    return frame.withColumns({column: F.lit(value) for column, value in slice.items()})


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
