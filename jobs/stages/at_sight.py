"""The cells of input-output tables and their counts: nearly all read at sight, the others by all rules.

Regular tables are read once, in blocks (readers.one_pass), all others row by row. Nothing is kept but what
cannot be read at sight: reading a file twice is cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.checks.whole import Counts
from jobs.readers import flows, in_blocks, one_pass
from jobs.readers.blocks import Reading
from jobs.readers.one_pass import Pass
from jobs.run import conversions
from jobs.run.context import Batch
from jobs.settings.classifications import FIRST_PART
from jobs.settings.slices import Slice
from jobs.spark.delta_log import File
from jobs.spark.frames import local
from jobs.stages.deliveries import MANGLED, collected_counts, counted, sound
from jobs.transforms import flow_sums, plain_cells
from jobs.transforms.conversion import KINDS, occurring
from jobs.transforms.doubts import added, tallies
from jobs.transforms.flow_sums import added_up
from jobs.transforms.flows import Codes, Notation, meanings, numbered, odd_values
from jobs.transforms.lookup import of_slices

SUMMED = ("rows", "aside", "dropped", "unread", "vanished")
TALLIES = (
    "country string, wave string, rows bigint, dropped bigint, unread bigint, vanished bigint, "
    "grouped bigint, least string, greatest string, long bigint, nines bigint, top double, rest double"
)


@dataclass
class Cells:
    """The cells of tables, with numbers for labels.

    `frame`: the cells that are not in `files` (None where all are), those at fault among them. `counts`: what
    came of all cells. `sums`: what those in `files` add up to, as schemas/flow_sums.yaml.
    """

    frame: DataFrame | None = None
    counts: dict[Slice, Counts] = field(default_factory=dict)
    files: dict[Slice, list[File]] = field(default_factory=dict)
    sums: DataFrame | None = None

    def add(self, other: Cells) -> None:
        """Take in the cells of other slices."""
        self.frame, self.sums = both(self.frame, other.frame), both(self.sums, other.sums)
        self.counts |= other.counts
        self.files |= other.files


def both(frame: DataFrame | None, other: DataFrame | None) -> DataFrame | None:
    """The rows of two frames, of which each may be absent."""
    if frame is None or other is None:
        return other if frame is None else frame
    return frame.unionByName(other)


def tables_counted(
    batch: Batch, tables: Mapping[Slice, flows.Scanned], name: str, folder: Path | None
) -> Cells:
    """The cells of tables that are written alike, and their counts.

    `folder`: where tasks may write cells themselves. Raises InputError, with the `name` of the tables, where
    a file is damaged.
    """
    notation = Notation.of(next(iter(tables.values())).settings)
    readings: dict[Slice, Reading] = {}
    for part, regions, sectors in conversions.named(batch):
        meant = meanings(regions, sectors, notation)
        has_parts = any(number <= FIRST_PART for of_label in meant.values() for number in of_label.values())
        for slice in part.slices:
            if folder and flows.is_in_blocks(tables[slice]) and not has_parts and not regions.in_file.length:
                where = tables[slice].settings.where
                readings[slice] = Reading(meant, where, notation.decimal, notation.zero)
    others = {slice: table for slice, table in tables.items() if slice not in readings}
    cells = Cells()
    if folder and readings:
        given = [
            entry
            for slice, reading in readings.items()
            for entry in flows.blocks(slice, tables[slice], reading)
        ]
        done = one_pass.taken(batch.spark, given, folder)
        cells.add(
            _in_blocks(batch.spark, given, done, conversions.codes(batch.only(readings)), notation, name)
        )
    if others:
        cells.add(_by_rows(batch.only(others), others, notation, name))
    return cells


def _in_blocks(
    spark: SparkSession,
    tables: Sequence[in_blocks.AnyTable],
    done: Pass,
    codes: Sequence[Codes],
    notation: Notation,
    name: str,
) -> Cells:
    """Tables that were read in blocks."""
    of_blocks = [
        (*tables[tally["table"]].slice, *(value for key, value in tally.items() if key != "table"))
        for tally in done.tallies
    ]
    hashed = {key: F.xxhash64(F.col(key)) for key in ("least", "greatest")}
    hashed = {key: F.when(F.col(key).isNotNull(), value) for key, value in hashed.items()}
    summed = local(spark, of_blocks, TALLIES).withColumns(
        {**hashed, "aside": F.lit(0).cast("bigint"), "mangled": F.lit(False)}
    )
    frame, sums, doubtful = None, done.sums, set(done.doubtful)
    unread = sorted({tally["table"] for tally in done.tallies if tally["unread"]})
    if unread:
        left = in_blocks.unread(spark, [tables[place] for place in unread])
        others = _by_all_rules(left, codes, notation)
        of_others = others.groupBy("country", "wave").agg(
            F.lit(0).cast("bigint").alias("rows"),  # they were counted among all
            F.count_if(F.size("faults") > 0).alias("aside"),
            F.count_if("dropped").alias("dropped"),
            F.lit(0).cast("bigint").alias("unread"),
            F.count_if("signs.vanished").alias("vanished"),
            F.max("mangled").alias("mangled"),
            *[tally.alias(key) for key, tally in tallies(F.col("signs.evidence")).items()],
        )
        summed = summed.unionByName(of_others)
        frame = others.drop("signs", "mangled")
        doubtful |= {tables[place].slice for place in unread}
        sums = added_up(sums, flow_sums.sums(sound(frame)).drop("doubtful"))
    totals = summed.groupBy("country", "wave").agg(
        *[F.sum(key).alias(key) for key in SUMMED],
        F.max("mangled").alias("mangled"),
        added().alias("tallies"),
    )
    counts = {slice: replace(of, unread=0) for slice, of in collected_counts(totals, name).items()}
    condition = of_slices(doubtful) if doubtful else F.lit(False)
    return Cells(frame, counts, done.files, sums.withColumn("doubtful", condition))


def _by_rows(batch: Batch, tables: Mapping[Slice, flows.Scanned], notation: Notation, name: str) -> Cells:
    """Tables of any kind, read by Spark or on the driver."""
    codes = conversions.codes(batch)
    known = local(batch.spark, plain_cells.rows(codes, notation), plain_cells.MEANINGS)
    cells = flows.read(batch.spark, tables, partial(plain_cells.with_numbers, known=known, codes=codes))
    seen = plain_cells.at_sight(cells, notation).withColumn("mangled", F.lit(False))
    more = [F.count("finer").alias("finer"), *odd_values()]
    counts = counted(seen, name, [*more, F.count("unread").alias("unread")])
    frame = plain_cells.read_at_sight(seen)
    if any(of_slice.unread for of_slice in counts.values()):
        frame = frame.unionByName(_by_all_rules(plain_cells.unread(seen), codes, notation))
        counts = counted(frame, name, more)
    return Cells(frame.drop("signs", "mangled"), _with_occurring(frame, counts))


def _by_all_rules(cells: DataFrame, codes: Sequence[Codes], notation: Notation) -> DataFrame:
    """Cells that are not read at sight, kept in memory; few, and costly."""
    mangled = F.coalesce(F.contains("record", F.lit(MANGLED)), F.lit(False))
    return numbered(cells, codes, notation).withColumn("mangled", mangled).persist()


def _with_occurring(frame: DataFrame, counts: dict[Slice, Counts]) -> dict[Slice, Counts]:
    """The counts with the parts that occur (see transforms.conversion), which few tables have."""
    if not any(of_slice.finer for of_slice in counts.values()):
        return counts
    rows = frame.where("finer is not null").groupBy("country", "wave").agg(*occurring()).collect()
    for row in rows:
        slice = Slice(row["country"], row["wave"])
        parts = {kind: frozenset(row[f"{kind}_parts"]) for kind in KINDS}
        counts[slice] = replace(counts[slice], parts=parts, patterns=frozenset(row["patterns"]))
    return counts
