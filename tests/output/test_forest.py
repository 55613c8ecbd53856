"""Forest plots: what they show, and that the same figures give the same bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.output import forest, painting
from jobs.sem.groups.pooling import pool_paths


@pytest.fixture
def estimates() -> pd.DataFrame:
    frame = pd.DataFrame({"group": ["AT", "BE & LU", "DK", "NL"], "lhs": "y", "op": "~", "rhs": "x"})
    frame = frame.assign(label=None, est=[0.1, -0.4, 9.0, np.nan], se=[0.1, 0.3, 0.1, np.nan])
    frame = frame.assign(df=np.nan, reliable=True)
    frame.loc[2, "reliable"] = False
    return frame.assign(ci_lower=frame.est - 2 * frame.se, ci_upper=frame.est + 2 * frame.se)


@pytest.fixture
def pooled(estimates) -> pd.Series:
    return pool_paths(estimates, dict.fromkeys(estimates.group, "all")).iloc[0]


def written(figure, folder) -> tuple[bytes, bytes]:
    folder.mkdir()
    painting.write(figure, folder / "forest", "Forest plot: x & y")
    return (folder / "forest.svg").read_bytes(), (folder / "forest.png").read_bytes()


def test_every_group_its_interval_and_the_pooled_estimate_are_there(estimates, pooled, tmp_path):
    figure = forest.draw(estimates, pooled, "x → y", forest.heterogeneity(pooled))
    svg = written(figure, tmp_path / "a")[0].decode()
    for words in ("AT", "BE &amp; LU", "0.100 [−0.100, 0.300]", "−0.400 [−1.000, 0.200]", "no estimate"):
        assert f">{words}<" in svg
    assert ">pooled, 2 groups<" in svg
    assert "I² = 60 %" in svg
    assert 'aria-label="Forest plot: x &amp; y"' in svg


def test_the_squares_areas_are_the_weights(estimates, pooled):
    figure = forest.draw(estimates, pooled, "x → y", "")
    sizes = [float(points.get_sizes()[0]) - 8 for points in figure.axes[0].collections]
    weights = 1 / (np.array([0.1, 0.3]) ** 2 + pooled.tau2)
    assert sizes[0] / sizes[1] == pytest.approx(weights[0] / weights[1])
    assert sizes[2] == 0  # left out of the pooled estimate


def test_the_axis_holds_every_interval_and_the_diamond(estimates, pooled):
    low, high = forest.draw(estimates, pooled, "x → y", "").axes[0].get_xlim()
    assert low < min(estimates.ci_lower.min(), pooled.ci_lower)
    assert high > max(estimates.ci_upper.max(), pooled.ci_upper)


def test_the_same_figure_gives_the_same_bytes(estimates, pooled, tmp_path):
    one, other = (
        written(forest.draw(estimates, pooled, "x → y", "note"), tmp_path / name) for name in ("a", "b")
    )
    assert one == other


def test_heterogeneity_in_words(pooled):
    """Two estimates, 0.1 (0.1) and -0.4 (0.3): Q = 0.5^2 / (0.01 + 0.09) = 2.5, I squared 1.5 / 2.5."""
    assert "Q = 2.50 (1 degrees of freedom), p = 0.114" in forest.heterogeneity(pooled)
