"""Path diagrams, in both ways of drawing: what is significant is solid, the rest dashed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest
from matplotlib.patches import FancyArrowPatch
from published import estimates

from jobs.output import diagram, painting, svg

TITLE = 'a "title" & <more>'
INSIDE = "{http://www.w3.org/2000/svg}"


def drawn(paths: dict, level: float = 0.05) -> diagram.Diagram:
    return diagram.draw(estimates(paths), "title", "note", level)


def read(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode())


def words(svg_text: str) -> list[str]:
    return [element.text for element in read(svg_text).iter(f"{INSIDE}text")]


@pytest.mark.parametrize(
    ("pvalue", "mark"),
    [(0.0005, "***"), (0.001, "**"), (0.009, "**"), (0.01, "*"), (0.049, "*"), (0.05, ""), (None, "")],
)
def test_stars(pvalue, mark):
    assert diagram.stars(pvalue) == mark


def test_a_path_is_dashed_where_it_is_not_significant():
    paths = drawn({"effort": 0.001, "complementarity": 0.2, "unknown": None, "edge": 0.05})
    assert [arrow.significant for arrow in paths.arrows] == [True, False, False, False]
    assert {"0.50**", "0.50"} <= {arrow.label for arrow in paths.arrows}
    patches = painting.painted(paths).axes[0].patches
    painted = [patch.get_linestyle() for patch in patches if isinstance(patch, FancyArrowPatch)]
    assert [line not in ("-", "solid") for line in painted] == [False, True, True, True]
    lines = [path for path in read(svg.text(paths, "x")).iter(f"{INSIDE}path") if path.get("fill") == "none"]
    assert ["stroke-dasharray" in line.attrib for line in lines] == [False, True, True, True]


def test_too_few_degrees_of_freedom_are_marked():
    rows = estimates({"effort": 0.001, "complementarity": 0.2}).assign(reliable=False)
    labels = {arrow.label for arrow in diagram.draw(rows, "title", "note", 0.05).arrows}
    assert {"0.50**\N{DAGGER}", "0.50"} <= labels


def test_the_level_is_the_runs():
    assert [drawn({"effort": 0.03}, level).arrows[0].significant for level in (0.05, 0.01)] == [True, False]


def test_indicators_are_left_out_and_factors_are_ellipses():
    paths = drawn({"rd_effort": 0.001})
    axes = painting.painted(paths).axes[0]
    shapes = [type(patch).__name__ for patch in axes.patches if not isinstance(patch, FancyArrowPatch)]
    assert sorted(shapes) == ["Ellipse", "FancyBboxPatch"]
    text = svg.text(paths, "x")
    assert text.count("<ellipse ") == 1 and text.count("<rect ") == 2  # the page, and the predictor
    for names in ([text.get_text() for text in axes.texts], words(text)):
        assert {"rd", "effort"} <= {word for name in names for word in name.split()}
        assert not any("share" in name for name in names)


def test_a_negative_path_has_a_true_minus_sign():
    rows = estimates({"effort": 0.2})
    rows["std_all"] = -0.25
    paths = diagram.draw(rows, "title", "note", 0.05)
    assert "\N{MINUS SIGN}0.25" in [text.get_text() for text in painting.painted(paths).axes[0].texts]
    assert "\N{MINUS SIGN}0.25" in words(svg.text(paths, "x"))


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
        paths = diagram.draw(pd.DataFrame(rows), "title", "note", 0.05)
        axes = painting.painted(paths).axes[0]
        assert [text.get_text() for text in axes.texts] == [*numbers, *names]
        assert words(svg.text(paths, "x")) == [*numbers, *names, "title", "note"]


def test_an_arrow_ends_before_its_node_and_points_at_it():
    """The tip of effort's arrow lies a gap left of the outcome's edge, at its height."""
    paths = drawn({"effort": 0.001})
    root = read(svg.text(paths, "x"))
    tip = next(path for path in root.iter(f"{INSIDE}path") if path.get("fill") != "none")
    top = [float(number) for number in tip.get("d").split()[1:3]]
    factor = next(root.iter(f"{INSIDE}ellipse"))
    edge = float(factor.get("cx")) - float(factor.get("rx"))
    assert top == pytest.approx([edge - svg.GAP, float(factor.get("cy"))], abs=0.02)


def test_files_are_the_same_twice_and_whole(tmp_path):
    for name in ("one", "two"):
        paths = diagram.draw(estimates({"effort": 0.001, "other": 0.2}), TITLE, "note", 0.05)
        painting.write(painting.painted(paths), tmp_path / name, TITLE)
    for ending in ("svg", "png"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    for text in ((tmp_path / "one.svg").read_text(encoding="utf-8"), svg.text(paths, TITLE)):
        assert read(text).get("role") == "img" and read(text).get("aria-label") == TITLE
