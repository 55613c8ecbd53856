"""All published tables in one Excel workbook, after the UK Analysis Function's guidance for spreadsheets.

Cover and notes first, one table per sheet with its title in A1, no merged cells, `[c]` for what is withheld.
"""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from jobs.output import sheets
from jobs.publish.rules import STATUS, WITHHELD
from jobs.settings import schemas

# A fixed time of creation: the same tables give the same bytes.
CREATED = datetime(2000, 1, 1)
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
WIDEST = 48


def write(tables: dict[str, pd.DataFrame], facts: dict[str, Any], path: Path) -> None:
    """The workbook of rounded tables at `path`; `facts` as the pipeline hands them over."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {**SAFE, "in_memory": True})
    book.set_properties({"title": facts["title"], "created": CREATED, "author": ""})
    title = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    _cover(book, tables, facts, title, wrap)
    _notes(book, tables, title, head, wrap)
    bodies = [_table(book, name, frame, title, head) for name, frame in tables.items()]
    book.close()
    first = 1 + len(book.worksheets()) - len(bodies)  # behind the cover and the notes
    sheets.fill(content, path, {number: body for number, body in enumerate(bodies, first) if body})


def _cover(book: Any, tables: dict[str, pd.DataFrame], facts: dict[str, Any], title: Any, wrap: Any) -> None:
    sheet = book.add_worksheet("cover")
    sheet.set_column(0, 0, 90, wrap)
    lines = [
        f"Study {facts['study']}, Diamant {facts['version']}.",
        "Every cell passed the disclosure rules of the run; [c] marks what they withhold.",
        "Sheets: " + ", ".join(["notes", *tables]) + ".",
    ]
    sheet.write_string(0, 0, facts["title"], title)
    for row, line in enumerate(lines, start=1):
        sheet.write_string(row, 0, line)


def _notes(book: Any, tables: dict[str, pd.DataFrame], title: Any, head: Any, wrap: Any) -> None:
    sheet = book.add_worksheet("notes")
    sheet.set_column(0, 2, 28, wrap)
    sheet.set_column(3, 3, 80, wrap)
    sheet.write_string(0, 0, "Tables and columns", title)
    for column, name in enumerate(("table", "column", "unit", "meaning")):
        sheet.write_string(1, column, name, head)
    row = 2
    for name, frame in tables.items():
        table = schemas.table(name)
        entries = [(name, "", "", table.meaning)]
        entries += [(name, c.name, c.unit or "", c.meaning) for c in table.columns if c.name in frame.columns]
        for entry in entries:
            for column, text in enumerate(entry):
                sheet.write_string(row, column, text)
            row += 1
    sheet.freeze_panes(2, 0)


def _table(book: Any, name: str, frame: pd.DataFrame, title: Any, head: Any) -> tuple[str, bytes] | None:
    """A sheet with its title and head; gives the range of its cells and its rows, which are put in later."""
    sheet = book.add_worksheet(name)
    sheet.write_string(0, 0, schemas.table(name).meaning, title)
    for column, label in enumerate(frame.columns):
        sheet.write_string(1, column, label, head)
        sheet.set_column(column, column, min(max(len(label) + 2, 12), WIDEST))
    sheet.freeze_panes(2, 0)
    if frame.empty:
        return None
    if len(frame) > sheets.MOST_ROWS - 2:
        sheet.write_string(2, 0, f"{len(frame):,} rows are more than a sheet holds; see {name}.csv.")
        return None
    last = len(frame) + 1, len(frame.columns) - 1
    sheet.autofilter(1, 0, *last)
    marks = {
        column: frame[status].map({WITHHELD: "[c]"}).fillna("")
        for column, status in STATUS.get(name, {}).items()
        if column in frame and status in frame
    }
    return f"A1:{xl_rowcol_to_cell(*last)}", sheets.rows(frame, 3, marks)
