"""What a table of cases has to be, however it is read: its format, its columns, and what stops a fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from jobs.anytable.request import Request
from jobs.errors import InputError, SettingsError
from jobs.fits.plan import FitPlan
from jobs.fits.results import Fits
from jobs.readers import files
from jobs.readers.dialect import Dialect
from jobs.readers.records import header
from jobs.run.progress import Tell
from jobs.sem.model.syntax import line_of
from jobs.settings.endings import BY_ENDING

GROUP = "_group"  # the group's name: its columns' values, joined
JOIN = ", "
CSV, EXCEL, DELTA, PARQUET = "csv", "excel", "delta", "parquet"
FORMS = {**dict.fromkeys(("csv", "txt", "tsv", "tab"), CSV), **BY_ENDING}
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"  # Python and Java read it alike
NO_FIT = "the fields do not fit the header; mend --separator or file"
NO_NUMBER = "holds no number; mend it or name its text by --na"
NEGATIVE = "holds a negative weight; weights are 0 or more"
EMPTY = "is empty; each case needs a group"
REMEDIES = {
    "thousands": "give --thousands and --decimal if they are thousands",
    "nines": "name that code by --na if it stands for no answer",
}


class Table(Protocol):
    """A table that was opened for a request, on Spark or in this process: both give the same figures."""

    def checked(self) -> tuple[int, list[str]]:
        """The number of cases, and warnings on columns of numbers. Raises InputError for the first fault."""

    def groups(self) -> pd.DataFrame:
        """One row a group: its name in the column `group`, and the group columns."""

    def sharing(self, kept: Sequence[str], cluster: str) -> frozenset[str]:
        """The pools (values of the columns `kept`, joined) in which groups share a value of `cluster`."""

    def fit(self, plan: FitPlan, groups: int, cases: int, few: int, tell: Tell) -> Fits:
        """The plan carried out on the cases."""

    def close(self) -> None:
        """Free what the table holds."""


@dataclass(frozen=True)
class Fault:
    """Rows that cannot be used: the column ("" for whole rows), why, the first row's number, how many.

    Rows of a Delta table have no number.
    """

    column: str
    words: str
    row: int | None
    count: int


def not_in_encoding(request: Request) -> str:
    """What is said of a label with a character that the encoding does not know."""
    return f"is not in {request.encoding}; name the file's --encoding"


def stop_at_the_first(faults: Sequence[Fault], request: Request) -> None:
    """Raise InputError for the first fault, if there is one."""
    for fault in faults:
        more = f" (and {fault.count - 1:,} more)" if fault.count > 1 else ""
        rows = f"{fault.count:,} row{'s' if fault.count > 1 else ''}"
        where = rows if fault.row is None else f"row {fault.row}{more}"
        column = f"the column {fault.column} " if fault.column else ""
        raise InputError(f"{request.data}, {where}: {column}{fault.words}.")


def check_not_empty(cases: int, request: Request) -> None:
    """Raise InputError where there is no case."""
    if not cases:
        raise InputError(f"{request.data} has a header and no rows; deliver it again.")


def check_weights(total: float | None, request: Request) -> None:
    """Raise InputError where no case has a weight; `total` is the sum of the weights."""
    if not (total or 0) > 0:
        raise InputError(
            f"{request.data}: the weights in {request.weights} are all zero; take another column."
        )


def damaged(path: str) -> InputError:
    """What is raised where a file breaks off while it is read."""
    return InputError(f"{path} is damaged: not all of it can be read; deliver it again.")


def form_of(path: str) -> str:
    """The file's format by its ending, or Delta. Raises InputError."""
    if "://" in path:
        return DELTA
    given = Path(path).expanduser()
    if given.is_dir():
        if (given / "_delta_log").is_dir():
            return DELTA
        raise InputError(
            f"{path} is a folder without _delta_log, so no Delta table; name a file or such a folder."
        )
    if not given.is_file():
        raise InputError(f"--data {path} does not exist; check the path.")
    endings = [part.lower() for part in given.name.split(".")[1:]]
    if endings and f".{endings[-1]}" in files.ARCHIVES:
        endings = endings[:-1]
    if not endings or endings[-1] not in FORMS:
        raise InputError(f"{path} ends in none of .{', .'.join(FORMS)}; rename it by its format.")
    return FORMS[endings[-1]]


def dialect(request: Request) -> Dialect:
    """How the table of a CSV file or a workbook is written."""
    return Dialect(
        request.field_separator,
        request.encoding,
        request.skip,
        request.until,
        form_of(request.data) == EXCEL,
        request.sheet,
    )


def check_header(request: Request) -> None:
    """Raise SettingsError or InputError where the file has not the columns that the request names."""
    path, form = request.data, form_of(request.data)
    (part,) = files.parts(path)
    if ((request.skip or request.until) and form not in (CSV, EXCEL)) or (request.sheet and form != EXCEL):
        raise SettingsError(
            "--skip and --until are for CSV files and workbooks, --sheet is for workbooks; leave them out."
        )
    if form in (CSV, EXCEL):
        present = files.matched(header(path, part, dialect(request)), [*request.labels, *request.numbers])
        if len(present) == 1 and form == CSV and not {*request.labels, *request.numbers} <= set(present):
            raise InputError(
                f"{path} has one column when it is split at {request.field_separator!r}; name its "
                "--separator."
            )
    else:
        from jobs.readers import statistical  # its readers take a while to load

        present = statistical.names(path, part, form, request.encoding)
        if form in statistical.READERS:
            present = files.matched(present, [*request.labels, *request.numbers])
    demand(request, present)


def demand(request: Request, present: list[str]) -> None:
    """Raise SettingsError for the first column that an option or the model names and the table lacks."""
    options = [
        *[("--group", column) for column in request.groups],
        *[("--cluster", column) for column in request.clusters],
        *([("--weights", request.weights)] if request.weights else []),
        *[(request.model, column) for column in request.structure.observed],
    ]
    own = [column for _, column in options if column in (*files.ADDED, GROUP)]
    if own:
        raise SettingsError(f"the column name {own[0]} is the program's own; rename the column.")
    for name in request.structure.latent:
        if name in present:
            line = line_of(request.text, name)
            raise SettingsError(
                f"{request.model}, line {line}: the factor {name} is also a column of {request.data}, and it "
                "is not clear which of them is meant; give the factor another name."
            )
    for who, column in options:
        if present.count(column) > 1:
            raise InputError(f"{request.data}: the header names {column!r} twice; rename one of the columns.")
        if column not in present:
            raise SettingsError(f"{who} names {column}, which is no column of {request.data}; mend the name.")


def marks(request: Request) -> tuple[str, str | None]:
    """The decimal mark and that of thousands: a matter of text files, other formats write numbers one way."""
    return (request.decimal, request.thousands or None) if form_of(request.data) == CSV else (".", None)


def codes_of_no_answer(request: Request) -> list[float]:
    """The numbers among the texts of --na, which stand for no answer however they are written."""
    return [float(word) for word in request.na if re.fullmatch(NUMBER, word)]


def warning(request: Request, column: str, doubt: str, words: str) -> str:
    """What is said of a column whose numbers may mean something else than they say."""
    return f"warning: {request.data}, column {column}: {words}; {REMEDIES[doubt]}."
