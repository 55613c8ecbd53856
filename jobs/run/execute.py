"""Runs the stages of each slice in their order, those that are up to date left out.

Slices go through the stages in batches. A stage of a slice is up to date when the ledger holds an outcome
with the mark that its inputs have now, and each table it wrote is whole and as that outcome left it. A run
that was killed at any point is therefore taken up where it stopped by the same command, and so is one whose
tables were damaged or deleted since. A slice that fails leaves the run, the others go on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from jobs.errors import (
    DiamantError,
    ExecutorsUnfit,
    InputError,
    SettingsError,
    SliceHeld,
    SlicesFailed,
    SparkNotStarted,
    Unreachable,
)
from jobs.output import locks
from jobs.places import copies, leases
from jobs.places.place import Place, located
from jobs.run import batches, ledger, plan
from jobs.run.context import Batch, Context, Outcome, Results
from jobs.run.fingerprints import fingerprint, of_stage
from jobs.run.ledger import Ledger
from jobs.run.mending import mend
from jobs.run.plan import ALL, PUBLISH, State, of_slices, reason, states
from jobs.run.progress import Progress
from jobs.settings import schemas
from jobs.settings.slices import Slice
from jobs.spark import session
from jobs.spark.delta_log import File
from jobs.spark.frames import TableRows, rows_of
from jobs.spark.some_slices import chosen as rows_of_slices

ASIDE = "quarantine"  # rows set aside are written of failed slices as well
# What ends the whole run, whichever slice it comes from.
SHARED = (SliceHeld, SparkNotStarted, ExecutorsUnfit, Unreachable)

Failures = dict[Slice, DiamantError]


def run(context: Context, progress: Progress, until: str = PUBLISH) -> None:
    """Run what is not up to date, up to and with stage `until`.

    Raises SliceHeld where another run works in the folder. Raises the error of a slice that failed, or
    SlicesFailed where several did, when all others are done and published.
    """
    with _held(context):
        names = of_slices(context)
        kept = _opened(context, progress, names)
        known = states(context, kept, until)
        failures = _run_batches(context, progress, kept, known)
        if until == PUBLISH:
            _publish(context, progress, kept, failures)
    _raise(failures, context)


def run_one(context: Context, progress: Progress, name: str) -> None:
    """One stage as a job of its own, for every slice, whether up to date or not.

    Raises InputError where a stage before it has yet to run: its result would not be that of its input.
    """
    with _held(context):
        kept = _opened(context, progress, [] if name == PUBLISH else [name])
        marks: dict[Slice, dict[str, str]] = {slice: {} for slice in context.slices}
        for earlier in of_slices(context):
            for slice in context.slices if name != PUBLISH else ():
                marks[slice][earlier] = of_stage(context, earlier, slice, marks[slice])
                if earlier in (name, "simulate"):
                    continue
                cause = reason(context, kept, earlier, slice, marks[slice][earlier])
                if cause:
                    raise InputError(
                        f"{name} of {context.named(slice)} needs {earlier}, but {cause}; run {earlier} first."
                    )
            if earlier == name:
                break
        failures: Failures = {}
        if name == PUBLISH:
            _publish(context, progress, kept, failures)
        else:
            for slices in batches.cut(context.slices):
                chosen = {slice: marks[slice][name] for slice in slices}
                failures |= _execute(context, progress, kept, name, chosen)
    _raise(failures, context)


def _opened(context: Context, progress: Progress, names: list[str]) -> Ledger:
    """The ledger, once damaged tables are out of the way and what a killed run committed is taken over."""
    mend(context, progress, names)
    kept, taken = plan.opened(context)
    for name, count in taken.items():
        progress.say(f"{name}: {count} committed by a run that was ended before, taken over")
    if taken:
        kept.save()
    return kept


def _run_batches(context: Context, progress: Progress, kept: Ledger, known: dict[Slice, State]) -> Failures:
    """All stale stages of all slices, batch by batch."""
    failures: Failures = {}
    for slice, state in known.items():
        if state.failure:
            failures[slice] = state.failure
            progress.failed(context.shown(slice), state.failure)
    stale = {
        slice: context.slices[slice]
        for slice, state in known.items()
        if state.stale and slice not in failures
    }
    if batches.are_little(stale):
        context.expect_little()
    fresh = [slice for slice, state in known.items() if not state.stale]
    for name in of_slices(context):
        if fresh and _has(known[fresh[0]], name):
            progress.skipped(name, _label(context, fresh))
    counted = progress.slices(len(stale))
    for slices in batches.cut(stale):
        failures |= _run_batch(context, progress, kept, {slice: known[slice] for slice in slices})
        counted(len(slices))
    return failures


def _run_batch(context: Context, progress: Progress, kept: Ledger, known: dict[Slice, State]) -> Failures:
    """The stages of one batch in their order; a slice that failed takes no part in those that follow."""
    failures: Failures = {}
    names = [name for name in of_slices(context) if any(_has(state, name) for state in known.values())]
    for name in names:
        marks: dict[Slice, str] = {}
        for slice, state in known.items():
            if slice in failures or not _has(state, name):
                continue
            if name not in state.marks:  # it waited for files or tables that are there now
                try:
                    state.marks[name] = of_stage(context, name, slice, state.marks)
                except (InputError, SettingsError) as error:
                    failures[slice] = error
                    progress.failed(context.shown(slice), error)
                    continue
            if name in state.stale and reason(context, kept, name, slice, state.marks[name]):
                marks[slice] = state.marks[name]
        if len(failures) == len(known):
            break
        if not marks:
            progress.skipped(name, _label(context, [slice for slice in known if slice not in failures]))
            continue
        failures |= _execute(context, progress, kept, name, marks)
    return failures


def _has(state: State, name: str) -> bool:
    return name in state.marks or name in state.stale


def _execute(
    context: Context, progress: Progress, kept: Ledger, name: str, marks: Mapping[Slice, str]
) -> Failures:
    """A stage of some slices. Where they fail as a whole, each is tried alone: the others may be sound."""
    module = context.stages[name]
    try:
        with progress.stage(name, _label(context, marks)) as report:
            before = _inputs(context, module, marks)
            results = _attempt(context, name, context.batch(marks))
            try:
                done = _written(context, name, marks, results)
                _leave_changed(context, module, before, results)
                outcomes = _noted(context, kept, name, done, results)
            finally:
                # A stage that stops on its way leaves frames in memory that the next one has no use for.
                _release(context, name)
            for slice, error in results.failures.items():
                progress.failed(context.shown(slice), error)
            if outcomes:
                report(_total(outcomes))
        return results.failures
    except DiamantError as error:
        if isinstance(error, SHARED) or error.exit_code == 1:
            raise
        if len(marks) == 1:
            (slice,) = marks
            progress.failed(context.shown(slice), error)
            return {slice: error}
    failures: Failures = {}
    for slice in marks:
        failures |= _execute(context, progress, kept, module.NAME, {slice: marks[slice]})
    return failures


def _attempt(context: Context, name: str, batch: Batch) -> Results:
    if _needs_spark(context, name):
        batch.session()  # Spark's functions of columns need a session
    try:
        return context.stages[name].run(batch)
    except BaseException:
        _release(context, name)
        raise


def _release(context: Context, name: str) -> None:
    """Free the memory that a stage leaves in the JVM."""
    if _needs_spark(context, name):
        session.release(context.spark)


def _needs_spark(context: Context, name: str) -> bool:
    """Whether a stage works on tables. The simulation does not: it writes files of this machine by itself."""
    return bool(context.stages[name].TABLES)


def _written(context: Context, name: str, marks: Mapping[Slice, str], results: Results) -> dict[Slice, str]:
    """Commit the frames, one commit a table; gives the marks of the slices that did not fail.

    The rows set aside of a slice that failed are written as well: a user looks at them to mend the input.
    """
    module = context.stages[name]
    done = {slice: marks[slice] for slice in results.outcomes}
    tables = [table for table in module.TABLES if done or table == ASIDE]
    for table in tables:
        chosen = marks if table == ASIDE else done
        frame = results.frames.get(table)
        files = [file for slice in chosen for file in results.files.get(table, {}).get(slice, [])]
        if callable(frame):
            frame = frame()
        if frame is not None and table != ASIDE and results.failures:
            frame = rows_of_slices(frame, [slice.keys for slice in chosen])
        if frame is None and not files:
            if not context.tables.exists(table):
                continue
            frame = rows_of(table)
        outcomes = results.outcomes if table == module.TABLES[-1] else None
        _put(context, table, frame, chosen, ledger.said(name, chosen, outcomes), files)
    return done


def _put(
    context: Context,
    table: str,
    frame: TableRows | None,
    slices: Iterable[Slice],
    said: Mapping[str, Any],
    files: Sequence[File] = (),
) -> None:
    """Commit a frame in the place of what a stage wrote of these slices before."""
    columns = schemas.table(table).slices
    keys = [ledger.keys_of(table, slice, said["stage"]) for slice in slices]
    context.tables.replace(table, frame, [dict(zip(columns, own, strict=True)) for own in keys], said, files)


def _inputs(context: Context, module: Any, slices: Iterable[Slice]) -> dict[Slice, str]:
    """What a stage of slices reads beside tables, as a digest each: settings, and files by their content."""
    with copies.at_rest():
        return {slice: fingerprint(module.inputs(context.slices[slice], context.tables)) for slice in slices}


def _leave_changed(context: Context, module: Any, before: Mapping[Slice, str], results: Results) -> None:
    """Slices whose files changed while they were read leave the run, and their tables are emptied.

    What was read may be half of the one file and half of the other.
    """
    now = _inputs(context, module, results.outcomes)
    changed = [slice for slice, digest in now.items() if digest != before[slice]]
    for slice in changed:
        paths = ", ".join(dict.fromkeys(context.slices[slice].inputs.values()))
        words = f"a file changed while {module.NAME} read it"
        remedy = "wait until it is delivered whole, then run the same command again."
        results.fail(slice, InputError(f"{paths}: {words}; {remedy}"))
    for table in module.TABLES if changed else ():
        said = ledger.said(module.NAME, dict.fromkeys(changed, ledger.NO_MARK))
        _put(context, table, rows_of(table), changed, said)


def _noted(
    context: Context, kept: Ledger, name: str, done: Mapping[Slice, str], results: Results
) -> dict[Slice, ledger.Entry]:
    """Note in the ledger what came of each slice whose tables are committed."""
    module = context.stages[name]
    entries: dict[Slice, ledger.Entry] = {}
    with context.tables.at_rest():
        for slice, outcome in results.outcomes.items():
            entry = ledger.entry(module, slice, done[slice], asdict(outcome), context.tables)
            if entry is None:
                raise SliceHeld("another run wrote to the tables meanwhile; run again when it has ended.")
            _demand_all_rows(context, name, slice, entry.outcome)
            entries[slice] = entry
            kept.put(slice, name, entry)
    if entries:
        kept.save()
    return entries


def _demand_all_rows(context: Context, name: str, slice: Slice, counts: ledger.Counts) -> None:
    if not counts.adds_up:
        raise DiamantError(
            f"{name} of {context.named(slice)} lost rows: {counts.rows_in} in, {counts.rows_out} out, "
            f"{counts.rows_set_aside} set aside; this is a fault of the program, please report it."
        )


def _total(entries: Mapping[Slice, ledger.Entry]) -> Outcome:
    """What came of a batch, for the line of progress; the notes of a single slice are told there too."""
    counts = [entry.outcome for entry in entries.values()]
    return Outcome(
        sum(count.rows_in for count in counts),
        sum(count.rows_out for count in counts),
        sum(count.rows_set_aside for count in counts),
        tuple(counts[0].notes) if len(counts) == 1 else (),
    )


def _label(context: Context, slices: Mapping[Slice, str] | list[Slice]) -> str:
    chosen = list(slices)
    return context.shown(chosen[0]) if len(chosen) == 1 else batches.number(chosen)


def _publish(context: Context, progress: Progress, kept: Ledger, failures: Failures) -> None:
    """Publish the run; nothing is published where every slice failed."""
    if len(failures) == len(context.slices):
        return
    module = context.stages[PUBLISH]
    if module.is_current(context, kept, failures):
        progress.skipped(PUBLISH, ALL)
        return
    with progress.stage(PUBLISH, ALL) as report:
        context.session()
        context.tables.demand_held()
        report(module.run(context, kept, failures))
    kept.save()


def _raise(failures: Failures, context: Context) -> None:
    """The error of the slice that failed, or of the several that did: one sentence each."""
    if not failures:
        return
    several = len(context.slices) > 1
    sentences = [
        f"{context.named(slice)}: {error}" if several else str(error) for slice, error in failures.items()
    ]
    first = next(iter(failures.values()))
    if len(failures) == 1 and not several:
        raise first
    raise SlicesFailed(sentences, first.exit_code)


@contextmanager
def _held(context: Context) -> Iterator[None]:
    """Hold the work folder: one run at a time works in it."""
    folder = located(context.settings.work) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    words = f"another run works in {context.settings.work}; wait until it has ended, or name another work."
    if isinstance(folder, Place):
        with leases.held(folder, "run", words) as lease:
            context.tables.demand_held = lease.demand
            yield
        return
    handle = locks.opened(folder / "run.lock")
    try:
        if not locks.taken(handle):
            raise SliceHeld(words)
        yield
    finally:
        os.close(handle)
