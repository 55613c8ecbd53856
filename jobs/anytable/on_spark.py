"""A table of cases as a Spark frame of numbers and labels, or one sentence on why it cannot be used.

Text first, then numbers with the declared decimal mark: NaN, Infinity and 1e400 are no numbers. Columns that
are numbers in their file (Parquet, Delta) are taken as they are; there not-a-number means missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.amounts import WORDS
from jobs.anytable import table
from jobs.anytable.request import Request
from jobs.anytable.table import CSV, DELTA, EXCEL, GROUP, JOIN, NUMBER, Fault
from jobs.errors import InputError
from jobs.fits import engine
from jobs.fits.plan import FitPlan
from jobs.fits.results import Fits
from jobs.readers import files, packages, statistical, text
from jobs.readers.files import CORRUPT, ROW, Rows
from jobs.run.progress import Tell
from jobs.settings.slices import Slice
from jobs.spark.frames import collected, quoted
from jobs.spark.tables import Tables
from jobs.transforms.cells import EXACT, bare, with_point
from jobs.transforms.doubts import doubts, evidence, tallied

TABLE = Slice("", "")  # readers know of slices; a table of cases is of none
UNCOUNTED = -1
TYPED = {"double", "float", "tinyint", "smallint", "int", "bigint", "boolean"}


class SparkTable:
    """A table of cases on Spark (see table.Table), read once and kept until it is closed."""

    def __init__(self, spark: SparkSession, request: Request) -> None:
        """Raises SettingsError for a column the table has not, InputError where it cannot be read."""
        rows = _read(spark, request)
        self._request, self._count = request, rows.count
        self._frame = rows.frame.persist(StorageLevel.MEMORY_AND_DISK)
        self._read = _with_numbers(self._frame, request)
        self._cases = _cases(self._read, request)
        self._apart = ExitStack()
        self._apart.enter_context(text.files_apart(spark))

    def checked(self) -> tuple[int, list[str]]:
        return _check(self._read, self._request, self._count)

    def groups(self) -> pd.DataFrame:
        columns = [F.col(quoted(column)) for column in self._request.groups]
        return collected(self._cases.select(F.col(GROUP).alias("group"), *columns).distinct())

    def sharing(self, kept: Sequence[str], cluster: str) -> frozenset[str]:
        pool = F.concat_ws(JOIN, *[F.col(quoted(name)) for name in kept]) if kept else F.lit("all")
        by_cluster = self._cases.groupBy(pool.alias("pool"), quoted(cluster))
        counts = by_cluster.agg(F.countDistinct(GROUP).alias("groups"))
        shared = counts.where(F.col("groups") > 1).select("pool").distinct()
        return frozenset(row["pool"] for row in shared.collect())

    def fit(self, plan: FitPlan, groups: int, cases: int, few: int, tell: Tell) -> Fits:
        return engine.fit(self._cases, plan, groups, cases, few, tell)

    def close(self) -> None:
        self._frame.unpersist()
        self._apart.close()


def _read(spark: SparkSession, request: Request) -> Rows:
    """One row per case: its ROW (null for Delta), labels as text, model columns and weights as they stand."""
    path = request.data
    form = table.form_of(path)
    wanted = [*request.labels, *request.numbers]
    if form == DELTA:
        frame = _delta(spark, path)
        table.demand(request, frame.columns)
        return Rows(_chosen(frame, request), [], UNCOUNTED)
    table.check_header(request)
    (part,) = files.parts(path)
    if form in (CSV, EXCEL):
        scans = text.scanned(path, table.dialect(request), wanted)
        rows = text.read(spark, {TABLE: scans}, wanted)
        return Rows(rows, [], text.counted(scans))
    if form in statistical.READERS:
        rows, counts = packages.read(spark, {TABLE: path}, form, wanted, request.encoding)
        return Rows(rows, [], counts[TABLE])
    return Rows(_chosen(packages.parquet(spark, path, part), request), [], statistical.parquet_rows(part))


def _chosen(frame: DataFrame, request: Request) -> DataFrame:
    """The columns of a table whose columns have types."""
    kinds = dict(frame.dtypes)
    labels = [
        packages.column_as_text(F.col(quoted(column)), kinds[column]).alias(column)
        for column in request.labels
    ]
    return frame.select(
        F.col(ROW) if ROW in frame.columns else F.lit(None).cast("bigint").alias(ROW),
        *labels,
        *[F.col(quoted(column)) for column in request.numbers],
        F.lit(None).cast("string").alias(CORRUPT),
    )


def _check(frame: DataFrame, request: Request, count: int) -> tuple[int, list[str]]:
    """See table.Table.checked; the cases are as many as the file has rows, `count`, where it tells."""
    path, broken = request.data, _faults(request)
    # A projection first: within the sums each of these expressions would be made many times over.
    judged = frame.select(
        F.col(ROW).alias("row"),
        *[condition.alias(f"fault_{k}") for k, (_, condition, _) in enumerate(broken)],
        *[_evidence(k, request).alias(f"of_{k}") for k in range(len(request.numbers))],
        *([_of("value", request.numbers.index(request.weights)).alias("weight")] if request.weights else []),
    )
    faults = [F.col(f"fault_{k}") for k in range(len(broken))]
    wanted = judged.agg(
        F.count(F.lit(1)).alias("cases"),
        *[F.min(F.when(fault, F.col("row"))).alias(f"row_{k}") for k, fault in enumerate(faults)],
        *[F.count_if(fault).alias(f"count_{k}") for k, fault in enumerate(faults)],
        *[tallied(F.col(f"of_{k}")).alias(f"tallies_{k}") for k in range(len(request.numbers))],
        *([F.sum("weight").alias("weight")] if request.weights else []),
    )
    try:
        rows = wanted.collect()[0]
    except Py4JJavaError as error:
        if "FAILED_READ_FILE" not in str(error):
            raise
        raise table.damaged(path) from None
    table.check_not_empty(rows["cases"], request)
    if count not in (UNCOUNTED, rows["cases"]):
        raise InputError(
            f"{path} holds {count:,} rows, and {rows['cases']:,} came out; take out what is unusual in it "
            "(quotes, line breaks in fields, blank lines), or save it anew, and report this."
        )
    named = [
        Fault(column, words, rows[f"row_{k}"], rows[f"count_{k}"])
        for k, (column, _, words) in enumerate(broken)
        if rows[f"count_{k}"]
    ]
    table.stop_at_the_first(named, request)
    if request.weights:
        table.check_weights(rows["weight"], request)
    warnings = [
        table.warning(request, column, doubt, WORDS[doubt])
        for k, column in enumerate(request.numbers)
        for doubt, holds in doubts(rows[f"tallies_{k}"]).items()
        if holds
    ]
    return int(rows["cases"]), warnings


def _evidence(k: int, request: Request) -> Column:
    """What a cell says for or against doubts (see jobs.amounts); in files with types only codes are odd."""
    mark, thousands = table.marks(request)
    plain = table.form_of(request.data) == CSV and not thousands
    written = F.when(_of("given", k) & F.lit(plain), _of("text", k))
    return evidence(written, _of("value", k).try_cast(EXACT), mark)


def _faults(request: Request) -> list[tuple[str, Column, str]]:
    """What a row can have wrong: the column ("" for the whole row), the condition, the words for it."""
    faults = [("", F.col(CORRUPT).isNotNull(), table.NO_FIT)]
    for column in request.labels:
        damaged = F.contains(F.col(quoted(column)).cast("string"), F.lit("\ufffd"))
        faults.append((column, damaged, table.not_in_encoding(request)))
    for column in request.groups:
        faults.append((column, F.col(quoted(column)).isNull(), table.EMPTY))
    for k, column in enumerate(request.numbers):
        value = _of("value", k)
        faults.append((column, _of("given", k) & value.isNull(), table.NO_NUMBER))
        if column == request.weights:
            faults.append((column, value < 0, table.NEGATIVE))
    return faults


def _cases(frame: DataFrame, request: Request) -> DataFrame:
    """What the fits need: the group's name, its columns, clusters, weights and model columns as doubles."""
    labels = [F.col(quoted(column)) for column in request.labels]
    name = F.concat_ws(JOIN, *[F.col(quoted(column)) for column in request.groups])
    return frame.select(
        (name if request.groups else F.lit("all")).alias(GROUP),
        *labels,
        *[_of("value", k).alias(column) for k, column in enumerate(request.numbers)],
    )


def _delta(spark: SparkSession, path: str) -> DataFrame:
    whole = path if "://" in path else str(Path(path).expanduser().resolve())
    root, _, name = whole.rstrip("/").rpartition("/")
    return Tables(lambda: spark, root).read(name)


def _of(what: str, k: int) -> Column:
    """What `_with_numbers` made of the k-th column of numbers."""
    return F.col(f"_{what} {k}")


def _with_numbers(frame: DataFrame, request: Request) -> DataFrame:
    """The rows with what each column of numbers holds: its `text`, whether something is `given`, its `value`.

    The value is a double, null where it is missing or no number. A text of --na stands for a missing value
    wherever the same number is written otherwise: -9 is -9.0. Made step by step, since Spark would make what
    stands several times in one step as many times.
    """
    kinds = dict(frame.dtypes)
    mark, thousands = table.marks(request)
    coded = table.codes_of_no_answer(request)
    steps: dict[str, dict[int, Column]] = {"text": {}, "plain": {}, "number": {}, "given": {}, "value": {}}
    for k, column in enumerate(request.numbers):
        given = F.col(quoted(column))
        text, plain, number = (_of(what, k) for what in ("text", "plain", "number"))
        typed = kinds[column] in TYPED or kinds[column].startswith("decimal")
        steps["text"][k] = given.cast("string") if typed else bare(given.cast("string"))
        if typed:
            steps["number"][k] = given.cast("double")
            steps["given"][k] = given.isNotNull() & ~F.isnan(number) & ~number.isin(coded)
        else:
            steps["plain"][k] = with_point(text, mark, thousands)
            steps["number"][k] = F.when(plain.rlike(NUMBER), plain.try_cast("double"))
            there = text.isNotNull() & ~text.isin("", *request.na)
            steps["given"][k] = there & ~F.coalesce(number.isin(coded), F.lit(False))
        steps["value"][k] = F.when(_of("given", k) & (F.abs(number) < F.lit(float("inf"))), number)
    for what, columns in steps.items():
        frame = frame.withColumns({f"_{what} {k}": column for k, column in columns.items()})
    return frame
