"""What the sound cells of blocks add up to on both sides, and whether a cell may stand there more than once.

Regions and sectors are small numbers: cells are added up by them in arrays, without a search. Nothing here
knows of files or of Spark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from jobs.readers.blocks import Array, Block, Reading
from jobs.settings.classifications import REST
from jobs.settings.inputs import SIDES

PIECE = 1 << 20  # cells that are added up together: sums of so many parts of LOW bits are exact as doubles
LOW = 32  # bits of the lower part of a value
KINDS = ("across", "same", "known", "from_rest", "to_rest")  # bits of a cell's kind, the lowest one first
NUMBER = 15  # bits of the number of a region or a sector in a key
SPARSE = 16  # times the cells of a block: the most places that a look for double cells takes


class Sums(NamedTuple):
    """Sums by key: the number of cells, and their value in billionths in two parts, `high` without LOW bits.

    A key holds, from the lowest bit on, KINDS, a sector, a region and the place of the end in SIDES.
    """

    keys: Array
    cells: Array
    low: Array
    high: Array


def added(block: Block) -> Iterator[Sums]:
    """The sums of a block for each end, piece by piece; `merged` puts them together."""
    sound = block.sound
    chosen = slice(None) if sound.all() else sound
    numbers = {label: of_label[chosen].astype(np.int64) for label, of_label in block.numbers.items()}
    amounts = block.billionths[chosen]
    for begin in range(0, len(amounts), PIECE):
        piece = slice(begin, begin + PIECE)
        cells = {label: of_label[piece] for label, of_label in numbers.items()}
        parts = [(amounts[piece] & (2**LOW - 1)).astype(float), (amounts[piece] >> LOW).astype(float)]
        kinds = _kinds(cells)
        occurring = np.flatnonzero(np.bincount(kinds, minlength=2 ** len(KINDS)))
        ranks = np.searchsorted(occurring, np.arange(2 ** len(KINDS)))[kinds]
        for place, end in enumerate(SIDES):
            region, sector = cells[f"{end}_region"], cells[f"{end}_sector"]
            width = int(sector.max()) + 1
            codes = (region * width + sector) * len(occurring) + ranks
            number = np.bincount(codes)
            there = np.flatnonzero(number)
            low, high = (np.bincount(codes, part)[there].astype(np.int64) for part in parts)
            pairs, rank = np.divmod(there, len(occurring))
            keys = place << NUMBER | pairs // width
            keys = (keys << NUMBER | pairs % width) << len(KINDS) | occurring[rank]
            yield Sums(keys, number[there], low, high)


def merged(sums: Iterable[Sums]) -> Sums:
    """Sums with each key once, in their order; there is at least one."""
    keys, *parts = (np.concatenate(column) for column in zip(*sums, strict=True))
    different, places = np.unique(keys, return_inverse=True)
    totals = [np.zeros(len(different), np.int64) for _ in parts]
    for total, part in zip(totals, parts, strict=True):
        np.add.at(total, places, part)
    return Sums(different, *totals)


class Once:
    """Whether no cell of intermediate deliveries stands there twice: a bit a cell, by its seller.

    That can be told of tables that are written seller by seller. `is_sure` is False where a cell stands
    there twice, and where it cannot be told.
    """

    def __init__(self, reading: Reading) -> None:
        regions, sectors = (
            1 + max([0, *reading.meanings[f"destination_{kind}"].values()]) for kind in ("region", "sector")
        )
        self.sectors, self.width = sectors, regions * sectors
        self.bits: dict[int, Array] = {}
        self.is_sure = True

    def look(self, block: Block) -> None:
        """Take the cells of a block in."""
        known = np.flatnonzero(block.sound & (block.numbers["destination_sector"] > 0))
        if not self.is_sure or not len(known):
            return
        cells = {label: numbers[known].astype(np.int64) for label, numbers in block.numbers.items()}
        codes = cells["origin_region"] << NUMBER | cells["origin_sector"]
        least = int(codes.min())
        ranks = np.zeros(int(codes.max()) - least + 1, np.int64)
        ranks[codes - least] = 1
        sellers = np.flatnonzero(ranks)
        if len(sellers) * self.width > SPARSE * max(len(known), self.width):
            self.is_sure = False
            return
        ranks[sellers] = np.arange(len(sellers))
        buyers = cells["destination_region"] * self.sectors + cells["destination_sector"]
        grid = np.zeros(len(sellers) * self.width, bool)
        grid[ranks[codes - least] * self.width + buyers] = True
        self.is_sure = int(grid.sum()) == len(known)
        for seller, bits in zip(sellers, np.packbits(grid.reshape(-1, self.width), axis=1), strict=True):
            self._join(least + int(seller), bits)

    @property
    def seen(self) -> tuple[bool, dict[int, Array]]:
        """What `join` takes; the bits are of no use once it is not sure."""
        return self.is_sure, self.bits if self.is_sure else {}

    def join(self, is_sure: bool, bits: dict[int, Array]) -> None:
        """Take in what another one saw of other cells of the same slice."""
        self.is_sure &= is_sure
        for seller, own in bits.items():
            self._join(seller, own)

    def _join(self, seller: int, bits: Array) -> None:
        known = self.bits.get(seller)
        if known is not None and (known & bits).any():
            self.is_sure = False
        self.bits[seller] = bits if known is None else known | bits


def _kinds(cells: dict[str, Array]) -> Array:
    """What cells are like, as bits in the order of KINDS."""
    bits = (
        cells["origin_region"] != cells["destination_region"],
        cells["origin_sector"] == cells["destination_sector"],
        cells["destination_sector"] > 0,
        cells["origin_region"] == REST,
        cells["destination_region"] == REST,
    )
    kinds = np.zeros(len(bits[0]), np.int64)
    for place, bit in enumerate(bits):
        kinds |= bit.astype(np.int64) << place
    return kinds
