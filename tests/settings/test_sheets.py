"""Code lists in workbooks: classifications, correspondences and the codes of wave maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from jobs.errors import SettingsError
from jobs.settings import classifications, correspondences, wave_maps

DEMO = "conf/waves/cis2_simulated.yaml"  # of the program


def workbook(path: Path, rows: list[list[Any]]) -> str:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("codes")
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return str(path)


def test_a_classification(tmp_path):
    rows = [
        ["Code", "Name", "Industrial", "Divisions"],
        ["10-12", "Food", "x", "10, 11 12"],
        [],
        [28, "Machines", True, 28],
        [45, "Construction", "", ""],
    ]
    read = classifications.read(workbook(tmp_path / "sectors.xlsx", rows))
    assert read.numbers == {"10-12": 1, "28": 2, "45": 3} and read.industrial == ("10-12", "28")
    assert read.by_division == {"10": "10-12", "11": "10-12", "12": "10-12", "28": "28", "45": "45"}
    assert read.names["28"] == "Machines"


def test_codes_alone_are_enough(tmp_path):
    read = classifications.read(workbook(tmp_path / "regions.xlsx", [["code"], ["NL11"], ["NL12"]]))
    assert read.names == {"NL11": "NL11", "NL12": "NL12"}


def test_a_correspondence(tmp_path):
    rows = [["nace", "sector", "firms"], [15, "10-12", 3], [15, "28", 1], ["17", "28", 5.5]]
    read = correspondences.read(workbook(tmp_path / "nace.xlsx", rows))
    assert read.shares == {"15": {"10-12": 0.75, "28": 0.25}, "17": {"28": 1.0}}


def test_codes_of_a_wave_map(tmp_path, monkeypatch):
    """Lists of a map in workbooks, also of a map that another one extends; a new list is a new map."""
    monkeypatch.chdir(tmp_path)
    workbook(tmp_path / "classes.xlsx", [["Code", "Words", "Number"], [1, "small", 10], [2, "medium", 50]])
    workbook(tmp_path / "scale.xlsx", [["code"], ["none"], ["low"], ["high"]])
    rules = (
        "  employees: {size_class: group, classes: classes.xlsx, missing: ['9']}\n"
        "  source_clients: {scale: s, order: scale.xlsx}\n"
    )
    (tmp_path / "base.yaml").write_text(f"extends: {DEMO}\nrules:\n{rules}")
    (tmp_path / "map.yaml").write_text("extends: base.yaml\ntitle: ours\n")
    read = wave_maps.read("map.yaml").rules
    assert read["employees"].classes == {"1": 10, "2": 50}
    assert read["source_clients"].order == ("none", "low", "high")
    before = wave_maps.digest("map.yaml")
    workbook(tmp_path / "classes.xlsx", [["code", "number"], [1, 10], [2, 250]])
    assert wave_maps.digest("map.yaml") != before
    assert wave_maps.read("map.yaml").rules["employees"].classes == {"1": 10, "2": 250}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["code"], [1]], "its first row names no column number"),
        ([["code", "number"], [1, 10], [1, 50]], "the code 1 stands there twice"),
        ([["code", "number"], [1, "many"]], "rules.employees.classes.*integer"),
    ],
)
def test_codes_of_a_wave_map_that_cannot_be_read(tmp_path, rows, words):
    book = workbook(tmp_path / "classes.xlsx", rows)
    rule = f"rules:\n  employees: {{size_class: group, classes: {book}}}\n"
    (tmp_path / "map.yaml").write_text(f"extends: {DEMO}\n{rule}")
    with pytest.raises(SettingsError, match=words):
        wave_maps.read(str(tmp_path / "map.yaml"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["kod"], ["1"]], "and kod is none of them"),
        ([["name"], ["a"]], "its first row has to name the columns code, name"),
        ([], "its first row has to name the columns"),
        ([["code"], [""]], "its first row|should have at least 1|items"),
        ([["code"], ["1"], ["1"]], "the code 1 stands there twice"),
    ],
)
def test_a_list_that_cannot_be_read(tmp_path, rows, words):
    with pytest.raises(SettingsError, match=words):
        classifications.read(workbook(tmp_path / "regions.xlsx", rows))


def test_a_text_under_a_wrong_name(tmp_path):
    (tmp_path / "regions.xlsx").write_text("code\n1\n")
    with pytest.raises(SettingsError, match="is no Excel workbook that can be read"):
        classifications.read(str(tmp_path / "regions.xlsx"))
