"""Files of statistical packages as the driver reads them: Stata, SPSS and SAS through pyreadstat.

Of a Parquet file only what it says of itself: its columns, and how many rows it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyreadstat

from jobs.errors import InputError
from jobs.readers import files, typed

ROWS = 50_000  # rows a chunk; bounds the driver's memory
READERS: dict[str, Any] = {
    "stata": pyreadstat.read_dta,
    "spss": pyreadstat.read_sav,
    "sas": pyreadstat.read_sas7bdat,
}
DAMAGED = (
    pyreadstat.ReadstatError,
    pyreadstat.PyreadstatError,
    UnicodeDecodeError,
    OverflowError,
    ValueError,
)


def check(path: str, form: str, wanted: list[str]) -> None:
    """Raise InputError where a part cannot be read, or lacks a column."""
    for part in files.parts(path):
        files.demand(files.shown(path, part), names(path, part, form), wanted)


def names(path: str, part: Path, form: str) -> list[str]:
    """The columns of a file. Raises InputError where it is damaged."""
    if form == "parquet":
        try:
            return list(pq.read_schema(part).names)
        except Exception:
            raise InputError(damaged(path, part, "Parquet")) from None
    try:
        return list(READERS[form](str(part), metadataonly=True)[1].column_names)
    except DAMAGED:
        raise InputError(damaged(path, part, form)) from None


def parquet_rows(part: Path) -> int:
    """How many rows a Parquet file says that it holds."""
    return pq.read_metadata(part).num_rows


def rows(path: str, part: Path, form: str, wanted: list[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of a part: its name, the row's number, the cells as text, nothing corrupt.

    Raises InputError where the file is damaged.
    """
    name, number = files.part_name(path, part), 2
    for chunk in _chunks(path, part, form, wanted):
        for row in chunk[wanted].itertuples(index=False, name=None):
            yield (name, number, *map(typed.text, row), None)
            number += 1


def _chunks(path: str, part: Path, form: str, wanted: list[str]) -> Iterator[Any]:
    count, whole = 0, -1
    try:
        whole = READERS[form](str(part), metadataonly=True)[1].number_rows or -1  # some files do not tell
        for chunk, _ in pyreadstat.read_file_in_chunks(
            READERS[form], str(part), chunksize=ROWS, usecols=wanted
        ):
            count += len(chunk)
            yield chunk
    except DAMAGED:
        raise InputError(damaged(path, part, form)) from None
    if whole not in (-1, count):
        raise InputError(
            f"{files.shown(path, part)} says that it holds {whole:,} rows, and {count:,} can be read; "
            "deliver it again."
        )


def damaged(path: str, part: Path, form: str) -> str:
    return f"{files.shown(path, part)} is no whole {form} file; deliver it again."
