"""Wide matrices whose rows are alike, in blocks of cells (see matrices.py, in_blocks.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.codes import BLANKS
from jobs.readers import blocks, regular
from jobs.readers.blocks import Block, Reading, Texts
from jobs.readers.dialect import Dialect
from jobs.readers.matrices import Matrix, both
from jobs.readers.records import clean
from jobs.settings import encodings
from jobs.settings.inputs import LABELS, FlowsInput
from jobs.settings.slices import Slice


@dataclass(frozen=True)
class MatrixTable:
    """A matrix of a slice, and how it is read (see in_blocks.Table)."""

    slice: Slice
    path: str
    matrix: Matrix
    settings: FlowsInput
    reading: Reading
    blank = ""  # what an empty cell is

    @property
    def part(self) -> Path:
        return self.matrix.part

    def blocks(self, begin: int, end: int | None) -> Iterator[Block]:
        """The cells of the rows that begin in these bytes of the file."""
        dialect, headers = Dialect.of(self.settings), self.matrix.headers
        encoding, separator = encodings.python_name(dialect.encoding), dialect.separator
        heads = {separator.join(head) for head in headers.rows}
        first, width = len(headers.labels), headers.width
        for piece in regular.pieces(self.path, self.part, begin, end):
            lines = (line.rstrip("\r") for line in piece.decode(encoding).split("\n"))
            rows = [line.split(separator) for line in lines if line.strip(BLANKS + separator)]
            rows = [row for row in rows if separator.join(row) not in heads]
            if rows:
                values = pa.concat_arrays([pa.array(row[first:width], pa.string()) for row in rows])
                yield blocks.looked_at(self._labels(rows), values, self.reading, {})

    def _labels(self, rows: list[list[str]]) -> dict[str, Texts]:
        """The labels of the cells of rows: those of a row repeated, those of the columns in turn."""
        headers = self.matrix.headers
        sellers = [self._seller(row) for row in rows]
        of_row = np.repeat(np.arange(len(rows), dtype=np.int32), len(headers.buyers))
        of_column = np.tile(np.arange(len(headers.buyers), dtype=np.int32), len(rows))
        texts = [*zip(*sellers, strict=True), *zip(*headers.buyers, strict=True)]
        places = [of_row, of_row, of_column, of_column]
        return {label: Texts(of, places[k]) for k, (label, of) in enumerate(zip(LABELS, texts, strict=True))}

    def _seller(self, row: list[str]) -> tuple[str, str]:
        headers = self.matrix.headers
        held = {kind: clean(cell) for kind, cell in zip(headers.labels, row, strict=False)}
        if "both" in held:
            return both(held["both"], self.settings.join)
        return headers.region if headers.region is not None else held["region"], held["sector"]


def parted(side: str, labels: Texts, join: str) -> dict[str, Texts]:
    """The region and the sector of labels that hold both."""
    parted = [both(text, join) for text in labels.different]
    kinds = (f"{side}_region", f"{side}_sector")
    return {kind: Texts([pair[k] for pair in parted], labels.places) for k, kind in enumerate(kinds)}
