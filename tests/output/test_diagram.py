"""Path diagrams: what is significant is solid, the rest dashed; the same bytes twice."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest
from matplotlib.patches import FancyArrowPatch
from published import estimates

from jobs.output import diagram


def arrows(figure) -> list[FancyArrowPatch]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]


def dashed(arrow: FancyArrowPatch) -> bool:
    return arrow.get_linestyle() not in ("-", "solid")


@pytest.mark.parametrize(
    ("pvalue", "mark"),
    [(0.0005, "***"), (0.001, "**"), (0.009, "**"), (0.01, "*"), (0.049, "*"), (0.05, ""), (None, "")],
)
def test_stars(pvalue, mark):
    assert diagram.stars(pvalue) == mark


def test_a_path_is_dashed_where_it_is_not_significant():
    rows = estimates({"effort": 0.001, "complementarity": 0.2, "unknown": None, "edge": 0.05})
    figure = diagram.draw(rows, "title", "note", 0.05)
    assert [dashed(arrow) for arrow in arrows(figure)] == [False, True, True, True]
    labels = {text.get_text() for text in figure.axes[0].texts}
    assert {"0.50**", "0.50"} <= labels


def test_too_few_degrees_of_freedom_are_marked():
    rows = estimates({"effort": 0.001, "complementarity": 0.2}).assign(reliable=False)
    labels = {text.get_text() for text in diagram.draw(rows, "title", "note", 0.05).axes[0].texts}
    assert {"0.50**\N{DAGGER}", "0.50"} <= labels


def test_the_level_is_the_runs():
    rows = estimates({"effort": 0.03})
    drawn = [arrows(diagram.draw(rows, "title", "note", level)) for level in (0.05, 0.01)]
    assert [dashed(arrow) for (arrow,) in drawn] == [False, True]


def test_indicators_are_left_out_and_factors_are_ellipses():
    axes = diagram.draw(estimates({"rd_effort": 0.001}), "title", "note", 0.05).axes[0]
    assert not any("share" in text.get_text() for text in axes.texts)
    shapes = [type(patch).__name__ for patch in axes.patches if not isinstance(patch, FancyArrowPatch)]
    assert sorted(shapes) == ["Ellipse", "FancyBboxPatch"]


def test_a_negative_path_has_a_true_minus_sign():
    rows = estimates({"effort": 0.2})
    rows["std_all"] = -0.25
    texts = [text.get_text() for text in diagram.draw(rows, "title", "note", 0.05).axes[0].texts]
    assert "\N{MINUS SIGN}0.25" in texts


def test_a_model_without_paths_is_its_factors_and_their_covariances():
    """effort and information are measured, and nothing explains anything."""
    loading, other = estimates({}).iloc[0], estimates({}).iloc[0]
    loading, other = loading.copy(), other.copy()
    loading["lhs"], other["lhs"] = "effort", "information"
    both = loading.copy()
    both["op"], both["rhs"], both["std_all"], both["pvalue"] = "~~", "information", 0.3, 0.0001
    for rows, names, numbers in (
        ([loading, other, both], ["effort", "information"], ["0.30***"]),
        ([loading], ["effort"], []),
    ):
        axes = diagram.draw(pd.DataFrame(rows), "title", "note", 0.05).axes[0]
        assert [text.get_text() for text in axes.texts] == [*numbers, *names]


def test_files_are_the_same_twice_and_whole(tmp_path):
    title = 'a "title" & <more>'
    for name in ("one", "two"):
        figure = diagram.draw(estimates({"effort": 0.001, "other": 0.2}), title, "note", 0.05)
        diagram.write(figure, tmp_path / name, title)
    for ending in ("svg", "png"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    svg = ElementTree.fromstring((tmp_path / "one.svg").read_bytes())
    assert svg.get("role") == "img" and svg.get("aria-label") == title
