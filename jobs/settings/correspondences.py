"""Correspondences: what the codes of one classification stand for in another, in shares that add up to 1.

A correspondence is a text file with a header. Its first two columns hold a code and the code that it stands
for, all others weights, such as people, firms or turnover. A code that stands for several goes to each in the
share of its weight. A blank second code means that the code is outside the other classification.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from jobs.errors import SettingsError
from jobs.settings import resources, sheets
from jobs.settings.wording import shown

SEPARATORS = ";,\t"
OUTSIDE = ""  # the code of what belongs to no code of the other classification
NAMED = 5  # codes that a sentence names
MOST_BYTES = 50_000_000  # guards against mistaken paths
Shares = Mapping[str, Mapping[str, float]]  # of a code, by the codes that it stands for


@dataclass(frozen=True)
class Correspondence:
    """By code, the codes that it stands for and the share of each."""

    shares: Shares

    @cached_property
    def whole(self) -> dict[str, str]:
        """The codes that stand for one other, and for which."""
        return {code: next(iter(of)) for code, of in self.shares.items() if len(of) == 1}

    @cached_property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """By code of the other classification, the codes that (also) stand for it."""
        sources: dict[str, list[str]] = {}
        for code, of in self.shares.items():
            for target in of:
                sources.setdefault(target, []).append(code)
        return {target: tuple(codes) for target, codes in sources.items()}

    def followed_by(self, other: Correspondence) -> Correspondence:
        """First this, then the other; what the other does not know is outside."""
        shares: dict[str, dict[str, float]] = {}
        for code, of in self.shares.items():
            sums = shares.setdefault(code, {})
            for middle, share in of.items():
                for target, part in other.shares.get(middle, {OUTSIDE: 1.0}).items():
                    sums[target] = sums.get(target, 0.0) + share * part
        return Correspondence(shares)

    def without_slivers(self, smallest: float) -> Correspondence:
        """Without shares below `smallest`, the others making up 1 again."""
        return Correspondence({code: _in_shares(of, smallest) for code, of in self.shares.items()})

    def to_largest(self, least: float) -> Correspondence:
        """Each code to the one that has at least `least` of it; other codes keep their shares."""
        largest = {}
        for code, of in self.shares.items():
            target, share = max(of.items(), key=lambda entry: (entry[1], entry[0]))
            largest[code] = {target: 1.0} if share >= least else of
        return Correspondence(largest)


def of_weights(weights: Iterable[tuple[str, str, float]], smallest: float = 0.0) -> Correspondence:
    """From rows of a code, the code that it stands for and a weight; rows of one pair are added up.

    A code with no weight at all stands for the codes of its rows in equal shares.
    """
    sums: dict[str, dict[str, float]] = {}
    for code, target, weight in weights:
        of = sums.setdefault(code, {})
        of[target] = of.get(target, 0.0) + weight
    return Correspondence({code: _in_shares(of, smallest) for code, of in sorted(sums.items())})


def _in_shares(weights: Mapping[str, float], smallest: float) -> dict[str, float]:
    """Weights as shares of 1, without shares below `smallest`; the largest share always stays."""
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1.0)
    total = math.fsum(weights.values())
    kept = {target: weight for target, weight in weights.items() if 0 < weight / total >= smallest}
    if not kept:
        kept = dict([max(weights.items(), key=lambda entry: (entry[1], entry[0]))])
    total = math.fsum(kept.values())
    return {target: weight / total for target, weight in sorted(kept.items())}


@dataclass(frozen=True)
class Rows:
    """A file of a correspondence: the names of its columns and its rows, each with its line."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def weights(self, weight: str | None) -> list[tuple[str, str, float]]:
        """The pairs of codes with their weight. Raises SettingsError with the line of what cannot be used.

        Without a weight every code may stand for one other only, unless the file has a single column of
        weights, which is taken then.
        """
        names = self.header[2:]
        if weight is None and len(names) == 1:
            weight = names[0]
        if weight is not None and weight not in names:
            raise SettingsError(
                f"{self.name} has no column of weights {shown(weight)}; it has {', '.join(names) or 'none'}."
            )
        if weight is None:
            self._demand_one_each()
            return [(code, target, 1.0) for _, (code, target, *_) in self.rows]
        place = self.header.index(weight, 2)
        return [(row[0], row[1], _weight(row[place], f"{self.name}, line {line}")) for line, row in self.rows]

    def _demand_one_each(self) -> None:
        targets: dict[str, str] = {}
        for line, (code, target, *_) in self.rows:
            if targets.setdefault(code, target) != target:
                raise SettingsError(
                    f"{self.name}, line {line}: {shown(code)} stands for several codes and nothing says in "
                    "what shares; name the column of weights, or add one."
                )


def read(name: str, weight: str | None = None) -> Correspondence:
    """The correspondence in the file `name`, by a column of weights. Raises SettingsError, see `rows`."""
    return of_weights(rows(name).weights(weight))


def demand_known(of: Correspondence, codes: Collection[str], name: str) -> None:
    """Raise SettingsError where a correspondence leads to other codes than these of the run's sectors."""
    strange = sorted(set(of.sources) - set(codes) - {OUTSIDE})
    if strange:
        raise SettingsError(
            f"{name}: {listed(strange)} is no code of the run's sectors; leave the second column blank for "
            "what is outside of them."
        )


def listed(codes: Collection[str]) -> str:
    """Some codes for a sentence."""
    named = [shown(code) for code in list(codes)[:NAMED]]
    more = len(codes) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def rows(name: str) -> Rows:
    """The rows of a correspondence. Raises SettingsError with the file, the line and what is wrong there."""
    return _rows(name, resources.digest(name))


@lru_cache(maxsize=256)
def _rows(name: str, _digest: str) -> Rows:
    if sheets.is_workbook(name):
        return _checked(name, list(enumerate(map(tuple, sheets.rows(name)), start=1)))
    return _checked(name, _lines(name))


def _lines(name: str) -> list[tuple[int, tuple[str, ...]]]:
    """The rows of a text file, each with the number of its line."""
    with resources.find(name).open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SettingsError(f"{name} is larger than {MOST_BYTES} bytes, which no correspondence is.")
    text = resources.decoded(content, name)
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    lines = [(reader.line_num, tuple(cell.strip() for cell in cells)) for cells in reader]
    return [(line, row) for line, row in lines if any(row)]


def _checked(name: str, lines: list[tuple[int, tuple[str, ...]]]) -> Rows:
    """Header and rows, all of one length and with a code. Raises SettingsError, see `rows`."""
    if len(lines) < 2 or len(lines[0][1]) < 2:
        raise SettingsError(
            f"{name} is no correspondence; it needs a header and rows of a code, the code it stands for and "
            "weights."
        )
    (_, header), *body = lines
    for line, row in body:
        if len(row) != len(header):
            raise SettingsError(f"{name}, line {line}: it has other columns than the header.")
        if not row[0]:
            raise SettingsError(f"{name}, line {line}: the code is blank; give it or delete it.")
    return Rows(name, header, tuple(body))


def _weight(text: str, where: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise SettingsError(f"{where}: the weight is no number from 0 on; mend it.")
    return weight
