"""What README shows of the demo is what the demo publishes."""

from __future__ import annotations

import io
import re

import pandas as pd
from study_runs import REPOSITORY


def table(demo, name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(demo.published[f"{name}.csv"]))


def test_table_1_of_the_readme(demo):
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| ([a-z ]+) \| ([\d,]+) \| (\d+) % \| (\d+) % \|$", text, re.MULTILINE)
    origins = table(demo, "partner_origin").query("size_class == 'all'").set_index("origin")
    assert len(shown) == 5
    columns = ["firms", "share", "innovative_turnover"]
    figures = origins.loc[[origin for origin, *_ in shown], columns].mul([1, 100, 100]).round().astype(int)
    for origin, *cells in shown:
        assert figures.loc[origin].tolist() == [int(cell.replace(",", "")) for cell in cells], origin


def test_the_paths_under_the_figure_of_the_readme(demo):
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    (words,) = re.findall(r"!\[Standardised paths of firms that innovate on their own: (.*?)\]", text)
    shown = {name: float(value) for name, value in re.findall(r"(\w+) (0\.\d\d)", words)}
    paths = table(demo, "estimates").query("group == 'stand-alone' and op == '~' and error == 'robust'")
    values = {row.rhs.removesuffix("_within"): round(row.std_all, 2) for row in paths.itertuples()}
    assert set(shown) == {"effort", "commonality", "information"}
    assert {name: values[name] for name in shown} == shown
