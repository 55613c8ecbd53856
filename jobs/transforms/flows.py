"""Cells of text into deliveries between numbered sectors of numbered regions."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.classifications import REST, Classification
from jobs.transforms.harmonise import number

SIDES = ("origin", "destination")


def numbered(
    cells: DataFrame,
    regions: Classification,
    sectors: Classification,
    drop: tuple[str, ...] = (),
    final: tuple[str, ...] = (),
    rest: str = "REST",
    decimal: str = ".",
    keep: tuple[str, ...] = (),
) -> DataFrame:
    """Cells (see readers.flows) with numbers for labels, the parsed value, `dropped` and `faults`.

    `dropped`: the cell carries a label the settings leave out, or an extra-regio region. `faults`: a
    label that is in no classification, or a value that is no number or negative; the reason names the
    label, which is public, never the value. Final demand, and deliveries to the rest of the country whose
    buyer is not known (null), get the sector number 0. Columns `keep` are carried along.
    """
    region, sector = _numbers({**regions.numbers, rest: REST}), _numbers(sectors.numbers)
    value = number(F.col("value"), decimal)
    left_out = [*drop, *regions.extra_regio]
    dropped = F.lit(False)
    faults = [
        F.when(
            F.col("_corrupt").isNotNull(), _fault("fields", F.lit("the row has too few or too many fields"))
        )
    ]
    chosen: list[Column] = []
    for side in SIDES:
        for kind, numbers in (("region", region), ("sector", sector)):
            label = F.col(f"{side}_{kind}")
            known = numbers[label]
            optional = side == "destination" and kind == "sector"
            if optional:
                unknown = label.isNull() & (F.col("destination_region") == rest)
                known = F.when(unknown | label.isin(list(final)), F.lit(0)).otherwise(known)
            dropped = dropped | F.coalesce(label.isin(left_out), F.lit(False)) if left_out else dropped
            said = F.concat(
                F.lit(f"{side} {kind} '"),
                F.substring(F.coalesce(label, F.lit("")), 1, 80),
                F.lit(f"' is in neither the run's {kind}s nor its drop list"),
            )
            faults.append(F.when(F.col("_corrupt").isNull() & known.isNull(), _fault(f"{side}_{kind}", said)))
            chosen.append(known.cast("smallint").alias(f"{side}_{kind}"))
    readable = F.col("_corrupt").isNull()
    faults.append(F.when(readable & value.isNull(), _fault("value", F.lit("the value is no number"))))
    faults.append(F.when(readable & (value < 0), _fault("negative", F.lit("the value is negative"))))
    frame = cells.withColumn("dropped", dropped & readable)
    frame = frame.withColumn("faults", F.filter(F.array(*faults), lambda entry: entry.isNotNull()))
    nothing = F.array().cast(frame.schema["faults"].dataType)
    return frame.select(
        "part",
        "row_number",
        *keep,
        *chosen,
        value.alias("value"),
        "dropped",
        F.when(F.col("dropped"), nothing).otherwise(F.col("faults")).alias("faults"),
        F.to_json(
            F.struct(*[column for column in cells.columns if column not in ("part", "row_number")])
        ).alias("record"),
    )


def _numbers(labels: dict[str, int]) -> Column:
    return F.create_map(*[F.lit(part) for pair in labels.items() for part in pair])


def _fault(rule: str, reason: Column) -> Column:
    return F.struct(F.lit(f"flows:{rule}").alias("rule"), reason.alias("reason"))
