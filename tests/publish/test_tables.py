"""Published tables as CSV and Parquet: neutral, rounded, the same bytes."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published import tables as small

from jobs.output import tables as output


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\0"])
def test_text_a_spreadsheet_would_run_gets_an_apostrophe(start):
    assert output.neutral(f"{start}1") == f"'{start}1"


@given(st.text(min_size=1).filter(lambda text: text[0] not in "=+-@\t\r\0") | st.integers() | st.floats())
def test_all_else_stays_as_it_is(value):
    assert output.neutral(value) is value


def test_figures_have_ten_significant_digits():
    frame = pd.DataFrame(
        {"x": [1 / 3, 12345678901.26, -0.0, float("nan"), float("inf")], "n": [1, 2, 3, 4, 5]}
    )
    made = output.rounded(frame)
    assert made.x[:2].tolist() == [0.3333333333, 12345678900.0]
    assert str(made.x[2]) == "0.0" and made.x[3:].isna().all()
    assert made.n.tolist() == [1, 2, 3, 4, 5]
    assert frame.x[0] == 1 / 3, "the frame itself stays"


def test_noise_of_the_arithmetic_does_not_show():
    made = [output.rounded(pd.DataFrame({"x": [x]})) for x in (0.1 + 0.2, 0.3)]
    assert made[0].equals(made[1])


def test_files_are_neutral_and_read_back(tmp_path):
    output.write(small(), tmp_path)
    raw = (tmp_path / "cluster_indicators.csv").read_bytes()
    assert b"'-1+1" in raw and raw.count(b"\r\n") == raw.count(b"\n") == 3
    estimates = pd.read_csv(tmp_path / "estimates.csv")
    assert estimates.op.tolist() == ["=~", "~", "~"], "an operator is a code and stays"
    parquet = pd.read_parquet(tmp_path / "cluster_indicators.parquet")
    assert parquet.sector.tolist() == ["_all", "-1+1"], "Parquet runs nothing"


def test_the_same_tables_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        output.write(small(), tmp_path / name)
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert len(files) == 2 * len(small())
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
