"""Tables of the page: figures as texts, columns of words and of figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

Table = dict[str, Any]


def words(name: str) -> str:
    return name.replace("_", " ")


def number(value: Any, digits: int = 3) -> str:
    """A figure with a true minus sign; empty where there is none."""
    if value is None or pd.isna(value):
        return ""
    return f"{float(value):.{digits}f}".replace("-", "\N{MINUS SIGN}")


def interval(lower: Any, upper: Any) -> str:
    """The ends of an interval; empty where it has none."""
    return "" if pd.isna(lower) or pd.isna(upper) else f"{number(lower, 4)} to {number(upper, 4)}"


def whole(value: Any) -> str:
    return "" if value is None or pd.isna(value) else f"{int(value):,}"


def percent(value: Any) -> str:
    return "" if value is None or pd.isna(value) else f"{100 * float(value):.0f} %"


def p_value(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def grid(
    caption: str, columns: list[str], rows: list[list[str]], text: int = 1, strong: str | None = None
) -> Table:
    """A table for the page: the first `text` columns hold words, the others figures."""
    return {
        "caption": caption,
        "columns": [{"name": name, "number": place >= text} for place, name in enumerate(columns)],
        "rows": [{"cells": row, "strong": strong is not None and row[0] == strong} for row in rows],
    }
