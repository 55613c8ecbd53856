"""Long tables in Parquet, in blocks of cells (see in_blocks.py): no number becomes a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.errors import InputError
from jobs.readers import blocks, files, statistical
from jobs.readers.blocks import Block, Reading, Texts
from jobs.readers.matrix_blocks import parted
from jobs.readers.records import clean
from jobs.settings.inputs import SIDES
from jobs.settings.slices import Slice

ROWS = 1 << 19  # of a block
FIRST = 2  # the number of the first row, as in a file with a header
VALUE = "value"


@dataclass(frozen=True)
class ParquetTable:
    """A part of a slice's long table and how it is read (see in_blocks.Table)."""

    slice: Slice
    path: str
    part: Path
    columns: Mapping[str, str]
    join: str
    reading: Reading
    blank = None  # what an empty cell is

    def blocks(self, begin: int, end: int | None) -> Iterator[Block]:
        """The cells of the groups of rows that begin in these bytes. Raises InputError for a damaged file."""
        wanted = [*self.columns.values(), *self.reading.where]
        own = _own(self.part, wanted)
        try:
            file = pq.ParquetFile(self.part, read_dictionary=[own[name] for name in wanted], pre_buffer=False)
            begins = [file.metadata.row_group(k).column(0) for k in range(file.num_row_groups)]
            groups = [k for k, of in enumerate(begins) if begin <= _place(of) < (end or _place(of) + 1)]
            row = FIRST + sum(file.metadata.row_group(k).num_rows for k in range(min(groups, default=0)))
            for batch in file.iter_batches(ROWS, groups, list(own.values()), use_threads=False):
                if len(batch):
                    yield replace(self._block({name: batch.column(own[name]) for name in own}), first=row)
                row += len(batch)
        except (pa.ArrowException, OSError):
            raise InputError(statistical.damaged(self.path, self.part, "Parquet")) from None

    def _block(self, read: Mapping[str, pa.Array]) -> Block:
        value = read[self.columns[VALUE]]
        values = _as_text(value) if not pa.types.is_floating(value.type) else value
        labels = {role: _texts(read[name]) for role, name in self.columns.items() if role != VALUE}
        for side in (side for side in SIDES if side in labels):
            labels |= parted(side, labels.pop(side), self.join)
        choosing = {name: _texts(read[name]) for name in self.reading.where}
        return blocks.looked_at(labels, values, self.reading, choosing)


def can_read(part: Path, wanted: list[str], value: str) -> bool:
    """Whether labels are texts or whole numbers, values too, or doubles, and tasks can open the file."""
    own, schema = _own(part, wanted), pq.read_schema(part)

    def fits(name: str) -> bool:
        kind = schema.field(own[name]).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        is_plain = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
        return is_plain or (name == value and pa.types.is_float64(kind))

    return files.spark_path(part) is not None and all(map(fits, wanted))


def _own(part: Path, wanted: list[str]) -> dict[str, str]:
    """The names of the wanted columns in the file."""
    present = pq.read_schema(part).names
    own = dict(zip(files.matched(present, wanted), present, strict=True))
    return {name: own[name] for name in wanted}


def _place(column: pq.ColumnChunkMetaData) -> int:
    """Where a column of a group of rows begins in the file."""
    return min(filter(None, (column.dictionary_page_offset, column.data_page_offset)))


def _as_text(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()).fill_null("")


def _texts(column: pa.Array) -> Texts:
    if not pa.types.is_dictionary(column.type) or column.null_count or column.dictionary.null_count:
        column = _as_text(column).dictionary_encode()
    different = pc.cast(column.dictionary, pa.string()).to_pylist()
    return Texts([clean(text) for text in different], column.indices.to_numpy())
