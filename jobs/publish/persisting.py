"""Firms that stand in two waves, as they are published: rounded, so that no single firm shows."""

from __future__ import annotations

import pandas as pd

from jobs.publish.grids import Table, grid
from jobs.publish.rules import rounded_down

KEYS = ["country", "wave", "before"]
FIRMS = ("firms_in_both", "innovators_in_both")


def rounded(counts: pd.DataFrame, pairs: pd.DataFrame, threshold: int) -> pd.DataFrame:
    """The table persisting_firms: each pair of waves, its counts rounded down to multiples of the threshold.

    `counts` as transforms.persisting gives them, `pairs` all pairs of waves in their order. Beside the firms
    of each wave, which are published exactly, a rounded count leaves as many possible numbers of new and of
    lost firms as the threshold asks.
    """
    whole = pairs.merge(counts, "left", KEYS)
    for column in FIRMS:
        whole[column] = rounded_down(whole[column].fillna(0).astype("int64"), threshold)
    return whole[[*KEYS, *FIRMS]]


def tables(firms: pd.DataFrame) -> list[Table]:
    """The table for the report."""
    if firms.empty:
        return []
    rows = [
        [row.wave, row.before, *(f"{getattr(row, column):,}" for column in FIRMS)]
        for row in firms.itertuples()
    ]
    columns = ["wave", "and", "firms", "innovators in both"]
    return [grid("Firms in two waves, rounded down", columns, rows, text=2)]
