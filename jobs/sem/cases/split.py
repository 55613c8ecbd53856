"""Cases by group."""

from __future__ import annotations

from typing import Any

import pandas as pd

NO_GROUP = "(no group)"


def split(data: pd.DataFrame, group: str | None) -> list[tuple[str, pd.DataFrame]]:
    """Each group's name and cases; all cases as "all" where there is no group column."""
    if group is None or data.empty:
        return [("all", data)]
    return [(_group_name(name), part) for name, part in data.groupby(group, sort=True)]


def _group_name(value: Any) -> str:
    """A number as it was written: missing values beside it turn whole numbers into floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
