"""The stages in order: what would run and why, what has run, and what came of it.

A stage of a wave is up to date when the work folder holds an outcome with the fingerprint that its inputs
have now, and each table it wrote is whole and was committed with the same fingerprint. A run that was
killed at any point is therefore taken up where it stopped by the same command, and so is one whose tables
were damaged or deleted since.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from jobs import __version__, locks, outcomes, resources
from jobs.context import Context, Outcome, Stage
from jobs.errors import DiamantError, InputError, SliceHeld
from jobs.progress import Progress
from jobs.settings import WaveSettings, fingerprint

PATIENCE = 600  # seconds; while another run compares its tables with what was written
ORDER = ("simulate", "ingest", "harmonise", "validate", "indicators", "link", "fit", "publish")


@dataclass(frozen=True)
class Step:
    """A stage of a wave (publish: of the whole run) and why it would run; None when it is up to date."""

    stage: str
    wave: str
    reason: str | None


def stage(name: str) -> Stage:
    """The module of a stage; imported when needed, since some bring heavy libraries."""
    return cast(Stage, import_module(f"jobs.stages.{name}"))


def plan(context: Context) -> list[Step]:
    """What `run` would do, in order, without writing anything."""
    steps: list[Step] = []
    for wave in context.settings.waves:
        chain = ""
        for name in _stages(context)[:-1]:
            earlier = [step for step in steps if step.wave == wave.wave and step.reason]
            if earlier:
                steps.append(Step(name, wave.wave, f"{earlier[-1].stage} runs before it"))
                continue
            chain = _fingerprint(context, name, wave, chain)
            steps.append(Step(name, wave.wave, _reason(context, name, wave, chain)))
    waiting = any(step.reason for step in steps)
    steps.append(
        Step("publish", "all", "a stage runs before it" if waiting else "written from the tables each time")
    )
    return steps


def misfits(context: Context, steps: list[Step]) -> list[str]:
    """What will not fit of the input, by its headers alone, a sentence an input.

    The files of waves that the run would simulate first are not looked at.
    """
    simulated = {step.wave for step in steps if step.stage == "simulate" and step.reason}
    reader = import_module("jobs.stages.ingest")
    waves = [wave for wave in context.settings.waves if wave.wave not in simulated]
    return [words for wave in waves for words in reader.misfits(wave)]


def run(context: Context, progress: Progress, until: str = "publish") -> Path | None:
    """Run what is not up to date, up to and with stage `until`; the path of the report when it published.

    Raises the stages' own errors, and SliceHeld where another run works on a wave of this one.
    """
    wanted = [name for name in _stages(context) if ORDER.index(name) <= ORDER.index(until)]
    with _held(context) as lock:
        _mend(context, progress, [name for name in wanted if name != "publish"], lock)
        for wave in context.settings.waves:
            chain = ""
            for name in wanted:
                if name != "publish":
                    chain = _run_stage(context, progress, name, wave, chain)
        if "publish" not in wanted:
            return None
        _publish(context, progress)
    return Path(context.settings.out) / "report.html"


def run_one(context: Context, progress: Progress, name: str) -> None:
    """One stage as a job of its own, for every wave, whether up to date or not.

    Raises InputError where a stage before it has yet to run: its result would not be that of its input.
    """
    with _held(context) as lock:
        _mend(context, progress, [] if name == "publish" else [name], lock)
        for wave in context.settings.waves:
            chain = ""
            for earlier in _stages(context):
                if earlier == "publish":
                    break
                chain = _fingerprint(context, earlier, wave, chain)
                if earlier == name:
                    _execute(context, progress, name, wave, chain)
                    break
                reason = None if earlier == "simulate" else _reason(context, earlier, wave, chain)
                if reason:
                    raise InputError(
                        f"{name} of wave {wave.wave} needs {earlier}, but {reason}; run {earlier} first."
                    )
        if name == "publish":
            _publish(context, progress)


def _publish(context: Context, progress: Progress) -> None:
    with progress.stage("publish", "all") as report:
        module = import_module("jobs.stages.publish")
        report(module.run(context, list(context.settings.waves), facts(context)))


def facts(context: Context) -> dict[str, Any]:
    """What the stages left behind for the manifest and the report; the same for the same input."""
    waves: dict[str, Any] = {}
    for wave in context.settings.waves:
        waves[wave.wave] = {
            name: {**kept.outcome.model_dump(), "table_versions": kept.tables}
            for name in _stages(context)[:-1]
            if (kept := outcomes.read(_outcome_file(context, name, wave))) is not None
        }
    return {
        "study": context.settings.study,
        "title": context.settings.title,
        "version": __version__,
        "code": code_digest(),
        "waves": waves,
    }


@cache
def code_digest() -> str:
    """sha256 over the sources that a run uses: a changed program makes every stage run again."""
    total = hashlib.sha256()
    folders = [("jobs", resources.root() / "jobs")]
    files = []
    while folders:
        above, folder = folders.pop()
        for entry in folder.iterdir():
            path = f"{above}/{entry.name}"
            if entry.name in resources.OF_THE_CHECKOUT:
                continue
            if entry.is_dir():
                folders.append((path, entry))
            elif entry.name.endswith(".py"):
                files.append((path, entry.read_bytes()))
    for path, content in sorted(files):
        total.update(path.encode() + content)
    return total.hexdigest()


def _stages(context: Context) -> list[str]:
    return [name for name in ORDER if name != "simulate" or context.settings.simulate]


def _fingerprint(context: Context, name: str, wave: WaveSettings, chain: str) -> str:
    """What the stage's result depends on: the code, its own inputs, and all stages before it.

    What ingest reads is fingerprinted by the files' content, so the simulator before it does not count.
    """
    before = "" if name == "ingest" else chain
    return fingerprint(name, code_digest(), stage(name).inputs(context, wave), before)


def _run_stage(context: Context, progress: Progress, name: str, wave: WaveSettings, chain: str) -> str:
    mark = _fingerprint(context, name, wave, chain)
    if _reason(context, name, wave, mark) is None:
        progress.skipped(name, wave.wave)
    else:
        _execute(context, progress, name, wave, mark)
    return mark


def _execute(context: Context, progress: Progress, name: str, wave: WaveSettings, mark: str) -> None:
    with progress.stage(name, wave.wave) as report:
        context.tables.commits.clear()
        outcome = stage(name).run(context, wave, mark)
        if outcome.rows_in != outcome.rows_out + outcome.rows_set_aside:
            raise DiamantError(
                f"{name} of wave {wave.wave} lost rows: {outcome.rows_in} in, {outcome.rows_out} out, "
                f"{outcome.rows_set_aside} set aside; this is a fault of the program, please report it."
            )
        _record(context, name, wave, mark, outcome)
        report(outcome)
        for commit in context.tables.commits:
            if commit.skipped:
                progress.say(f"             {commit.table} already held this, write skipped")


def _reason(context: Context, name: str, wave: WaveSettings, mark: str) -> str | None:
    """Why the stage has to run; None when it is up to date."""
    file = _outcome_file(context, name, wave)
    kept = outcomes.read(file)
    if kept is None:
        return f"{file} is damaged" if os.path.lexists(file) else "it never ran"
    if kept.fingerprint != mark:
        return "its input, its settings or the program changed"
    if name == "simulate" and (simulated := context.settings.simulate):
        made = kept.outcome.detail.get("files", {})
        gone = [file for file in made if not (Path(simulated.path).expanduser() / file).exists()]
        return "its files are gone" if gone else None
    if not set(stage(name).TABLES[-1:]) <= kept.slices.keys():
        return f"{file} is damaged"
    return next(filter(None, (_fault(context, table, kept) for table in kept.slices)), None)


def _fault(context: Context, table: str, kept: outcomes.Kept) -> str | None:
    """What is wrong with a table's slice that a stage committed; None where it is as it was left."""
    damage = context.tables.damage(table)
    if damage:
        return f"its table {table} is damaged: {damage}"
    held = kept.slices[table]
    commit = context.tables.last_commit(table, held.keys)
    if commit is None:
        return f"its table {table} is gone"
    if commit.fingerprint != kept.fingerprint:
        return "its table was replaced by another run"
    damage = context.tables.slice_damage(table, held.keys, held.files)
    return f"its table {table} is damaged: {damage}" if damage else None


def _outcome_file(context: Context, name: str, wave: WaveSettings) -> Path:
    return outcomes.file(context.settings.work, context.settings.country, wave.wave, name)


def _record(context: Context, name: str, wave: WaveSettings, mark: str, outcome: Outcome) -> None:
    commits = context.tables.commits
    digests = [context.tables.digests(commit) for commit in commits]
    outcomes.write(_outcome_file(context, name, wave), mark, outcome, commits, digests)


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


def _mend(context: Context, progress: Progress, names: list[str], lock: int) -> None:
    """Move the damaged tables of these stages aside, whole, so that the stages make them again.

    That needs the tables for itself: runs of other waves may read them. Where such a run is at work, damage
    ends this one. Afterwards the tables are held together with the others.
    Raises SliceHeld.
    """
    alone = locks.taken(lock)
    if not alone:
        locks.wait(lock, PATIENCE, "another run mends the tables; wait until it has ended.", shared=True)
    for table, damage in sorted(_damaged(context, names).items()):
        if not alone:
            raise SliceHeld(
                f"the table {table} is damaged ({damage}), and another run uses the tables; "
                "run again when it has ended."
            )
        aside = context.tables.move_aside(table)
        progress.say(f"the table {table} is damaged: {damage}; it was moved to {aside} and is made again")
    locks.wait(lock, PATIENCE, "another run mends the tables; wait until it has ended.", shared=True)


def _damaged(context: Context, names: list[str]) -> dict[str, str]:
    """The tables of these stages that are damaged, or whose slice of a wave of this run is, and how."""
    tables: dict[str, str] = {}
    written = {table for name in names for table in stage(name).TABLES}
    for table in sorted(written):
        if damage := context.tables.damage(table):
            tables[table] = damage
    for wave in context.settings.waves:
        for name in names:
            kept = outcomes.read(_outcome_file(context, name, wave))
            for table, held in (kept.slices if kept else {}).items():
                if table in tables or table not in written:
                    continue
                commit = context.tables.last_commit(table, held.keys)
                if commit is None or kept is None or commit.fingerprint != kept.fingerprint:
                    continue
                if damage := context.tables.slice_damage(table, held.keys, held.files):
                    tables[table] = damage
    return tables
