"""Tables as files: CSV (UTF-8, RFC 4180) and Parquet; the same table gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DIGITS = 10  # significant digits of a published figure
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")  # what a spreadsheet takes for a formula


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


def write_csv(frame: pd.DataFrame, file: Path, above: str = "") -> None:
    """A table as CSV (UTF-8, RFC 4180), rounded, its texts no formulas; `above`: a line before the header."""
    text = rounded(frame)
    for column in text.select_dtypes(include=["object", "string"]):
        # An operator of the model (=~) is a code, not a text of somebody's: it stays as it is.
        if column != "op":
            text[column] = text[column].map(neutral)
    with file.open("w", encoding="utf-8", newline="") as written:
        written.write(f"{above}\r\n" if above else "")
        text.to_csv(written, index=False, lineterminator="\r\n")


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """`<table>.csv` (UTF-8, RFC 4180) and `<table>.parquet`; the same tables give the same bytes."""
    for name, frame in tables.items():
        write_csv(frame, folder / f"{name}.csv")
        table = pa.Table.from_pandas(rounded(frame), preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
