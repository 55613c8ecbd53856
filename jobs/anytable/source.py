"""The table of `diamant fit --data` as a Spark frame, or one sentence on why it cannot be used.

Text first, then numbers with the declared decimal mark: NaN, Infinity and 1e400 are no numbers. Columns that
are numbers in their file (Parquet, Delta) are taken as they are; there not-a-number means missing.
"""

from __future__ import annotations

import re
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.anytable.request import Request
from jobs.codes import BLANKS
from jobs.errors import InputError, SettingsError
from jobs.readers import files, packages, text, typed
from jobs.readers.files import ADDED, CORRUPT, ROW, Rows
from jobs.readers.records import Dialect, header
from jobs.sem.model.syntax import line_of
from jobs.settings.slices import Slice
from jobs.spark.frames import quoted
from jobs.spark.tables import Tables
from jobs.transforms.cells import EXACT, with_point
from jobs.transforms.doubts import WORDS, doubts, evidence

GROUP = "_group"  # the group's name: its columns' values, joined
JOIN = ", "
TABLE = Slice("", "")  # readers know of slices; a table of cases is of none
FORMS = {
    **{ending: "csv" for ending in ("csv", "txt", "tsv", "tab")},
    **{"parquet": "parquet", "dta": "stata", "sav": "spss", "zsav": "spss", "sas7bdat": "sas"},
}
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
UNCOUNTED = -1
REMEDIES = {
    "thousands": "give --thousands and --decimal if they are thousands",
    "nines": "name that code by --na if it stands for no answer",
}
TYPED = {"double", "float", "tinyint", "smallint", "int", "bigint", "boolean"}


def read(spark: SparkSession, request: Request) -> Rows:
    """One row per case: its ROW (null for Delta), labels as text, model columns and weights as they stand.

    Raises SettingsError for a column the table does not have, InputError where the table can't be read.
    """
    path = request.data
    form = form_of(path)
    wanted = [*request.labels, *request.numbers]
    if form == "delta":
        table = _delta(spark, path)
        _demand(request, table.columns)
        return Rows(_chosen(table, request), [], UNCOUNTED)
    (part,) = files.parts(path)
    dialect = Dialect(request.field_separator, request.encoding)
    present = header(path, part, dialect) if form == "csv" else packages.names(path, part, form)
    if form == "csv" and len(present) == 1 and not set(wanted) <= set(present):
        raise InputError(
            f"{path} has one column when it is split at {request.field_separator!r}; name its --separator."
        )
    _demand(request, present)
    if form == "csv":
        scans = text.scanned(path, dialect, wanted)
        rows = text.read(spark, {TABLE: scans}, wanted)
        return Rows(rows, text.notes(scans, wanted), text.counted(scans))
    if form in packages.READERS:
        packages.check(path, form, wanted)
        rows, counts = packages.read(spark, {TABLE: path}, form, wanted)
        return Rows(rows, [], counts[TABLE])
    return Rows(_chosen(packages.parquet(spark, path, part), request), [], packages.parquet_rows(part))


def _chosen(table: DataFrame, request: Request) -> DataFrame:
    """The columns of a table whose columns have types."""
    kinds = dict(table.dtypes)
    return table.select(
        F.col(ROW) if ROW in table.columns else F.lit(None).cast("bigint").alias(ROW),
        *[typed.column(F.col(quoted(column)), kinds[column]).alias(column) for column in request.labels],
        *[F.col(quoted(column)) for column in request.numbers],
        F.lit(None).cast("string").alias(CORRUPT),
    )


def check(frame: DataFrame, request: Request, count: int = UNCOUNTED) -> tuple[int, list[str]]:
    """The number of cases, and notes on columns whose numbers may mean something else than they say.

    The cases are as many as the file has rows, `count`, where these can be counted. Raises InputError naming
    the first column and row that cannot be used.
    """
    path, broken = request.data, _faults(frame, request)
    # A projection first: within the sums each of these expressions would be made many times over.
    judged = frame.select(
        F.col(ROW).alias("row"),
        *[condition.alias(f"fault_{k}") for k, (_, condition, _) in enumerate(broken)],
        *[_evidence(frame, column, request).alias(f"of_{k}") for k, column in enumerate(request.numbers)],
        *([_value(frame, request.weights, request)[0].alias("weight")] if request.weights else []),
    )
    faults = [F.col(f"fault_{k}") for k in range(len(broken))]
    wanted = judged.agg(
        F.count(F.lit(1)).alias("cases"),
        *[F.min(F.when(fault, F.col("row"))).alias(f"row_{k}") for k, fault in enumerate(faults)],
        *[F.count_if(fault).alias(f"count_{k}") for k, fault in enumerate(faults)],
        *[doubts(F.col(f"of_{k}")).alias(f"doubts_{k}") for k in range(len(request.numbers))],
        *([F.sum("weight").alias("weight")] if request.weights else []),
    )
    try:
        rows = wanted.collect()[0]
    except Py4JJavaError as error:
        if "FAILED_READ_FILE" not in str(error):
            raise
        raise InputError(f"{path} is damaged: not all of it can be read; deliver it again.") from None
    if not rows["cases"]:
        raise InputError(f"{path} has a header and no rows; deliver it again.")
    if count not in (UNCOUNTED, rows["cases"]):
        raise InputError(
            f"{path} holds {count:,} rows, and {rows['cases']:,} came out; take out what is unusual in it "
            "(quotes, line breaks in fields, blank lines), or save it anew, and report this."
        )
    for k, (column, _, words) in enumerate(broken):
        if rows[f"count_{k}"]:
            where = _where(rows[f"row_{k}"], rows[f"count_{k}"])
            raise InputError(f"{path}, {where}: {f'the column {column} ' if column else ''}{words}.")
    if request.weights and not (rows["weight"] or 0) > 0:
        raise InputError(f"{path}: the weights in {request.weights} are all zero; take another column.")
    notes = [
        f"warning: {path}, column {column}: {WORDS[doubt]}; {remedy}."
        for k, column in enumerate(request.numbers)
        for doubt, remedy in REMEDIES.items()
        if rows[f"doubts_{k}"][doubt]
    ]
    return int(rows["cases"]), notes


def _evidence(frame: DataFrame, column: str, request: Request) -> Column:
    """What a cell says for or against doubts (transforms.doubts); in files with types only codes are odd."""
    value, there = _value(frame, column, request)
    written = F.btrim(F.col(quoted(column)).cast("string"), F.lit(BLANKS))
    mark, thousands = _marks(request)
    plain = form_of(request.data) == "csv" and not thousands
    return evidence(F.when(there & F.lit(plain), written), value.try_cast(EXACT), mark)


def _faults(frame: DataFrame, request: Request) -> list[tuple[str, Column, str]]:
    """What a row can have wrong: the column ("" for the whole row), the condition, the words for it."""
    faults = [("", F.col(CORRUPT).isNotNull(), "the fields do not fit the header; mend --separator or file")]
    for column in request.labels:
        damaged = F.contains(F.col(quoted(column)).cast("string"), F.lit("\ufffd"))
        faults.append((column, damaged, f"is not in {request.encoding}; name the file's --encoding"))
    for column in request.groups:
        faults.append((column, F.col(quoted(column)).isNull(), "is empty; each case needs a group"))
    for column in request.numbers:
        value, given = _value(frame, column, request)
        faults.append((column, given & value.isNull(), "holds no number; mend it or name its text by --na"))
        if column == request.weights:
            faults.append((column, value < 0, "holds a negative weight; weights are 0 or more"))
    return faults


def cases(frame: DataFrame, request: Request) -> DataFrame:
    """What the fits need: the group's name, its columns, clusters, weights and model columns as doubles."""
    labels = [F.col(quoted(column)) for column in request.labels]
    name = F.concat_ws(JOIN, *[F.col(quoted(column)) for column in request.groups])
    return frame.select(
        (name if request.groups else F.lit("all")).alias(GROUP),
        *labels,
        *[_value(frame, column, request)[0].alias(column) for column in request.numbers],
    )


def form_of(path: str) -> str:
    """The file's format by its ending, or Delta. Raises InputError."""
    if "://" in path:
        return "delta"
    given = Path(path).expanduser()
    if given.is_dir():
        if (given / "_delta_log").is_dir():
            return "delta"
        raise InputError(
            f"{path} is a folder without _delta_log, so no Delta table; name a file or such a folder."
        )
    if not given.is_file():
        raise InputError(f"--data {path} does not exist; check the path.")
    endings = [part.lower() for part in given.name.split(".")[1:]]
    if endings and f".{endings[-1]}" in files.ARCHIVES:
        endings = endings[:-1]
    if not endings or endings[-1] not in FORMS:
        raise InputError(f"{path} ends in none of .{', .'.join(FORMS)}; rename it by its format.")
    return FORMS[endings[-1]]


def _demand(request: Request, present: list[str]) -> None:
    """Raise SettingsError for the first column that an option or the model names and the table lacks."""
    options = [
        *[("--group", column) for column in request.groups],
        *[("--cluster", column) for column in request.clusters],
        *([("--weights", request.weights)] if request.weights else []),
        *[(request.model, column) for column in request.structure.observed],
    ]
    own = [column for _, column in options if column in (*ADDED, GROUP)]
    if own:
        raise SettingsError(f"the column name {own[0]} is the program's own; rename the column.")
    for name in request.structure.latent:
        if name in present:
            line = line_of(request.text, name)
            raise SettingsError(
                f"{request.model}, line {line}: the factor {name} is also a column of {request.data}, and it "
                "is not clear which of them is meant; give the factor another name."
            )
    for who, column in options:
        if present.count(column) > 1:
            raise InputError(f"{request.data}: the header names {column!r} twice; rename one of the columns.")
        if column not in present:
            raise SettingsError(f"{who} names {column}, which is no column of {request.data}; mend the name.")


def _delta(spark: SparkSession, path: str) -> DataFrame:
    whole = path if "://" in path else str(Path(path).expanduser().resolve())
    root, _, name = whole.rstrip("/").rpartition("/")
    return Tables(lambda: spark, root).read(name)


def _value(frame: DataFrame, column: str, request: Request) -> tuple[Column, Column]:
    """The column as a double, null where it is missing or no number; and whether something is given.

    A text of --na stands for a missing value wherever the same number is written otherwise: -9 is -9.0.
    """
    given = F.col(quoted(column))
    kind = dict(frame.dtypes)[column]
    coded = [float(word) for word in request.na if re.fullmatch(NUMBER, word)]
    if kind in TYPED or kind.startswith("decimal"):
        value = given.cast("double")
        there = given.isNotNull() & ~F.isnan(value) & ~value.isin(coded)
        return F.when(there & (F.abs(value) < F.lit(float("inf"))), value), there
    stripped = F.btrim(given.cast("string"), F.lit(BLANKS))
    mark, thousands = _marks(request)
    plain = with_point(stripped, mark, thousands)
    number = F.when(plain.rlike(NUMBER), plain.try_cast("double"))
    there = stripped.isNotNull() & ~stripped.isin("", *request.na)
    there = there & ~F.coalesce(number.isin(coded), F.lit(False))
    return F.when(there & (F.abs(number) < F.lit(float("inf"))), number), there


def _marks(request: Request) -> tuple[str, str | None]:
    """The decimal mark and that of thousands: a matter of text files, other formats write numbers one way."""
    return (request.decimal, request.thousands or None) if form_of(request.data) == "csv" else (".", None)


def _where(row: int | None, count: int) -> str:
    more = f" (and {count - 1:,} more)" if count > 1 else ""
    return f"row {row}{more}" if row is not None else f"{count:,} row{'s' if count > 1 else ''}"
