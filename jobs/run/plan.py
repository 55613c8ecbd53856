"""What a run would do: which stages of which slices are stale, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import DiamantError, InputError, SettingsError
from jobs.places import copies
from jobs.run import numbers
from jobs.run.context import Context
from jobs.run.fingerprints import before, of_stage
from jobs.run.ledger import Entry, Ledger, adopt, keys_of
from jobs.settings.slices import Slice

UNKNOWN = "its input is made before it"
ALL = "all"  # in the place of a wave: the whole run
PUBLISH = "publish"


@dataclass(frozen=True)
class Step:
    """A stage of a slice (publish: of the whole run) and why it would run; None when it is up to date."""

    stage: str
    slice: str
    reason: str | None


@dataclass
class State:
    """The stages of a slice: the mark of each that has one now, and why those that are stale have to run.

    `failure` is why the slice cannot run at all, such as a file that is not there.
    """

    marks: dict[str, str] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    failure: DiamantError | None = None


def of_slices(context: Context) -> list[str]:
    """The stages of a slice that this run has, in their order."""
    simulated = any(settings.simulate for settings in context.slices.values())
    return [name for name in context.stages if name != PUBLISH and (name != "simulate" or simulated)]


def opened(context: Context) -> tuple[Ledger, dict[str, int]]:
    """The ledger, and how many slices of each stage it takes over from a run that was killed before it.

    Nothing is written.
    """
    kept = Ledger.read(context.settings.work)
    modules = [context.stages[name] for name in of_slices(context)]
    return kept, adopt(kept, context.tables, modules, context.slices)


def states(context: Context, ledger: Ledger, until: str | None = None) -> dict[Slice, State]:
    """The state of every slice of the run, as far as it is known before anything runs."""
    names = of_slices(context)
    names = names[: names.index(until) + 1] if until in names else names
    with context.tables.at_rest(), copies.at_rest():
        return {slice: _state(context, ledger, slice, names) for slice in context.slices}


def _state(context: Context, ledger: Ledger, slice: Slice, names: list[str]) -> State:
    state = State()
    for name in names:
        earlier = [other for other in state.stale if other in _needed(context, name)]
        # Files that are simulated first are not there yet, and what is made of them has no mark yet.
        known = all(other in state.marks for other in before(context, name))
        cause: str | None = UNKNOWN
        if known and not (name == "ingest" and earlier):
            try:
                state.marks[name] = of_stage(context, name, slice, state.marks)
                cause = reason(context, ledger, name, slice, state.marks[name])
            except (InputError, SettingsError) as error:
                state.failure = error
                cause = "its input cannot be read"
        if cause:
            state.stale[name] = f"{earlier[-1]} runs before it" if earlier else cause
    return state


def plan(context: Context, ledger: Ledger) -> list[Step]:
    """What `run` would do, in order, without writing anything."""
    known = states(context, ledger)
    steps = [
        Step(name, context.shown(slice), state.stale.get(name))
        for slice, state in known.items()
        for name in of_slices(context)
    ]
    waiting = any(step.reason for step in steps)
    return [*steps, Step(PUBLISH, ALL, "a stage runs before it" if waiting else "it is looked at each time")]


def summed(steps: list[Step], most: int = 30) -> list[Step]:
    """The steps for a reader: of many slices, those of a stage with the same reason stand in one line."""
    if len(steps) <= most:
        return steps
    alike: dict[tuple[str, str | None], list[Step]] = {}
    for step in steps:
        alike.setdefault((step.stage, step.reason), []).append(step)
    return [
        several[0] if len(several) == 1 else Step(stage, f"{len(several)} slices", cause)
        for (stage, cause), several in alike.items()
    ]


def _needed(context: Context, name: str) -> list[str]:
    """The stages that a stage waits for: those it reads tables of, and the simulation of its files."""
    return ["simulate"] if name == "ingest" else before(context, name)


def misfits(context: Context, ledger: Ledger) -> list[str]:
    """What will not fit of the input, by its headers alone, one sentence per input.

    The files of slices that the run would simulate first are not looked at.
    """
    reader = context.stages["ingest"]
    known = states(context, ledger, "ingest")
    delivered = [slice for slice, state in known.items() if "simulate" not in state.stale]
    return [words for slice in delivered for words in reader.misfits(context.slices[slice])]


def reason(context: Context, ledger: Ledger, name: str, slice: Slice, mark: str) -> str | None:
    """Why the stage of a slice has to run; None when it is up to date."""
    kept = ledger.entry(slice, name)
    if kept is None:
        return f"{ledger.file} is damaged" if ledger.is_damaged else "it never ran"
    if kept.mark != mark:
        return "its input, its settings or the program changed"
    settings, module = context.slices[slice], context.stages[name]
    if name == "simulate" and settings.simulate:
        folder = Path(settings.simulate.path).expanduser()
        gone = [file for file in kept.outcome.detail.get("files", {}) if not (folder / file).exists()]
        return "its files are gone" if gone else None
    if name == "ingest" and not numbers.are_kept(context.tables, slice.country):
        return f"its table {numbers.TABLE} is gone"
    if not set(module.TABLES[-1:]) <= kept.tables.keys():
        return f"{ledger.file} is damaged"
    return next(filter(None, (_fault(context, table, slice, name, kept) for table in kept.tables)), None)


def _fault(context: Context, table: str, slice: Slice, stage: str, kept: Entry) -> str | None:
    """What is wrong with a slice of a table that a stage wrote; None where it is as it was left."""
    damage = context.tables.damage(table)
    if damage:
        return f"its table {table} is damaged: {damage}"
    keys, held = keys_of(table, slice, stage), kept.tables[table]
    newest = context.tables.latest(table).get(keys)
    if newest is None:
        return f"its table {table} is gone"
    if newest[0] != held.version:
        return "its table was replaced by another run"
    damage = context.tables.slice_damage(table, keys, held.files)
    return f"its table {table} is damaged: {damage}" if damage else None
