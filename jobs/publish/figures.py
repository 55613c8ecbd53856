"""Path diagrams of the publication: one a country, wave and group, drawn only where their content changed.

A figure depends on its rows and words alone. Drawn ones are kept in a folder under the digest of what they
were made from, so that a run draws what changed; many are drawn by the executors.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from jobs.output import diagram

ENDINGS = (".svg", ".png")
Draw = Callable[[Sequence["Figure"]], list["Drawn"]]


@dataclass(frozen=True)
class Figure:
    """What a path diagram shows: the estimates of one group, its title, note and level of significance."""

    rows: pd.DataFrame
    title: str
    note: str
    level: float

    @property
    def digest(self) -> str:
        """sha256 of all that the drawing depends on."""
        program = Path(diagram.__file__ or "").read_bytes() if os.path.isfile(diagram.__file__ or "") else b""
        words = f"{self.title}\0{self.note}\0{self.level}\0{self.rows.to_json(double_precision=15)}"
        return hashlib.sha256(program + words.encode()).hexdigest()


@dataclass(frozen=True)
class Drawn:
    """A figure as the bytes of its files."""

    svg: bytes
    png: bytes


def draw(figure: Figure) -> Drawn:
    """The figure's files."""
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "figure"
        drawing = diagram.draw(figure.rows, figure.title, figure.note, figure.level)
        diagram.write(drawing, stem, f"Path diagram: {figure.title}")
        svg, png = (stem.with_suffix(ending).read_bytes() for ending in ENDINGS)
    return Drawn(svg, png)


def drawn(figures: Sequence[Figure], kept: Path, each: Draw) -> list[Drawn]:
    """All figures; those not in the folder `kept` are drawn by `each`. Others are removed from the folder."""
    kept.mkdir(parents=True, exist_ok=True, mode=0o700)
    digests = [figure.digest for figure in figures]
    known = {digest: _read(kept / digest) for digest in dict.fromkeys(digests)}
    missing = {
        digest: figure for digest, figure in zip(digests, figures, strict=True) if known[digest] is None
    }
    for (digest, _), new in zip(missing.items(), each(list(missing.values())), strict=True):
        known[digest] = new
        for ending, content in zip(ENDINGS, (new.svg, new.png), strict=True):
            draft = kept / f".{digest}{ending}"
            draft.write_bytes(content)
            os.replace(draft, kept / f"{digest}{ending}")
    for file in kept.iterdir():
        if file.stem not in known:
            file.unlink()
    return [figure for digest in digests if (figure := known[digest]) is not None]


def _read(stem: Path) -> Drawn | None:
    files = [stem.with_name(stem.name + ending) for ending in ENDINGS]
    return Drawn(*(file.read_bytes() for file in files)) if all(file.is_file() for file in files) else None
