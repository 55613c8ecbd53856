"""Tables as people have them, through `diamant fit --data`: the same fit as the tidy file, or a sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from jobs.errors import InputError

GROUPS = {"groups": ("country",)}


@pytest.fixture
def table(firms) -> pd.DataFrame:
    """Two groups whose numbers have three decimals, so that every format holds the same ones."""
    drawn = firms({"NL": 0.5, "BE": 0.2}, cases=60)
    numbers = ["w", "y1", "y2", "y3", "x1", "x2"]
    return drawn.assign(**{name: drawn[name].round(3) for name in numbers})


def written(path, table: pd.DataFrame, **options):
    table.to_csv(path, index=False, **options)
    return path


def estimates(fit, data, **options) -> list[float]:
    return fit(data=data, **{**GROUPS, **options})["estimates"].est.tolist()


def test_a_missing_code_is_met_however_it_is_written(fit, table, tmp_path):
    """-9 by --na is -9.0, -9,00 and -9 of a typed file."""
    table.loc[[3, 70], "y2"] = np.nan
    wanted = estimates(fit, written(tmp_path / "t.csv", table))
    coded = table.fillna({"y2": -9.0})
    assert estimates(fit, written(tmp_path / "t.csv", coded), na=("-9",)) == wanted
    commas = written(tmp_path / "t.csv", coded, sep=";", decimal=",", float_format="%.5f")
    assert estimates(fit, commas, decimal=",", na=("-9",)) == wanted
    coded.to_parquet(tmp_path / "t.parquet")
    pyreadstat.write_sav(coded, tmp_path / "t.sav")
    for name in ("t.parquet", "t.sav"):
        assert estimates(fit, tmp_path / name, na=("-9",)) == wanted, name


def test_labels_with_blanks_around_them_are_one_label(fit, table, tmp_path):
    wanted = estimates(fit, written(tmp_path / "t.csv", table))
    padded = table.assign(country=[(" NL", "NL ", "NL", "\u00a0NL")[n % 4] for n in range(60)] + ["BE "] * 60)
    assert estimates(fit, written(tmp_path / "t.csv", padded, quoting=1)) == wanted
    padded.to_parquet(tmp_path / "t.parquet")
    assert estimates(fit, tmp_path / "t.parquet") == wanted


def test_whole_numbers_as_labels_are_the_same_in_every_format(fit, table, tmp_path):
    numbered = table.assign(country=[1.0] * 60 + [12345678901.0] * 60)
    numbered.to_parquet(tmp_path / "t.parquet")
    pyreadstat.write_dta(numbered, tmp_path / "t.dta")
    for name in ("t.parquet", "t.dta"):
        assert fit(data=tmp_path / name, **GROUPS)["status"].group.astype(str).tolist() == [
            "1",
            "12345678901",
        ], name


@pytest.mark.parametrize("thousands", [".", "'", "\u202f"])
def test_marks_of_thousands(fit, table, tmp_path, thousands):
    table["x1"] = (table.x1 * 1e6).round()
    wanted = estimates(fit, written(tmp_path / "t.csv", table))
    grouped = table.assign(x1=[f"{int(x):,}".replace(",", thousands) for x in table.x1])
    mark = " " if thousands.isspace() else thousands
    path = written(tmp_path / "t.csv", grouped, sep=";", decimal=",")
    assert estimates(fit, path, decimal=",", thousands=mark) == wanted


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (
            {"x1": [f"{n}.{n:03d}" for n in range(100, 220)]},
            "column x1: every number with a mark has exactly",
        ),
        (
            {"x1": [*range(118), 999_999_999, 999_999_999]},
            "column x1: the largest number is written in nines",
        ),
    ],
)
def test_numbers_that_may_mean_something_else_are_told(fit, table, tmp_path, capsys, spoilt, words):
    estimates(fit, written(tmp_path / "t.csv", table.assign(**spoilt)), max_failed=2)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16", "mac_latin2"])
def test_line_ends_and_encodings(fit, table, tmp_path, encoding):
    """Three kinds of line ends in one file, in encodings by any of their names."""
    named = table.replace({"country": {"BE": "É"}})
    wanted = estimates(fit, written(tmp_path / "t.csv", named))
    lines = named.to_csv(index=False).splitlines()
    text = "\n".join(lines[:40]) + "\n" + "\r\n".join(lines[40:80]) + "\r\n" + "\r".join(lines[80:]) + "\r"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert estimates(fit, tmp_path / "t.csv", encoding=encoding) == wanted


def test_blank_lines_do_not_shift_the_row_that_is_named(fit, table, tmp_path):
    lines = table.astype({"y2": object}).to_csv(index=False).splitlines()
    lines[22] = lines[22].replace(",", ",much", 4)
    (tmp_path / "t.csv").write_text("\n".join([*lines[:5], "", "", *lines[5:]]) + "\n")
    with pytest.raises(InputError, match=r"t\.csv, row 25: the column \w+ holds no number"):
        fit(data=tmp_path / "t.csv", **GROUPS)


def test_a_stray_quote_stops_the_table(fit, table, tmp_path):
    lines = table.to_csv(index=False).splitlines()
    lines[10], lines[30] = f'"{lines[10]}', f'"{lines[30]}'
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"t\.csv, row 11.*quote"):
        fit(data=tmp_path / "t.csv", **GROUPS)


@pytest.mark.parametrize("name", ["t[1].csv", "a:b.csv", "t*.parquet"])
def test_names_are_no_patterns(fit, table, tmp_path, name):
    wanted = estimates(fit, written(tmp_path / "t1.csv", table))
    other = table.assign(x1=2 * table.x1)
    if name.endswith("csv"):
        written(tmp_path / name, other)
    else:
        other.to_parquet(tmp_path / name)
    assert estimates(fit, tmp_path / name) != wanted


def test_columns_with_odd_names(fit, table, tmp_path):
    odd = table.rename(columns={"country": "the `country`.x", "w": "w;eight"})
    tidy = fit(data=written(tmp_path / "t.csv", table), groups=("country",), weights="w")["estimates"].est
    odd.to_parquet(tmp_path / "t.parquet")
    for data in (written(tmp_path / "t.csv", odd), tmp_path / "t.parquet"):
        given = fit(data=data, groups=("the `country`.x",), weights="w;eight")["estimates"].est
        assert given.tolist() == pytest.approx(tidy.tolist())
