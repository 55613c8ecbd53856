"""The numbers of regions and sectors in the table `flows`: given once, and never to another code.

They stand in the table `code_numbers` of a country. A code that is new there gets the next number, in the
order of its classification. A code that left its classification keeps its number.
"""

from __future__ import annotations

from jobs.errors import SliceHeld
from jobs.run.context import Context
from jobs.run.fingerprints import fingerprint
from jobs.settings import classifications, schemas
from jobs.settings.classifications import Classification
from jobs.spark.frames import local

TABLE = "code_numbers"
ATTEMPTS = 3  # runs of other waves of the country may give numbers at the same time
Numbers = dict[tuple[str, str], int]  # of a kind (region, sector) and a code


def known(context: Context) -> tuple[Classification, Classification]:
    """Regions and sectors of the run with the numbers that they have, or get when they are first read."""
    regions, sectors = _classifications(context)
    numbers = _extended(_stored(context), regions, sectors)
    return _with(numbers, "region", regions), _with(numbers, "sector", sectors)


def given(context: Context) -> tuple[Classification, Classification]:
    """As `known`, and the numbers of new codes are kept from now on.

    Raises SliceHeld where other runs give numbers at the same time, again and again.
    """
    regions, sectors = _classifications(context)
    for attempt in range(1, ATTEMPTS + 1):
        stored = _stored(context)
        numbers = _extended(stored, regions, sectors)
        if numbers == stored:
            break
        try:
            _store(context, numbers)
            break
        except SliceHeld:
            if attempt == ATTEMPTS:
                raise
    return _with(numbers, "region", regions), _with(numbers, "sector", sectors)


def are_kept(context: Context) -> bool:
    """Whether the country has numbers yet."""
    return bool(_stored(context))


def _classifications(context: Context) -> tuple[Classification, Classification]:
    settings = context.settings
    return classifications.read(settings.regions), classifications.read(settings.sectors)


def _stored(context: Context) -> Numbers:
    rows = context.tables.rows(TABLE, {"country": context.settings.country})
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


def _store(context: Context, numbers: Numbers) -> None:
    country = context.settings.country
    rows = [(country, *key, number) for key, number in sorted(numbers.items())]
    frame = local(context.spark, rows, schemas.table(TABLE).struct).coalesce(1)
    context.tables.replace(TABLE, frame, {"country": country}, fingerprint(rows))
    # The numbers belong to the country and not to the stage: its outcome does not stand or fall with them.
    context.tables.commits.pop()
