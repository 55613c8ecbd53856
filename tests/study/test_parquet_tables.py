"""Input-output tables in Parquet: their cells are those of the table as text, or the run stops in words."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from small_study import biregional, long
from small_tables import Known, TableCase, check, plain

from jobs.errors import InputError, SettingsError

PARQUET = {"format": "parquet"}


def frame(table: Known) -> pd.DataFrame:
    """One row a cell; values are doubles."""
    return pd.DataFrame(long(table)).astype({"value": "float64"})


def parquet(rows: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    rows.to_parquet(stream, index=False)
    return stream.getvalue()


def changed(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Known], bytes]:
    """The table with other columns."""
    return lambda table: parquet(change(frame(table)))


def column(name: str, write: Callable[[Any], Any]) -> Callable[[Known], bytes]:
    return changed(lambda rows: rows.assign(**{name: rows[name].map(write)}))


def first_value(value: float | None) -> Callable[[Known], bytes]:
    return changed(lambda rows: rows.assign(value=[value, *rows.value[1:]]))


WHOLE = [
    TableCase("doubles", changed(lambda rows: rows)),
    TableCase("doubles where the run file says decimal comma", changed(lambda rows: rows), {"decimal": ","}),
    TableCase("texts", changed(lambda rows: rows.astype({"value": str}))),
    TableCase("labels are categories", changed(lambda rows: rows.astype({"origin_sector": "category"}))),
    TableCase("labels padded", column("origin_region", lambda text: f" {text} ")),
    TableCase("sectors are doubles", column("origin_sector", lambda text: text.replace("28", "28.0"))),
    TableCase(
        "columns of other names, and one that is not used",
        changed(lambda rows: rows.rename(columns={"value": "meur"}).assign(year=2010)),
        {"columns": {"value": "meur"}},
    ),
    TableCase(
        "parts of a folder",
        lambda table: {
            "a.parquet": parquet(frame(table)[:40]),
            "b.parquet": parquet(frame(table)[40:]),
        },
        file="flows",
    ),
    TableCase(
        "other years in the file",
        changed(lambda rows: pd.concat([rows.assign(year=2010), rows.assign(year=2011, value=1.0)])),
        {"where": {"year": ["2010"]}},
        notes="81 cells carry .* another value than where names",
    ),
    TableCase(
        "biregional",
        lambda table: parquet(frame(biregional(table))),
        {"layout": "biregional"},
        known=biregional,
    ),
]
REFUSED = [
    TableCase("a value is missing", first_value(None), stops="the value is (blank|no number)"),
    TableCase("a value is negative", first_value(-1.0), stops="the value is negative"),
    TableCase("a value is infinite", first_value(float("inf")), stops="the value is no number"),
    TableCase(
        "a column is missing",
        changed(lambda rows: rows.drop(columns="value")),
        stops="has no column value",
        error=InputError,
    ),
    TableCase("text under a wrong name", plain, stops="Parquet", error=InputError),
    TableCase(
        "a matrix",
        changed(lambda rows: rows),
        {"layout": "wide"},
        stops="a matrix has no",
        error=SettingsError,
    ),
]


@pytest.mark.parametrize("case", [*WHOLE, *REFUSED], ids=str)
def test_a_parquet_table_has_the_cells_of_the_text(spark, tmp_path, case):
    own = replace(case, settings={**PARQUET, **case.settings}, until="ingest")
    check(own, spark, tmp_path)
