"""Stata, SPSS and Parquet files: the same answers as the text they were made from."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest

from jobs.errors import InputError
from jobs.readers import packages, statistical
from jobs.settings.slices import Slice

SLICE = Slice("NL", "w")

ANSWERS = pd.DataFrame({"firm": ["A1", "A2", ""], "size": [12.0, None, 7.5], "code": [1.0, 2.0, 3.0]})
READ = [(2, "A1", "12", "1"), (3, "A2", None, "2"), (4, None, "7.5", "3")]


def rows(spark, path, form):
    columns = ["firm", "size", "code"]
    statistical.check(str(path), form, columns)
    frame, counts = packages.read(spark, {SLICE: str(path)}, form, columns)
    came = sorted(tuple(row) for row in frame.select("_row", *columns, "_country", "_wave").collect())
    assert counts == {SLICE: len(came)} and {row[-2:] for row in came} == {SLICE}
    return [row[:-2] for row in came]


def test_stata(spark, tmp_path):
    pyreadstat.write_dta(ANSWERS, tmp_path / "a.dta", variable_value_labels={"code": {1: "yes", 2: "no"}})
    assert rows(spark, tmp_path / "a.dta", "stata") == READ


def test_spss(spark, tmp_path):
    pyreadstat.write_sav(ANSWERS, tmp_path / "a.sav", variable_value_labels={"code": {1: "yes", 2: "no"}})
    assert rows(spark, tmp_path / "a.sav", "spss") == READ


def test_parquet(spark, tmp_path):
    """Doubles and whole numbers give the same codes."""
    for name, answers in (("a", ANSWERS), ("b", ANSWERS.astype({"code": int}))):
        answers.to_parquet(tmp_path / f"{name}.parquet")
        assert rows(spark, tmp_path / f"{name}.parquet", "parquet") == READ


@pytest.mark.parametrize("form", ["stata", "spss", "sas", "parquet"])
def test_damaged_files_are_refused(spark, tmp_path, form):
    file = tmp_path / "a.dat"
    file.write_bytes(b"not a file of that kind" * 20)
    with pytest.raises(InputError, match=f"no whole {form.capitalize() if form == 'parquet' else form} file"):
        rows(spark, file, form)


def test_a_truncated_parquet_file_is_refused(spark, tmp_path):
    ANSWERS.to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "half.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="no whole Parquet file"):
        rows(spark, tmp_path / "half.parquet", "parquet")


def test_a_missing_column_is_named(spark, tmp_path):
    pyreadstat.write_dta(ANSWERS[["firm", "size"]], tmp_path / "a.dta")
    with pytest.raises(InputError, match="has no column code"):
        rows(spark, tmp_path / "a.dta", "stata")


def test_codes_that_are_doubles_are_whole_numbers(spark, tmp_path):
    """One rule for every format, whatever the column's type: 5 and never 5.0 or 1.2345678901E10."""
    codes = pd.DataFrame({"firm": [12345678901.0, None], "size": [0.0, -9.0], "code": [1e6, 2.5]})
    read = [(2, "12345678901", "0", "1000000"), (3, None, "-9", "2.5")]
    codes.to_parquet(tmp_path / "a.parquet")
    codes.astype({"size": "float32", "code": "float32"}).to_parquet(tmp_path / "b.parquet")
    pyreadstat.write_sav(codes, tmp_path / "a.sav")
    pyreadstat.write_dta(codes, tmp_path / "a.dta")
    assert rows(spark, tmp_path / "a.parquet", "parquet") == read
    assert rows(spark, tmp_path / "b.parquet", "parquet") == read
    assert rows(spark, tmp_path / "a.sav", "spss") == read
    assert rows(spark, tmp_path / "a.dta", "stata") == read


def test_decimals_booleans_and_blanks_of_parquet(spark, tmp_path):
    table = pa.table(
        {
            "firm": pa.array([" A1\u00a0", "  "]),
            "size": pa.array([Decimal("3.00"), Decimal("3.50")], pa.decimal128(9, 2)),
            "code": pa.array([True, None]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert rows(spark, tmp_path / "a.parquet", "parquet") == [(2, "A1", "3", "true"), (3, None, "3.50", None)]


@pytest.mark.parametrize("name", ["p[1].parquet", "a:b.parquet", "p%20{x}.parquet", "_a.parquet"])
def test_names_of_parquet_files_are_no_patterns(spark, tmp_path, name):
    ANSWERS.to_parquet(tmp_path / name)
    ANSWERS.assign(firm="other").to_parquet(tmp_path / "p1.parquet")
    assert rows(spark, tmp_path / name, "parquet") == READ


def test_parts_of_a_folder_are_each_numbered_from_their_own_beginning(spark, tmp_path):
    for name in ("a.sav", "b.sav"):
        pyreadstat.write_sav(ANSWERS.assign(firm=name), tmp_path / name)
    frame, _ = packages.read(spark, {SLICE: str(tmp_path)}, "spss", ["firm"])
    assert {(row["_part"], row["_row"]) for row in frame.collect()} == {
        (name, place) for name in ("a.sav", "b.sav") for place in (2, 3, 4)
    }


def test_files_of_one_shape_are_one_scan_whatever_their_number(spark, tmp_path):
    """Twelve waves: whole codes in two of them, and a name that Spark tells otherwise, are three scans."""
    inputs = {}
    for number in range(12):
        wave = f"w{number}"
        own = ANSWERS.assign(firm=[f"{wave} 1", f"{wave} 2", f"{wave} 3"])
        name = "w 0.parquet" if number == 0 else f"{wave}.parquet"
        own.astype({"code": int} if number in (4, 7) else {}).to_parquet(tmp_path / name)
        inputs[Slice("NL", wave)] = str(tmp_path / name)
    frame, counts = packages.read(spark, inputs, "parquet", ["firm", "code"])
    assert counts == dict.fromkeys(inputs, 3)
    assert {(row["_wave"], row["_row"], row["firm"], row["code"]) for row in frame.collect()} == {
        (f"w{number}", place + 1, f"w{number} {place}", str(place))
        for number in range(12)
        for place in (1, 2, 3)
    }
    leaves = frame._jdf.queryExecution().sparkPlan().collectLeaves()
    names = [leaves.apply(place).nodeName() for place in range(leaves.size())]
    assert [name.strip() for name in names if "parquet" in name] == ["Scan parquet"] * 3


def test_a_part_that_lacks_a_column_is_named(spark, tmp_path):
    ANSWERS.to_parquet(tmp_path / "a.parquet")
    ANSWERS[["firm", "size"]].to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet has no column code"):
        rows(spark, tmp_path, "parquet")
