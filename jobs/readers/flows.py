"""Input-output tables in their three layouts, as cells of text.

A cell: `country`, `wave`, `part`, `row_number`, `origin_region`, `origin_sector`, `destination_region`,
`destination_sector`, `value`, and `_corrupt`. A region may be the marker of the rest of the country.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.codes import BLANKS
from jobs.errors import InputError, SettingsError
from jobs.readers import files, records, text
from jobs.readers.files import CORRUPT, COUNTRY, PART, ROW, WAVE
from jobs.readers.records import Dialect, Lines, Scan, clean
from jobs.settings import encodings
from jobs.settings.inputs import LABELS, PAIR, FlowsInput
from jobs.settings.slices import Slice
from jobs.spark.frames import local, quoted

NO_TEXT = "".join(map(chr, range(33)))  # a line of these alone is blank for Spark's reader
CELL = ("country", "wave", "part", "row_number", *LABELS, "value", CORRUPT)


@dataclass(frozen=True)
class Matrix:
    """A part of a wide table: its two header rows, the number of its cells, whether it holds quotes."""

    part: Path
    heads: list[list[str]]
    count: int
    in_quotes: bool


@dataclass(frozen=True)
class Scanned:
    """The tables of a slice after one pass over their files: what `read` needs to know of them."""

    settings: FlowsInput
    scans: dict[str, list[Scan]]  # by role; of long tables
    matrices: list[Matrix]  # of wide ones

    @property
    def count(self) -> int:
        """How many cells the files hold; a row of another length than the header is one."""
        return sum(map(text.counted, self.scans.values())) + sum(matrix.count for matrix in self.matrices)

    @property
    def notes(self) -> list[str]:
        return [
            words
            for role, scans in self.scans.items()
            for words in text.notes(scans, _wanted(self.settings, role))
        ]


def scanned(settings: FlowsInput) -> Scanned:
    """The tables of a slice, each file parsed once. Raises InputError, SettingsError."""
    dialect = Dialect(settings.separator, settings.encoding)
    if settings.layout == "wide":
        path = path_of(settings, "flows")
        return Scanned(settings, {}, [_matrix(path, part, dialect) for part in files.parts(path)])
    roles = ("own", "rest") if is_pair(settings) else ("flows",)
    scans = {role: text.scanned(path_of(settings, role), dialect, _wanted(settings, role)) for role in roles}
    return Scanned(settings, scans, [])


def is_pair(settings: FlowsInput) -> bool:
    """Whether the tables are a biregional pair of files."""
    return settings.layout == "biregional" and "own" in settings.paths


def read(spark: SparkSession, tables: Mapping[Slice, Scanned]) -> DataFrame:
    """The cells of the tables of slices whose settings are alike but for the files, with country and wave."""
    settings = next(iter(tables.values())).settings
    if settings.layout == "wide":
        parts = [
            _wide(spark, slice, table.settings, matrix)
            for slice, table in tables.items()
            for matrix in table.matrices
        ]
        return reduce(DataFrame.unionByName, parts)
    if is_pair(settings):
        sides = [_side(_rows(spark, tables, role, settings), role, settings) for role in ("own", "rest")]
        return sides[0].unionByName(sides[1])
    cells = _rows(spark, tables, "flows", settings)
    roles = _roles(settings, "flows")
    return cells.select(
        *_places(), *[F.col(quoted(column)).alias(role) for role, column in roles.items()], CORRUPT
    )


def demand(settings: FlowsInput) -> None:
    """Look at the headers alone. Raises InputError where a column is missing or a file cannot be read."""
    for role, path in settings.paths.items():
        dialect = Dialect(settings.separator, settings.encoding)
        for part in files.parts(path):
            if settings.layout == "wide":
                _heads(path, part, dialect)
            else:
                columns = list(_roles(settings, role).values())
                files.demand(files.shown(path, part), records.header(path, part, dialect), columns)


def path_of(settings: FlowsInput, role: str) -> str:
    if role not in settings.paths:
        raise SettingsError(f"flows.paths: {role} is missing; the layout {settings.layout} needs it.")
    return settings.paths[role]


def _roles(settings: FlowsInput, role: str) -> dict[str, str]:
    """What each column of a file is for, and its header."""
    names = (*LABELS, "value") if role == "flows" else PAIR
    return {name: settings.columns.get(name, name) for name in names}


def _wanted(settings: FlowsInput, role: str) -> list[str]:
    return list(dict.fromkeys(_roles(settings, role).values()))


def _rows(spark: SparkSession, tables: Mapping[Slice, Scanned], role: str, settings: FlowsInput) -> DataFrame:
    scans = {slice: table.scans[role] for slice, table in tables.items()}
    return text.read(spark, scans, _wanted(settings, role), splittable=True)


def _side(rows: DataFrame, role: str, settings: FlowsInput) -> DataFrame:
    """One of the two files of a pair: what a region's industries buy from the region itself, or the rest.

    An industry label named by `exports` in the first file stands for deliveries to the rest of the
    country, of which the buying sector is not known.
    """
    roles = _roles(settings, role)
    own, industry = F.col(quoted(roles["region"])), F.col(quoted(roles["industry"]))
    rest = F.lit(settings.rest)
    exported = role == "own" and settings.exports is not None
    abroad = industry == F.lit(settings.exports) if exported else F.lit(False)
    return rows.select(
        *_places(),
        (own if role == "own" else rest).alias("origin_region"),
        F.col(quoted(roles["product"])).alias("origin_sector"),
        F.when(abroad, rest).otherwise(own).alias("destination_region"),
        F.when(~abroad, industry).alias("destination_sector"),
        F.col(quoted(roles["value"])).alias("value"),
        CORRUPT,
    )


def _places() -> list[Column]:
    names = {COUNTRY: "country", WAVE: "wave", PART: "part", ROW: "row_number"}
    return [F.col(own).alias(name) for own, name in names.items()]


def _matrix(path: str, part: Path, dialect: Dialect) -> Matrix:
    """What a pass over a matrix tells: two header rows (buying region, buying sector), cells, quotes.

    Raises InputError where the two header rows differ in length.
    """
    heads, count, in_quotes = _heads(path, part, dialect), 0, False
    width, shown = len(heads[0]), files.shown(path, part)
    with files.text(path, part, dialect.encoding) as stream:
        for row, line in enumerate(Lines(stream, shown), start=1):
            in_quotes = in_quotes or '"' in line
            fields = _fields(line, dialect, shown, row) if line.strip(NO_TEXT) else []
            if fields and fields not in heads:  # they stand there again where parts were put into one file
                count += width - 2 if len(fields) == width else 1
    return Matrix(part, heads, count, in_quotes)


def _wide(spark: SparkSession, slice: Slice, settings: FlowsInput, matrix: Matrix) -> DataFrame:
    """The cells of a matrix with two label columns; a row of another length than the header is one cell.

    Read as lines and unfolded, since a matrix of all European regions has more columns than a reader
    of columns takes.
    """
    path, part = path_of(settings, "flows"), matrix.part
    dialect = Dialect(settings.separator, settings.encoding)
    columns = [
        (place, clean(region), clean(sector))
        for place, (region, sector) in enumerate(zip(*matrix.heads, strict=True))
        if place >= 2
    ]
    labels = local(spark, columns, "place int, destination_region string, destination_sector string")
    by_spark = _open_to_spark(part, dialect) and not matrix.in_quotes
    rows = (_by_spark if by_spark else _on_the_driver)(spark, path, part, dialect)
    body = rows.where(~_is_head(matrix.heads))
    fits = F.size("parts") == len(matrix.heads[0])
    unfolded = body.where(fits).select(
        F.btrim(F.col("parts")[0], F.lit(BLANKS)).alias("origin_region"),
        F.btrim(F.col("parts")[1], F.lit(BLANKS)).alias("origin_sector"),
        F.posexplode("parts").alias("place", "value"),
    )
    cells = unfolded.join(F.broadcast(labels), "place")
    broken = body.where(~fits).select(F.array_join("parts", dialect.separator).alias(CORRUPT))
    absent = F.lit(None).cast("string")
    name = F.lit(files.part_name(path, part)).cast("string")
    place = {
        **{column: F.lit(value) for column, value in slice.keys.items()},
        **{"part": name, "row_number": F.lit(0).cast("long")},
    }
    trimmed = F.btrim("value", F.lit(BLANKS))
    whole = cells.withColumns({**place, "value": trimmed, CORRUPT: absent})
    spoilt = broken.withColumns({**place, **{role: absent for role in (*LABELS, "value")}})
    return whole.select(*CELL).unionByName(spoilt.select(*CELL))


def _heads(path: str, part: Path, dialect: Dialect) -> list[list[str]]:
    """The two header rows of a wide matrix. Raises InputError where they do not fit each other."""
    shown = files.shown(path, part)
    with files.text(path, part, dialect.encoding) as stream:
        lines = islice(Lines(stream, shown), 2)
        heads = [next(csv.reader([line], delimiter=dialect.separator), []) for line in lines]
    if len(heads) < 2:
        raise InputError(f"{shown} has no two header rows; check the file.")
    if len(heads[0]) != len(heads[1]) or len(heads[0]) < 3:
        raise InputError(f"{shown}: the two header rows do not fit each other; both need a label a column.")
    return heads


def _fields(line: str, dialect: Dialect, shown: str, row: int) -> list[str]:
    """The fields of a line, without quotes around them. Raises InputError where its quotes do not fit."""
    if '"' not in line:
        return line.rstrip("\r\n").split(dialect.separator)
    try:
        return next(csv.reader([line], delimiter=dialect.separator, strict=True))
    except csv.Error:
        raise InputError(
            f"{shown}, row {row}: a double quote stands where no text begins or ends; mend the quote."
        ) from None


def _open_to_spark(part: Path, dialect: Dialect) -> bool:
    return (
        files.spark_path(part) is not None and encodings.python_name(dialect.encoding) not in encodings.WIDE
    )


def _by_spark(spark: SparkSession, path: str, part: Path, dialect: Dialect) -> DataFrame:
    """The fields of the file's lines, not blank ones, as the column `parts`."""
    spark.conf.set("spark.sql.legacy.javaCharsets", "true")
    lines = spark.read.options(**text.NO_PATTERN).csv(
        str(files.spark_path(part)),
        schema="line string",
        sep="\x01",
        encoding=encodings.java_name(dialect.encoding),
        quote="",
        header=False,
    )
    return lines.select(F.split("line", _literal(dialect.separator), -1).alias("parts"))


def _on_the_driver(spark: SparkSession, path: str, part: Path, dialect: Dialect) -> DataFrame:
    """As `_by_spark`, for files that it cannot open or that hold quotes."""
    shown = files.shown(path, part)
    with files.text(path, part, dialect.encoding) as stream:
        rows = [
            (_fields(line, dialect, shown, row),)
            for row, line in enumerate(Lines(stream, shown), start=1)
            if line.strip(NO_TEXT)
        ]
    return local(spark, rows, "parts array<string>")


def _is_head(heads: list[list[str]]) -> Column:
    own = [F.array(*[F.lit(label) for label in head]) for head in heads]
    return (F.col("parts") == own[0]) | (F.col("parts") == own[1])


def _literal(separator: str) -> str:
    """The separator as a regular expression that means itself."""
    return f"\\Q{separator}\\E"
