"""How figures are written on the page."""

from __future__ import annotations

import pytest

from jobs.publish import grids


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (grids.number(-0.12345), "\N{MINUS SIGN}0.123"),
        (grids.number(None), ""),
        (grids.whole(1234567), "1,234,567"),
        (grids.percent(0.875), "88 %"),
        (grids.p_value(0.0009), "<0.001"),
        (grids.p_value(0.001), "0.001"),
        (grids.p_value(float("nan")), ""),
    ],
)
def test_how_figures_are_written(made, shown):
    assert made == shown
