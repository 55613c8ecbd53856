"""Code lists as offices keep them: the first sheet of an Excel workbook, with a header row."""

from __future__ import annotations

from typing import Any

from jobs.errors import SettingsError
from jobs.settings import resources
from jobs.settings.endings import BY_ENDING

YES = {"1", "true", "yes", "x"}
COLUMNS = ("code", "name", "industrial", "divisions")


def is_workbook(name: str) -> bool:
    """Whether a file is a workbook, by its ending."""
    return BY_ENDING.get(name.rpartition(".")[2].lower()) == "excel"


def rows(name: str) -> list[list[str]]:
    """The rows of the first sheet as texts, without blank ones. Raises SettingsError for no workbook."""
    from python_calamine import CalamineError, CalamineWorkbook  # takes time to load, and few runs need it

    try:
        with resources.find(name).open("rb") as stream:
            cells = CalamineWorkbook.from_filelike(stream).get_sheet_by_index(0).to_python()  # type: ignore[arg-type]
    except (CalamineError, OSError):
        raise SettingsError(f"{name} is no Excel workbook that can be read; save it anew.") from None
    texts = [[_text(cell) for cell in row] for row in cells]
    return [row for row in texts if any(row)]


def classification(name: str) -> dict[str, Any]:
    """A code list as the content of a file of conf/classifications.

    Its columns are code, name, industrial (1, yes, true or x) and divisions (with blanks or commas between
    them); all but the first may be missing. Raises SettingsError where a column is none of these.
    """
    names, items = _items(name)
    strange = [text for text in names if text and text not in COLUMNS]
    if "code" not in names or strange:
        raise SettingsError(
            f"{name}: its first row has to name the columns code, name, industrial and divisions"
            + (f", and {strange[0]} is none of them" if strange else "")
            + "; mend it."
        )
    return {
        "version": name.rpartition("/")[2],
        "source": "the office's own list",
        "items": [
            {
                "code": item["code"],
                "name": item.get("name") or item["code"],
                "industrial": item.get("industrial", "").lower() in YES,
                "divisions": item.get("divisions", "").replace(",", " ").split(),
            }
            for item in items
        ],
    }


def codes(name: str) -> list[str]:
    """The codes of a list, its column code, in the order of its rows. Raises SettingsError without it."""
    return [row["code"] for row in _named(name, "code")]


def numbers(name: str) -> dict[str, str]:
    """The number beside each code, from the columns code and number. Raises SettingsError, see `codes`."""
    return {row["code"]: row["number"] for row in _named(name, "code", "number")}


def _named(name: str, *wanted: str) -> list[dict[str, str]]:
    names, listed = _items(name)
    if missing := [column for column in wanted if column not in names]:
        raise SettingsError(f"{name}: its first row names no column {missing[0]}; mend it.")
    seen = [row["code"] for row in listed]
    if twice := [code for code in seen if seen.count(code) > 1]:
        raise SettingsError(f"{name}: the code {twice[0]} stands there twice; each stands there once.")
    return listed


def _items(name: str) -> tuple[list[str], list[dict[str, str]]]:
    """The names in the first row, in small letters, and the rows below by these."""
    header, *body = rows(name) or [[]]
    names = [text.lower() for text in header]
    return names, [dict(zip(names, row, strict=True)) for row in body]


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "1" if cell else ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
