"""What a run would do, stage by stage, and why: nothing is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from jobs.run import numbers, outcomes
from jobs.run.context import Context
from jobs.run.fingerprints import before, of_stage
from jobs.run.outcomes import in_use, outcome_file
from jobs.settings.inputs import WaveSettings

UNKNOWN = "its input is made before it"


@dataclass(frozen=True)
class Step:
    """A stage of a wave (publish: of the whole run) and why it would run; None when it is up to date."""

    stage: str
    wave: str
    reason: str | None


def plan(context: Context) -> list[Step]:
    """What `run` would do, in order, without writing anything."""
    steps: list[Step] = []
    for wave in context.settings.waves:
        marks: dict[str, str] = {}
        running: list[str] = []
        for name in in_use(context)[:-1]:
            earlier = [other for other in running if other in _needed(context, name)]
            known = all(other in marks for other in before(context, name))
            # Files that are simulated first are not there yet, and what is made of them has no mark yet.
            if known and not (name == "ingest" and earlier):
                marks[name] = of_stage(context, name, wave, marks)
                cause = reason(context, name, wave, marks[name])
            else:
                cause = UNKNOWN
            if cause:
                running.append(name)
                cause = f"{earlier[-1]} runs before it" if earlier else cause
            steps.append(Step(name, wave.wave, cause))
    waiting = any(step.reason for step in steps)
    steps.append(
        Step("publish", "all", "a stage runs before it" if waiting else "written from the tables each time")
    )
    return steps


def _needed(context: Context, name: str) -> list[str]:
    """The stages that a stage waits for: those it reads tables of, and the simulation of its files."""
    return ["simulate"] if name == "ingest" else before(context, name)


def misfits(context: Context, steps: list[Step]) -> list[str]:
    """What will not fit of the input, by its headers alone, one sentence per input.

    The files of waves that the run would simulate first are not looked at.
    """
    simulated = {step.wave for step in steps if step.stage == "simulate" and step.reason}
    reader = context.stages["ingest"]
    waves = [wave for wave in context.settings.waves if wave.wave not in simulated]
    return [words for wave in waves for words in reader.misfits(wave)]


def reason(context: Context, name: str, wave: WaveSettings, mark: str) -> str | None:
    """Why the stage has to run; None when it is up to date."""
    file = outcome_file(context, name, wave)
    kept = outcomes.read(file)
    if kept is None:
        return f"{file} is damaged" if os.path.lexists(file) else "it never ran"
    if kept.fingerprint != mark:
        return "its input, its settings or the program changed"
    if name == "simulate" and (simulated := context.settings.simulate):
        files = kept.outcome.detail.get("files", {})
        gone = [file for file in files if not (Path(simulated.path).expanduser() / file).exists()]
        return "its files are gone" if gone else None
    if name == "ingest" and not numbers.are_kept(context):
        return f"its table {numbers.TABLE} is gone"
    if not set(context.stages[name].TABLES[-1:]) <= kept.slices.keys():
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
