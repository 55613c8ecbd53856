"""Published tables as CSV and Parquet: neutral, rounded, the same bytes."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published import diagnosis
from published import tables as small

from jobs.output import tables as output
from jobs.publish import tables
from jobs.settings.sections import DisclosureSettings


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


def test_a_group_of_too_few_firms_is_left_out_in_its_wave_only():
    frames = {
        "fit_status": pd.DataFrame(
            {
                **{"country": "NL", "wave": ["v", "w", "w"], "group": ["g", "g", "h"], "status": "converged"},
                **{"detail": "", "cases_in": 9, "cases_used": 9, "cases_missing": 0, "max_gradient": 0.0},
            }
        ),
        "estimates": pd.DataFrame({"country": "NL", "wave": ["v", "w", "w"], "group": ["g", "g", "h"]}),
        "fit_measures": pd.DataFrame({"country": "NL", "wave": ["w"], "group": ["g"]}),
        "residuals": pd.DataFrame({"country": "NL", "wave": ["w", "w"], "group": ["g", "h"]}),
        "group_differences": pd.DataFrame(
            {"country": "NL", "wave": ["v", "w"], "group_a": ["g", "g"], "group_b": ["h", "h"]}
        ),
    }
    made = tables.without_groups(frames, {("NL", "w", "g")})
    assert made["estimates"].wave.tolist() == ["v", "w"] and made["estimates"].group.tolist() == ["g", "h"]
    assert made["group_differences"].wave.tolist() == ["v"]
    assert made["fit_measures"].empty and made["residuals"].group.tolist() == ["h"]
    status = made["fit_status"]
    assert status.status.tolist() == ["converged", "c", "converged"]
    assert status.max_gradient.isna().tolist() == [False, True, False]
    assert status.detail[1] == "too few firms for publication"
    empty = {name: frame.iloc[:0] for name, frame in frames.items()}
    assert tables.without_groups(empty, set())["group_differences"].empty


def test_residuals_that_tell_too_much_are_left_out_with_the_modification_indices():
    made = {**small(), **diagnosis(10)}  # ten pairs: of five variables, that have fifteen moments
    rules = DisclosureSettings()
    made["fit_status"] = made["fit_status"].assign(cases_used=25)
    kept = tables.without_residuals(made, rules)
    assert [len(kept[name]) for name in ("residuals", "modification_indices")] == [10, 10]
    made["fit_status"] = made["fit_status"].assign(cases_used=24)
    left = tables.without_residuals(made, rules)
    assert [len(left[name]) for name in ("residuals", "modification_indices")] == [0, 0]
    assert tables.without_residuals(small(), rules) == {}
