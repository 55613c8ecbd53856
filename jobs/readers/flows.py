"""Input-output tables in their three layouts, as cells of text.

A cell: `country`, `wave`, `part`, `row_number`, `origin_region`, `origin_sector`, `destination_region`,
`destination_sector`, `value`, `elsewhere` (whether it is of another year or kind than is asked for), and
`_corrupt`. A region may be the marker of the rest of the country. Wide tables are read in matrices.py and
unfolded.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import SettingsError
from jobs.places import copies
from jobs.readers import (
    files,
    in_blocks,
    matrices,
    packages,
    parquet_blocks,
    records,
    statistical,
    text,
    unfolded,
)
from jobs.readers.blocks import Reading
from jobs.readers.dialect import Dialect
from jobs.readers.files import CORRUPT, COUNTRY, PART, ROW, WAVE
from jobs.readers.matrices import Matrix
from jobs.readers.matrix_blocks import MatrixTable
from jobs.readers.parquet_blocks import ParquetTable
from jobs.readers.records import Scan
from jobs.readers.unfolded import ELSEWHERE, LookUp, split
from jobs.settings.inputs import LABELS, PAIR, SIDES, FlowsInput
from jobs.settings.slices import Slice
from jobs.spark.frames import quoted


@dataclass(frozen=True)
class Scanned:
    """The tables of a slice after one pass over their files: what `read` needs to know of them."""

    settings: FlowsInput
    scans: dict[str, list[Scan]]  # by role; of long tables as text
    matrices: list[Matrix]  # of wide ones
    typed: int = 0  # rows of Parquet files

    @property
    def count(self) -> int:
        """How many cells the files hold; a row of another length than the header is one."""
        as_text = sum(map(text.counted, self.scans.values()))
        return as_text + sum(matrix.count for matrix in self.matrices) + self.typed

    @property
    def notes(self) -> list[str]:
        return [
            words
            for role, scans in self.scans.items()
            for words in text.notes(scans, _wanted(self.settings, role))
        ]


def scanned(settings: FlowsInput) -> Scanned:
    """The tables of a slice, each file parsed once. Raises InputError, SettingsError."""
    dialect = Dialect.of(settings)
    if settings.layout == "wide":
        path = path_of(settings, "flows")
        return Scanned(settings, {}, [matrices.scan(settings, path, part) for part in files.parts(path)])
    roles = ("own", "rest") if is_pair(settings) else ("flows",)
    if settings.format == "parquet":
        typed = 0
        for role in roles:
            path = path_of(settings, role)
            statistical.check(path, settings.format, _wanted(settings, role))
            typed += sum(map(statistical.parquet_rows, files.parts(path)))
        return Scanned(settings, {}, [], typed)
    scans = {role: text.scanned(path_of(settings, role), dialect, _wanted(settings, role)) for role in roles}
    return Scanned(settings, scans, [])


def is_pair(settings: FlowsInput) -> bool:
    """Whether the tables are a biregional pair of files."""
    return settings.layout == "biregional" and "own" in settings.paths


def read(spark: SparkSession, tables: Mapping[Slice, Scanned], look_up: LookUp) -> DataFrame:
    """The cells of the tables of slices whose settings are alike but for the files, with country and wave.

    `look_up` adds the columns that tell what labels mean, where that costs least.
    """
    settings = next(iter(tables.values())).settings
    if settings.layout == "wide":
        given = {slice: (path_of(table.settings, "flows"), table.matrices) for slice, table in tables.items()}
        return unfolded.read(spark, given, settings, look_up)
    return look_up(_long(spark, tables, settings), LABELS)


def _long(spark: SparkSession, tables: Mapping[Slice, Scanned], settings: FlowsInput) -> DataFrame:
    if is_pair(settings):
        sides = [_side(_rows(spark, tables, role, settings), role, settings) for role in ("own", "rest")]
        return sides[0].unionByName(sides[1])
    cells = _rows(spark, tables, "flows", settings)
    roles = _roles(settings, "flows")
    given: dict[str, Column] = {role: F.col(quoted(column)) for role, column in roles.items()}
    for side in (side for side in SIDES if side in given):
        region, sector = split(given.pop(side), settings.join)
        given |= {f"{side}_region": region, f"{side}_sector": sector}
    return cells.select(
        *_places(),
        *[given[role].alias(role) for role in (*LABELS, "value")],
        _elsewhere(settings).alias(ELSEWHERE),
        CORRUPT,
    )


def _elsewhere(settings: FlowsInput) -> Column:
    """Whether a row has other values than `where` names, so that it is of another year or kind."""
    others = F.lit(False)
    for column, values in settings.where.items():
        others = others | ~F.coalesce(F.col(quoted(column)).isin(list(values)), F.lit(False))
    return others & F.col(CORRUPT).isNull()


def is_in_blocks(table: Scanned) -> bool:
    """Whether the tables of a slice can be read in blocks (see in_blocks.py): regular text, plain Parquet.

    Tasks open its files by their paths, so none may be the driver's copy of a file elsewhere.
    """
    settings = table.settings
    if settings.format == "parquet" and settings.layout == "long" and settings.decimal == ".":
        value, wanted = _roles(settings, "flows")["value"], _wanted(settings, "flows")
        parts = files.parts(path_of(settings, "flows"))
        return not any(map(copies.origin, parts)) and all(
            parquet_blocks.can_read(part, wanted, value) for part in parts
        )
    if settings.format != "csv" or is_pair(settings) or settings.thousands:
        return False
    scans = [scan for of_role in table.scans.values() for scan in of_role]
    parts = [*(scan.part for scan in scans), *(matrix.part for matrix in table.matrices)]
    if any(copies.origin(part) for part in parts):
        return False
    return all(map(in_blocks.can_read, scans)) and all(matrix.is_regular for matrix in table.matrices)


def blocks(slice: Slice, table: Scanned, reading: Reading) -> Sequence[in_blocks.AnyTable]:
    """The parts of a slice's table as tables that are read in blocks."""
    if table.matrices:
        path = path_of(table.settings, "flows")
        return [MatrixTable(slice, path, matrix, table.settings, reading) for matrix in table.matrices]
    roles, join = _roles(table.settings, "flows"), table.settings.join
    if not table.scans:
        path = path_of(table.settings, "flows")
        return [ParquetTable(slice, path, part, roles, join, reading) for part in files.parts(path)]
    return [in_blocks.Table(slice, scan, roles, join, reading) for scan in table.scans["flows"]]


def demand(settings: FlowsInput) -> None:
    """Look at the headers alone. Raises InputError where a column is missing or a file cannot be read."""
    for role, path in settings.paths.items():
        if settings.format == "parquet":
            statistical.check(path, settings.format, _wanted(settings, role))
            continue
        for part in files.parts(path):
            if settings.layout == "wide":
                matrices.demand(settings, path, part)
            else:
                columns = _wanted(settings, role)
                present = files.matched(records.header(path, part, Dialect.of(settings)), columns)
                files.demand(files.shown(path, part), present, columns)


def path_of(settings: FlowsInput, role: str) -> str:
    if role not in settings.paths:
        raise SettingsError(f"flows.paths: {role} is missing; the layout {settings.layout} needs it.")
    return settings.paths[role]


def _roles(settings: FlowsInput, role: str) -> dict[str, str]:
    """What each column of a file is for, and its header."""
    names: list[str] = list(PAIR)
    if role == "flows":
        # Where the file has one column for a region and its sector, that column is named instead of two.
        whole = [side for side in SIDES if side in settings.columns]
        names = [name for name in LABELS if name.partition("_")[0] not in whole] + [*whole, "value"]
    return {name: settings.columns.get(name, name) for name in names}


def _wanted(settings: FlowsInput, role: str) -> list[str]:
    return list(dict.fromkeys([*_roles(settings, role).values(), *settings.where]))


def _rows(spark: SparkSession, tables: Mapping[Slice, Scanned], role: str, settings: FlowsInput) -> DataFrame:
    wanted = _wanted(settings, role)
    if settings.format == "parquet":
        paths = {slice: path_of(table.settings, role) for slice, table in tables.items()}
        return packages.read(spark, paths, settings.format, wanted)[0]
    scans = {slice: table.scans[role] for slice, table in tables.items()}
    return text.read(spark, scans, wanted, splittable=True)


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
        _elsewhere(settings).alias(ELSEWHERE),
        CORRUPT,
    )


def _places() -> list[Column]:
    names = {COUNTRY: "country", WAVE: "wave", PART: "part", ROW: "row_number"}
    return [F.col(own).alias(name) for own, name in names.items()]
