"""Tables as files: CSV (UTF-8, RFC 4180) and Parquet; the same table gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DIGITS = 10  # significant digits of a published figure
DECIMALS = 6
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")  # what a spreadsheet takes for a formula


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Floats to ten significant digits: what differs beyond them is noise of the arithmetic."""
    out = frame.copy()
    for column in out.select_dtypes(include="floating"):
        out[column] = _significant(out[column].to_numpy(dtype=float, na_value=np.nan))
    return out


def _significant(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value (n) to DIGITS significant digits; NaN for what is not finite.

    Most figures are published with a few decimals and are such a number already: the double that is nearest
    to a number of at most ten digits, six of them decimals. Only the others are written out and read again.
    """
    out = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(over="ignore"):
        digits = np.rint(out * 10**DECIMALS)
    short = (np.abs(digits) < 10**DIGITS) & (digits / 10**DECIMALS == out)
    long = ~short & ~np.isnan(out)
    out[long] = [float(f"{value:.{DIGITS}g}") for value in out[long]]
    return out + 0.0  # no minus before a zero


def neutral(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_csv(frame: pd.DataFrame, file: Path, above: str = "") -> None:
    """A rounded table as CSV (UTF-8, RFC 4180), its texts no formulas; `above`: a line before the header."""
    text = frame.copy(deep=False)
    for column in text.select_dtypes(include=["object", "string"]):
        # An operator of the model (=~) is a code, not a text of somebody's: it stays as it is.
        if column != "op" and any(neutral(value) is not value for value in text[column].unique()):
            text[column] = text[column].map(neutral)
    with file.open("w", encoding="utf-8", newline="") as written:
        written.write(f"{above}\r\n" if above else "")
        text.to_csv(written, index=False, lineterminator="\r\n")


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Rounded tables as `<table>.csv` (UTF-8, RFC 4180) and `<table>.parquet`; the same bytes each time."""
    import pyarrow as pa  # Parquet takes as long to load as a small model to fit, and CSV does without
    import pyarrow.parquet as pq

    for name, frame in tables.items():
        write_csv(frame, folder / f"{name}.csv")
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
