"""A map of regions: darker is larger, hatched is withheld, pale grey has no figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import cos, radians

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from jobs.output.diagram import ACCENT, INK, PAPER

TINTS = LinearSegmentedColormap.from_list("tints", ["#e3f1ec", ACCENT, "#06382a"])
EMPTY, OUTSIDE = "#e8eaee", "#f4f5f7"
CREDIT = "© EuroGeographics for the administrative boundaries, where they are GISCO's"
EUROPE = ((-12.0, 45.0), (34.0, 72.0))  # degrees; regions overseas lie outside
Rings = Sequence[Sequence[tuple[float, float]]]


def draw(regions: pd.DataFrame, shapes: Mapping[str, Rings], title: str, note: str) -> Figure:
    """A figure of the shares of regions. `regions`: one row each: region, value, withheld (true or false).

    `shapes`: the rings of each region, in degrees or metres. Of regions in degrees those outside Europe are
    left out where most lie within; a region without a shape counts in the note.
    """
    known = regions[regions.region.isin(shapes.keys())]
    points = np.array([point for code in known.region for ring in shapes[code] for point in ring])
    degrees = bool(np.abs(points).max() <= 180)
    (west, east), (south, north) = _frame(points, degrees)
    stretch = 1 / cos(radians((south + north) / 2)) if degrees else 1.0
    height = min(max(6.2 * (north - south) * stretch / (east - west), 3.0), 7.0)
    figure = Figure(figsize=(8.6, height + 1.2), facecolor=PAPER)
    axes = figure.add_axes((0.02, 0.7 / (height + 1.2), 0.8, height / (height + 1.2)))
    axes.set_axis_off()
    axes.set_aspect(stretch)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    scale = Normalize(*_ends(known.value.where(~known.withheld)))
    for row in known.itertuples():
        empty = row.withheld or pd.isna(row.value)
        axes.add_patch(
            PathPatch(
                _outline(shapes[row.region]),
                facecolor=(OUTSIDE if row.withheld else EMPTY) if empty else TINTS(scale(row.value)),
                edgecolor="#9aa3b2" if row.withheld else PAPER,
                hatch="////" if row.withheld else None,
                linewidth=0.4,
            )
        )
    bar = figure.add_axes((0.86, 0.25, 0.02, 0.5))
    legend = figure.colorbar(ScalarMappable(scale, TINTS), cax=bar)
    legend.outline.set_visible(False)
    bar.tick_params(labelsize=8.5, colors=INK, length=0)
    lost = len(regions) - len(known)
    words = [note, f"{lost} regions have no boundary in the file" if lost else "", CREDIT]
    figure.text(0.03, 0.98, title, ha="left", va="top", fontsize=12.5, fontweight="bold", color=INK)
    figure.text(
        0.03, 0.02, "\n".join(filter(None, words)), ha="left", va="bottom", fontsize=8.5, color="#4a5568"
    )
    return figure


def _frame(points: np.ndarray, degrees: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of the map from west to east and from south to north, with a margin."""
    inside = points
    if degrees:
        (west, east), (south, north) = EUROPE
        x, y = points.T
        within = (west <= x) & (x <= east) & (south <= y) & (y <= north)
        inside = points[within] if within.mean() > 0.5 else points
    low, high = inside.min(axis=0), inside.max(axis=0)
    margin = 0.02 * max(high - low) + 1e-9
    return (low[0] - margin, high[0] + margin), (low[1] - margin, high[1] + margin)


def _ends(values: pd.Series) -> tuple[float, float]:
    if values.notna().sum() == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.05, high + 0.05)


def _outline(rings: Rings) -> Path:
    """One path of all rings, so that holes stay open."""
    return Path.make_compound_path(*(Path(np.array(ring), closed=True) for ring in rings if len(ring) > 2))
