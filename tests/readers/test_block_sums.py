"""Sums of blocks are those of adding cell by cell; cells that stand there twice are noticed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from jobs.readers import block_sums
from jobs.readers.block_sums import KINDS, NUMBER, Once, added, merged
from jobs.readers.blocks import Block, Reading
from jobs.settings.inputs import LABELS

READING = Reading({label: {"a": 0, "z": 9} for label in LABELS}, {}, ".", ())
MASK = (1 << NUMBER) - 1


def block(cells, values=None, dropped=None):
    """A block of cells (four numbers each)."""
    columns = zip(LABELS, zip(*cells, strict=True), strict=True)
    numbers = {label: np.array(column, np.int16) for label, column in columns}
    amounts = np.array(values if values is not None else range(len(cells)), np.int64)
    none = np.zeros(len(cells), bool)
    return Block({}, pa.array([]), numbers, amounts, none if dropped is None else dropped, none)


def by_hand(cells, values):
    """The sums by side, region, sector and kind."""
    counts, sums = Counter(), Counter()
    for (seller, product, region, sector), value in zip(cells, values, strict=True):
        kind = [seller != region, product == sector, sector > 0, seller == 0, region == 0]
        for side, pair in enumerate([(seller, product), (region, sector)]):
            key = (side, *pair, *kind)
            counts[key], sums[key] = counts[key] + 1, sums[key] + value
    return {key: (counts[key], sums[key]) for key in counts}


def unfolded(sums):
    parts = zip(*(column.tolist() for column in sums), strict=True)
    return {
        (
            key >> 2 * NUMBER + len(KINDS),
            key >> NUMBER + len(KINDS) & MASK,
            key >> len(KINDS) & MASK,
            *(bool(key >> place & 1) for place in range(len(KINDS))),
        ): (cells, (high << block_sums.LOW) + low)
        for key, cells, low, high in parts
    }


def test_sums_are_exact(monkeypatch):
    monkeypatch.setattr(block_sums, "PIECE", 64)
    random = np.random.default_rng(3)
    cells = [tuple(row) for row in random.integers(0, 5, (500, 4)).tolist()]
    values = random.integers(0, 2**63 - 1, 500).tolist()
    dropped = random.random(500) < 0.2
    both = [block(cells[:300], values[:300], dropped[:300]), block(cells[300:], values[300:], dropped[300:])]
    sums = merged([entry for each in both for entry in added(each)])
    kept = [place for place in range(500) if not dropped[place]]
    assert unfolded(sums) == by_hand([cells[k] for k in kept], [values[k] for k in kept])


ROWS = [[(seller, 1, region, sector) for region in (1, 2) for sector in (0, 1, 2)] for seller in (3, 1, 2)]


@pytest.mark.parametrize(
    ("blocks", "is_sure"),
    [
        ([ROWS[0], ROWS[1] + ROWS[2]], True),
        ([ROWS[0][:3], ROWS[0][3:] + ROWS[1]], True),
        ([ROWS[0] + [(3, 1, 1, 0)]], True),  # final demand may stand there several times
        ([ROWS[0] + [(3, 1, 2, 2)]], False),
        ([ROWS[0][:5], ROWS[0][4:], ROWS[1]], False),
        ([[(seller, seller, 1, 1) for seller in range(1, 9)]] * 2, False),
    ],
)
def test_a_cell_that_stands_there_twice_is_noticed(blocks, is_sure):
    """In one look at all blocks, and in a look of its own at each."""
    whole, joined = Once(READING), Once(READING)
    for cells in blocks:
        alone = Once(READING)
        for once in (whole, alone):
            once.look(block(cells))
        joined.join(*alone.seen)
    assert whole.is_sure is is_sure and joined.is_sure is is_sure


def test_cells_in_no_order_are_left_to_another_look(monkeypatch):
    monkeypatch.setattr(block_sums, "SPARSE", 2)
    once = Once(READING)
    once.look(block([(seller, 1, seller, 1) for seller in range(1, 9)]))
    assert not once.is_sure and not once.seen[1]
