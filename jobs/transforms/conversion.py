"""Deliveries between the codes of a file into deliveries between the regions and sectors of the run.

Sums are converted, never shares: a cell goes to the codes that its labels stand for, in the product of their
shares, and is added up there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, mul
from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.settings.classifications import FIRST_PART
from jobs.settings.inputs import LABELS, SIDES
from jobs.settings.slices import Slice

VALUE = "decimal(24,9)"  # as schemas/flows.yaml
SHARED = "decimal(38,18)"  # of the parts of a cell, which are added up without an error of rounding
KINDS = ("region", "sector")
SHARES = "country string, wave string, kind string, part smallint, number smallint, share double, parts int"


class Goal(NamedTuple):
    """A code that a part goes to: its number, the part's share, and how many parts the code has."""

    number: int
    share: float
    parts: int


Goals = Mapping[int, tuple[Goal, ...]]  # by the number of a part


@dataclass(frozen=True)
class Conversion:
    """What the parts of a slice's table are in the run's regions and sectors, and what to say of it.

    `goals` by kind. `with_inner`: whether codes were cut, so that several labels are one part.
    """

    goals: Mapping[str, Goals]
    notes: tuple[str, ...] = ()
    with_inner: bool = False

    @property
    def only_renames(self) -> bool:
        """Whether each part is one code of the run whole, and the only part of it."""
        return not self.with_inner and all(
            len(goals) == 1 and goals[0].number >= 0 and goals[0].share == 1 and goals[0].parts == 1
            for of_kind in self.goals.values()
            for goals in of_kind.values()
        )


def rows(conversions: Mapping[Slice, Conversion]) -> Iterable[tuple[object, ...]]:
    """Conversions as rows of SHARES."""
    for (country, wave), conversion in conversions.items():
        for kind in KINDS:
            for part, goals in conversion.goals[kind].items():
                for goal in goals:
                    yield (country, wave, kind, part, *goal)


def renamed(cells: DataFrame, shares: DataFrame) -> DataFrame:
    """Cells whose parts are each one code whole (see Conversion.only_renames), with the numbers of these.

    `cells` as transforms.flows.numbered gives them, `shares` with the columns of SHARES.
    """
    finer = reduce(lambda frame, label: _with_goal(frame, shares, label), LABELS, _parts(cells))
    return _plain(cells).unionByName(
        finer.select("country", "wave", *[_number(label) for label in LABELS], "value")
    )


def converted(cells: DataFrame, shares: DataFrame) -> DataFrame:
    """Cells with those of parts added up to cells of the run; others as they are.

    `cells` and `shares` as for `renamed`. The column `lacking` says whether some parts of a cell have no cell
    in the table, `shared` which part of its value comes from cells that were shared out among several. A cell
    of parts that stands there twice comes out twice, so that the rule on double cells sees it, and so does
    one that is given as a whole and in parts.
    """
    place = ["country", "wave"]
    # First by the labels as they stand in the file, which tells double cells; then by what they stand for.
    finer = (
        _parts(cells)
        .groupBy(*place, *LABELS, "pattern", "finer")
        .agg(F.sum("value").alias("value"), F.count("*").alias("copies"))
    )
    for label in LABELS:
        finer = _with_goal(finer, shares, label)
    share = reduce(mul, [F.coalesce(f"{label}_share", F.lit(1.0)) for label in LABELS])
    parts = reduce(mul, [F.coalesce(f"{label}_parts", F.lit(1)).cast("long") for label in LABELS])
    whole = F.col("value").cast(SHARED)
    value = F.when(share == 1, whole).otherwise((F.col("value").cast("double") * share).cast(SHARED))
    numbers = [_number(label) for label in LABELS]
    sums = (
        finer.select(
            *place,
            *numbers,
            "pattern",
            "copies",
            value.alias("value"),
            parts.alias("parts"),
            (share != 1).alias("is_shared"),
        )
        .where(reduce(and_, [F.col(label) >= 0 for label in LABELS]))
        .groupBy(*place, *LABELS, "pattern")
        .agg(
            F.sum("value").cast(VALUE).alias("value"),
            F.coalesce(F.sum(F.when(F.col("is_shared"), F.col("value"))), F.lit(0))
            .cast(VALUE)
            .alias("shared"),
            (F.count("*") < F.max("parts")).alias("lacking"),
            F.max("copies").cast("int").alias("copies"),
        )
        .withColumn("value", F.explode(F.array_repeat("value", F.col("copies"))))
    )
    plain = _plain(cells).withColumns({"lacking": F.lit(False), "shared": F.lit(0).cast(VALUE)})
    return plain.unionByName(sums.drop("pattern", "copies"))


def occurring() -> list[Column]:
    """What parts there are in cells with such labels, as aggregates: `patterns`, and the parts by kind."""
    of_kinds = []
    for kind in KINDS:
        labels = [f"{side}_{kind}" for side in SIDES]
        sets = [F.collect_set(F.when(F.col(label) <= FIRST_PART, F.col(label))) for label in labels]
        of_kinds.append(F.array_union(*sets).alias(f"{kind}_parts"))
    return [F.collect_set("pattern").alias("patterns"), *of_kinds]


def _plain(cells: DataFrame) -> DataFrame:
    return cells.where("finer is null").select("country", "wave", *LABELS, "value")


def _parts(cells: DataFrame) -> DataFrame:
    return cells.where("finer is not null")


def _with_goal(frame: DataFrame, shares: DataFrame, label: str) -> DataFrame:
    """A row for each code that a label stands for, with its number, share and parts; null for no part."""
    goals = shares.where(F.col("kind") == label.partition("_")[2]).select(
        F.col("country"),
        F.col("wave"),
        F.col("part").alias(label),
        *[F.col(name).alias(f"{label}_{name}") for name in ("number", "share", "parts")],
    )
    return frame.join(F.broadcast(goals), ["country", "wave", label], "left")


def _number(label: str) -> Column:
    own = F.when(F.col(label) > FIRST_PART, F.col(label))
    return F.coalesce(f"{label}_number", own).cast("smallint").alias(label)
