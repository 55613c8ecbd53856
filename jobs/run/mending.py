"""Tables whose log is damaged are moved aside, whole, so that the stages make them again.

Where only data files of a slice are damaged the slice is written anew, and the damaged files stay where
they are, as files of an older state.
"""

from __future__ import annotations

from collections.abc import Iterable

from jobs.run import numbers
from jobs.run.context import Context
from jobs.run.progress import Progress


def mend(context: Context, progress: Progress, names: Iterable[str]) -> None:
    """Move the tables of these stages aside that cannot be read any more."""
    written = {table for name in names for table in context.stages[name].TABLES}
    written |= {numbers.TABLE} if "ingest" in names else set()
    for table in sorted(written):
        damage = context.tables.damage(table)
        if damage:
            aside = context.tables.move_aside(table)
            progress.say(f"the table {table} is damaged: {damage}; it was moved to {aside} and is made again")
