"""What leaves beside tables of firms, and the last gate before anything is written.

The primary rules are in `rules`, the counts and shares of firms in `counts`, `turnover` and `commonality`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from jobs.errors import DisclosureStopped
from jobs.publish import models
from jobs.publish.rules import STATUS, WITHHELD, rounded_down, too_few
from jobs.settings.sections import DisclosureSettings

COUNTS = {"firms", "rows_in", "rows_taken", "rows_out", "cases_in", "cases_used", "cases_missing"}


def protect_facts(facts: dict[str, Any], rules: DisclosureSettings) -> dict[str, Any]:
    """What the stages left for the manifest and the report, without exact counts of rows.

    Rows are rounded down to the threshold. Notes that hold a number stay with the office, but for breaks of a
    series and what is said of codes and years (`public`); of what a stage found out, no number is published.
    """
    return {
        **facts,
        "slices": {
            slice: {name: _protected_stage(stage, rules) for name, stage in stages.items()}
            for slice, stages in facts["slices"].items()
        },
    }


def _protected_stage(stage: dict[str, Any], rules: DisclosureSettings) -> dict[str, Any]:
    rows = {
        key: rounded_down(count, rules.threshold) for key, count in stage.items() if key.startswith("rows_")
    }
    detail = {
        key: value for key, value in stage["detail"].items() if not isinstance(value, int) and key != "rows"
    }
    if "results" in detail:
        detail["results"] = [
            {**result, "failing": rounded_down(result["failing"], rules.threshold)}
            for result in detail["results"]
        ]
    public = [*detail.pop("public", []), *(f"series break: {words}" for words in detail.get("breaks", []))]
    notes = [
        note for note in stage["notes"] if note in public or not any(letter.isdigit() for letter in note)
    ]
    if "unplaced" in stage["detail"]:
        notes.append(_unplaced(stage["detail"]["unplaced"], stage["rows_in"], rules))
    return {**stage, **rows, "notes": notes, "detail": detail}


def _unplaced(firms: int, rows: int, rules: DisclosureSettings) -> str:
    """The share of firms whose code of activity is of no one sector, where enough firms are on both sides."""
    if firms and (firms < rules.threshold or rows - firms < rules.threshold):
        return "few firms have a code of activity that stands for no one sector"
    return f"{firms / rows:.0%} of the firms have a code of activity that stands for no one sector"


def check(tables: dict[str, pd.DataFrame], rules: DisclosureSettings) -> None:
    """The last gate, on the frames that are written. Raises DisclosureStopped naming the first breach."""
    for name, figures in STATUS.items():
        frame = tables.get(name, pd.DataFrame())
        for column, status in figures.items():
            if column not in frame.columns:
                continue
            if frame.loc[frame[status] == WITHHELD, column].notna().any():
                raise DisclosureStopped(
                    f"{name} holds a withheld {column}; nothing was published, please report."
                )
            if column in COUNTS and frame[column].dropna().map(lambda count: too_few(count, rules)).any():
                raise DisclosureStopped(
                    f"{name} shows {column} of too few firms; nothing was published, please report."
                )
    status = tables["fit_status"]
    withheld = set(models.named(status[status.status == WITHHELD])) | set(models.few_firms(status, rules))
    for name, side in models.of_groups(tables):
        groups = set(tables[name][["country", "wave", side]].itertuples(index=False, name=None))
        if groups & withheld:
            raise DisclosureStopped(
                f"{name} shows a model of too few firms; nothing was published, please report."
            )
    if "residuals" in tables and models.telling(tables, rules):
        raise DisclosureStopped("residuals are of too few firms; nothing was published, please report.")
