"""All published tables in one Excel workbook, after the UK Analysis Function's guidance for spreadsheets.

Cover and notes first, one table per sheet with its title in A1, no merged cells, `[c]` for what is withheld.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from jobs.output.tables import rounded
from jobs.publish.rules import STATUS
from jobs.settings import schemas

# A fixed time of creation: the same tables give the same bytes.
CREATED = datetime(2000, 1, 1)
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
WIDEST = 48


def write(tables: dict[str, pd.DataFrame], facts: dict[str, Any], path: Path) -> None:
    """The workbook at `path`; `facts` as the pipeline hands them over."""
    book = xlsxwriter.Workbook(str(path), SAFE)
    book.set_properties({"title": facts["title"], "created": CREATED, "author": ""})
    title = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    _cover(book, tables, facts, title, wrap)
    _notes(book, tables, title, head, wrap)
    for name, frame in tables.items():
        _table(book, name, rounded(frame), title, head)
    book.close()


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


def _table(book: Any, name: str, frame: pd.DataFrame, title: Any, head: Any) -> None:
    sheet = book.add_worksheet(name)
    sheet.write_string(0, 0, schemas.table(name).meaning, title)
    for column, label in enumerate(frame.columns):
        sheet.write_string(1, column, label, head)
        sheet.set_column(column, column, min(max(len(label) + 2, 12), WIDEST))
    withheld = [_hides(name, frame, column) for column in frame.columns]
    for row, values in enumerate(frame.itertuples(index=False, name=None)):
        for column, value in enumerate(values):
            if withheld[column] is not None and withheld[column][row] == "c" and pd.isna(value):
                sheet.write_string(row + 2, column, "[c]")
            elif value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
                continue
            elif isinstance(value, (bool,)):
                sheet.write_boolean(row + 2, column, value)
            elif isinstance(value, (int, float)) or hasattr(value, "dtype"):
                sheet.write_number(row + 2, column, value)
            else:
                sheet.write_string(row + 2, column, str(value))
    sheet.freeze_panes(2, 0)
    if len(frame):
        sheet.autofilter(1, 0, len(frame) + 1, len(frame.columns) - 1)


def _hides(name: str, frame: pd.DataFrame, column: str) -> Any:
    """The status that tells whether an empty cell of the column is withheld; None where there is none."""
    status = STATUS.get(name, {}).get(column)
    return frame[status].tolist() if status in frame.columns else None
