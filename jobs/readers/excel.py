"""Sheets of Excel workbooks (.xlsx, .xls, .xlsb, .ods) as rows of text, through python-calamine.

The driver reads a sheet as a whole; a sheet has at most a million rows. Numbers have a point and no digits
that they do not need, as in every typed format (see readers.typed); dates are as ISO 8601 writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from jobs.errors import InputError
from jobs.readers import files, typed


def rows(path: str, part: Path, sheet: str | None, skip: int = 0) -> Iterator[tuple[int, list[str]]]:
    """The number of each row of a sheet (from 1) and its cells; of the first sheet where none is named.

    All rows are as wide as the sheet; the first `skip` are left out. Raises InputError where the file is no
    workbook or has no such sheet.
    """
    shown = files.shown(path, part)
    workbook = _workbook(shown, part)
    names = workbook.sheet_names
    if sheet is not None and sheet not in names:
        raise InputError(f"{shown} has no sheet {sheet!r}; it has {', '.join(names[:10])}: mend sheet.")
    try:
        cells = workbook.get_sheet_by_name(names[0] if sheet is None else sheet).to_python(
            skip_empty_area=False
        )
    except CalamineError:
        raise InputError(f"{shown} is damaged: its sheet cannot be read; deliver it again.") from None
    for number, row in enumerate(cells[skip:], start=skip + 1):
        yield number, [_text(cell) for cell in row]


def sheets(path: str, part: Path) -> list[str]:
    """The names of the sheets. Raises InputError where the file is no workbook."""
    return list(_workbook(files.shown(path, part), part).sheet_names)


def _workbook(shown: str, part: Path) -> CalamineWorkbook:
    try:
        workbook = CalamineWorkbook.from_path(part)
    except OSError:
        raise InputError(f"{shown} cannot be read; check it and its permissions.") from None
    except CalamineError:
        raise InputError(
            f"{shown} is no Excel workbook that can be read; check its format, take off its password, or "
            "deliver it again."
        ) from None
    if not workbook.sheet_names:
        raise InputError(f"{shown} has no sheet; deliver it again.")
    return workbook


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return typed.text(cell) or ""
