"""Firms with their region's indicators, the study's sample filter, and its waterfall."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.transforms.indicators import ALL, left_out

INDICATORS = (
    "complementarity_within",
    "complementarity_general",
    "commonality_within",
    "commonality_general",
)
BEHIND = [
    f"commonality_{kind}_{part}" for kind in ("within", "general") for part in ("numerator", "denominator")
]
START = "validated survey"


def link(survey: DataFrame, indicators: DataFrame, leave_one_out: bool) -> DataFrame:
    """Each firm with the indicators of its region and sector, and the model's variables; one row per firm.

    With `leave_one_out` the firm itself is out of both sums of commonality. A firm whose sector has no
    row of its own takes the region's general indicators. The indicators are small and broadcast.
    """
    keys = ["country", "wave", "region", "sector"]
    cells = indicators.select(*keys, *INDICATORS, *BEHIND)
    general = [name for name in (*INDICATORS, *BEHIND) if "general" in name]
    whole = indicators.where(F.col("sector") == ALL).select(
        *keys[:3], *[F.col(name).alias(f"region_{name}") for name in general]
    )
    frame = survey.join(F.broadcast(cells), keys, "left").join(F.broadcast(whole), keys[:3], "left")
    frame = frame.withColumns({name: F.coalesce(name, f"region_{name}") for name in general})
    if leave_one_out:
        frame = frame.withColumns(
            {f"commonality_{kind}": left_out(f"commonality_{kind}") for kind in ("within", "general")}
        )
    return frame.withColumns(
        {
            "cell": F.concat_ws(":", "region", "sector"),
            "rd_effort": _a_person("rd_expenditure"),
            "other_effort": _a_person("other_expenditure"),
        }
    )


def _a_person(expenditure: str) -> Column:
    """ln(1 + thousand of national currency a person employed); null without employees."""
    spent = F.col(expenditure).cast("double")
    return F.when(F.col("employees") > 0, F.log1p(spent / F.col("employees")))


def filters(
    exporting: bool,
    industrial: bool,
    product_innovators: bool,
    employees_min: int | None,
    employees_max: int | None,
) -> list[tuple[str, Column]]:
    """The sample's filters in their order: a name, and the condition a firm has to meet.

    A firm whose answer is missing does not meet a condition.
    """
    chosen: list[tuple[str, Column]] = []
    if industrial:
        chosen.append(("industrial sector", F.col("industrial")))
    if exporting:
        chosen.append(("exporting", F.col("exports")))
    if product_innovators:
        chosen.append(("product innovator", F.col("product_innovator")))
    if employees_min is not None:
        chosen.append((f"{employees_min} employees or more", F.col("employees") >= employees_min))
    if employees_max is not None:
        chosen.append((f"{employees_max} employees or fewer", F.col("employees") <= employees_max))
    chosen.append(("region and sector known", F.col("region").isNotNull() & F.col("sector").isNotNull()))
    chosen.append(("group known", F.col("group").isNotNull()))
    return [(name, F.coalesce(condition, F.lit(False))) for name, condition in chosen]


def grouped(frame: DataFrame, column: str, when_true: str, when_false: str) -> DataFrame:
    """The group of each firm from a yes-or-no column; null where the answer is missing."""
    return frame.withColumn("group", F.when(F.col(column), when_true).when(~F.col(column), when_false))


def sampled(frame: DataFrame, chosen: list[tuple[str, Column]]) -> DataFrame:
    """`excluded_by`: the first filter that takes the firm out; null for firms of the sample."""
    taken = F.lit(None).cast("string")
    for name, condition in reversed(chosen):
        taken = F.when(~condition, name).otherwise(taken)
    return frame.withColumn("excluded_by", taken)


def waterfall(
    counts: dict[str | None, int], chosen: list[tuple[str, Column]]
) -> list[tuple[int, str, int, int, int]]:
    """Step, filter, rows in, taken, out, from the number of firms each filter took first."""
    left = sum(counts.values())
    steps = [(0, START, left, 0, left)]
    for step, (name, _) in enumerate(chosen, start=1):
        took = counts.get(name, 0)
        steps.append((step, name, left, took, left - took))
        left -= took
    return steps
