"""The stages in order: what would run and why, what has run, and what came of it.

A stage of a wave is up to date when the work folder holds an outcome with the fingerprint that its inputs
have now and its table's slice was committed with the same fingerprint. A run that was killed at any
point is therefore taken up where it stopped by the same command.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from jobs import __version__, resources
from jobs.context import Context, Outcome, Stage
from jobs.errors import DiamantError, InputError, SliceHeld
from jobs.progress import Progress
from jobs.settings import WaveSettings, fingerprint

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


def run(context: Context, progress: Progress, until: str = "publish") -> Path | None:
    """Run what is not up to date, up to and with stage `until`; the path of the report when it published.

    Raises the stages' own errors, and SliceHeld where another run works on a wave of this one.
    """
    wanted = [name for name in _stages(context) if ORDER.index(name) <= ORDER.index(until)]
    with _held(context):
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
    with _held(context):
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
            name: {**outcome["outcome"], "table_versions": outcome["tables"]}
            for name in _stages(context)[:-1]
            if (outcome := _recorded(context, name, wave)) is not None
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
    recorded = _recorded(context, name, wave)
    if recorded is None:
        return "it never ran"
    if recorded["fingerprint"] != mark:
        return "its input, its settings or the program changed"
    if name == "simulate" and (simulated := context.settings.simulate):
        made = recorded["outcome"]["detail"].get("files", {})
        gone = [file for file in made if not (Path(simulated.path) / file).exists()]
        return "its files are gone" if gone else None
    table = stage(name).TABLES[-1]
    more = {"stage": name} if table == "quarantine" else {}
    commit = context.tables.last_commit(table, context.slice(wave, **more))
    return None if commit and commit.fingerprint == mark else "its table was replaced by another run"


def _outcome_file(context: Context, name: str, wave: WaveSettings) -> Path:
    return Path(context.settings.work) / "outcomes" / context.settings.country / wave.wave / f"{name}.json"


def _record(context: Context, name: str, wave: WaveSettings, mark: str, outcome: Outcome) -> None:
    """Keep the outcome beside the tables; written whole or not at all."""
    file = _outcome_file(context, name, wave)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    versions = {commit.table: commit.version for commit in context.tables.commits}
    kept = {"fingerprint": mark, "outcome": asdict(outcome), "tables": versions}
    draft.write_text(json.dumps(kept, indent=1, sort_keys=True))
    os.replace(draft, file)


def _recorded(context: Context, name: str, wave: WaveSettings) -> dict[str, Any] | None:
    try:
        return json.loads(_outcome_file(context, name, wave).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise InputError(
            f"{_outcome_file(context, name, wave)} is damaged; delete it and run again."
        ) from None


@contextmanager
def _held(context: Context) -> Iterator[None]:
    """Hold the waves of this run; the system lets go of them when the process ends, however it ends."""
    folder = Path(context.settings.work) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    handles = []
    try:
        for wave in sorted(context.settings.waves, key=lambda wave: wave.wave):
            handle = (folder / f"{context.settings.country}-{wave.wave}.lock").open("w")
            handles.append(handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SliceHeld(
                    f"another run works on {context.settings.country} {wave.wave}; wait until it has ended."
                ) from None
        yield
    finally:
        for handle in handles:
            handle.close()
