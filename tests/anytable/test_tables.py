"""Every format gives the same fit; what cannot be used is one sentence that names the place and no value."""

from __future__ import annotations

import gzip
import zipfile

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from jobs.errors import InputError, SettingsError


def test_every_format_gives_the_fit_of_the_text_file(fit, firms, spark, tmp_path):
    table = firms({"NL": 0.5, "BE": 0.2}).assign(wave=2012)
    table.loc[7, "y1"] = np.nan
    options = {"groups": ("country", "wave"), "weights": "w"}
    fit(table, **options)
    wanted = fit.bytes
    assert b'"BE, 2012"' in wanted["status.csv"]
    table.to_parquet(tmp_path / "t.parquet")
    pyreadstat.write_dta(table, tmp_path / "t.dta")
    pyreadstat.write_sav(table, tmp_path / "t.sav")
    comma = table.to_csv(index=False, sep=";", decimal=",", na_rep="NA")
    (tmp_path / "comma.csv.gz").write_bytes(gzip.compress(comma.encode("latin-1")))
    spark.read.parquet(str(tmp_path / "t.parquet")).write.format("delta").save(str(tmp_path / "delta"))
    pyreadstat.write_xport(table, tmp_path / "t.xpt", file_format_version=8)
    with zipfile.ZipFile(tmp_path / "t.csv.zip", "w") as archive:
        archive.writestr("t.csv", table.to_csv(index=False))
    table.rename(columns=str.upper).to_csv(tmp_path / "capitals.csv", index=False)
    table.to_csv(tmp_path / "firms.txt", index=False, sep="\t")
    with pd.ExcelWriter(tmp_path / "t.xlsx", engine="openpyxl") as workbook:
        pd.DataFrame({"nothing": [1]}).to_excel(workbook, sheet_name="Cover")
        table.to_excel(workbook, sheet_name="Data", index=False, startrow=3)
        sheet = workbook.sheets["Data"]
        sheet["A1"], sheet["A2"] = "Firms", "of two countries"
        sheet.cell(len(table) + 5, 1, "Source: the office")
    for name in ("t.parquet", "t.dta", "t.sav", "t.xpt", "t.csv.zip", "capitals.csv", "delta"):
        fit(data=tmp_path / name, **options)
        assert fit.bytes == wanted, name
    fit(data=tmp_path / "t.xlsx", sheet="Data", skip=3, until="Source", **options)
    assert fit.bytes == wanted
    fit(data=tmp_path / "firms.txt", separator="tab", **options)
    assert fit.bytes == wanted
    fit(data=tmp_path / "comma.csv.gz", decimal=",", encoding="latin-1", **options)
    assert fit.bytes == wanted


@pytest.mark.parametrize(
    ("column", "value", "options", "words"),
    [
        ("y2", "much", {}, "holds no number"),
        ("y2", "NaN", {}, "holds no number"),
        ("y2", "-Infinity", {}, "holds no number"),
        ("y2", "1e400", {}, "holds no number"),
        ("y2", "7,25", {}, "holds no number"),
        ("y2", "7.25f", {}, "holds no number"),
        ("country", "", {"groups": ("country",)}, "is empty"),
        ("w", "-7.25", {"weights": "w"}, "holds a negative weight"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named_by_column_and_row(fit, firms, column, value, options, words):
    table = firms({"NL": 0.5}, cases=20).astype(object)
    table.loc[3, column] = value
    with pytest.raises(InputError, match=f"row 5: the column {column} {words}") as caught:
        fit(table, **options)
    assert not value or value not in str(caught.value)
    assert not fit.bytes


def test_texts_that_stand_for_missing_are_named(fit, firms):
    table = firms({"NL": 0.5}).astype(object)
    table.loc[3, "y2"], table.loc[4, "y2"] = "NaN", "unknown"
    assert fit(table, na=("NaN", "unknown"))["status"]["cases.missing"].tolist() == [2]


def test_weights_that_are_all_zero(fit, firms):
    with pytest.raises(InputError, match="the weights in w are all zero"):
        fit(firms({"NL": 0.5}, cases=20).assign(w=0), weights="w")


def test_numbers_in_parquet_that_are_none(fit, firms, tmp_path):
    table = firms({"NL": 0.5})
    table.loc[3, "y2"] = np.inf
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="row 5: the column y2 holds no number"):
        fit(data=tmp_path / "t.parquet")


def test_a_delta_table_has_no_rows_to_name(fit, firms, spark, tmp_path):
    table = firms({"NL": 0.5}, cases=20).astype({"y2": str})
    table.loc[3, "y2"] = "much"
    table.to_parquet(tmp_path / "t.parquet")
    spark.read.parquet(str(tmp_path / "t.parquet")).write.format("delta").save(str(tmp_path / "delta"))
    with pytest.raises(InputError, match="1 row: the column y2 holds no number"):
        fit(data=tmp_path / "delta")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        (
            "a.csv",
            b"country;region;w;y1;y2;y3;x1;x2\n1;2;3;4;5;6;7;8\n",
            "one column when it is split at ','",
        ),
        ("a.csv", b"y1,y2,y3,x1,x2\n", "has a header and no rows"),
        ("a.csv", b"y1,y2,y3,x1,x2\n1,2,3,4\n", "row 2: the fields do not fit the header"),
        ("a.csv", b"y1,y2,y3,x1,x\xeb\n1,2,3,4,5\n", "is not in utf-8"),
        ("a.csv", b"y1,y2,y3,x1,x2\n1,2,3,4,5,6\n", "row 2: the fields do not fit the header"),
        ("a.csv", b"sep=;\ny1,y2,y3,x1,x2\n1,2,3,4,5\n", "names ';' as its separator, and ',' is declared"),
        ("a.csv", b"The table of firms\ny1,y2,y3,x1,x2\n1,2,3,4,5\n", "one column when it is split at ','"),
        ("a.csv", b"PK\x03\x04" + bytes(40), "an Excel workbook"),
        ("a.xlsx", b"PK\x03\x04" + bytes(40), "is no Excel workbook"),
        ("a.csv.zip", b"PK\x03\x04" + bytes(40), "the archive is not whole"),
        ("a.por", b"ASCII SPSS PORT FILE", "is no whole spss file"),
        ("a.xyz", b"y1,y2,y3,x1,x2\n1,2,3,4,5\n", "ends in none of .csv"),
        ("a.parquet", b"nothing", "is no whole Parquet file"),
        ("a.dta", b"nothing", "is no whole stata file"),
        ("none", None, "does not exist"),
    ],
)
def test_files_that_cannot_be_read(fit, tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        fit(data=tmp_path / name)
    assert not fit.bytes


def test_labels_in_another_encoding(fit, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"g,y1,y2,y3,x1,x2\nZo\xeb,1,2,3,4,5\n")
    with pytest.raises(InputError, match="row 2, is not in utf-8"):
        fit(data=tmp_path / "a.csv", groups=("g",))


def test_a_folder_that_is_no_delta_table(fit, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="without _delta_log, so no Delta table"):
        fit(data=tmp_path / "folder")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"groups": ("land",)}, "--group names land, which is no column of"),
        ({"clusters": ("cell",)}, "--cluster names cell, which is no column of"),
        ({"weights": "v"}, "--weights names v, which is no column of"),
        ({"text": "f =~ y1 + y2 + y9"}, "model.lav names y9, which is no column of"),
    ],
)
def test_columns_the_table_does_not_have(fit, firms, options, words):
    with pytest.raises(SettingsError, match=words):
        fit(firms({"NL": 0.5}, cases=20), **options)


def test_groups_with_the_same_name_are_not_mixed(fit, firms):
    table = firms({"NL": 0.5, "BE": 0.5})
    table["a"] = np.where(table.country == "NL", "p, q", "p")
    table["b"] = np.where(table.country == "NL", "r", "q, r")
    with pytest.raises(InputError, match="two combinations of a, b give a group the same name"):
        fit(table, groups=("a", "b"))
