"""The diagnosis on the page and in the workbook: the largest ten, whole tables beside, nothing where off."""

from __future__ import annotations

import openpyxl
import pytest
from published import FACTS, diagnosis, tables

from jobs.publish import diagnosis as shown
from jobs.publish import report, workbook
from jobs.settings import reading as settings

FIGURES = [{"svg": "<svg></svg>", "caption": "c"}]


def slice_of(changes):
    """The settings of the demo's slice."""
    (own,) = settings.read("conf/runs/demo.yaml", changes).slices.values()
    return own


@pytest.fixture(scope="module")
def run():
    return slice_of(["fit.primary_error=cluster:cell"])


def cells(table) -> list[list[str]]:
    return [row["cells"] for row in table["rows"]]


def test_a_factor_has_its_figures_or_the_reason():
    (table,) = shown.reliability(diagnosis(2))
    assert table["caption"] == "w, g"
    assert cells(table) == [
        ["market results", "3", "0.800", "0.700", "0.600"],
        ["size (one item: its reliability is assumed, not estimated)", "1", "", "", ""],
    ]


def test_reliability_of_ordered_items_says_of_what():
    latent = diagnosis(2)
    latent["reliability"]["scale"] = "latent responses"
    assert "responses behind ordered answers" in shown.reliability(latent)[0]["caption"]


def test_the_ten_largest_come_first():
    indices, residuals = shown.missed(diagnosis(12))
    assert [row[0] for row in cells(indices)] == [f"a{k} ~~ b{k}" for k in range(11, 1, -1)]
    assert cells(indices)[0][1:] == ["11.00", "2.50", "\N{MINUS SIGN}0.5000", "0.25"]
    assert [row[0] for row in cells(residuals)] == [f"a{k}, b{k}" for k in range(11, 1, -1)]
    assert cells(residuals)[0][1:] == ["\N{MINUS SIGN}0.110", "1.50"], "by size, whatever the sign"


def test_the_page_has_it_only_where_it_was_made(run):
    without = report.render(tables(), FACTS, run, FIGURES)
    assert "factors are measured" not in without and "What the model misses" not in without
    page = report.render({**tables(), **diagnosis(12)}, FACTS, run, FIGURES)
    assert "market results" in page and "a11 ~~ b11" in page and "a1 ~~ b1" not in page


def test_the_workbook_has_whole_tables(tmp_path):
    workbook.write({**tables(), **diagnosis(12)}, FACTS, tmp_path / "tables.xlsx")
    book = openpyxl.load_workbook(tmp_path / "tables.xlsx")
    assert book["residuals"].max_row == book["modification_indices"].max_row == 2 + 12
    assert book["reliability"]["A1"].value.startswith("How well the items measure each factor")
