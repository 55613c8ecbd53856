"""The table of `diamant fit --data` as a Spark frame, or one sentence on why it cannot be used.

Text first, then numbers with the declared decimal mark: NaN, Infinity and 1e400 are no numbers. Columns that
are numbers in their file (Parquet, Delta) are taken as they are; there not-a-number means missing.
"""

from __future__ import annotations

from pathlib import Path

import pyreadstat
from pyspark.errors import IllegalArgumentException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.anytable.request import Request
from jobs.errors import InputError, SettingsError
from jobs.readers import files, packages, text
from jobs.tables import Tables

FORMS = {
    **{ending: "csv" for ending in ("csv", "txt", "tsv", "tab")},
    **{"parquet": "parquet", "dta": "stata", "sav": "spss", "zsav": "spss", "sas7bdat": "sas"},
}
GROUP = "_group"  # the group's name: its columns' values, joined
JOIN = ", "
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
TYPED = {"double", "float", "tinyint", "smallint", "int", "bigint", "boolean"}


def read(spark: SparkSession, request: Request) -> DataFrame:
    """A row a case: `row_number` (null for Delta), labels as text, model columns and weights as they stand.

    Raises SettingsError for a column the table does not have, InputError where the table can't be read.
    """
    path = request.data
    form = form_of(path)
    wanted = [*request.labels, *request.numbers]
    if form == "csv":
        _, present = files.header(path, request.field_separator, request.codec)
        if len(present) == 1 and not set(wanted) <= set(present):
            raise InputError(
                f"{path} has one column when it is split at {request.field_separator!r}; "
                "name its --separator."
            )
    elif form in packages.READERS:
        present = _package_names(path, form)
    else:
        table = _delta(spark, path) if form == "delta" else _parquet(spark, path)
        present = table.columns
    _demand(request, present)
    if form == "csv":
        frame, _ = text.read(spark, path, request.field_separator, request.codec, wanted)
        return frame
    if form in packages.READERS:
        frame, _ = packages.read(spark, path, form, wanted)
        return frame
    number = F.col("_metadata.row_index") + 2 if form == "parquet" else F.lit(None).cast("bigint")
    return table.select(
        number.alias("row_number"),
        *[_label(column, table).alias(column) for column in request.labels],
        *[F.col(quoted(column)) for column in request.numbers],
        F.lit(None).cast("string").alias("_corrupt"),
    )


def check(frame: DataFrame, request: Request) -> int:
    """The number of cases. Raises InputError naming the first column and row that cannot be used."""
    path, row = request.data, F.col("row_number")
    broken = _faults(frame, request)
    wanted = frame.agg(
        F.count(F.lit(1)).alias("cases"),
        *[F.min(F.when(condition, row)).alias(f"row_{k}") for k, (_, condition, _) in enumerate(broken)],
        *[F.count_if(condition).alias(f"count_{k}") for k, (_, condition, _) in enumerate(broken)],
        *([F.sum(_value(frame, request.weights, request)[0]).alias("weight")] if request.weights else []),
    )
    try:
        rows = wanted.collect()[0]
    except IllegalArgumentException:  # Java lacks the encoding
        raise SettingsError(
            f"--encoding {request.encoding} is unknown to Spark; save the file as UTF-8."
        ) from None
    if not rows["cases"]:
        raise InputError(f"{path} has a header and no rows; deliver it again.")
    for k, (column, _, words) in enumerate(broken):
        if rows[f"count_{k}"]:
            where = _where(rows[f"row_{k}"], rows[f"count_{k}"])
            raise InputError(f"{path}, {where}: {f'the column {column} ' if column else ''}{words}.")
    if request.weights and not (rows["weight"] or 0) > 0:
        raise InputError(f"{path}: the weights in {request.weights} are all zero; take another column.")
    return int(rows["cases"])


def _faults(frame: DataFrame, request: Request) -> list[tuple[str, Column, str]]:
    """What a row can have wrong: the column ("" for the whole row), the condition, the words for it."""
    found = [
        ("", F.col("_corrupt").isNotNull(), "the fields do not fit the header; mend --separator or file")
    ]
    for column in request.labels:
        damaged = F.contains(F.col(quoted(column)).cast("string"), F.lit("\ufffd"))
        found.append((column, damaged, f"is not in {request.encoding}; name the file's --encoding"))
    for column in request.groups:
        found.append((column, F.col(quoted(column)).isNull(), "is empty; each case needs a group"))
    for column in request.numbers:
        value, given = _value(frame, column, request)
        found.append((column, given & value.isNull(), "holds no number; mend it or name its text by --na"))
        if column == request.weights:
            found.append((column, value < 0, "holds a negative weight; weights are 0 or more"))
    return found


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
    asked = [
        *[("--group", column) for column in request.groups],
        *[("--cluster", column) for column in request.clusters],
        *([("--weights", request.weights)] if request.weights else []),
        *[(request.model, column) for column in request.structure.observed],
    ]
    for who, column in asked:
        if column not in present:
            raise SettingsError(f"{who} names {column}, which is no column of {request.data}; mend the name.")


def _package_names(path: str, form: str) -> list[str]:
    try:
        return list(packages.READERS[form](path, metadataonly=True)[1].column_names)
    except (pyreadstat.ReadstatError, UnicodeDecodeError):
        raise InputError(f"{path} is no whole {form} file; deliver it again.") from None


def _delta(spark: SparkSession, path: str) -> DataFrame:
    whole = path if "://" in path else str(Path(path).expanduser().resolve())
    root, _, name = whole.rstrip("/").rpartition("/")
    return Tables(spark, root).read(name)


def _parquet(spark: SparkSession, path: str) -> DataFrame:
    try:
        return spark.read.parquet(str(Path(path).expanduser().resolve()))
    except Exception:
        raise InputError(f"{path} is no whole Parquet file; deliver it again.") from None


def _label(column: str, table: DataFrame) -> Column:
    """A label as text: whole numbers without a point, blanks as null."""
    value = F.col(quoted(column))
    plain = value.cast("string")
    if dict(table.dtypes)[column] in ("double", "float"):
        plain = F.when(value == F.floor(value), value.cast("bigint").cast("string")).otherwise(plain)
    return F.nullif(F.trim(plain), F.lit(""))


def _value(frame: DataFrame, column: str, request: Request) -> tuple[Column, Column]:
    """The column as a double, null where it is missing or no number; and whether something is given."""
    given = F.col(quoted(column))
    kind = dict(frame.dtypes)[column]
    if kind in TYPED or kind.startswith("decimal"):
        value = given.cast("double")
        finite = F.abs(value) < F.lit(float("inf"))
        return F.when(finite & ~F.isnan(value), value), given.isNotNull() & ~F.isnan(value)
    stripped = F.trim(given.cast("string"))
    plain = F.replace(stripped, F.lit(","), F.lit(".")) if _comma(request) else stripped
    other = F.contains(stripped, F.lit(".")) if _comma(request) else F.lit(False)
    number = F.when(~other & plain.rlike(NUMBER), plain.try_cast("double"))
    there = stripped.isNotNull() & ~stripped.isin("", *request.na)
    return F.when(there & (F.abs(number) < F.lit(float("inf"))), number), there


def _comma(request: Request) -> bool:
    """The decimal comma is a matter of text files; other formats write numbers one way."""
    return request.decimal == "," and form_of(request.data) == "csv"


def _where(row: int | None, count: int) -> str:
    more = f" (and {count - 1:,} more)" if count > 1 else ""
    return f"row {row}{more}" if row is not None else f"{count:,} row{'s' if count > 1 else ''}"


def quoted(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"
