"""The cells of input-output tables and their counts: nearly all read at sight, the others by all rules.

Regular tables are read in blocks (readers.in_blocks), all others row by row. Nothing is kept but what cannot
be read at sight: reading a file twice is cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.checks.whole import Counts
from jobs.readers import flows, in_blocks
from jobs.readers.blocks import Reading
from jobs.run import conversions
from jobs.run.context import Batch
from jobs.settings.classifications import FIRST_PART
from jobs.settings.slices import Slice
from jobs.spark.frames import local
from jobs.stages.deliveries import MANGLED, collected_counts, counted
from jobs.transforms import plain_cells
from jobs.transforms.conversion import KINDS, occurring
from jobs.transforms.doubts import added, judged, tallies
from jobs.transforms.flows import Codes, Notation, meanings, numbered, odd_values

SUMMED = ("rows", "aside", "dropped", "unread", "vanished")
OF_BLOCKS = "country string, wave string, " + in_blocks.TALLIES

CellsOf = tuple[DataFrame, dict[Slice, Counts]]


def tables_counted(batch: Batch, tables: Mapping[Slice, flows.Scanned], name: str) -> CellsOf:
    """The cells of tables that are written alike, with numbers for labels, and their counts.

    Raises InputError, with the `name` of the tables, where a file is damaged.
    """
    notation = Notation.of(next(iter(tables.values())).settings)
    readings: dict[Slice, Reading] = {}
    for part, regions, sectors in conversions.named(batch):
        meant = meanings(regions, sectors, notation)
        has_parts = any(number <= FIRST_PART for of_label in meant.values() for number in of_label.values())
        for slice in part.slices:
            if flows.is_in_blocks(tables[slice]) and not has_parts and not regions.in_file.length:
                where = tables[slice].settings.where
                readings[slice] = Reading(meant, where, notation.decimal, notation.zero)
    others = {slice: table for slice, table in tables.items() if slice not in readings}
    done: list[CellsOf] = []
    if readings:
        given = [
            entry
            for slice, reading in readings.items()
            for entry in flows.blocks(slice, tables[slice], reading)
        ]
        done.append(_in_blocks(batch.spark, given, conversions.codes(batch.only(readings)), notation, name))
    if others:
        done.append(_by_rows(batch.only(others), others, notation, name))
    counts = {slice: of_slice for _, of in done for slice, of_slice in of.items()}
    return reduce(DataFrame.unionByName, [frame for frame, _ in done]), counts


def _in_blocks(
    spark: SparkSession,
    tables: Sequence[in_blocks.AnyTable],
    codes: Sequence[Codes],
    notation: Notation,
    name: str,
) -> CellsOf:
    """Tables that are read in blocks."""
    sums = in_blocks.tallied(spark, tables)
    of_blocks = [(*tables[row["table"]].slice, *row.values()) for row in sums]
    hashed = {key: F.xxhash64(F.col(key)) for key in ("least", "greatest")}
    hashed = {key: F.when(F.col(key).isNotNull(), value) for key, value in hashed.items()}
    summed = (
        local(spark, of_blocks, OF_BLOCKS)
        .drop("table")
        .withColumns({**hashed, "aside": F.lit(0).cast("bigint"), "mangled": F.lit(False)})
    )
    frame = plain_cells.without_faults(in_blocks.cells(spark, tables))
    if any(row["unread"] for row in sums):
        with_some = {row["table"] for row in sums if row["unread"]}
        left = in_blocks.unread(spark, [tables[place] for place in sorted(with_some)])
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
        frame = frame.unionByName(others.drop("signs", "mangled"))
    totals = summed.groupBy("country", "wave").agg(
        *[F.sum(key).alias(key) for key in SUMMED],
        F.max("mangled").alias("mangled"),
        judged(added()).alias("doubts"),
    )
    return frame, {slice: replace(of, unread=0) for slice, of in collected_counts(totals, name).items()}


def _by_rows(batch: Batch, tables: Mapping[Slice, flows.Scanned], notation: Notation, name: str) -> CellsOf:
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
    return frame.drop("signs", "mangled"), _with_occurring(frame, counts)


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
