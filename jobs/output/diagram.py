"""Path diagrams in the study's manner: indicators left out, paths without significance dashed.

What is drawn is told here in plain data; jobs.output.svg writes it as SVG, jobs.output.painting as a figure
of matplotlib's, which takes longer to load than a small fit takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

INK, QUIET, ACCENT, PAPER = "#1b2a41", "#8a94a6", "#0b6e4f", "#ffffff"
SMALL_PRINT, FAINT = "#4a5568", "#5b6475"  # of the note; of figures without significance
FACTOR, VARIABLE = "#eef4ff", "#f7f7f2"  # of nodes
WIDTH, HEIGHT = 2.3, 0.78  # of a node; an ellipse is ROUNDER times as high
ROUNDER = 1.15
BEND = 0.45  # of the arrow of a covariance, in shares of its length
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
DAGGER = "\N{DAGGER}"
UNRELIABLE = f"{DAGGER} not to be relied on: too few clusters for this kind of error"
Point = tuple[float, float]


@dataclass(frozen=True)
class Node:
    name: str
    latent: bool
    x: float
    y: float

    @property
    def lines(self) -> list[str]:
        """Its name as it is written: at most two lines."""
        return [line.replace("_", " ") for line in self.name.split("_", 1)]


@dataclass(frozen=True)
class Arrow:
    """From `tail` to `head`; a covariance is bent to the left and points both ways. `at`: of its `label`."""

    tail: Point
    head: Point
    covariance: bool
    significant: bool
    label: str
    at: Point


@dataclass(frozen=True)
class Diagram:
    """What is drawn, on a page of `size` (width and height in inches).

    The page shows the plane from `lower` to `upper`, in which nodes and arrows are placed.
    """

    title: str
    note: str
    size: Point
    lower: Point
    upper: Point
    nodes: list[Node]
    arrows: list[Arrow]


def stars(pvalue: float | None) -> str:
    """Significance as the study shows it."""
    if pvalue is None or pd.isna(pvalue):
        return ""
    return next((mark for level, mark in STARS if pvalue < level), "")


def marks(row: Any) -> str:
    """The stars of an estimate, with a dagger where its degrees of freedom are too few to rely on them."""
    text = stars(row.pvalue)
    return text + DAGGER if text and not row.reliable else text


def draw(estimates: pd.DataFrame, title: str, note: str, level: float) -> Diagram:
    """The diagram of one wave and group; `estimates` are its rows of one kind of error.

    A model without paths is drawn as its factors and their covariances.
    """
    paths = estimates[estimates.op == "~"]
    latent = list(dict.fromkeys(estimates[estimates.op == "=~"].lhs))
    nodes = _place(paths, latent)
    rows = max(sum(1 for node in nodes.values() if node.x == x) for x in {node.x for node in nodes.values()})
    arrows = [_path(nodes[row.rhs], nodes[row.lhs], row, level) for row in paths.itertuples()]
    covariances = estimates[(estimates.op == "~~") & (estimates.lhs != estimates.rhs)]
    arrows += [
        _covariance(nodes[row.lhs], nodes[row.rhs], row, level)
        for row in covariances.itertuples()
        if row.lhs in nodes and row.rhs in nodes
    ]
    xs, ys = [node.x for node in nodes.values()], [node.y for node in nodes.values()]
    return Diagram(
        title=title,
        note=note,
        size=(8.6, 1.25 * rows + 1.5),
        lower=(min(xs) - 2.2, min(ys) - 1.35),
        upper=(max(xs) + 1.6, max(ys) + 1.2),
        nodes=list(nodes.values()),
        arrows=arrows,
    )


def _place(paths: pd.DataFrame, latent: list[str]) -> dict[str, Node]:
    """Predictors left of what they explain; within a column factors first, in the model's order."""
    names = list(dict.fromkeys([*paths.rhs, *paths.lhs])) or latent
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for row in paths.itertuples():
            depth[row.lhs] = max(depth[row.lhs], min(depth[row.rhs] + 1, len(names)))
    nodes = {}
    for column in sorted(set(depth.values())):
        column_names = sorted(
            (name for name in names if depth[name] == column), key=lambda name: name not in latent
        )
        for place, name in enumerate(column_names):
            y = ((len(column_names) - 1) / 2 - place) * 1.3
            nodes[name] = Node(name, name in latent, column * 5.2, y)
    return nodes


def _path(start: Node, end: Node, row: Any, level: float) -> Arrow:
    (x, y), head = (start.x + WIDTH / 2, start.y), (end.x - WIDTH / 2, end.y)
    # Labels at a third of the way, where arrows to one node are still apart.
    at = (x + 0.36 * (head[0] - x), y + 0.36 * (head[1] - y))
    return Arrow((x, y), head, False, _significant(row, level), _label(row), at)


def _covariance(first: Node, second: Node, row: Any, level: float) -> Arrow:
    left = first.x - WIDTH / 2
    at = (left - 0.52, (first.y + second.y) / 2)
    return Arrow((left, first.y), (left, second.y), True, _significant(row, level), _label(row), at)


def _label(row: Any) -> str:
    return f"{row.std_all:.2f}{marks(row)}".replace("-", "\N{MINUS SIGN}")


def _significant(row: Any, level: float) -> bool:
    return bool(pd.notna(row.pvalue) and row.pvalue < level)
