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
from jobs.settings import encodings

ROWS = 50_000  # rows a chunk; bounds the driver's memory
READERS: dict[str, dict[str, Any]] = {  # by the ending of the file; the first is that of any other ending
    "stata": {".dta": pyreadstat.read_dta},
    "spss": {".sav": pyreadstat.read_sav, ".por": pyreadstat.read_por},
    "sas": {".sas7bdat": pyreadstat.read_sas7bdat, ".xpt": pyreadstat.read_xport},
}
DAMAGED = (
    pyreadstat.ReadstatError,
    pyreadstat.PyreadstatError,
    UnicodeDecodeError,
    OverflowError,
    ValueError,
)


def check(path: str, form: str, wanted: list[str], encoding: str = files.PLAIN_ENCODING) -> None:
    """Raise InputError where a part cannot be read, or lacks a column."""
    for part in files.parts(path):
        present = files.matched(names(path, part, form, encoding), wanted)
        files.demand(files.shown(path, part), present, wanted)


def names(path: str, part: Path, form: str, encoding: str = files.PLAIN_ENCODING) -> list[str]:
    """The columns of a file. Raises InputError where it is damaged."""
    if form == "parquet":
        try:
            return list(pq.read_schema(part).names)
        except Exception:
            raise InputError(damaged(path, part, "Parquet")) from None
    try:
        return list(_look(part, form, encoding).column_names)
    except DAMAGED:
        raise InputError(damaged(path, part, form)) from None


def parquet_rows(part: Path) -> int:
    """How many rows a Parquet file says that it holds."""
    return pq.read_metadata(part).num_rows


def rows(
    path: str, part: Path, form: str, wanted: list[str], encoding: str = files.PLAIN_ENCODING
) -> Iterator[tuple[Any, ...]]:
    """The rows of a part: its name, the row's number, the cells as text, nothing corrupt.

    Raises InputError where the file is damaged.
    """
    name, number = files.part_name(path, part), 2
    for chunk in _chunks(path, part, form, wanted, encoding):
        for row in chunk.itertuples(index=False, name=None):
            yield (name, number, *map(typed.text, row), None)
            number += 1


def _look(part: Path, form: str, encoding: str) -> Any:
    """What a file says of itself."""
    return _reader(part, form)(str(part), metadataonly=True, **_declared(part, encoding))[1]


def _reader(part: Path, form: str) -> Any:
    readers = READERS[form]
    return readers.get(files.ending(part), next(iter(readers.values())))


def _declared(part: Path, encoding: str) -> dict[str, str]:
    """The encoding as the readers take it; none where the file is to be asked, and for files of one only."""
    if encoding == files.PLAIN_ENCODING or files.ending(part) == ".por":
        return {}
    return {"encoding": encodings.java_name(encoding)}


def _chunks(path: str, part: Path, form: str, wanted: list[str], encoding: str) -> Iterator[Any]:
    count, whole = 0, -1
    try:
        about = _look(part, form, encoding)
        whole = about.number_rows or -1  # some files do not tell
        present = files.matched(list(about.column_names), wanted)
        own = dict(zip(present, about.column_names, strict=True))
        chosen = [own[name] for name in wanted]
        options: dict[str, Any] = {"usecols": chosen, **_declared(part, encoding)}
        for chunk, _ in pyreadstat.read_file_in_chunks(
            _reader(part, form), str(part), chunksize=ROWS, **options
        ):
            count += len(chunk)
            yield chunk[chosen]
    except DAMAGED:
        raise InputError(damaged(path, part, form)) from None
    if whole not in (-1, count):
        raise InputError(
            f"{files.shown(path, part)} says that it holds {whole:,} rows, and {count:,} can be read; "
            "deliver it again."
        )


def damaged(path: str, part: Path, form: str) -> str:
    return f"{files.shown(path, part)} is no whole {form} file; deliver it again."
