"""Figures of the publication: path diagrams, forests, series; drawn only where their content changed.

A figure depends on its rows and words alone. Drawn ones are kept in a folder under the digest of what they
were made from, so that a run draws what changed; many are drawn by the executors.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import matplotlib.figure
import pandas as pd

from jobs.output import diagram, forest, painting, region_map, series
from jobs.output.kept import Kept

ENDINGS = (".svg", ".png")
Draw = Callable[[Sequence["Figure"]], list["Drawn"]]


@dataclass(frozen=True)
class Figure:
    """What a figure shows: its kind (see KINDS), its rows, title, note, and what else its kind is given."""

    kind: str
    rows: pd.DataFrame
    title: str
    note: str
    more: tuple[Any, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 of all that the drawing depends on."""
        words = (
            f"{self.kind}\0{self.title}\0{self.note}\0{self.more}\0{self.rows.to_json(double_precision=15)}"
        )
        return hashlib.sha256(_program(self.kind) + words.encode()).hexdigest()


@cache
def _program(kind: str) -> bytes:
    """The modules that draw a kind of figure."""
    sources = ("diagram.py", "painting.py", *SOURCES[kind])
    return b"".join((resources("jobs.output") / name).read_bytes() for name in sources)


def _path_diagram(figure: Figure) -> matplotlib.figure.Figure:
    return painting.painted(diagram.draw(figure.rows, figure.title, figure.note, *figure.more))


def _forest(figure: Figure) -> matplotlib.figure.Figure:
    """`rows`: the countries, the last one the mean of all."""
    return forest.draw(figure.rows.iloc[:-1], figure.rows.iloc[-1], figure.title, figure.note)


def _series(figure: Figure) -> matplotlib.figure.Figure:
    waves, breaks = figure.more
    return series.draw(figure.rows, waves, breaks, figure.title, figure.note)


def _map(figure: Figure) -> matplotlib.figure.Figure:
    return region_map.draw(figure.rows, dict(figure.more), figure.title, figure.note)


KINDS = {"path diagram": _path_diagram, "forest": _forest, "series": _series, "map": _map}
SOURCES: dict[str, tuple[str, ...]] = {  # of a drawing, beside diagram.py and painting.py
    "path diagram": (),
    "forest": ("forest.py",),
    "series": ("series.py",),
    "map": ("region_map.py",),
}


@dataclass(frozen=True)
class Drawn:
    """A figure as the bytes of its files."""

    svg: bytes
    png: bytes


def draw(figure: Figure) -> Drawn:
    """The figure's files."""
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "figure"
        painting.write(KINDS[figure.kind](figure), stem, f"{figure.kind.capitalize()}: {figure.title}")
        svg, png = (stem.with_suffix(ending).read_bytes() for ending in ENDINGS)
    return Drawn(svg, png)


def drawn(figures: Sequence[Figure], folder: Path, each: Draw) -> list[Drawn]:
    """All figures; those not in the folder are drawn by `each`. Others are removed from the folder."""
    kept = Kept(folder)
    digests = [figure.digest for figure in figures]
    by_digest = dict(zip(digests, figures, strict=True))
    drawings: dict[str, Drawn] = {}
    for digest in by_digest:
        svg, png = (kept.get(digest, ending) for ending in ENDINGS)
        if svg is not None and png is not None:
            drawings[digest] = Drawn(svg, png)
    missing = [digest for digest in by_digest if digest not in drawings]
    for digest, new in zip(missing, each([by_digest[digest] for digest in missing]), strict=True):
        for ending, content in zip(ENDINGS, (new.svg, new.png), strict=True):
            kept.put(digest, ending, content)
        drawings[digest] = new
    kept.forget_others()
    return [drawings[digest] for digest in digests]
