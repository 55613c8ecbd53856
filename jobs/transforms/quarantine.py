"""Rows set aside: one line a row and broken rule, with the reason in words and no value."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.errors import ValidationStopped


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


def stop_above(share: float, rows: int, quarantined: DataFrame, stage: str, path: str) -> None:
    """Stop the run where more than `share` of the rows were set aside, naming the commonest rules.

    Raises ValidationStopped. The reasons name columns and rules only.
    """
    distinct = quarantined.select("source", "part", "row_number", "record").distinct().count()
    if distinct <= share * rows:
        return
    reasons = (
        quarantined.groupBy("rule", "reason")
        .agg(F.count("*").alias("count"), F.min("row_number").alias("first"))
        .orderBy(F.desc("count"), "rule", "reason")
        .limit(3)
        .collect()
    )
    words = "; ".join(
        f"{row['reason']} ({row['count']} rows" + (f", the first is {row['first']})" if row["first"] else ")")
        for row in reasons
    )
    raise ValidationStopped(
        f"{path}: {stage} set {distinct} of {rows} rows aside, more than the {share:.1%} allowed: {words}; "
        "mend the file or its map, or raise max_quarantined in the run file."
    )
