"""Regions and sectors of a run, from `conf/classifications/`: codes, names, and their numbers in flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, ValidationError

from jobs.errors import SettingsError
from jobs.settings import resources, sheets
from jobs.settings.section import Section, Text
from jobs.settings.wording import fault, shown

REST = 0  # number of the rest of the country in the flows
WHOLE = "_all"  # stands for a region as a whole in the place of a sector
MOST_ITEMS = 32_000  # their numbers are small integers of Spark
FIRST_PART = -10  # number of the first code of a file that stands for other codes; the next ones are below


def _is_a_code(code: str) -> str:
    if code != code.strip():
        raise ValueError("begins or ends with a blank, and codes in files are read without; take it out")
    if code == WHOLE:
        raise ValueError(f"is {WHOLE}, which stands for a region as a whole; take another code")
    return code


Code = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_is_a_code)]


class Item(Section):
    """A region or a sector. `divisions` are the codes of the survey that belong to a sector."""

    code: Code
    name: Text
    industrial: bool = False
    divisions: tuple[Code, ...] = ()


@dataclass(frozen=True)
class FileCodes:
    """The codes by which a file names regions or sectors.

    `numbers`: by code the number of an item, or one from FIRST_PART down, which stands for a code that is
    converted. `abroad`: the letters that codes of other countries begin with. `length`: characters of a code;
    a longer code is of a part, and is cut to this length.
    """

    numbers: Mapping[str, int]
    abroad: frozenset[str] = frozenset()
    length: int | None = None


def parts(codes: Mapping[str, str]) -> dict[str, int]:
    """Numbers for the codes of a file (keys; codes that are one code written in two ways have one value)."""
    numbers = {code: FIRST_PART - place for place, code in enumerate(sorted(set(codes.values())))}
    return {written: numbers[code] for written, code in codes.items()}


class Classification(Section):
    """Items in their order, each with a number: its place, beginning with 1, or the one it was given."""

    version: Text
    source: Text
    items: tuple[Item, ...] = Field(min_length=1, max_length=MOST_ITEMS)
    extra_regio: tuple[Code, ...] = ()

    _given: dict[str, int] | None = PrivateAttr(default=None)
    _in_file: FileCodes | None = PrivateAttr(default=None)

    def numbered(self, numbers: dict[str, int]) -> Classification:
        """The same items with these numbers, by code; numbers of codes that are no items are left out."""
        other = Classification.model_validate(self.model_dump())
        other._given = {item.code: numbers[item.code] for item in self.items}
        return other

    def named_by(self, codes: FileCodes) -> Classification:
        """The same items for a file that names them by these codes."""
        other = self.numbered(self.numbers)
        other._in_file = codes
        return other

    def of_codes(self, codes: Mapping[str, str], outside: tuple[str, ...] = ()) -> Classification:
        """The same items for a survey whose codes (keys) stand for items whole; `outside` for none."""
        of_items: dict[str, list[str]] = {item.code: [] for item in self.items}
        for code, item in codes.items():
            of_items[item].append(code)
        items = [{**item.model_dump(), "divisions": of_items[item.code]} for item in self.items]
        extra = tuple(dict.fromkeys((*self.extra_regio, *outside)))
        return Classification.model_validate({**self.model_dump(), "items": items, "extra_regio": extra})

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Code to number."""
        if self._given is not None:
            return self._given
        return {item.code: place for place, item in enumerate(self.items, start=1)}

    @property
    def in_file(self) -> FileCodes:
        """The codes of a file of flows: those of the items, and their divisions as parts of them."""
        if self._in_file is not None:
            return self._in_file
        divisions = {code: code for code in self.by_division if code not in self.numbers}
        return FileCodes({**self.numbers, **parts(divisions)})

    @cached_property
    def codes(self) -> dict[int, str]:
        """Number to code."""
        return {number: code for code, number in self.numbers.items()}

    @cached_property
    def names(self) -> dict[str, str]:
        """Code to name."""
        return {item.code: item.name for item in self.items}

    @cached_property
    def industrial(self) -> tuple[str, ...]:
        """Codes of the industrial sectors."""
        return tuple(item.code for item in self.items if item.industrial)

    @cached_property
    def by_division(self) -> dict[str, str]:
        """Code of the survey to code of the sector; a sector's own code counts as a division of its own."""
        return {division: item.code for item in self.items for division in (item.divisions or (item.code,))}


def read(name: str) -> Classification:
    """The classification file `name`. Raises SettingsError naming the file and what is wrong in it."""
    return _read(name, resources.digest(name))


@lru_cache(maxsize=1024)
def _read(name: str, _digest: str) -> Classification:
    try:
        raw = sheets.classification(name) if sheets.is_workbook(name) else resources.read_yaml(name)
        classification = Classification.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(f"{name}: {fault(error)}; mend the file.") from None
    reason = _unclear(classification)
    if reason:
        raise SettingsError(f"{name}: {reason}.")
    return classification


def _unclear(classification: Classification) -> str | None:
    """Which code leads to two items, or to an item and out of the country; None where none does."""
    codes = {item.code for item in classification.items}
    divisions = [division for item in classification.items for division in item.divisions]
    for kind, listed in (
        ("code", [item.code for item in classification.items]),
        ("division", divisions),
        ("extra-regio code", list(classification.extra_regio)),
    ):
        twice = sorted(entry for entry, count in Counter(listed).items() if count > 1)
        if twice:
            return f"the {kind} {shown(twice[0])} stands there twice; each belongs to one item"
    for item in classification.items:
        for division in item.divisions:
            if division != item.code and division in codes:
                return (
                    f"the division {shown(division)} of {shown(item.code)} is the code of another item; "
                    "give it to one of them"
                )
    both = sorted(codes & set(classification.extra_regio))
    return f"{shown(both[0])} is a code and in extra_regio; leave it out of one of them" if both else None
