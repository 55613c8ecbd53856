"""What the columns of a table hold: their kinds, and codes with how many rows have each.

No value is told that fewer than FEWEST rows share, and none of a column of identifiers or amounts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

from jobs.amounts import with_point
from jobs.settings.resources import read_yaml

FEWEST = 10  # rows that share a value before it is shown
MOST_ROWS = 200_000  # rows that are looked at
MOST_CODES = 400  # different values that a column of codes has
MOST_NUMBERS = 40  # of them, where all are numbers
LISTED = 12  # of them are printed
MOST_DISTINCT = 5_000  # different values that are counted; a column with more holds no codes
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d(T.*)?|\d{1,2}[./]\d{1,2}[./]\d{4}")
NAME = re.compile(r"[^\W\d]")


@dataclass
class Column:
    """A column: how many rows answer it, how many of these with a number or a date, its values by count."""

    name: str
    rows: int = 0
    answered: int = 0
    numbers: int = 0
    fractions: int = 0
    dates: int = 0
    values: Counter[str] = field(default_factory=Counter)
    is_varied: bool = False  # too many different values to count

    def take(self, cell: str | None, decimal: str) -> None:
        """Count one cell."""
        self.rows += 1
        if cell is None:
            return
        self.answered += 1
        plain = with_point(cell, decimal) or (cell if decimal == "," else None)
        if plain is not None and NUMBER.fullmatch(plain):
            self.numbers += 1
            self.fractions += not WHOLE.fullmatch(plain)
        elif DATE.fullmatch(cell):
            self.dates += 1
        if not self.is_varied:
            self.values[cell] += 1
            if len(self.values) > MOST_DISTINCT:
                self.values.clear()
                self.is_varied = True

    @property
    def is_numeric(self) -> bool:
        """Whether all answers are numbers."""
        return 0 < self.answered == self.numbers

    @property
    def kind(self) -> str:
        """number, codes, identifier, date, text or blank."""
        if not self.answered:
            return "blank"
        if self.dates > 0.9 * self.answered:
            return "date"
        few = MOST_NUMBERS if self.is_numeric else MOST_CODES
        is_shared = self.answered >= 3 * len(self.values)
        if not self.is_varied and len(self.values) <= few and is_shared and not self.fractions:
            return "codes"
        if self.numbers > 0.9 * self.answered and (self.fractions or not self._identifies):
            return "number"
        return "identifier" if self._identifies else "text"

    @property
    def _identifies(self) -> bool:
        return self.is_varied or len(self.values) > 0.98 * self.answered

    @property
    def codes(self) -> list[tuple[str, int]]:
        """Codes with their counts, those that enough rows share; the most frequent first."""
        if self.kind != "codes":
            return []
        shared = [(value, count) for value, count in self.values.items() if count >= FEWEST]
        return sorted(shared, key=lambda pair: (-pair[1], pair[0]))

    @property
    def rare(self) -> int:
        """How many different codes too few rows share to show them."""
        return sum(count < FEWEST for count in self.values.values()) if self.kind == "codes" else 0


def columns(
    names: Sequence[str], rows: Iterable[Sequence[str | None]], decimal: str
) -> tuple[list[Column], int]:
    """The columns of a table from its rows, the first MOST_ROWS of them.

    Gives how many rows at the end hold one cell as well: they may be footnotes.
    """
    every = [Column(name) for name in names]
    bare = 0
    for row in islice(rows, MOST_ROWS):
        bare = bare + 1 if sum(cell is not None for cell in row) == 1 < len(names) else 0
        for column, cell in zip(every, row, strict=False):
            column.take(cell, decimal)
    return every, bare


def is_headed(names: Sequence[str]) -> bool:
    """Whether a first row can be a header: a name begins with a letter, an answer seldom does."""
    return bool(names) and sum(bool(NAME.match(name)) for name in names) > 0.7 * len(names)


@cache
def usual() -> Any:
    """What is usual in files, from conf/describe.yaml: names of columns, words for yes and no, sections."""
    return read_yaml("conf/describe.yaml")


def matching(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The names that a pattern matches as a whole, without regard to capitals; those of the first pattern."""
    for pattern in patterns:
        if hits := [name for name in names if re.fullmatch(pattern, name, re.IGNORECASE)]:
            return hits
    return []
