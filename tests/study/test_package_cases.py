"""Surveys out of statistical packages: Parquet, Stata and SPSS files hold the same answers as text.

Programs keep codes as doubles where some are missing; a wave map declares them as they are printed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from small_runs import Case, changed, check, put, renamed, unknown, without
from small_study import BOXES, Row, csv

from jobs.errors import InputError, SettingsError, ValidationStopped

WORDS = ("firm", "region", "nace", "name")  # columns of text; all others are doubles
LEADING = {"HU11": "05", "HU12": "06", "HU21": "07"}
WRITERS = {
    "parquet": pd.DataFrame.to_parquet,
    "stata": pyreadstat.write_dta,
    "spss": pyreadstat.write_sav,
}


def typed(rows: list[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    numbers = [name for name in frame.columns if name not in WORDS]
    return frame.assign(**frame[numbers].apply(pd.to_numeric).astype(float))


def packaged(form: str, shape: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame):
    """A writer of the questionnaires as a file of that form."""

    def write(rows: list[Row]) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "file"
            WRITERS[form](shape(typed(rows)), file)
            return file.read_bytes()

    return write


def coded_regions(frame: pd.DataFrame) -> pd.DataFrame:
    """Regions as the numbers 5, 6 and 7, which the package shows as 05, 06 and 07."""
    return frame.assign(region=frame.region.map(LEADING).astype(float))


def numbered_firms(frame: pd.DataFrame) -> pd.DataFrame:
    """Identifiers as doubles of eleven digits, which Spark writes with an exponent."""
    return frame.assign(firm=12345678900.0 + frame.firm.str[1:].astype(float))


def dated_weights(frame: pd.DataFrame) -> pd.DataFrame:
    """A date where the map expects the weight."""
    return frame.assign(w=pd.Timestamp("1996-12-31"))


def no_answers(rows: list[Row]) -> None:
    put("s2", "-9")(rows)
    put("turn", "-9", first=10)(rows)
    put("contrib", "99", first=16)(rows)


def cases(form: str) -> list[Case]:
    plain = Case("codes are doubles", written=packaged(form), file="survey.dat", settings={"format": form})
    stopped, refused = {"error": ValidationStopped}, {"error": InputError}
    return [
        plain,
        replace(plain, name="the decimal comma of a former file", settings={"format": form, "decimal": ","}),
        replace(
            plain,
            name="-9 and 99 are no answers where the map says so",
            cells=no_answers,
            rules={
                "source_clients": {"missing": ["-9"]},
                "turnover": {"missing": ["-9"]},
                "competitive_contribution": {"missing": ["99"]},
            },
            known=lambda truth: (
                unknown("source_clients", "F004")(truth),
                unknown("turnover", "F010")(truth),
                unknown("competitive_contribution", "F016")(truth),
            ),
        ),
        replace(
            plain,
            name="a box of 2 is no tick",
            cells=put("cdom1", *"2222"),
            stops="4 of 60 rows aside.* cdom1 has a code the map does not declare",
            **stopped,
        ),
        replace(
            plain,
            name="half an employee",
            cells=put("emp", "320.5"),
            known=without("F004"),
            notes="emp is no whole number",
        ),
        replace(
            plain,
            name="a date in the place of the weight",
            written=packaged(form, dated_weights),
            stops="w is no number",
            **stopped,
        ),
        replace(
            plain,
            name="a column is missing",
            written=packaged(form, lambda frame: frame.drop(columns="turn")),
            stops="has no column turn",
            **refused,
        ),
        replace(
            plain,
            name="cut in the middle",
            written=lambda rows: packaged(form)(rows)[:-2000],
            stops="is no whole|says that it holds",
            **refused,
        ),
        replace(plain, name="in fact a CSV", written=csv, stops="is no whole", **refused),
        replace(plain, name="read as CSV", settings={}, stops="is an? (Parquet|SPSS|Stata) file", **refused),
        replace(
            plain,
            name="regions 05, 06, 07 are numbers",
            written=packaged(form, coded_regions),
            codes=LEADING,
            known=changed("region", LEADING.get),
        ),
        replace(
            plain,
            name="identifiers are doubles of eleven digits",
            written=packaged(form, numbered_firms),
            known=renamed("123456789{}"),
        ),
    ]


def only_boxes_are_doubles(rows: list[Row]) -> bytes:
    frame = pd.DataFrame(rows)
    frame = frame.assign(**frame[list(BOXES)].astype(float).replace(0.0, float("nan")))
    with tempfile.TemporaryDirectory() as folder:
        frame.to_parquet(Path(folder) / "file")
        return (Path(folder) / "file").read_bytes()


def written_by(write: Callable[..., None], **options):
    """A writer of the questionnaires by a function of pyreadstat with options of its own."""

    def to_bytes(rows: list[Row]) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            write(typed(rows), Path(folder) / "file", **options)
            return (Path(folder) / "file").read_bytes()

    return to_bytes


def in_stata(frame: pd.DataFrame, file: Path) -> None:
    """-9 as Stata's own missing value .a."""
    frame = frame.assign(s2=frame.s2.astype(object).where(frame.s2 != -9, "a"))
    pyreadstat.write_dta(frame, file, missing_user_values={"s2": ["a"]})


OWN = [
    Case(
        "SPSS declares -9 as missing",
        put("s2", "-9", "-9"),
        written=written_by(pyreadstat.write_sav, missing_ranges={"s2": [-9]}),
        settings={"format": "spss"},
        known=unknown("source_clients", "F004", "F010"),
    ),
    Case(
        "SPSS has labels of values, which are not read",
        written=written_by(pyreadstat.write_sav, variable_value_labels={"export": {0: "Nem", 1: "Igen"}}),
        settings={"format": "spss"},
    ),
    Case(
        "Stata has a missing value of its own",
        put("s2", "-9", "-9"),
        written=written_by(in_stata),
        settings={"format": "stata"},
        known=unknown("source_clients", "F004", "F010"),
    ),
    Case(
        "a portable file of SPSS",
        written=written_by(lambda frame, file: pyreadstat.write_por(frame.drop(columns="name"), file)),
        settings={"format": "spss"},
        stops="is no whole spss file",
        error=InputError,
    ),
    Case(
        "a transport file of SAS",
        written=written_by(pyreadstat.write_xport),
        settings={"format": "sas"},
        stops="is no whole sas file",
        error=InputError,
    ),
    Case("a workbook", settings={"format": "xlsx"}, stops="survey.format", error=SettingsError),
    Case(
        "only the boxes are doubles",
        written=only_boxes_are_doubles,
        settings={"format": "parquet"},
    ),
]


@pytest.mark.parametrize("case", OWN, ids=str)
def test_what_a_format_has_of_its_own(spark, tmp_path, case):
    check(case, spark, tmp_path)


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("place", range(len(cases("spss"))), ids=[str(case) for case in cases("spss")])
def test_a_file_of_a_package_has_the_answers_of_the_text(spark, tmp_path, form, place):
    check(cases(form)[place], spark, tmp_path)
