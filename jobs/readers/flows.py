"""Input-output tables in their three layouts, as cells of text.

A cell: `row_number`, `origin_region`, `origin_sector`, `destination_region`, `destination_sector`, `value`,
and `_corrupt`. A region may be the marker of the rest of the country.
"""

from __future__ import annotations

import csv

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import InputError, SettingsError
from jobs.frames import local
from jobs.readers import files, text
from jobs.settings import FlowsInput

LABELS = ("origin_region", "origin_sector", "destination_region", "destination_sector")
PAIR = ("region", "product", "industry", "value")  # columns of a biregional pair of files


def read(spark: SparkSession, settings: FlowsInput) -> tuple[DataFrame, list[str]]:
    """The cells of a wave's tables and notes on their files. Raises InputError, SettingsError."""
    if settings.layout == "wide":
        return _wide(spark, _path(settings, "flows"), settings), []
    if settings.layout == "biregional" and "own" in settings.paths:
        return _pair(spark, settings)
    return _long(spark, _path(settings, "flows"), settings)


def _path(settings: FlowsInput, role: str) -> str:
    if role not in settings.paths:
        raise SettingsError(f"flows.paths: {role} is missing; the layout {settings.layout} needs it.")
    return settings.paths[role]


def _long(spark: SparkSession, path: str, settings: FlowsInput) -> tuple[DataFrame, list[str]]:
    """One row a cell, with the labels of both sides."""
    roles = {role: settings.columns.get(role, role) for role in (*LABELS, "value")}
    frame, notes = text.read(
        spark, path, settings.separator, settings.encoding, list(roles.values()), splittable=True
    )
    cells = frame.select(
        "row_number", *[F.col(column).alias(role) for role, column in roles.items()], "_corrupt"
    )
    return cells, notes


def _pair(spark: SparkSession, settings: FlowsInput) -> tuple[DataFrame, list[str]]:
    """Two files a country: what the industries of a region buy from the region itself, and from the rest.

    An industry label named by `exports` in the first file stands for deliveries to the rest of the
    country, of which the buying sector is not known.
    """
    roles = {role: settings.columns.get(role, role) for role in PAIR}
    own, rest = F.col(roles["region"]), F.lit(settings.rest)
    frames, notes = [], []
    for role in ("own", "rest"):
        path = _path(settings, role)
        frame, said = text.read(
            spark, path, settings.separator, settings.encoding, list(roles.values()), splittable=True
        )
        abroad = (
            F.col(roles["industry"]) == F.lit(settings.exports)
            if role == "own" and settings.exports
            else F.lit(False)
        )
        frames.append(
            frame.select(
                "row_number",
                (own if role == "own" else rest).alias("origin_region"),
                F.col(roles["product"]).alias("origin_sector"),
                F.when(abroad, rest).otherwise(own).alias("destination_region"),
                F.when(~abroad, F.col(roles["industry"])).alias("destination_sector"),
                F.col(roles["value"]).alias("value"),
                "_corrupt",
            )
        )
        notes += said
    return frames[0].unionByName(frames[1]), notes


def _wide(spark: SparkSession, path: str, settings: FlowsInput) -> DataFrame:
    """A matrix with two header rows (buying region, buying sector) and two label columns.

    Read as lines and unfolded, since a matrix of all European regions has more columns than a reader
    of columns takes. Raises InputError where a line has quotes or the two header rows differ in length.
    """
    file = files.parts(path)[0]
    with file.open(encoding=settings.encoding) as stream:
        try:
            heads = [next(csv.reader([stream.readline()], delimiter=settings.separator)) for _ in range(2)]
        except (StopIteration, UnicodeDecodeError):
            raise InputError(
                f"{path} has no two header rows in {settings.encoding}; check the file."
            ) from None
    if len(heads[0]) != len(heads[1]) or len(heads[0]) < 3:
        raise InputError(f"{path}: the two header rows do not fit each other; both need a label a column.")
    columns = [
        (place, region.strip(), sector.strip())
        for place, (region, sector) in enumerate(zip(*heads, strict=True))
        if place >= 2
    ]
    labels = local(spark, columns, "place int, destination_region string, destination_sector string")
    encoded = spark.read.csv(
        str(file.resolve()),
        schema="line string",
        sep="\x01",
        encoding=settings.encoding,
        quote="",
        header=False,
    )
    rows = encoded.select(F.split("line", _literal(settings.separator), -1).alias("parts"))
    body = rows.where(~_is_head(heads))
    fits = F.size("parts") == len(heads[0])
    unfolded = body.where(fits).select(
        F.trim(F.col("parts")[0]).alias("origin_region"),
        F.trim(F.col("parts")[1]).alias("origin_sector"),
        F.posexplode("parts").alias("place", "value"),
    )
    cells = unfolded.join(F.broadcast(labels), "place").select(
        F.lit(0).cast("long").alias("row_number"),
        *LABELS,
        F.trim("value").alias("value"),
        F.lit(None).cast("string").alias("_corrupt"),
    )
    broken = body.where(~fits).select(
        F.lit(0).cast("long").alias("row_number"),
        *[F.lit(None).cast("string").alias(label) for label in (*LABELS, "value")],
        F.array_join("parts", settings.separator).alias("_corrupt"),
    )
    return cells.unionByName(broken)


def _is_head(heads: list[list[str]]) -> Column:
    own = [F.array(*[F.lit(label) for label in head]) for head in heads]
    return (F.col("parts") == own[0]) | (F.col("parts") == own[1])


def _literal(separator: str) -> str:
    """The separator as a regular expression that means itself."""
    return f"\\Q{separator}\\E"
