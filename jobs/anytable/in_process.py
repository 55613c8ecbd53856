"""A small table of cases, read and fitted in this process: the figures of Spark without its start.

Cells are judged as in on_spark, by the rules of jobs.amounts; tests hold the two against each other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.amounts import WORDS, doubts, with_point
from jobs.anytable import table
from jobs.anytable.request import Request
from jobs.anytable.table import CSV, DELTA, EXCEL, GROUP, JOIN, NUMBER, PARQUET, Fault
from jobs.codes import BLANKS
from jobs.fits import groups
from jobs.fits.plan import FitPlan
from jobs.fits.results import Fits
from jobs.readers import files, regular
from jobs.readers.records import clean, rows, scan
from jobs.run.progress import Tell

LARGEST = 16 << 20  # bytes of a file; a larger one is read faster by Spark, its start counted
LARGEST_PACKED = 2 << 20  # of one that is packed, as archives and Parquet files are
MOST_GROUPS = 200  # more are fitted faster on all cores
MOST_DRAWN = 5_000_000  # cases times replicates of a bootstrap
WHOLE = 1e15  # below it whole numbers have one text everywhere
LIKE_A_NUMBER = re.compile(NUMBER).match
PLAIN = set("0123456789+-.eE")
FIRST = 2  # number of the first row below the header
Cells = list[Any]  # of a column: texts or numbers as the file holds them, None where empty
Answer = tuple[float, bool]  # the number in a cell, and whether something is given


class NotHere(Exception):
    """The table is read by Spark: it is large, or of columns whose texts are a matter of Spark's."""


class TableInProcess:
    """A table of cases in memory (see table.Table)."""

    def __init__(self, request: Request) -> None:
        """Raises SettingsError for a column the table has not, InputError where it cannot be read.

        Raises NotHere where Spark reads it better.
        """
        form = table.form_of(request.data)
        if form == DELTA or _large(request.data, form):
            raise NotHere
        table.check_header(request)
        self._request = request
        numbers, columns, self._broken = _READ.get(form, _of_package)(request)
        self._rows = np.array(numbers, dtype=np.int64)
        self._labels = {name: columns[name] for name in request.labels}
        read = _reader(request)
        self._numbers = {name: read(columns[name]) for name in request.numbers}
        self._cases = self._of_cases()
        if request.bootstrap * len(self._cases) > MOST_DRAWN or len(self.groups()) > MOST_GROUPS:
            raise NotHere

    def checked(self) -> tuple[int, list[str]]:
        request = self._request
        table.check_not_empty(len(self._rows), request)
        table.stop_at_the_first(self._faults(), request)
        if request.weights:
            table.check_weights(float(np.nansum(self._numbers[request.weights].values)), request)
        mark, _ = table.marks(request)
        warnings = []
        for column, numbers in self._numbers.items():
            odd = doubts(numbers.texts, numbers.answers, mark)
            warnings += [table.warning(request, column, name, WORDS[name]) for name in WORDS if name in odd]
        return len(self._rows), warnings

    def groups(self) -> pd.DataFrame:
        columns = self._cases[[GROUP, *self._request.groups]].rename(columns={GROUP: "group"})
        return columns.drop_duplicates()

    def sharing(self, kept: Sequence[str], cluster: str) -> frozenset[str]:
        pool = self._joined(kept) if kept else "all"
        pooled = self._cases.assign(pool=pool).groupby(["pool", cluster], dropna=False)[GROUP].nunique()
        return frozenset(pooled[pooled > 1].index.get_level_values(0))

    def fit(self, plan: FitPlan, groups_of_cases: int, cases: int, few: int, tell: Tell) -> Fits:
        def told(function: Callable[[Any], Any], tasks: Iterable[Any]) -> list[Any]:
            every = list(tasks)
            results = []
            for task in every:
                results.append(function(task))
                tell(len(results), len(every))
            return results

        return groups.fitted(self._cases, plan, groups_of_cases, few, told)

    def close(self) -> None:
        """Nothing is held beyond the object."""

    def _of_cases(self) -> pd.DataFrame:
        labels = {name: pd.Series(cells, dtype=object) for name, cells in self._labels.items()}
        numbers = {name: column.values for name, column in self._numbers.items()}
        names = self._joined(self._request.groups) if self._request.groups else "all"
        return pd.DataFrame({**labels, **numbers}).assign(**{GROUP: names})[[GROUP, *labels, *numbers]]

    def _joined(self, columns: Sequence[str]) -> list[str]:
        every = zip(*[self._labels[name] for name in columns], strict=True)
        return [JOIN.join(label for label in labels if label is not None) for labels in every]

    def _faults(self) -> list[Fault]:
        request = self._request
        masks: list[tuple[str, Any, str]] = [("", self._broken, table.NO_FIT)]
        for name in request.labels:
            damaged = [label is not None and "\ufffd" in label for label in self._labels[name]]
            masks.append((name, damaged, table.not_in_encoding(request)))
        for name in request.groups:
            masks.append((name, [label is None for label in self._labels[name]], table.EMPTY))
        for name, numbers in self._numbers.items():
            masks.append((name, numbers.is_odd, table.NO_NUMBER))
            if name == request.weights:
                masks.append((name, numbers.values < 0, table.NEGATIVE))
        faults = []
        for column, mask, words in masks:
            hit = self._rows[np.array(mask, dtype=bool)]
            if len(hit):
                faults.append(Fault(column, words, int(hit.min()), len(hit)))
        return faults


@dataclass(frozen=True)
class _Numbers:
    """A column of numbers: `values` (n, NaN where there is none), and where something else is given.

    `texts` tells how those that are there are written; none where that tells nothing.
    """

    values: NDArray
    is_odd: NDArray
    texts: list[str]

    @property
    def answers(self) -> list[float]:
        """The values that are there."""
        return self.values[~np.isnan(self.values)].tolist()


def _reader(request: Request) -> Callable[[Cells], _Numbers]:
    """A function that gives the numbers in a column's cells, as the request says numbers are written."""
    # Only the text of a CSV file tells how a number was written.
    plain = table.form_of(request.data) == CSV and not request.thousands
    like_python = table.marks(request) == (".", None)
    coded, missing = table.codes_of_no_answer(request), {"", *request.na}
    read = _reader_of_cells(request)

    def numbers(cells: Cells) -> _Numbers:
        all_plain = _plain_numbers(cells) if like_python and missing.isdisjoint(cells) else None
        if all_plain is not None and np.isfinite(all_plain).all() and not np.isin(all_plain, coded).any():
            return _Numbers(all_plain, np.zeros(len(cells), dtype=bool), cells if plain else [])
        known = [read(cell) for cell in cells]
        values = np.array([value for value, _ in known], dtype=float)
        is_given = [given for _, given in known]
        texts = [cell.strip(BLANKS) for cell, given in zip(cells, is_given, strict=True) if given and plain]
        return _Numbers(values, np.array(is_given, dtype=bool) & np.isnan(values), texts)

    return numbers


def _plain_numbers(cells: Cells) -> NDArray | None:
    """The numbers of a column whose cells are texts of numbers; None where some may be no such text.

    Of these characters Python makes the numbers that `LIKE_A_NUMBER` lets pass, and no others.
    """
    try:
        return np.array(list(map(float, cells))) if PLAIN.issuperset("".join(cells)) else None
    except (TypeError, ValueError):
        return None


def _reader_of_cells(request: Request) -> Callable[[Any], Answer]:
    """A function that gives the number in a cell, NaN where it is missing or no number.

    And whether something is given.
    """
    coded, missing = table.codes_of_no_answer(request), {"", *request.na}
    mark, thousands = table.marks(request)

    @cache  # a survey's answers are few
    def number(cell: Any) -> Answer:
        if cell is None or cell != cell:
            return np.nan, False
        if isinstance(cell, str):
            stripped = cell.strip(BLANKS)
            if stripped in missing:
                return np.nan, False
            plain = with_point(stripped, mark, thousands)
            value = float(plain) if plain is not None and LIKE_A_NUMBER(plain) else np.nan
        else:
            value = float(cell)
        if value in coded:
            return np.nan, False
        return (value if math.isfinite(value) else np.nan), True

    return number


def _large(path: str, form: str) -> bool:
    part = Path(path).expanduser()
    packed = form == PARQUET or files.ending(part) in files.ARCHIVES
    return part.stat().st_size > (LARGEST_PACKED if packed else LARGEST)


def _of_records(request: Request) -> tuple[list[int], dict[str, Cells], list[bool]]:
    """A CSV file or a workbook: the rows' numbers, the columns, and which rows do not fit the header."""
    wanted = [*request.labels, *request.numbers]
    (part,) = files.parts(request.data)
    known = scan(request.data, part, table.dialect(request), wanted)
    if known.is_regular:
        texts = regular.columns(known.path, known.part, known.dialect, known.names)
        cleaned = {name: [clean(cell) or None for cell in texts[name]] for name in wanted}
        return list(range(FIRST, known.records + FIRST)), cleaned, [False] * known.records
    every = list(rows(known, wanted))
    columns = [list(column) for column in zip(*[cells for _, cells, _ in every], strict=True)]
    return (
        [row for row, _, _ in every],
        dict(zip(wanted, columns, strict=True)),
        [corrupt is not None for _, _, corrupt in every],
    )


def _of_package(request: Request) -> tuple[list[int], dict[str, Cells], list[bool]]:
    """A file of Stata, SPSS or SAS."""
    from jobs.readers import statistical  # its readers take a while to load

    wanted = [*request.labels, *request.numbers]
    (part,) = files.parts(request.data)
    form = table.form_of(request.data)
    every = list(statistical.rows(request.data, part, form, wanted, request.encoding))
    columns = {name: [row[2 + place] for row in every] for place, name in enumerate(wanted)}
    return [row[1] for row in every], columns, [False] * len(every)


def _of_parquet(request: Request) -> tuple[list[int], dict[str, Cells], list[bool]]:
    """A Parquet file; its columns have types, and those whose text is a matter of Spark's are read by it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from jobs.readers import typed

    try:
        whole = pq.read_table(files.parts(request.data)[0], use_threads=False)
    except (OSError, pa.ArrowException):
        raise table.damaged(request.data) from None
    columns: dict[str, Cells] = {}
    for name in request.labels:
        kind, cells = whole[name].type, whole[name].to_pylist()
        if pa.types.is_floating(kind):
            odd = [cell for cell in cells if cell is not None and cell == cell and not _whole(cell)]
            if kind != pa.float64() or odd:
                raise NotHere
        elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
            raise NotHere
        columns[name] = [typed.text(cell) for cell in cells]
    for name in request.numbers:
        kind = whole[name].type
        plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        if not (plain or pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise NotHere
        columns[name] = whole[name].to_pylist()
    return list(range(FIRST, len(whole) + FIRST)), columns, [False] * len(whole)


def _whole(number: float) -> bool:
    return abs(number) < WHOLE and number == int(number)


_READ: dict[str, Callable[[Request], tuple[list[int], dict[str, Cells], list[bool]]]] = {
    CSV: _of_records,
    EXCEL: _of_records,
    PARQUET: _of_parquet,
}
