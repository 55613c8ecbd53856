"""Whether all rows of the files of an input came out as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.errors import InputError


@dataclass(frozen=True)
class Counts:
    """The rows of an input of a slice: all, set aside, left out, and of labels that stand for other codes.

    `merged`: how many fewer cells come out since those of parts are added up (more, where they are shared
    out); `lacking`: cells that are made of parts of which some are not in the table; `mangled`: whether there
    is undecodable text. `parts`: by kind the numbers of the parts that occur; `patterns`: the ways in which
    labels are parts (see transforms.flows.numbered). `unread`: cells that are not plain (see
    transforms.plain_cells). `vanished`, `doubts`: what is odd about values (see
    transforms.flows.odd_values).
    """

    rows: int = 0
    aside: int = 0
    dropped: int = 0
    mangled: bool = False
    finer: int = 0
    merged: int = 0
    lacking: int = 0
    parts: Mapping[str, frozenset[int]] = field(default_factory=dict)
    patterns: frozenset[str] = frozenset()
    unread: int = 0
    vanished: int = 0
    doubts: Mapping[str, bool] = field(default_factory=dict)


def demand_whole(path: str, counts: Counts, of_files: int) -> None:
    """Raise InputError where not all rows of the files came out as they were written."""
    if counts.mangled:
        raise InputError(f"{path} is not in the declared encoding; mend encoding in the run file.")
    if not of_files:
        raise InputError(f"{path} has a header and no rows; deliver the file again.")
    if counts.rows != of_files:
        raise InputError(
            f"{path} holds {of_files:,} rows, and {counts.rows:,} came out; take out what is unusual in "
            "it (quotes, line breaks in fields, blank lines), or save it anew, and report this."
        )
    if counts.rows == counts.dropped + counts.aside and not counts.aside:
        raise InputError(f"{path}: all its rows were left out; check drop, where and the map's filter.")


def demand_all_parts(path: str, counts: Counts, absent: str) -> None:
    """Raise InputError where cells are made of parts that are not all there, unless absent cells are zero."""
    if counts.lacking and absent == "stop":
        raise InputError(
            f"{path}: {counts.lacking:,} cells of the run's regions and sectors are made of finer ones that "
            "are not all there; deliver them, or set flows.absent: zero where absent cells are zero."
        )
