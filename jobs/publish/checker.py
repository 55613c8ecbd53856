"""A note to the output checker, for the office alone: what disclosure control did to a publication, and why.

It lies in the work folder: every rule with its figure, what each withheld, how far each protected figure may
lie from the truth for all that the publication tells, and what this cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from jobs.output.tables import rounded, write_csv
from jobs.publish.rules import STATUS, WITHHELD
from jobs.settings.sections import DisclosureSettings

NOTE, FIGURES = "note.md", "withheld.csv"
INTRODUCTION = """Not for publication: it tells what the publication hides.

`withheld.csv` lists each withheld figure with the rule behind it. Where a distance is promised, other numbers
of firms (or amounts of turnover) were found that give the same publication to the last digit and in which the
figure lies `apart` from the truth; a reader cannot tell the two from each other, whatever is known of weights
and turnover. A figure without a promise is withheld for the sake of others, or because one weight makes it.
"""
NOT_SEEN = """Tables on the same firms that were published elsewhere; what single firms know of each other
beyond p %; a reader who knows the answers of many firms; unions of cells that no publication showed as a
total.
"""


def write(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    audit: pd.DataFrame,
    rules: DisclosureSettings,
    remarks: Sequence[str] = (),
) -> None:
    """The note and the list of withheld figures in `folder`, which is the office's own.

    `tables`: as they are published; `audit` as safeguards.audit gives it; `remarks`: further sentences.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_csv(rounded(audit), folder / FIGURES)
    (folder / NOTE).write_text(note(tables, audit, rules, remarks), encoding="utf-8")
    for path in (folder / NOTE, folder / FIGURES):
        path.chmod(0o600)


def note(
    tables: Mapping[str, pd.DataFrame],
    audit: pd.DataFrame,
    rules: DisclosureSettings,
    remarks: Sequence[str] = (),
) -> str:
    """The text of the note (Markdown)."""
    settings = [f"| {name} | {value} |" for name, value in rules.model_dump(exclude_none=True).items()]
    parts = [
        "# To the output checker",
        INTRODUCTION,
        "## Rules",
        _table(["rule", "set to"], settings),
        "## What was withheld",
        _table(["table", "figure", "shown", "withheld", "kept"], _kept(tables)),
        _table(["figure", "rule", "figures"], _reasons(audit)),
        "## How far protected figures may lie from the truth",
        _distances(audit),
        *(["## Further", "\n".join(f"- {remark}" for remark in remarks)] if remarks else []),
        "## What is not seen",
        NOT_SEEN,
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table(head: list[str], rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *rows])


def _kept(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """How many figures of each table are shown and withheld; the information kept."""
    lines = []
    for name, figures in STATUS.items():
        frame = tables.get(name, pd.DataFrame())
        for column, status in figures.items():
            if column not in frame.columns:
                continue
            withheld = int((frame[status] == WITHHELD).sum())
            shown = int(frame[column].notna().sum())
            kept = f"{100 * shown / (shown + withheld):.1f} %" if shown + withheld else ""
            lines.append(f"| {name} | {column} | {shown} | {withheld} | {kept} |")
    return lines


def _reasons(audit: pd.DataFrame) -> list[str]:
    counts = audit.drop_duplicates(["country", "wave", "figure", "cell"]).groupby(["figure", "reason"]).size()
    return [f"| {figure} | {reason} | {count} |" for (figure, reason), count in counts.items()]


def _distances(audit: pd.DataFrame) -> str:
    promised = audit[audit.promised.notna()]
    if promised.empty:
        return "No figure needed a distance."
    kept = (promised.apart >= promised.promised * (1 - 1e-9)).sum()
    return (
        f"{kept} of {len(promised)} promises were shown to hold by another publication of the same figures. "
        "Where none was found, all figures that it touches are withheld."
    )
