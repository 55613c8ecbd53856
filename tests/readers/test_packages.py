"""Stata, SPSS and Parquet files: the same answers as the text they were made from."""

from __future__ import annotations

import pandas as pd
import pyreadstat
import pytest

from jobs.errors import InputError
from jobs.readers import packages

ANSWERS = pd.DataFrame({"firm": ["A1", "A2", ""], "size": [12.0, None, 7.5], "code": [1.0, 2.0, 3.0]})
READ = [(2, "A1", "12", "1"), (3, "A2", None, "2"), (4, None, "7.5", "3")]


def rows(spark, path, form):
    frame, _ = packages.read(spark, str(path), form, ["firm", "size", "code"])
    return sorted(tuple(row)[:-1] for row in frame.collect())


def test_stata(spark, tmp_path):
    pyreadstat.write_dta(ANSWERS, tmp_path / "a.dta", variable_value_labels={"code": {1: "yes", 2: "no"}})
    assert rows(spark, tmp_path / "a.dta", "stata") == READ


def test_spss(spark, tmp_path):
    pyreadstat.write_sav(ANSWERS, tmp_path / "a.sav", variable_value_labels={"code": {1: "yes", 2: "no"}})
    assert rows(spark, tmp_path / "a.sav", "spss") == READ


def test_parquet(spark, tmp_path):
    ANSWERS.astype({"code": int}).to_parquet(tmp_path / "a.parquet")
    found = rows(spark, tmp_path / "a.parquet", "parquet")
    assert [row[0] for row in found] == [2, 3, 4]
    assert [row[1] or None for row in found] == ["A1", "A2", None]
    assert [row[3] for row in found] == ["1", "2", "3"]


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
