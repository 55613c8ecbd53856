"""An input of some slices as read: its rows counted, and cells of other codes converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.checks.whole import Counts
from jobs.errors import DiamantError, InputError
from jobs.run import conversions
from jobs.run.context import Batch, Results
from jobs.settings.slices import Slice
from jobs.spark.delta_log import File
from jobs.spark.frames import local
from jobs.transforms.conversion import SHARES, Conversion, converted, renamed, rows
from jobs.transforms.doubts import doubts
from jobs.transforms.lookup import of_slices

MANGLED = "\ufffd"  # what Spark puts in the place of bytes that are no text in the declared encoding


@dataclass(frozen=True)
class Read:
    """One kind of input of some slices as read.

    `frame` has the rows with `faults`, `dropped` and `record`, but for cells that tasks wrote themselves; it
    is None where they wrote all; `files` and `sums` are of such cells (see at_sight.Cells). `counted`: what
    came of all rows, `counts` the rows that the files hold, `notes` what a reader should know of them, and
    `public` what the published report says too, all by slice.
    """

    source: str
    frame: DataFrame | None
    counted: Mapping[Slice, Counts]
    counts: Mapping[Slice, int]
    notes: dict[Slice, list[str]]
    public: dict[Slice, list[str]] = field(default_factory=dict)
    files: dict[Slice, list[File]] = field(default_factory=dict)
    sums: DataFrame | None = None


@contextmanager
def failing(results: Results, slice: Slice) -> Iterator[None]:
    """A slice whose input cannot be used leaves the run."""
    try:
        yield
    except DiamantError as error:
        results.fail(slice, error)


def counted(frame: DataFrame, name: str, more: Sequence[Column] = ()) -> dict[Slice, Counts]:
    """The rows of an input by slice, in one pass; `more` are further aggregates, named as fields of Counts.

    Raises InputError, with the `name` of the input, where a file is damaged.
    """
    sums = frame.groupBy("country", "wave").agg(
        F.count("*").alias("rows"),
        F.count_if(F.size("faults") > 0).alias("aside"),
        F.count_if("dropped").alias("dropped"),
        F.max("mangled").alias("mangled"),
        *more,
    )
    return collected_counts(sums, name)


def collected_counts(sums: DataFrame, name: str) -> dict[Slice, Counts]:
    """Counts that were summed by slice. Raises InputError, see `counted`."""
    try:
        collected = sums.collect()
    except Py4JJavaError as error:
        if "FAILED_READ_FILE" not in str(error):
            raise
        raise InputError(f"the {name} is damaged: not all of it can be read; deliver it again.") from None
    return {Slice(row["country"], row["wave"]): _counts(row.asDict()) for row in collected}


def _counts(row: dict[str, Any]) -> Counts:
    return Counts(
        row["rows"],
        row["aside"],
        row["dropped"],
        bool(row["mangled"]),
        finer=row.get("finer", 0),
        unread=row.get("unread", 0),
        vanished=row.get("vanished", 0),
        doubts=doubts(row["tallies"]) if "tallies" in row else {},
    )


def sound(frame: DataFrame) -> DataFrame:
    """The rows that are neither set aside nor left out."""
    return frame.where((F.size("faults") == 0) & ~F.col("dropped"))


def with_parts(batch: Batch, read: Read, results: Results) -> tuple[DataFrame | None, dict[Slice, Counts]]:
    """The sound cells of tables, those of other codes converted, and the counts with what became of them.

    A slice whose codes cannot be converted leaves the run.
    """
    counts = read.counted
    if read.frame is None:
        return None, dict(counts)
    cells = sound(read.frame)
    ways: dict[Slice, Conversion] = {}
    to_convert = [slice for slice, of_slice in counts.items() if of_slice.finer]
    for part, regions, sectors in conversions.named(batch.only(to_convert)):
        for slice, settings in part.slices.items():
            with failing(results, slice):
                ways[slice] = conversions.of_flows(settings, regions, sectors, counts[slice])
                read.public[slice] = [*read.public.get(slice, []), *ways[slice].notes]
    if not ways:
        return cells, dict(counts)
    shares = local(batch.spark, rows(ways), SHARES)
    summed = [slice for slice, way in ways.items() if not way.only_renames]
    others = [slice for slice in counts if slice not in summed]
    if not summed:
        return renamed(cells, shares), dict(counts)
    frame = converted(cells.where(of_slices(summed)) if others else cells, shares).persist()
    sums = frame.groupBy("country", "wave").agg(
        F.count("*").alias("cells"),
        F.count_if("lacking").alias("lacking"),
        F.try_divide(F.sum("shared").cast("double"), F.sum("value").cast("double")).alias("shared"),
    )
    became = {Slice(row["country"], row["wave"]): row for row in sums.collect()}
    with_sums = dict(counts)
    for slice in summed:
        of_slice, row = counts[slice], became.get(slice)
        out, lacking = (row["cells"], row["lacking"]) if row else (0, 0)
        merged = of_slice.rows - of_slice.aside - of_slice.dropped - out
        with_sums[slice] = replace(of_slice, merged=merged, lacking=lacking)
        if row and row["shared"]:
            words = f"{row['shared']:.1%} of the deliveries had a code that was shared out among several"
            read.public[slice] = [*read.public.get(slice, []), words]
    frame = frame.drop("lacking", "shared")
    if others:
        frame = frame.unionByName(renamed(cells.where(of_slices(others)), shares))
    return frame, with_sums
