"""The workbook, read back by another library."""

from __future__ import annotations

import openpyxl
import pytest
from published import FACTS, TITLE, tables

from jobs.publish import workbook


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "tables.xlsx"
    workbook.write(tables(), FACTS, path)
    return openpyxl.load_workbook(path)


def records(sheet) -> list[dict]:
    _, head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_cover_and_notes_come_first_then_a_sheet_a_table(book):
    assert book.sheetnames == ["cover", "notes", *tables()]
    assert book["cover"]["A1"].value == TITLE


def test_no_text_became_a_formula_and_no_cells_are_merged(book):
    for sheet in book:
        assert not sheet.merged_cells.ranges
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert records(book["cluster_indicators"])[1]["sector"] == "-1+1"


def test_figures_are_numbers_and_what_is_withheld_says_so(book):
    shown, hidden = records(book["partner_origin"])
    assert (shown["firms"], shown["share"]) == (40, 0.5)
    assert shown["innovative_turnover"] == pytest.approx(1 / 3, abs=1e-9)
    assert [hidden[name] for name in ("firms", "share", "innovative_turnover")] == ["[c]"] * 3
    cell = records(book["cluster_indicators"])[1]
    assert cell["commonality_within"] == cell["commonality_general_firms"] == "[c]"
    assert cell["complementarity_within"] is None, "it is undefined, not withheld"


def test_every_column_of_a_sheet_with_a_meaning_is_in_the_notes(book):
    told = {(row[0], row[1]) for row in book["notes"].iter_rows(min_row=3, values_only=True)}
    assert ("partner_origin", "innovative_turnover") in told and ("estimates", "pvalue") in told


def test_the_same_tables_give_the_same_bytes(tmp_path):
    for name in ("one.xlsx", "two.xlsx"):
        workbook.write(tables(), FACTS, tmp_path / name)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
