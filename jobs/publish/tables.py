"""The published tables: collected, protected, sorted, rounded; and written as CSV and Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import schemas
from jobs.context import Context
from jobs.publish import disclosure
from jobs.publish.partner_origin import ORIGINS, partner_origin, size_classes
from jobs.sem.groups import DIAGNOSIS
from jobs.settings import DisclosureSettings, WaveSettings
from jobs.tables import collected

PUBLISHED = (
    *("partner_origin", "cluster_indicators", "estimates", "fit_measures"),
    *("group_differences", "fit_status", *DIAGNOSIS, "sample_waterfall"),
)
DIGITS = 10  # significant digits of a published figure
NOT_PUBLISHED = ["answered", "turnover", "largest", "second"]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")  # what a spreadsheet takes for a formula


def collect(context: Context, waves: list[WaveSettings]) -> dict[str, pd.DataFrame]:
    """All published tables of the run's waves, protected and sorted by their keys.

    Those of a diagnosis are there where the settings ask for it: a file that is always empty helps nobody.
    """
    rules = context.settings.disclosure
    edges = context.settings.size_classes
    names = [name for name in PUBLISHED if name not in DIAGNOSIS or context.settings.fit.diagnosis]
    raw = {name: _of_waves(context, name, waves) for name in names if name != "partner_origin"}
    survey = context.tables.read("survey", {"country": context.settings.country})
    chosen = survey.where(F.col("wave").isin([wave.wave for wave in waves]))
    cells = collected(partner_origin(chosen, edges))
    order = {"size_class": size_classes(edges), "origin": list(ORIGINS)}
    for column, values in order.items():
        cells[column] = pd.Categorical(cells[column], values, ordered=True)
    cells = cells.sort_values(["country", "wave", "size_class", "origin"]).reset_index(drop=True)
    cells = cells.astype({"size_class": str, "origin": str})
    origins = disclosure.protect_origins(cells, rules).drop(columns=NOT_PUBLISHED)
    figures = ["firms", "share", "innovative_turnover"]
    origins["firms"] = origins.firms.astype("Int64")
    shown = origins.status != disclosure.WITHHELD
    for figure in figures:
        origins[figure] = origins[figure].where(shown)

    hidden = disclosure.unpublishable(raw["fit_status"], rules)
    fits = without_groups(raw, hidden)
    tables = {
        "partner_origin": origins,
        **fits,
        **without_residuals(fits, rules),
        "cluster_indicators": disclosure.protect_indicators(raw["cluster_indicators"], rules),
        "sample_waterfall": disclosure.protect_waterfall(raw["sample_waterfall"], rules, hidden),
    }
    return {name: tables[name].reset_index(drop=True) for name in names}


def without_groups(tables: dict[str, pd.DataFrame], hidden: disclosure.Groups) -> dict[str, pd.DataFrame]:
    """The tables of the fits without the groups `hidden`; of their status the fact.

    The firms of the other groups that did not answer are left out in their waves, so that a hidden group
    does not follow from the sample's size.
    """
    out = dict(tables)
    status = tables["fit_status"].copy()
    withheld = _are(status, "group", hidden)
    beside = status.wave.isin({wave for _, wave, _ in hidden}).to_numpy()
    status["status"] = status.status.where(~withheld, disclosure.WITHHELD)
    for column in ("cases_used", "max_gradient"):
        status[column] = status[column].where(~withheld)
    for column in ("cases_in", "cases_missing"):
        status[column] = status[column].where(~beside)
    status["detail"] = status.detail.where(~withheld, "too few firms for publication")
    out["fit_status"] = status
    for name, side in disclosure.of_groups(tables):
        out[name] = out[name][~_are(out[name], side, hidden)]
    return out


def without_residuals(tables: dict[str, pd.DataFrame], rules: DisclosureSettings) -> dict[str, pd.DataFrame]:
    """What the model misses, without the groups whose residuals would tell too much; empty without them."""
    if "residuals" not in tables:
        return {}
    groups = disclosure.telling(tables, rules)
    names = ("residuals", "modification_indices")
    return {name: tables[name][~_are(tables[name], "group", groups)] for name in names}


def _are(frame: pd.DataFrame, side: str, groups: disclosure.Groups) -> np.ndarray:
    """Which rows are of one of the groups, by the column `side` (n, bool)."""
    rows = frame[["country", "wave", side]].itertuples(index=False, name=None)
    return np.array([row in groups for row in rows], dtype=bool)


def _of_waves(context: Context, name: str, waves: list[WaveSettings]) -> pd.DataFrame:
    frame: DataFrame = context.tables.read(name, {"country": context.settings.country})
    table = schemas.table(name)
    chosen = collected(frame.where(F.col("wave").isin([wave.wave for wave in waves])).select(*table.names))
    for column in table.columns:
        if column.type.startswith("decimal"):
            chosen[column.name] = chosen[column.name].astype(float)
        elif column.type in ("int", "bigint", "smallint"):
            chosen[column.name] = chosen[column.name].astype("Int64")
    return chosen.sort_values(list(table.key), kind="stable").reset_index(drop=True)


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Floats to ten significant digits: what differs beyond them is noise of the arithmetic."""
    out = frame.copy()
    for column in out.select_dtypes(include="floating"):
        values = out[column].to_numpy(dtype=float, na_value=np.nan)
        out[column] = [float(f"{value:.{DIGITS}g}") + 0.0 if np.isfinite(value) else None for value in values]
        out[column] = out[column].astype(float)
    return out


def neutral(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_csv(frame: pd.DataFrame, file: Path) -> None:
    """A table as CSV (UTF-8, RFC 4180), rounded, its texts no formulas."""
    text = rounded(frame)
    for column in text.select_dtypes(include=["object", "string"]):
        # An operator of the model (=~) is a code, not a text of somebody's: it stays as it is.
        if column != "op":
            text[column] = text[column].map(neutral)
    text.to_csv(file, index=False, lineterminator="\r\n", encoding="utf-8")


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """`<table>.csv` (UTF-8, RFC 4180) and `<table>.parquet`; the same tables give the same bytes."""
    for name, frame in tables.items():
        write_csv(frame, folder / f"{name}.csv")
        table = pa.Table.from_pandas(rounded(frame), preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
