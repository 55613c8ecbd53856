"""Whether a file is an input-output table, and how it is laid out: settings of `flows` to start from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from jobs.amounts import with_point
from jobs.describe.columns import NUMBER, Column, matching, usual
from jobs.describe.guess import Guess
from jobs.readers.records import clean
from jobs.settings.inputs import SIDES

MOST_HEADS = 10  # header rows, and label columns
SQUARE = 0.5  # share of the sellers, or of the buyers, that are on both sides
FINE = 0.5  # share of numbers in a row of deliveries
PAIRED = re.compile(r"([A-Z]{2}[0-9A-Z]{0,3}|[A-Z]{3})([_\-:|. ])(\S.*)")


def long(columns: Sequence[Column]) -> dict[str, Any] | None:
    """The settings of a table with one cell a row; None where the columns are of something else."""
    names = [column.name for column in columns]
    roles = {
        role: hits[0] for role, patterns in usual()["flows"].items() if (hits := matching(names, patterns))
    }
    used = {"value"}
    for side in SIDES:
        apart = {f"{side}_region", f"{side}_sector"}
        used |= apart if apart <= set(roles) else {side}
    if not used <= set(roles):
        return None
    settings: dict[str, Any] = {"layout": "long"}
    renamed = {role: roles[role] for role in sorted(used) if roles[role] != role}
    if renamed:
        settings["columns"] = renamed
    if set(SIDES) & used:
        labels = [value for column in columns if column.name in renamed.values() for value in column.values]
        settings["join"] = join_of(labels) or "_"
    return settings


def wide(known: Guess) -> dict[str, Any] | None:
    """The settings of a matrix, from its first rows; None where they are of something else."""
    body = [place for place, line in enumerate(known.heads) if _numbers(line, known.decimal) > FINE]
    if not body or not 1 <= body[0] <= MOST_HEADS or len(body) < 0.8 * (len(known.heads) - body[0]):
        return None
    heads, first = known.heads[: body[0]], known.heads[body[0]]
    labels = next((place for place, cell in enumerate(first) if _is_number(cell, known.decimal)), 0)
    if not 1 <= labels <= MOST_HEADS:
        return None
    sellers = [
        [line[place] for line in known.heads[body[0] :] if place < len(line)] for place in range(labels)
    ]
    settings: dict[str, Any] = {"layout": "wide"}
    header, labelled = _held([head[labels:] for head in heads]), _held(sellers)
    if header is None or labelled is None:
        return None
    if header != ["region", "sector"]:
        settings["header"] = header
    if labelled != ["region", "sector"]:
        settings["labels"] = labelled
    both = [head[labels:] for head, held in zip(heads, header, strict=True) if held == "both"]
    if both:
        settings["join"] = join_of(both[0]) or "_"
    return settings


def is_square(sellers: Sequence[tuple[str, str]], buyers: Sequence[tuple[str, str]]) -> bool:
    """Whether who sells also buys, as in each input-output table and in nothing else."""
    return len(set(sellers) & set(buyers)) >= SQUARE * max(1, min(len(set(sellers)), len(set(buyers))))


def join_of(labels: Sequence[str]) -> str | None:
    """The mark between region and sector in labels that hold both; None where they hold one of them."""
    marks = Counter(hit.group(2) for label in labels if (hit := PAIRED.fullmatch(clean(label))))
    if not marks:
        return None
    mark, count = marks.most_common(1)[0]
    return mark if count > 0.6 * sum(bool(clean(label)) for label in labels) else None


def _held(lines: Sequence[Sequence[str]]) -> list[str] | None:
    """What each header row or label column holds; of two the region changes less often than the sector."""
    plain = [[clean(cell) for cell in line] for line in lines]
    for place, line in enumerate(plain):
        if join_of(line):
            return ["both" if place == other else "other" for other in range(len(plain))]
    blocks = {place: _blocks(line) for place, line in enumerate(plain) if len({*line} - {""}) > 1}
    if len(blocks) < 2:
        return None
    region, sector = sorted(blocks, key=lambda place: blocks[place])[:2]
    return [{region: "region", sector: "sector"}.get(place, "other") for place in range(len(plain))]


def _blocks(line: Sequence[str]) -> int:
    """How often the label changes along a row."""
    named = [label for label in line if label]
    return sum(a != b for a, b in pairwise(named))


def _numbers(line: Sequence[str], decimal: str) -> float:
    """The share of numbers in the cells that hold something."""
    filled = [cell for cell in line if clean(cell)]
    return sum(_is_number(cell, decimal) for cell in filled) / len(filled) if len(filled) > 2 else 0.0


def _is_number(cell: str, decimal: str) -> bool:
    plain = with_point(cell, decimal)
    return bool(plain and NUMBER.fullmatch(plain))
