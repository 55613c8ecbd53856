"""The ledger: what became of each stage of each slice, in one file that is replaced as a whole.

It is written after the tables, and it can be made again from them: the last table that a stage commits
carries the outcomes in its metadata. A run that was killed between the two adopts what was committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.errors import SliceHeld
from jobs.places.place import Location, located, remade, there
from jobs.run.context import Outcome
from jobs.settings import schemas
from jobs.settings.slices import Slice
from jobs.spark.delta_log import Keys
from jobs.spark.tables import Tables

NAME = "ledger.json"
NO_MARK = ""  # of tables that were emptied: nothing is taken over from them
STRICT = ConfigDict(strict=True)


class Counts(BaseModel):
    """An outcome as it is kept."""

    model_config = STRICT

    rows_in: int
    rows_out: int
    rows_set_aside: int
    notes: list[str]
    detail: dict[str, Any]

    @property
    def adds_up(self) -> bool:
        """Whether each row that went in came out or was set aside."""
        return self.rows_in == self.rows_out + self.rows_set_aside


class Written(BaseModel):
    """A slice of a table as a stage left it: the table's version, its rows, and each file's sha256."""

    model_config = STRICT

    version: int
    rows: int
    files: dict[str, str]


class Entry(BaseModel):
    """What became of a stage of a slice: what it was made from, what came of it, what it wrote."""

    model_config = STRICT

    mark: str
    outcome: Counts
    tables: dict[str, Written]


class _Content(BaseModel):
    """The file's content; `number` grows with every writing."""

    model_config = STRICT

    number: int = 0
    slices: dict[str, dict[str, Entry]] = Field(default_factory=dict)
    published: dict[str, dict[str, Entry]] = Field(default_factory=dict)  # as they were when published
    publication: str = ""  # mark of the publication that stands in `out`


@dataclass
class Ledger:
    """The entries of a work folder; changed in memory, and kept by `save`."""

    file: Location
    content: _Content = field(default_factory=_Content)

    @classmethod
    def read(cls, work: str) -> Ledger:
        """The ledger of a work folder; an empty one where there is none that is whole."""
        file = located(work) / NAME
        try:
            return cls(file, _Content.model_validate_json(file.read_bytes()))
        except (OSError, ValidationError, RecursionError):
            return cls(file)

    @property
    def is_damaged(self) -> bool:
        """Whether a file stands there that could not be read."""
        return self.content.number == 0 and there(self.file)

    def entry(self, slice: Slice, stage: str) -> Entry | None:
        return self.content.slices.get(str(slice), {}).get(stage)

    def entries(self, slice: Slice) -> dict[str, Entry]:
        return self.content.slices.get(str(slice), {})

    def put(self, slice: Slice, stage: str, entry: Entry) -> None:
        self.content.slices.setdefault(str(slice), {})[stage] = entry

    def published(self, slice: Slice) -> dict[str, Entry]:
        """The entries of a slice as they were when it was published; none where it never was."""
        return self.content.published.get(str(slice), {})

    @property
    def publication(self) -> str:
        return self.content.publication

    def publish(self, entries: Mapping[Slice, Mapping[str, Entry]], mark: str) -> None:
        """Note what was published."""
        self.content.published |= {str(slice): dict(own) for slice, own in entries.items()}
        self.content.publication = mark

    def save(self) -> None:
        """Keep the ledger. Raises SliceHeld where another run wrote it since it was read."""
        kept = Ledger.read(str(self.file.parent))
        if kept.content.number != self.content.number and not kept.is_damaged:
            raise SliceHeld(
                f"another run wrote to {self.file.parent} meanwhile; run again when it has ended."
            )
        self.content.number += 1
        remade(self.file, self.content.model_dump_json().encode())


def keys_of(table: str, slice: Slice, stage: str) -> Keys:
    """The values of a table's slice columns for a stage of a slice."""
    values = {**slice.keys, "stage": stage}
    return tuple(values[column] for column in schemas.table(table).slices)


def said(
    stage: str, marks: Mapping[Slice, str], outcomes: Mapping[Slice, Outcome] | None = None
) -> dict[str, Any]:
    """What a commit of a stage says of its slices; the last one of a stage tells the outcomes as well."""
    words: dict[str, Any] = {"stage": stage, "marks": {str(slice): mark for slice, mark in marks.items()}}
    if outcomes is not None:
        words["outcomes"] = {str(slice): asdict(outcome) for slice, outcome in outcomes.items()}
    return words


def entry(
    module: Any, slice: Slice, mark: str, outcome: Mapping[str, Any] | None, tables: Tables
) -> Entry | None:
    """The entry of a stage (its module) whose tables are written with this mark.

    The outcome is that of the last table's commit where it is not given. None where a table's newest commit
    of the slice was made from something else, or a file is not whole.
    """
    written: dict[str, Written] = {}
    for table in module.TABLES:
        keys = keys_of(table, slice, module.NAME)
        version, info = tables.latest(table).get(keys, (None, {}))
        if version is None:
            if table == module.TABLES[-1]:
                return None
            continue
        files = tables.digests(table, keys)
        if files is None or info.get("marks", {}).get(str(slice)) != mark:
            return None
        rows = tables.counted(table, [keys])[keys]
        written[table] = Written(version=version, rows=rows, files=files)
        outcome = outcome or info.get("outcomes", {}).get(str(slice))
    if outcome is None:
        return None
    counts = {**outcome, "notes": list(outcome["notes"])}
    if counts["rows_out"] is None:
        counts["rows_out"] = sum(written[table].rows for table in module.ROWS)
    return Entry(mark=mark, outcome=Counts.model_validate(json.loads(json.dumps(counts))), tables=written)


def adopt(ledger: Ledger, tables: Tables, modules: Iterable[Any], slices: Iterable[Slice]) -> dict[str, int]:
    """Take over what a run had committed that was killed before it could write the ledger.

    Gives the number of slices of each stage of which something was taken over. Tables that are damaged are
    left alone.
    """
    taken: dict[str, int] = {}
    chosen = list(slices)
    for module in modules:
        if not module.TABLES or any(tables.damage(table) for table in module.TABLES):
            continue
        last = module.TABLES[-1]
        latest = tables.latest(last)
        for slice in chosen:
            version, info = latest.get(keys_of(last, slice, module.NAME), (None, {}))
            known = ledger.entry(slice, module.NAME)
            if version is None or (known and known.tables[last].version == version):
                continue
            mark = info.get("marks", {}).get(str(slice))
            whole = entry(module, slice, mark, None, tables) if mark else None
            if whole is not None and whole.outcome.adds_up:
                ledger.put(slice, module.NAME, whole)
                taken[module.NAME] = taken.get(module.NAME, 0) + 1
    return taken
