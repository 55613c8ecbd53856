"""Counts of firms in two waves leave as many possible numbers as the threshold asks."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from jobs.publish.persisting import FIRMS, KEYS, rounded, tables


def counts(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    return pd.DataFrame([("NL", *row) for row in rows], columns=[*KEYS, *FIRMS])


def test_counts_are_rounded_and_a_pair_without_firms_is_zero():
    pairs = pd.DataFrame([("NL", "cis4", "cis3"), ("NL", "cis2006", "cis4")], columns=KEYS)
    came = rounded(counts(("cis4", "cis3", 2_344, 15)), pairs, 10)
    assert came.values.tolist() == [["NL", "cis4", "cis3", 2340, 10], ["NL", "cis2006", "cis4", 0, 0]]
    (table,) = tables(came)
    assert table["rows"][0]["cells"] == ["cis4", "cis3", "2,340", "10"]


@given(st.integers(0, 5_000), st.integers(3, 40))
def test_the_numbers_of_firms_behind_a_published_one_are_as_many_as_the_threshold(number, threshold):
    near = range(max(0, number - 2 * threshold), number + 2 * threshold)
    waves = [f"w{firms}" for firms in near]  # a pair of waves for each number of firms
    pairs = pd.DataFrame([("NL", wave, "before") for wave in waves], columns=KEYS)
    rows = [(wave, "before", firms, 0) for wave, firms in zip(waves, near, strict=True)]
    came = rounded(counts(*rows), pairs, threshold).set_index("wave").firms_in_both
    behind = [firms for firms, wave in zip(near, waves, strict=True) if came[wave] == came[f"w{number}"]]
    assert number in behind and len(behind) == threshold
