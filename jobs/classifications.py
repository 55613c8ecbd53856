"""Regions and sectors of a run, from `conf/classifications/`: codes, names, and their numbers in flows."""

from __future__ import annotations

from functools import cached_property

from pydantic import ValidationError

from jobs import resources
from jobs.errors import SettingsError
from jobs.settings import Section

REST = 0  # number of the rest of the country in the flows


class Item(Section):
    """A region or a sector. `divisions` are the codes of the survey that belong to a sector."""

    code: str
    name: str
    industrial: bool = False
    divisions: tuple[str, ...] = ()


class Classification(Section):
    """Items in their order; an item's number is its place, beginning with 1."""

    version: str
    source: str
    items: tuple[Item, ...]
    extra_regio: tuple[str, ...] = ()

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Code to number."""
        return {item.code: place for place, item in enumerate(self.items, start=1)}

    @cached_property
    def codes(self) -> dict[int, str]:
        """Number to code."""
        return {number: code for code, number in self.numbers.items()}

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
    try:
        classification = Classification.model_validate(resources.read_yaml(name))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{name}: {where}: {first['msg'].lower()}; mend the file.") from None
    codes = [item.code for item in classification.items]
    divisions = [division for item in classification.items for division in item.divisions]
    for kind, listed in (("code", codes), ("division", divisions)):
        twice = sorted({entry for entry in listed if listed.count(entry) > 1})
        if twice:
            raise SettingsError(
                f"{name}: the {kind} {twice[0]} stands there twice; each belongs to one item."
            )
    return classification
