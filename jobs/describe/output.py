"""What `diamant describe` prints: how the file is written, then its columns or its layout."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from jobs.describe.columns import FEWEST, LISTED, Column
from jobs.describe.draft import marks
from jobs.describe.job import Described


def show(described: Described, console: Console) -> None:
    """Print the description."""
    known = described.guess
    written = ", ".join(f"{key}: {value}" for key, value in marks(known).items()) or "all settings by default"
    console.print(f"{known.path}: {_kind(described)} (format {known.form}; {written})", markup=False)
    if known.sheets:
        console.print(f"Sheets: {', '.join(known.sheets)}", markup=False)
    if described.columns:
        console.print(_columns(described.columns))
        console.print(f"Values that fewer than {FEWEST} rows share are not shown.", markup=False)
    if described.layout is not None:
        for key, value in {**described.layout, **described.labels}.items():
            console.print(f"  {key}: {value}", markup=False)
        console.print(
            f"Regions on both sides: {_listed(described.regions)}\nSectors on both sides: "
            f"{_listed(described.sectors)}",
            markup=False,
        )
    for remark in described.remarks:
        console.print(f"Note: {remark}.", markup=False)


def _kind(described: Described) -> str:
    if described.layout is not None:
        return f"an input-output table, layout {described.layout['layout']}"
    rows = described.columns[0].rows if described.columns else 0
    return f"a table of {rows:,} rows and {len(described.columns):,} columns"


def _columns(columns: list[Column]) -> Table:
    table = Table("column", "holds", "answered", "different", "codes, with their rows")
    for column in columns:
        share = f"{column.answered / column.rows:.0%}" if column.rows else ""
        distinct = "many" if column.is_varied else f"{len(column.values):,}"
        table.add_row(column.name or "(no name)", column.kind, share, distinct, _codes(column))
    return table


def _codes(column: Column) -> str:
    if column.kind != "codes":
        return ""
    shown = [f"{code} ({count:,})" for code, count in column.codes[:LISTED]]
    more = len(column.codes) - len(shown)
    shown += [f"{more} more"] if more > 0 else []
    shown += [f"{column.rare} rare"] if column.rare else []
    return ", ".join(shown)


def _listed(labels: list[str]) -> str:
    more = f", {len(labels) - LISTED} more" if len(labels) > LISTED else ""
    return f"{len(labels)} ({', '.join(labels[:LISTED])}{more})"
