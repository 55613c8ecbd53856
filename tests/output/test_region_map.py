"""Maps: each region in its place, withheld ones hatched and without their figure, what lacks is counted."""

from __future__ import annotations

import pandas as pd
from matplotlib.colors import to_hex

from jobs.output import painting, region_map


def square(x: float, y: float) -> tuple:
    return (((x, y), (x, y + 1), (x + 1, y + 1), (x + 1, y), (x, y)),)


SHAPES = {"A": square(5, 50), "B": square(6, 50), "C": square(7, 50), "D": square(-61, 16)}
REGIONS = pd.DataFrame(
    [("A", 0.2, False), ("B", 0.9, True), ("C", None, False), ("E", 0.7, False)],
    columns=["region", "value", "withheld"],
)


def test_regions_are_tinted_by_their_share_and_a_withheld_one_shows_none():
    axes = region_map.draw(REGIONS, SHAPES, "Commonality", "share").axes[0]
    small, withheld, empty = axes.patches
    assert withheld.get_hatch() and to_hex(withheld.get_facecolor()) == region_map.OUTSIDE
    assert to_hex(empty.get_facecolor()) == region_map.EMPTY
    assert small.get_hatch() is None and to_hex(small.get_facecolor()) not in (
        region_map.EMPTY,
        region_map.OUTSIDE,
    )


def test_a_withheld_share_does_not_move_the_scale():
    bars = [
        region_map.draw(REGIONS.assign(value=[0.2, value, 0.4, 0.7]), SHAPES, "x", "").axes[1].get_ylim()
        for value in (0.05, 0.9)
    ]
    assert bars[0] == bars[1]


def test_a_region_without_a_boundary_is_counted():
    texts = [text.get_text() for text in region_map.draw(REGIONS, SHAPES, "Commonality", "share").texts]
    assert any("1 regions have no boundary" in text for text in texts)


def test_regions_overseas_do_not_shrink_the_others():
    more = pd.concat([REGIONS, pd.DataFrame([{"region": "D", "value": 0.3, "withheld": False}])])
    west, east = region_map.draw(more, SHAPES, "x", "").axes[0].get_xlim()
    assert west > 4 and east < 9
    metres = {
        code: tuple(tuple((x * 1e5, y * 1e5) for x, y in ring) for ring in each)
        for code, each in SHAPES.items()
    }
    west, east = region_map.draw(more, metres, "x", "").axes[0].get_xlim()
    assert west < -60e5, "in metres nothing is known of Europe's place"


def test_the_same_bytes_each_time(tmp_path):
    for name in ("a", "b"):
        painting.write(region_map.draw(REGIONS, SHAPES, "x", ""), tmp_path / name, "Map: x")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
