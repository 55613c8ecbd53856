"""The rows of large sheets of an Excel workbook, put into it a column at a time.

A library writes a workbook cell by cell, which takes half a minute of 300,000 rows. Here Arrow joins the
cells of whole columns to what ECMA-376 asks for (part 1, 18.3.1.4 and 18.3.1.73), texts in their cells.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter.utility import xl_col_to_name

MOST_ROWS = 1 << 20  # of a sheet
DIMENSION = re.compile(rb'<dimension ref="[^"]*"/>')
END = b"</sheetData>"
NUMBER, TEXT, BOOLEAN = '">', '" t="inlineStr">', '" t="b">'  # how a cell goes on behind its place
# What no XML can hold, and what Excel would take for its name of such a character.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]|_(?=x[0-9A-Fa-f]{4}_)")
FAST = 2  # level of compression: a third of the usual time, and files a fifth larger
BLOCK = 100_000  # rows whose text is joined at once


def rows(frame: pd.DataFrame, first: int, marks: Mapping[str, pd.Series]) -> bytes:
    """The rows of a sheet from the row number `first` on; empty cells are left out.

    `marks`: of columns, by name, the text of each row that stands where the cell is empty; "" for none.
    """
    blocks = []
    for start in range(0, len(frame), BLOCK):
        part = slice(start, start + BLOCK)
        own = {name: mark.iloc[part] for name, mark in marks.items()}
        blocks.append(_block(frame.iloc[part], first + start, own))
    return "".join(blocks).encode()


def _block(frame: pd.DataFrame, first: int, marks: Mapping[str, pd.Series]) -> str:
    table = pa.Table.from_pandas(frame, preserve_index=False).combine_chunks()
    numbers = pc.cast(pa.array(np.arange(first, first + len(frame))), pa.string())
    cells: list[pa.Array] = []
    for place, name in enumerate(table.column_names):
        kind, value = _value(table.column(name).chunk(0))
        if name in marks:
            mark = pa.array(marks[name], pa.string())
            stands = pc.and_(pc.is_null(value), pc.not_equal(mark, ""))
            kind = pc.if_else(stands, TEXT, kind)
            value = pc.if_else(stands, _text(mark), value)
        at = f'<c r="{xl_col_to_name(place)}'
        cell = pc.binary_join_element_wise(at, numbers, kind, value, "</c>", "")
        cells.append(pc.fill_null(cell, ""))
    lines = pc.binary_join_element_wise('<row r="', numbers, '">', *cells, "</row>", "")
    return "".join(lines.to_pylist())


def _value(column: pa.Array) -> tuple[str, pa.Array]:
    """How the cells of a column begin behind their place, and what is in each; null in an empty one."""
    if pa.types.is_boolean(column.type):
        return BOOLEAN, _number(pc.cast(column, pa.int8()))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return NUMBER, _number(column)
    return TEXT, _text(pc.cast(column, pa.string()))


def _number(column: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise("<v>", pc.cast(column, pa.string()), "</v>", "")


def _text(column: pa.Array) -> pa.Array:
    """Texts as the inside of a cell; null for an empty text. The same text is made ready once."""
    coded = pc.dictionary_encode(column)
    ready = [_inside(text) if text else None for text in coded.dictionary.to_pylist()]
    return pc.take(pa.array(ready, pa.string()), coded.indices)


def _inside(text: str) -> str:
    plain = CONTROL.sub(lambda found: f"_x{ord(found.group()):04X}_", text)
    kept = ' xml:space="preserve"' if plain != plain.strip() else ""
    return f"<is><t{kept}>{escape(plain)}</t></is>"


def fill(workbook: BinaryIO, target: Path, bodies: Mapping[int, tuple[str, bytes]]) -> None:
    """Write to `target` the workbook with rows at the end of its sheets.

    `bodies`: by the number of a sheet, the range of cells that it has then, such as A1:D90, and the rows.
    """
    by_file = {f"xl/worksheets/sheet{number}.xml": body for number, body in bodies.items()}
    with (
        zipfile.ZipFile(workbook) as given,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=FAST) as filled,
    ):
        for part in given.infolist():
            content = given.read(part)
            if part.filename in by_file:
                cells, body = by_file[part.filename]
                head, end, tail = content.partition(END)
                assert end, "a sheet that is filled has a head"
                head = DIMENSION.sub(f'<dimension ref="{cells}"/>'.encode(), head)
                content = b"".join([head, body, end, tail])
            filled.writestr(part, content)
