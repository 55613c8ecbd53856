"""A path over the waves: its estimate with its interval in every group, breaks in the series flagged."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from jobs.output.diagram import ACCENT, INK, PAPER, QUIET

COLOURS = (ACCENT, "#9a4a00", "#3b5bb5", "#7a3e9d")  # of the groups, in their order
APART = 0.12  # between the groups' points at a wave


def draw(
    estimates: pd.DataFrame, waves: Sequence[str], breaks: Sequence[str], title: str, note: str
) -> Figure:
    """A figure of one path. `estimates`: one row per wave and group: wave, group, est, ci_lower, ci_upper.

    Waves stand in the order of `waves`; a wave without an estimate is a gap. `breaks`: the waves before
    which the series breaks.
    """
    figure = Figure(figsize=(8.6, 3.4), facecolor=PAPER)
    axes = figure.add_axes((0.08, 0.22, 0.88, 0.62))
    groups = sorted(estimates.group.unique())
    for place, group in enumerate(groups):
        shift = APART * (place - (len(groups) - 1) / 2)
        colour = COLOURS[place % len(COLOURS)]
        own = estimates[estimates.group == group].set_index("wave").reindex(list(waves))
        at = [number + shift for number in range(len(waves))]
        axes.plot(at, own.est, color=colour, linewidth=1.2, marker="o", markersize=4, label=group)
        axes.vlines(at, own.ci_lower, own.ci_upper, color=colour, linewidth=1.0)
    for wave in breaks:
        axes.axvline(list(waves).index(wave) - 0.5, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.axhline(0, color=QUIET, linewidth=0.9, zorder=1)
    axes.set_xlim(-0.5, len(waves) - 0.5)
    axes.set_xticks(range(len(waves)), list(waves))
    axes.tick_params(labelsize=8.5, colors=INK)
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 1.14), ncols=len(groups), fontsize=8.5, frameon=False)
    figure.text(0.03, 0.97, title, ha="left", va="top", fontsize=12.5, fontweight="bold", color=INK)
    figure.text(0.03, 0.03, note, ha="left", va="bottom", fontsize=8.5, color="#4a5568")
    return figure
