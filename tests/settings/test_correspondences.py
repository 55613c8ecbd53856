"""Correspondences: shares of 1, followed by each other, read from files with what is wrong named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import SettingsError
from jobs.settings import correspondences
from jobs.settings.correspondences import OUTSIDE, Correspondence, of_weights

CODES = st.sampled_from(["A", "B", "C", "D"])
WEIGHTS = st.floats(0, 1e6)
ROWS = st.lists(st.tuples(CODES, CODES, WEIGHTS), min_size=1)


@given(ROWS)
def test_shares_of_a_code_add_up_to_one(rows):
    for shares in of_weights(rows).shares.values():
        assert math.isclose(math.fsum(shares.values()), 1.0, rel_tol=1e-12)
        assert all(0 < share <= 1 for share in shares.values())


@given(ROWS, ROWS)
def test_one_after_the_other_loses_nothing(rows, others):
    for shares in of_weights(rows).followed_by(of_weights(others)).shares.values():
        assert math.isclose(math.fsum(shares.values()), 1.0, rel_tol=1e-12)


@given(st.permutations([("A", "X", 3.0), ("A", "Y", 1.0), ("B", "X", 2.0), ("A", "X", 2.0)]))
def test_the_order_of_rows_is_irrelevant(rows):
    assert of_weights(rows).shares == {"A": {"X": 5 / 6, "Y": 1 / 6}, "B": {"X": 1.0}}


@given(st.permutations(["X", "Y", "Z"]))
def test_there_and_back_of_what_is_one_to_one_is_the_identity(names):
    there = of_weights(zip("ABC", names, [3.0, 1.0, 2.0], strict=True))
    back = of_weights(zip(names, "ABC", [3.0, 1.0, 2.0], strict=True))
    assert there.followed_by(back).shares == {code: {code: 1.0} for code in "ABC"}


def test_slivers_are_left_out_and_the_rest_makes_up_one():
    assert of_weights([("A", "X", 999.5), ("A", "Y", 0.5)], 0.001).shares == {"A": {"X": 1.0}}
    assert of_weights([("A", "X", 998.0), ("A", "Y", 2.0)], 0.001).shares["A"]["Y"] == 0.002


def test_a_code_goes_to_its_largest_share_where_that_is_enough():
    shares = Correspondence({"A": {"X": 0.8, "Y": 0.2}, "B": {"X": 0.5, "Y": 0.5}})
    assert shares.to_largest(0.75).shares == {"A": {"X": 1.0}, "B": {"X": 0.5, "Y": 0.5}}
    assert shares.to_largest(0.75).whole == {"A": "X"}
    assert shares.sources == {"X": ("A", "B"), "Y": ("A", "B")}


def test_what_the_second_does_not_know_is_outside():
    first = Correspondence({"A": {"X": 0.25, "Y": 0.75}})
    assert first.followed_by(Correspondence({"X": {"1": 1.0}})).shares == {"A": {"1": 0.25, OUTSIDE: 0.75}}


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_a_file_of_any_separator_with_the_only_column_of_weights(tmp_path, separator):
    file = tmp_path / "nace.csv"
    rows = ["old;new;firms", "15;10;30", "15;11;10", "", "17;13;5", "99;;1"]
    file.write_text("\ufeff" + "\r\n".join(rows).replace(";", separator) + "\r\n")
    assert correspondences.read(str(file)).shares == {
        "15": {"10": 0.75, "11": 0.25},
        "17": {"13": 1.0},
        "99": {OUTSIDE: 1.0},
    }


@pytest.mark.parametrize(
    ("text", "weight", "words"),
    [
        ("a;b;v;w\n1;2;1;2\n", "x", "has no column of weights x; it has v, w"),
        ("a;b;v;w\n1;2;1;2\n1;3;1;2\n", None, "line 3: 1 stands for several codes"),
        ("a;b;v\n1;2;-1\n", None, "line 2: the weight is no number from 0 on"),
        ("a;b;v\n1;2\n", None, "line 2: it has other columns than the header"),
        ("a;b;v\n;2;1\n", None, "line 2: the code is blank"),
        ("a\n1\n", None, "is no correspondence"),
        ("", None, "is no correspondence"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, weight, words):
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(SettingsError, match=words):
        correspondences.read(str(tmp_path / "own.csv"), weight)


def test_a_file_that_is_no_text_is_named_with_the_line(tmp_path):
    (tmp_path / "own.csv").write_bytes(b"a;b\n1;\xff\n")
    with pytest.raises(SettingsError, match=r"own\.csv, line 2: it is no text in UTF-8"):
        correspondences.read(str(tmp_path / "own.csv"))
