"""Runs the stages of each wave in their order, those that are up to date left out.

A stage of a wave is up to date when the work folder holds an outcome with the fingerprint that its inputs
have now, and each table it wrote is whole and was committed with the same fingerprint. A run that was
killed at any point is therefore taken up where it stopped by the same command, and so is one whose tables
were damaged or deleted since.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import DiamantError, InputError, SliceHeld
from jobs.output import locks
from jobs.run.context import Context
from jobs.run.fingerprints import of_stage
from jobs.run.mending import mend
from jobs.run.outcomes import facts, in_use, record
from jobs.run.plan import reason
from jobs.run.progress import Progress
from jobs.settings.inputs import WaveSettings


def run(context: Context, progress: Progress, until: str = "publish") -> None:
    """Run what is not up to date, up to and with stage `until`.

    Raises the stages' own errors, and SliceHeld where another run works on a wave of this one.
    """
    stages = list(context.stages)
    wanted = [name for name in in_use(context) if stages.index(name) <= stages.index(until)]
    with _held(context) as lock:
        mend(context, progress, [name for name in wanted if name != "publish"], lock)
        for wave in context.settings.waves:
            marks: dict[str, str] = {}
            for name in wanted:
                if name != "publish":
                    marks[name] = of_stage(context, name, wave, marks)
                    _run_stage(context, progress, name, wave, marks[name])
        if "publish" in wanted:
            _publish(context, progress)


def run_one(context: Context, progress: Progress, name: str) -> None:
    """One stage as a job of its own, for every wave, whether up to date or not.

    Raises InputError where a stage before it has yet to run: its result would not be that of its input.
    """
    with _held(context) as lock:
        mend(context, progress, [] if name == "publish" else [name], lock)
        for wave in context.settings.waves:
            marks: dict[str, str] = {}
            for earlier in in_use(context):
                if earlier == "publish":
                    break
                marks[earlier] = of_stage(context, earlier, wave, marks)
                if earlier == name:
                    _execute(context, progress, name, wave, marks[name])
                    break
                cause = None if earlier == "simulate" else reason(context, earlier, wave, marks[earlier])
                if cause:
                    raise InputError(
                        f"{name} of wave {wave.wave} needs {earlier}, but {cause}; run {earlier} first."
                    )
        if name == "publish":
            _publish(context, progress)


def _publish(context: Context, progress: Progress) -> None:
    with progress.stage("publish", "all") as report:
        module = context.stages["publish"]
        report(module.run(context, list(context.settings.waves), facts(context)))


def _run_stage(context: Context, progress: Progress, name: str, wave: WaveSettings, mark: str) -> None:
    if reason(context, name, wave, mark) is None:
        progress.skipped(name, wave.wave)
    else:
        _execute(context, progress, name, wave, mark)


def _execute(context: Context, progress: Progress, name: str, wave: WaveSettings, mark: str) -> None:
    with progress.stage(name, wave.wave) as report:
        context.tables.commits.clear()
        try:
            outcome = context.stages[name].run(context, wave, mark)
        finally:
            # A stage that stops on its way leaves frames in memory that the next one has no use for.
            context.spark.catalog.clearCache()
        if outcome.rows_in != outcome.rows_out + outcome.rows_set_aside:
            raise DiamantError(
                f"{name} of wave {wave.wave} lost rows: {outcome.rows_in} in, {outcome.rows_out} out, "
                f"{outcome.rows_set_aside} set aside; this is a fault of the program, please report it."
            )
        record(context, name, wave, mark, outcome)
        report(outcome)
        for commit in context.tables.commits:
            if commit.skipped:
                progress.say(f"             {commit.table} already held this, write skipped")


@contextmanager
def _held(context: Context) -> Iterator[int]:
    """Hold the waves of this run; gives the lock on the tables, which runs of other waves share."""
    settings = context.settings
    folder = Path(settings.work) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    handles = []
    try:
        for wave in sorted(wave.wave for wave in settings.waves):
            handles.append(locks.opened(folder / f"{settings.country}-{wave}.lock"))
            if not locks.taken(handles[-1]):
                raise SliceHeld(f"another run works on {settings.country} {wave}; wait until it has ended.")
        handles.append(locks.opened(folder / "tables.lock"))
        yield handles[-1]
    finally:
        for handle in handles:
            os.close(handle)
