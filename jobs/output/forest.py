"""Forest plots: a path's estimate in every group with its interval, and the pooled estimate below them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from jobs.output.diagram import ACCENT, INK, PAPER, QUIET

ROW = 0.27  # height of a row, inches
EDGES = 1.55  # inches for title, axis and note
LEFT, PLOT, RIGHT = 0.26, 0.74, 0.98  # where the interval panel starts and ends, and the figures' edge


def draw(estimates: pd.DataFrame, pooled: pd.Series, title: str, note: str) -> Figure:
    """A figure of one path. `estimates` has one row per group: group, est, ci_lower, ci_upper, se.

    `pooled` is a row of pool_paths.

    A square's area is the group's weight in the pooled estimate; a group left out of it stands in grey,
    and one without an interval shows its name only.
    """
    rows = len(estimates) + 1
    figure = Figure(figsize=(8.6, ROW * rows + EDGES), facecolor=PAPER)
    height = figure.get_figheight()
    axes = figure.add_axes((LEFT, 0.85 / height, PLOT - LEFT, ROW * rows / height))
    weights = _weights(estimates, float(pooled.tau2))
    for place, row in enumerate(estimates.itertuples()):
        y, share = rows - 1 - place, weights[place]
        color = INK if share > 0 else QUIET
        _label(axes, y, row.group, _figures(row.est, row.ci_lower, row.ci_upper), color)
        if pd.notna(row.ci_lower):
            axes.plot([row.ci_lower, row.ci_upper], [y, y], color=color, linewidth=1.1, zorder=2)
            axes.scatter([row.est], [y], s=8 + 90 * share, marker="s", color=color, linewidth=0, zorder=3)
    _diamond(axes, pooled)
    words = _figures(pooled.est, pooled.ci_lower, pooled.ci_upper)
    _label(axes, 0, f"pooled, {int(pooled.groups)} groups", words, ACCENT, "bold")
    axes.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    axes.axvline(pooled.est, color=ACCENT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.set_ylim(-0.7, rows - 0.3)
    axes.set_yticks([])
    axes.tick_params(labelsize=8.5, colors=INK)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    figure.text(
        0.03, 1 - 0.14 / height, title, ha="left", va="top", fontsize=12.5, fontweight="bold", color=INK
    )
    figure.text(0.03, 0.12 / height, note, ha="left", va="bottom", fontsize=8.5, color="#4a5568")
    return figure


def heterogeneity(pooled: pd.Series) -> str:
    """How far the groups differ, as a note says it."""
    pvalue = "p < 0.001" if pooled.q_pvalue < 0.001 else f"p = {pooled.q_pvalue:.3f}"
    return (
        f"τ² = {pooled.tau2:.3g}; I² = {100 * pooled.i2:.0f} %; "
        f"Q = {pooled.q:.2f} ({pooled.q_df:.0f} degrees of freedom), {pvalue}"
    )


def _weights(estimates: pd.DataFrame, tau2: float) -> np.ndarray:
    """Each group's share of the pooled estimate (k), 0 for a group that is left out."""
    used = (estimates.reliable.astype(bool) & (estimates.se > 0)).to_numpy()
    variance = np.where(used, estimates.se.to_numpy(dtype=float, na_value=np.nan) ** 2, np.inf)
    weights = 1 / (variance + tau2)
    return weights / weights.sum()


def _label(axes, y: float, name: str, figures: str, color: str, weight: str = "normal") -> None:
    """The group's name left of the panel, its figures right of it."""
    across = axes.get_yaxis_transform()
    panel = PLOT - LEFT
    style = {"va": "center", "fontsize": 8.5, "color": color, "fontweight": weight, "transform": across}
    axes.text((0.03 - LEFT) / panel, y, _cut(name), ha="left", **style)
    axes.text((RIGHT - LEFT) / panel, y, figures, ha="right", **style)


def _diamond(axes, pooled: pd.Series) -> None:
    corners = [(pooled.ci_lower, 0), (pooled.est, 0.32), (pooled.ci_upper, 0), (pooled.est, -0.32)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=ACCENT, edgecolor="none", zorder=3))
    axes.update_datalim([corner for corner in corners])


def _figures(est: float, lower: float, upper: float) -> str:
    if pd.isna(est):
        return "no estimate"
    interval = "" if pd.isna(lower) else f" [{lower:.3f}, {upper:.3f}]"
    return f"{est:.3f}{interval}".replace("-", "\N{MINUS SIGN}")


def _cut(name: str, longest: int = 32) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
