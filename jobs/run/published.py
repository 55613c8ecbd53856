"""Which slices a run publishes, and in which state: as they are now, or as they were published before.

A country of which a slice failed is published as it was before, since its tables would be half old and half
new; a country that never was published is published without the slices that failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs import __version__
from jobs.run.context import Context
from jobs.run.fingerprints import code_digest
from jobs.run.ledger import Entry, Ledger
from jobs.run.plan import of_slices
from jobs.settings.slices import Slice

AS_BEFORE, NOW, FAILED, ABSENT = "as before", "published", "failed", "absent"


@dataclass(frozen=True)
class Published:
    """For each slice that is published the entries of its stages, and the state of every slice of the run."""

    entries: Mapping[Slice, Mapping[str, Entry]]
    states: Mapping[Slice, str]

    def version(self, slice: Slice, table: str) -> int | None:
        """The version in which a slice of a table is read; None where the slice has none."""
        for entry in self.entries[slice].values():
            if table in entry.tables:
                return entry.tables[table].version
        return None


def chosen(context: Context, ledger: Ledger, failed: Iterable[Slice]) -> Published:
    """What this run publishes, after the slices `failed` left it."""
    failed = set(failed)
    names = of_slices(context)
    broken = {slice.country for slice in failed}
    entries: dict[Slice, Mapping[str, Entry]] = {}
    states: dict[Slice, str] = {}
    for slice in context.slices:
        before = ledger.published(slice)
        was_published = any(
            ledger.published(other) for other in context.slices if other.country == slice.country
        )
        if slice.country in broken and was_published:
            states[slice] = AS_BEFORE if before else FAILED if slice in failed else ABSENT
            if before:
                entries[slice] = before
        elif slice in failed:
            states[slice] = FAILED
        else:
            states[slice] = NOW
            now = ledger.entries(slice)
            entries[slice] = {name: now[name] for name in names if name in now}
    return Published(entries, states)


def facts(context: Context, published: Published) -> dict[str, Any]:
    """What the stages left behind for the manifest and the report; the same for the same input."""
    slices = {
        str(slice): {name: entry.outcome.model_dump() for name, entry in entries.items()}
        for slice, entries in published.entries.items()
    }
    return {
        "study": context.settings.study,
        "title": context.settings.title,
        "version": __version__,
        "code": code_digest(),
        "slices": slices,
    }
