"""The sums of groups too large to collect: only matrices reach the driver, the same bits on any cluster.

Two passes, so that no digits cancel: means first, then products of deviations from them; a third for what
disclosure control asks, since a variable's partial leverage needs the covariances. Cases go to a number of
buckets that follows from how many there are, by a hash of their key; a bucket is sorted and summed in one go,
and buckets are added in their order. Partitions, executors and cores change nothing.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, NumericType

from jobs.sem.arrays import Matrix
from jobs.sem.cases.sums import Sums
from jobs.sem.groups.support import Standing, of_standing, slopes
from jobs.sem.model.structure import Structure
from jobs.sem.routes.method import Method
from jobs.sem.routes.totals import Totals
from jobs.sem.trouble import ModelError
from jobs.sem.vech import vech_index
from jobs.spark.spread import ship_code

BUCKET = 50_000  # cases that one Python process sums at once
SUMMED = "group string, bucket int, sums binary"
ARROW = pa.schema([("group", pa.string()), ("bucket", pa.int32()), ("sums", pa.binary())])


@dataclass(frozen=True)
class Level:
    """The first pass over a bucket: cases, complete ones, whether a weight is negative, sums of w and w x."""

    cases: int
    complete: int
    negative: bool
    weight: float
    weighted: Matrix


@dataclass(frozen=True)
class Part:
    """The second pass over a bucket: sums by unit, whose clusters are `labels`, and fourth moments."""

    labels: list[tuple[Any, ...]]
    sums: Matrix
    squares: Matrix
    fourth: Matrix


def totals(
    frame: DataFrame, key: str, group: str, structure: Structure, method: Method
) -> tuple[dict[str, Totals], int]:
    """The totals of every group of `frame`, and how many cases have no group.

    `key`: a column whose values are unique. Cases that lack a value, weight or cluster are left out and
    counted (listwise deletion). Raises ModelError where a column of numbers holds text.
    """
    observed, clusters = list(structure.observed), list(method.clusters)
    numbers = [*observed, *([method.weights] if method.weights else [])]
    for name in numbers:
        if not isinstance(frame.schema[name].dataType, (NumericType, BooleanType)):
            raise ModelError(f"the column {name} holds text; it has to be a number")
    ship_code(frame.sparkSession)
    buckets = -(-frame.count() // BUCKET) or 1
    cases = frame.select(
        F.col(group).cast("string").alias("group"),
        F.pmod(F.xxhash64(key), F.lit(buckets)).cast("int").alias("bucket"),
        F.col(key).alias("key"),
        *[F.col(name).cast("double").alias(f"value{place}") for place, name in enumerate(numbers)],
        *[F.col(name).alias(f"cluster{place}") for place, name in enumerate(clusters)],
    )
    columns = _Columns(len(observed), method.weights is not None, len(clusters))
    levels = _by_group(cases, columns.level)
    without = sum(level.cases for level in levels.pop(None, []))
    means = {name: _mean(parts) for name, parts in levels.items()}
    grouped = cases.where("group is not null")
    second = _by_group(grouped, lambda table: columns.part(table, means))
    parts_of = {
        name: _total(levels[name], second[name], means[name], observed, clusters) for name in sorted(levels)
    }
    told = {
        name: slopes(total.covariance, [int(place) for place in structure.exogenous])
        for name, total in parts_of.items()
        if np.isfinite(total.covariance).all()
    }
    third = _by_group(grouped, lambda table: columns.standing(table, means, told))
    for name in told:
        support = of_standing(name, observed, parts_of[name].n, Standing.joined(third[name]))
        parts_of[name] = replace(parts_of[name], support=support)
    return parts_of, without


@dataclass(frozen=True)
class _Columns:
    """How a bucket's columns are read: values, weight, clusters by place."""

    observed: int
    weighted: bool
    clusters: int

    def level(self, table: pa.Table) -> Level:
        values, weight, _, cases = self._complete(table)
        return Level(cases, len(weight), bool((weight < 0).any()), float(weight.sum()), weight @ values)

    def part(self, table: pa.Table, means: dict[str, Matrix]) -> Part:
        values, weight, clusters, _ = self._complete(table)
        deviations = values - means[table["group"][0].as_py()]
        rows, columns = vech_index(self.observed)
        products = deviations[:, rows] * deviations[:, columns]
        units, labels = (
            pd.factorize(pd.MultiIndex.from_arrays(clusters), sort=True)
            if clusters
            else (
                np.zeros(len(weight), dtype=int),
                [()],
            )
        )
        parts = np.hstack([np.ones((len(weight), 1)), deviations, products])
        sums = np.zeros((2, len(labels), parts.shape[1]))
        for power in (1, 2):
            np.add.at(sums[power - 1], units, parts * weight[:, None] ** power)
        scaled = products * weight[:, None]
        return Part([tuple(label) for label in labels], sums[0], sums[1], scaled.T @ scaled)

    def standing(self, table: pa.Table, means: dict[str, Matrix], told: dict[str, Matrix]) -> Standing | None:
        """The third pass over a bucket; nothing of a group whose covariances are no numbers."""
        name = table["group"][0].as_py()
        if name not in told:
            return None
        values, weight, _, _ = self._complete(table)
        deviations = values - means[name]
        variation = weight[:, None] * (deviations - deviations @ told[name].T) ** 2
        return Standing.of(values, variation, weight)

    def _complete(self, table: pa.Table) -> tuple[Matrix, Matrix, list[pd.Series], int]:
        """Values (n x p), weights (n) and clusters of the complete cases, and how many cases there are."""
        numbers = [f"value{place}" for place in range(self.observed + self.weighted)]
        clusters = [f"cluster{place}" for place in range(self.clusters)]
        cases = table.sort_by("key").select([*numbers, *clusters]).to_pandas()
        complete = cases[cases.notna().all(axis=1)]
        values = complete[numbers].to_numpy(dtype=float)
        weight = values[:, -1] if self.weighted else np.ones(len(values))
        return values[:, : self.observed], weight, [complete[name] for name in clusters], len(cases)


def _by_group(cases: DataFrame, summed: Callable[[pa.Table], Any]) -> dict[Any, list[Any]]:
    """What `summed` makes of each group's buckets, in their order."""

    def of_bucket(table: pa.Table) -> pa.Table:
        row = [table["group"][0].as_py(), table["bucket"][0].as_py(), pickle.dumps(summed(table))]
        return pa.table([[value] for value in row], schema=ARROW)

    rows = cases.groupBy("group", "bucket").applyInArrow(of_bucket, SUMMED).toArrow()
    parts: dict[Any, list[Any]] = {}
    for row in rows.sort_by([("group", "ascending"), ("bucket", "ascending")]).to_pylist():
        parts.setdefault(row["group"], []).append(pickle.loads(row["sums"]))
    return parts


def _mean(levels: list[Level]) -> Matrix:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sum(level.weighted for level in levels) / sum(level.weight for level in levels))


def _total(
    levels: list[Level], parts: list[Part], mean: Matrix, observed: list[str], clusters: list[str]
) -> Totals:
    """One group from its buckets; weights are scaled to sum to n, as those of collected cases are."""
    n, weight, p = sum(part.complete for part in levels), sum(part.weight for part in levels), len(observed)
    labels = sorted({label for part in parts for label in part.labels})
    place = {label: number for number, label in enumerate(labels)}
    sums, squares = np.zeros((2, len(labels), parts[0].sums.shape[1]))
    fourth = np.zeros_like(parts[0].fourth)
    for part in parts:
        rows = [place[label] for label in part.labels]
        sums[rows] += part.sums
        squares[rows] += part.squares
        fourth += part.fourth
    scale = n / weight if weight else 1.0
    whole = Sums(scale * sums[:, 0], scale * sums[:, 1 : p + 1], scale * sums[:, p + 1 :])
    codes = {
        name: pd.factorize(np.array([label[k] for label in labels], dtype=object), sort=True)
        for k, name in enumerate(clusters)
    }
    return Totals(
        names=observed,
        n=n,
        mean=mean,
        covariance=whole.covariances(np.ones((1, len(labels))))[0],
        deviations=np.zeros((0, p)),
        weights=np.zeros(0),
        clusters={name: code for name, (code, _) in codes.items()},
        labels={name: list(label) for name, (_, label) in codes.items()},
        cases_in=sum(part.cases for part in levels),
        sums=whole,
        squares=Sums(
            scale**2 * squares[:, 0], scale**2 * squares[:, 1 : p + 1], scale**2 * squares[:, p + 1 :]
        ),
        fourth=scale**2 * fourth,
        negative=any(part.negative for part in levels) or (n > 0 and weight == 0),
    )
