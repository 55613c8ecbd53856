"""Figures of matplotlib's: path diagrams as such, and how a figure is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Patch

from jobs.output.diagram import (
    ACCENT,
    BEND,
    FACTOR,
    FAINT,
    HEIGHT,
    INK,
    PAPER,
    QUIET,
    ROUNDER,
    SMALL_PRINT,
    VARIABLE,
    WIDTH,
    Arrow,
    Diagram,
    Node,
)


def painted(diagram: Diagram) -> Figure:
    """A path diagram as a figure."""
    figure = Figure(figsize=diagram.size, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for arrow in diagram.arrows:
        _arrow(axes, arrow)
    for node in diagram.nodes:
        _node(axes, node)
    axes.set_xlim(diagram.lower[0], diagram.upper[0])
    axes.set_ylim(diagram.lower[1], diagram.upper[1])
    title: dict[str, Any] = {"fontsize": 12.5, "fontweight": "bold", "color": INK}
    figure.text(0.03, 0.975, diagram.title, ha="left", va="top", **title)
    figure.text(0.03, 0.025, diagram.note, ha="left", va="bottom", fontsize=8.5, color=SMALL_PRINT)
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


def _node(axes: Any, node: Node) -> None:
    style: dict[str, Any] = {"edgecolor": INK, "linewidth": 1.4, "zorder": 3}
    shape: Patch
    if node.latent:
        shape = Ellipse((node.x, node.y), WIDTH, HEIGHT * ROUNDER, facecolor=FACTOR, **style)
    else:
        corner, box = (node.x - WIDTH / 2, node.y - HEIGHT / 2), "round,pad=0,rounding_size=0.06"
        shape = FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle=box, facecolor=VARIABLE, **style)
    axes.add_patch(shape)
    words = "\n".join(node.lines)
    axes.text(
        node.x, node.y, words, ha="center", va="center", fontsize=10, color=INK, zorder=4, linespacing=1.1
    )


def _arrow(axes: Any, arrow: Arrow) -> None:
    thick, bold = (2.0, "bold") if arrow.significant and not arrow.covariance else (1.2, "normal")
    axes.add_patch(
        FancyArrowPatch(
            arrow.tail,
            arrow.head,
            connectionstyle=f"arc3,rad={BEND if arrow.covariance else 0}",
            arrowstyle="<|-|>" if arrow.covariance else "-|>",
            mutation_scale=11 if arrow.covariance else 14,
            linewidth=thick,
            linestyle="-" if arrow.significant else (0, (4, 3)),
            color=ACCENT if arrow.significant else QUIET,
            shrinkA=1,
            shrinkB=3,
            zorder=1,
        )
    )
    axes.text(
        *arrow.at,
        arrow.label,
        ha="center",
        va="center",
        fontsize=9 if arrow.covariance else 10,
        color=ACCENT if arrow.significant else FAINT,
        fontweight=bold,
        zorder=2,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
    )
