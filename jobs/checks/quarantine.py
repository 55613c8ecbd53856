"""Rows set aside: one line per row and broken rule, with the reason in words and no value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from jobs.errors import ValidationStopped

SHOWN = 3  # reasons that a message names
LONGEST = 60  # characters of a label that a message shows
Reasons = Mapping[tuple[str, ...], list[str]]  # by country, wave and what else they are counted by
LABELS = [(side, kind) for side in ("origin", "destination") for kind in ("region", "sector")]


def set_aside(faulty: DataFrame, stage: str, source: str, record: Column) -> DataFrame:
    """Quarantine rows of a frame with the columns of its place and `faults`, an array of (rule, reason)."""
    return faulty.select(
        "country",
        "wave",
        F.lit(stage).alias("stage"),
        F.lit(source).alias("source"),
        "part",
        "row_number",
        F.explode("faults").alias("fault"),
        record.alias("record"),
    ).select(
        "country", "wave", "stage", "source", "part", "row_number", "fault.rule", "fault.reason", "record"
    )


def too_many(share: float, rows: int, aside: int, reasons: list[str], stage: str, path: str) -> None:
    """Raise ValidationStopped where more than `share` of the rows of a slice were set aside.

    The `reasons` (see `reasons_by_slice`) name columns, rules and labels of cells only.
    """
    if aside <= share * rows:
        return
    raise ValidationStopped(
        f"{path}: {stage} set {aside} of {rows} rows aside, more than the {share:.1%} allowed: "
        f"{'; '.join(reasons)}; "
        "mend the file or its map, or raise max_quarantined in the run file."
    )


def reasons_by_slice(quarantined: DataFrame, more: Sequence[str] = ()) -> Reasons:
    """Why rows were set aside, by country, wave and `more` columns, the commonest reason first.

    As in 'emp is no number (2 rows, the first is 14)'. A cell of an input-output table is named by its
    labels, which are public; no other value is shown.
    """
    keys = ["country", "wave", *more]
    place = F.struct("part", "row_number", *[_label(side, kind) for side, kind in LABELS])
    counted = (
        quarantined.groupBy(*keys, "rule", "reason")
        .agg(F.count("*").alias("count"), F.min(place).alias("first"))
        .collect()
    )
    by_slice: dict[tuple[str, ...], list[Row]] = {}
    for row in sorted(counted, key=lambda row: (-row["count"], row["rule"], row["reason"])):
        by_slice.setdefault(tuple(row[key] for key in keys), []).append(row)
    return {key: _worded(rows) for key, rows in by_slice.items()}


def _worded(counted: list[Row]) -> list[str]:
    words = []
    for row in counted[:SHOWN]:
        place = _words(row["first"].asDict())
        words.append(f"{row['reason']} ({row['count']} rows" + (f", the first is {place})" if place else ")"))
    if len(counted) > SHOWN:
        words.append(f"and {len(counted) - SHOWN} more reasons")
    return words


def noted(aside: int, reasons: list[str]) -> list[str]:
    """A note for the terminal and the report on rows set aside; none where there are none."""
    return [f"{aside:,} rows set aside: {'; '.join(reasons)}"] if aside else []


def _label(side: str, kind: str) -> Column:
    """A label of a cell of the input-output tables, as its record has it; null for rows of the survey."""
    written = F.get_json_object("record", f"$.{side}_{kind}")
    return F.when(F.col("source") == "flows", F.substring(written, 1, LONGEST)).alias(f"{side}_{kind}")


def _words(first: dict[str, Any]) -> str:
    """The place of a row: its number in its part of the input, or the labels of its cell."""
    row = str(first["row_number"]) if first["row_number"] else ""
    in_part = f"{row} of {first['part']}" if row and first["part"] else row
    sides = (
        " ".join(filter(None, (first[f"{side}_region"], first[f"{side}_sector"])))
        for side in ("origin", "destination")
    )
    return ", ".join(filter(None, (in_part, " to ".join(filter(None, sides)))))
