"""Path diagrams in the study's manner: indicators left out, paths without significance dashed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Patch

INK, QUIET, ACCENT, PAPER = "#1b2a41", "#8a94a6", "#0b6e4f", "#ffffff"
WIDTH, HEIGHT = 2.3, 0.78  # of a node
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
DAGGER = "\N{DAGGER}"
UNRELIABLE = f"{DAGGER} not to be relied on: too few clusters for this kind of error"


@dataclass(frozen=True)
class Node:
    name: str
    latent: bool
    x: float
    y: float


def stars(pvalue: float | None) -> str:
    """Significance as the study shows it."""
    if pvalue is None or pd.isna(pvalue):
        return ""
    return next((mark for level, mark in STARS if pvalue < level), "")


def marks(row: Any) -> str:
    """The stars of an estimate, with a dagger where its degrees of freedom are too few to rely on them."""
    text = stars(row.pvalue)
    return text + DAGGER if text and not row.reliable else text


def draw(estimates: pd.DataFrame, title: str, note: str, level: float) -> Figure:
    """A figure of one wave and group; `estimates` are its rows of one kind of error.

    A model without paths is drawn as its factors and their covariances.
    """
    paths = estimates[estimates.op == "~"]
    latent = list(dict.fromkeys(estimates[estimates.op == "=~"].lhs))
    nodes = _place(paths, latent)
    rows = max(sum(1 for node in nodes.values() if node.x == x) for x in {node.x for node in nodes.values()})
    figure = Figure(figsize=(8.6, 1.25 * rows + 1.5), facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for row in paths.itertuples():
        _path(axes, nodes[row.rhs], nodes[row.lhs], row, level)
    covariances = estimates[(estimates.op == "~~") & (estimates.lhs != estimates.rhs)]
    for row in covariances.itertuples():
        if row.lhs in nodes and row.rhs in nodes:
            _covariance(axes, nodes[row.lhs], nodes[row.rhs], row, level)
    for node in nodes.values():
        _node(axes, node)
    xs, ys = [node.x for node in nodes.values()], [node.y for node in nodes.values()]
    axes.set_xlim(min(xs) - 2.2, max(xs) + 1.6)
    axes.set_ylim(min(ys) - 1.35, max(ys) + 1.2)
    figure.text(0.03, 0.975, title, ha="left", va="top", fontsize=12.5, fontweight="bold", color=INK)
    figure.text(0.03, 0.025, note, ha="left", va="bottom", fontsize=8.5, color="#4a5568")
    return figure


def write(figure: Figure, stem: Path, description: str) -> None:
    """`stem`.svg and `stem`.png, the same bytes for the same figure."""
    settings: dict[Any, Any] = {
        "svg.hashsalt": "diamant",
        "svg.fonttype": "none",
        "font.family": "DejaVu Sans",
    }
    with mpl.rc_context(settings):
        FigureCanvasSVG(figure)
        figure.savefig(
            f"{stem}.svg", format="svg", metadata={"Date": None, "Creator": None, "Title": description}
        )
        FigureCanvasAgg(figure)
        figure.savefig(f"{stem}.png", format="png", dpi=150, metadata={"Software": None})
    svg = Path(f"{stem}.svg")
    text = svg.read_text(encoding="utf-8")
    label = description.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    svg.write_text(text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1), encoding="utf-8")


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


def _node(axes, node: Node) -> None:
    shape: Patch
    if node.latent:
        shape = Ellipse(
            (node.x, node.y),
            WIDTH,
            HEIGHT * 1.15,
            facecolor="#eef4ff",
            edgecolor=INK,
            linewidth=1.4,
            zorder=3,
        )
    else:
        corner = (node.x - WIDTH / 2, node.y - HEIGHT / 2)
        shape = FancyBboxPatch(
            corner,
            WIDTH,
            HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="#f7f7f2",
            edgecolor=INK,
            linewidth=1.4,
            zorder=3,
        )
    axes.add_patch(shape)
    words = node.name.replace("_", "\n", 1).replace("_", " ")
    axes.text(
        node.x, node.y, words, ha="center", va="center", fontsize=10, color=INK, zorder=4, linespacing=1.1
    )


def _path(axes, start: Node, end: Node, row, level: float) -> None:
    significant = pd.notna(row.pvalue) and row.pvalue < level
    color = ACCENT if significant else QUIET
    tail, head = (start.x + WIDTH / 2, start.y), (end.x - WIDTH / 2, end.y)
    arrow = FancyArrowPatch(
        tail,
        head,
        arrowstyle="-|>",
        mutation_scale=14,
        linewidth=2.0 if significant else 1.2,
        linestyle="-" if significant else (0, (4, 3)),
        color=color,
        shrinkA=1,
        shrinkB=3,
        zorder=1,
    )
    axes.add_patch(arrow)
    # Labels at a third of the way, where arrows to one node are still apart.
    x, y = tail[0] + 0.36 * (head[0] - tail[0]), tail[1] + 0.36 * (head[1] - tail[1])
    axes.text(
        x,
        y,
        f"{row.std_all:.2f}{marks(row)}".replace("-", "\N{MINUS SIGN}"),
        ha="center",
        va="center",
        fontsize=10,
        color=color if significant else "#5b6475",
        fontweight="bold" if significant else "normal",
        zorder=2,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
    )


def _covariance(axes, first: Node, second: Node, row, level: float) -> None:
    significant = pd.notna(row.pvalue) and row.pvalue < level
    left = first.x - WIDTH / 2
    arrow = FancyArrowPatch(
        (left, first.y),
        (left, second.y),
        connectionstyle="arc3,rad=0.45",
        arrowstyle="<|-|>",
        mutation_scale=11,
        linewidth=1.2,
        color=ACCENT if significant else QUIET,
        linestyle="-" if significant else (0, (4, 3)),
        zorder=1,
    )
    axes.add_patch(arrow)
    axes.text(
        left - 0.52,
        (first.y + second.y) / 2,
        f"{row.std_all:.2f}{marks(row)}",
        ha="center",
        va="center",
        fontsize=9,
        color=ACCENT if significant else "#5b6475",
        zorder=2,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},
    )
