"""The frame of an input-output table: the cells that it has to hold.

The frame is regions x sectors on both sides. The regions are those of the run, the sectors those that stand
anywhere in the table. It falls into blocks, and a block that any cell stands in has to be there whole:

- `inner`        deliveries between regions of the run, sectors x sectors a pair: within a region, which is
                 always part of the frame, and from one to another if there are any
- `to_rest`      deliveries to the rest of the country, sectors x sectors a region
- `to_unknown`   deliveries to the rest of the country whose buying sector is not known, one a delivering
                 sector; beside `to_rest` such cells are final demand
- `from_rest`    purchases from the rest of the country, sectors x sectors a region

Final demand, and what the rest of the country delivers to itself, is `outside` of the frame. Cells are
counted a side, region and sector: a table of 300 million cells comes down to some ten thousand counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.settings.classifications import Classification
from jobs.settings.slices import Slice
from jobs.transforms.flow_sums import of_side

SLICE = ("country", "wave")
SIDES = {"delivers": "origin", "buys": "destination"}
WORDS = {end: side for side, end in SIDES.items()}
BLOCKS = ("inner", "to_rest", "to_unknown", "from_rest", "outside")
OUTER = {"delivers": ("to_rest", "to_unknown"), "buys": ("from_rest",)}  # the blocks that one side sees
VIEW = "label string, region_side int, absent bigint, sector_side int, sector int"

Key = tuple[str, int, int, str]  # side, region, sector, block


@dataclass(frozen=True)
class Counts:
    """The cells of each side, region, sector and block, and whether any go from a region to another."""

    cells: Mapping[Key, int]
    across: bool


@dataclass(frozen=True)
class Gap:
    """Cells that are absent on one side of a sector of a region, and how many belong there."""

    side: str
    region: int
    sector: int
    absent: int
    expected: int


@dataclass(frozen=True)
class Frame:
    """What a table has to hold, and what it lacks.

    `expected` is the number of cells of the frame; each absent cell is in one of the `gaps`, the largest
    first. `silent_regions` are sides (side, region) without any cell, `silent_sectors` sides (side, region,
    sector) without one where the region has others. `sectors` stand anywhere in the table.
    """

    expected: int
    gaps: tuple[Gap, ...]
    silent_regions: tuple[tuple[str, int], ...]
    silent_sectors: tuple[tuple[str, int, int], ...]
    sectors: frozenset[int]

    @property
    def absent(self) -> int:
        """The number of cells of the frame that the table lacks."""
        return sum(gap.absent for gap in self.gaps)


def doubtful(sums: DataFrame) -> list[Slice]:
    """Slices of which cells of intermediate deliveries may stand there more than once; see `count`."""
    rows = sums.where("doubtful").select(*SLICE).distinct().collect()
    return [Slice(row["country"], row["wave"]) for row in rows]


def count(sums: DataFrame, repeated: DataFrame) -> dict[Slice, Counts]:
    """The cells of the tables of each slice, counted from their sums; a cell of `repeated` counts once.

    `sums` as schemas/flow_sums.yaml, `repeated` as in views.
    """
    less = {"cells": F.sum(1 - F.col("times"))}
    known = {"known": F.col("destination_sector") > 0}
    columns = [*SLICE, "side", "region", "sector", "across", "known", "from_rest", "to_rest", "cells"]
    rows = sums.select(*columns)
    for end in SIDES.values():
        rows = rows.unionByName(of_side(repeated, end, known, less).select(*columns))
    rows = rows.where("sector > 0").withColumn("block", _block())
    blocks = rows.groupBy(*SLICE, "side", "region", "sector", "block")
    counted: dict[Slice, Counter[Key]] = {}
    crossing: set[Slice] = set()
    for row in blocks.agg(F.sum("cells").alias("cells"), F.max("across").alias("across")).collect():
        slice = Slice(row["country"], row["wave"])
        key = (WORDS[row["side"]], row["region"], row["sector"], row["block"])
        counted.setdefault(slice, Counter())[key] += row["cells"]
        if row["block"] == "inner" and row["across"]:
            crossing.add(slice)
    return {slice: Counts(dict(cells), slice in crossing) for slice, cells in counted.items()}


def _block() -> Column:
    """The block of cells, by what they are like."""
    known, from_rest, to_rest = (F.col(name) for name in ("known", "from_rest", "to_rest"))
    return (
        F.when(~from_rest & ~to_rest & known, "inner")
        .when(from_rest & known & ~to_rest, "from_rest")
        .when(to_rest & known & ~from_rest, "to_rest")
        .when(to_rest & ~from_rest, "to_unknown")
        .otherwise("outside")
    )


def compare(counts: Counts, regions: Iterable[int]) -> Frame:
    """The frame that `counts` imply for the run's `regions`, and what the table lacks of it."""
    numbers = sorted(regions)
    sectors = sorted({sector for _, _, sector, _ in counts.cells})
    pairs = [(region, sector) for region in numbers for sector in sectors]
    present = {block for _, _, _, block in counts.cells}
    sizes = {"inner": len(sectors) * (len(numbers) if counts.across else 1)}  # cells a sector of a region
    sizes |= {block: len(sectors) for block in ("to_rest", "from_rest") if block in present}
    if "to_unknown" in present and "to_rest" not in present:
        sizes["to_unknown"] = 1

    def held(side: str, *blocks: str) -> dict[tuple[int, int], int]:
        """The cells of the blocks, a region and sector; several buyers that are not known are one cell."""
        return {
            pair: sum(min(counts.cells.get((side, *pair, block), 0), sizes.get(block, 0)) for block in blocks)
            for pair in pairs
        }

    def gaps(side: str, *blocks: str) -> list[Gap]:
        expected = sum(sizes.get(block, 0) for block in blocks)
        cells = held(side, *blocks)
        return [
            Gap(side, *pair, expected - cells[pair], expected) for pair in pairs if cells[pair] < expected
        ]

    # Both sides see an absent inner cell; the side that needs fewer words names it.
    shorter = min(SIDES, key=lambda side: len(gaps(side, "inner")))
    named = [gap for side in SIDES for gap in gaps(side, *(["inner"] * (side == shorter)), *OUTER[side])]
    cells = {
        (side, *pair): number for side in SIDES for pair, number in held(side, "inner", *OUTER[side]).items()
    }
    active = {key[:2] for key, number in cells.items() if number}
    order = list(SIDES)
    return Frame(
        expected=len(pairs) * sum(sizes.values()),
        gaps=tuple(
            sorted(named, key=lambda gap: (-gap.absent, order.index(gap.side), gap.region, gap.sector))
        ),
        silent_regions=tuple(
            (side, region) for side in SIDES for region in numbers if (side, region) not in active
        ),
        silent_sectors=tuple(key for key, number in cells.items() if not number and key[:2] in active),
        sectors=frozenset(sectors),
    )


def view(
    frame: Frame, regions: Classification, sectors: Classification, absent_is_zero: bool
) -> list[tuple[str, int, int, int, int]]:
    """What a table lacks as rows of a view for table rules: a label and how much fails, one column per rule.

    The columns are those of VIEW. `region_side` 1: the region has no cell on that side. `absent`: cells of
    the frame that are absent, none where `absent_is_zero`. `sector_side` 1: the region's sector has no cell
    on that side. `sector` 1: the industrial sector stands nowhere in the table.
    """
    region, sector = regions.codes, sectors.codes
    rows = [(f"{region[number]} {side} nothing", 1, 0, 0, 0) for side, number in frame.silent_regions]
    if not absent_is_zero:
        rows += [
            (
                f"{region[gap.region]} {sector[gap.sector]} {gap.side} ({gap.absent} of {gap.expected})",
                *(0, gap.absent, 0, 0),
            )
            for gap in frame.gaps
        ]
    rows += [
        (f"{region[number]} {sector[part]} {side} nothing", 0, 0, 1, 0)
        for side, number, part in frame.silent_sectors
    ]
    return rows + [
        (code, 0, 0, 0, 1) for code in sectors.industrial if sectors.numbers[code] not in frame.sectors
    ]
