"""The numbers of regions and sectors in the table `flows`: given once, and never to another code.

They stand in the table `code_numbers` of a country. A code that is new there gets the next number, in the
order of its classification. A code that left its classification keeps its number.
"""

from __future__ import annotations

from collections.abc import Iterable

from jobs.run.context import Batch
from jobs.settings import classifications
from jobs.settings.classifications import Classification
from jobs.settings.slices import SliceSettings
from jobs.spark.frames import rows_of
from jobs.spark.tables import Tables
from jobs.transforms.flows import Codes
from jobs.transforms.lookup import of_slices

TABLE = "code_numbers"
Numbers = dict[tuple[str, str], int]  # of a kind (region, sector) and a code


def known(tables: Tables, settings: SliceSettings) -> tuple[Classification, Classification]:
    """Regions and sectors of a slice with the numbers that they have, or get when they are first read."""
    regions, sectors = _classifications(settings)
    numbers = _extended(_stored(tables, settings.country), regions, sectors)
    return _with(numbers, "region", regions), _with(numbers, "sector", sectors)


def codes(batch: Batch) -> list[Codes]:
    """Regions and sectors with their numbers, by the slices of a batch that have the same."""
    parts = batch.alike(lambda settings: (settings.country, settings.regions, settings.sectors))
    several = len(parts) > 1
    return [
        (
            of_slices(part.slices) if several else None,
            *known(batch.tables, next(iter(part.slices.values()))),
        )
        for part in parts.values()
    ]


def given(tables: Tables, slices: Iterable[SliceSettings]) -> None:
    """Give numbers to the codes of these slices that have none, in one commit; they are kept from now on.

    Raises SliceHeld where another run gives numbers at the same time.
    """
    changed: dict[str, Numbers] = {}
    for settings in slices:
        before = changed.get(settings.country, _stored(tables, settings.country))
        after = _extended(before, *_classifications(settings))
        if after != before:
            changed[settings.country] = after
    if not changed:
        return
    rows = [
        (country, *key, number)
        for country, numbers in sorted(changed.items())
        for key, number in sorted(numbers.items())
    ]
    tables.replace(TABLE, rows_of(TABLE, rows), [{"country": country} for country in sorted(changed)], {})


def are_kept(tables: Tables, country: str) -> bool:
    """Whether the country has numbers yet."""
    return bool(_stored(tables, country))


def _classifications(settings: SliceSettings) -> tuple[Classification, Classification]:
    return classifications.read(settings.regions), classifications.read(settings.sectors)


def _stored(tables: Tables, country: str) -> Numbers:
    rows = tables.rows(TABLE, {"country": country})
    return {(row["kind"], row["code"]): row["number"] for row in rows}


def _extended(stored: Numbers, regions: Classification, sectors: Classification) -> Numbers:
    """The numbers, with the next ones for codes that have none."""
    numbers = dict(stored)
    for kind, classification in (("region", regions), ("sector", sectors)):
        last = max((number for (other, _), number in numbers.items() if other == kind), default=0)
        for item in classification.items:
            if (kind, item.code) not in numbers:
                last += 1
                numbers[kind, item.code] = last
    return numbers


def _with(numbers: Numbers, kind: str, classification: Classification) -> Classification:
    return classification.numbered({code: number for (of, code), number in numbers.items() if of == kind})
