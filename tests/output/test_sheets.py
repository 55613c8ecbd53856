"""Rows of sheets that are put into a workbook, read back by another library."""

from __future__ import annotations

import io

import numpy as np
import openpyxl
import pandas as pd
import xlsxwriter

from jobs.output import sheets

TEXTS = ["a & b <c>", "  indented", "=1+1", "ø\x01", "_x0041_", None]


def read_back(tmp_path, frame: pd.DataFrame, marks=None):
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.add_worksheet("first").write_string(0, 0, "stays")
    book.add_worksheet("filled").write_string(0, 0, "head")
    book.close()
    cells = f"A1:{chr(64 + len(frame.columns))}{len(frame) + 1}"
    sheets.fill(content, tmp_path / "book.xlsx", {2: (cells, sheets.rows(frame, 2, marks or {}))})
    return openpyxl.load_workbook(tmp_path / "book.xlsx")


def columns(sheet) -> list[tuple]:
    return list(zip(*list(sheet.iter_rows(values_only=True))[1:], strict=True))


def test_values_are_read_back_as_they_were(tmp_path):
    frame = pd.DataFrame(
        {
            "text": TEXTS,
            "float": [0.1, -1e-9, 1e15, 12345678.9, 2.0, np.nan],
            "count": pd.array([1, 2, None, 4, 5, 6], dtype="Int64"),
            "known": pd.array([True, False, None, True, False, True], dtype="boolean"),
            "nothing": [None] * 6,
        }
    )
    book = read_back(tmp_path, frame)
    text, numbers, counts, known = columns(book["filled"])  # the last column has no cell
    # Excel reads its escapes again (ECMA-376, ST_Xstring); this library leaves them in texts of cells.
    assert text == ("a & b <c>", "  indented", "=1+1", "ø_x0001_", "_x005F_x0041_", None)
    assert numbers == (0.1, -1e-9, 1e15, 12345678.9, 2.0, None)
    assert counts == (1, 2, None, 4, 5, 6)
    assert known == (True, False, None, True, False, True)
    assert book["first"]["A1"].value == "stays"
    unread = openpyxl.load_workbook(tmp_path / "book.xlsx", read_only=True)["filled"]
    assert unread.calculate_dimension() == "A1:E7"
    assert all(cell.data_type != "f" for row in book["filled"].iter_rows() for cell in row)


def test_a_mark_stands_in_empty_cells_alone(tmp_path):
    frame = pd.DataFrame({"share": [0.5, None, None], "words": ["x", None, ""]})
    marks = {"share": pd.Series(["[c]", "[c]", ""]), "words": pd.Series(["", "[c]", "[c]"])}
    share, words = columns(read_back(tmp_path, frame, marks)["filled"])
    assert share == (0.5, "[c]", None)
    assert words == ("x", "[c]", "[c]")
