"""Damaged tables are moved aside, whole, so that the stages make them again."""

from __future__ import annotations

from jobs.errors import SliceHeld
from jobs.output import locks
from jobs.run import numbers, outcomes
from jobs.run.context import Context
from jobs.run.outcomes import outcome_file
from jobs.run.progress import Progress

PATIENCE = 600  # seconds; while another run compares its tables with what was written


def mend(context: Context, progress: Progress, names: list[str], lock: int) -> None:
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
    written = {table for name in names for table in context.stages[name].TABLES}
    written |= {numbers.TABLE} if "ingest" in names else set()
    for table in sorted(written):
        if damage := context.tables.damage(table):
            tables[table] = damage
    for wave in context.settings.waves:
        for name in names:
            kept = outcomes.read(outcome_file(context, name, wave))
            for table, held in (kept.slices if kept else {}).items():
                if table in tables or table not in written:
                    continue
                commit = context.tables.last_commit(table, held.keys)
                if commit is None or kept is None or commit.fingerprint != kept.fingerprint:
                    continue
                if damage := context.tables.slice_damage(table, held.keys, held.files):
                    tables[table] = damage
    return tables
