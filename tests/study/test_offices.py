"""Files as Excel and offices make them: workbooks, shapes of tables, what a map can say of answers.

As in test_input_cases.py and test_table_cases.py, each case is drawn as what differs from the small study.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from small_runs import Case, changed, put, rewritten
from small_runs import check as check_survey
from small_study import SECTORS, Row, csv, long, wide
from small_tables import Known, TableCase, matrix
from small_tables import check as check_table

from jobs.errors import InputError, SettingsError, ValidationStopped

NUMBERS = ("emp", "turn", "mkt", "frm", "rd", "oth", "w", "value")
EXCEL = {"format": "excel"}
BEGINS = (10, 50, 201, 250)  # of size classes; neither the sample's bounds nor those of tables cut one


def workbook(lines: list[list[Any]], above: int = 0, below: int = 0, cover: bool = False) -> bytes:
    """Lines of cells as the first sheet, or behind a cover as the sheet Data; rows of text around them."""
    book = openpyxl.Workbook()
    sheet = book.active
    if cover:
        sheet["A1"] = "An office's survey"
        sheet = book.create_sheet("Data")
    for number in range(above):
        sheet.append([f"Title {number}"])
    for line in lines:
        sheet.append([None if cell == "" else cell for cell in line])
    for _ in range(below):
        sheet.append(["Source: the office"])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def typed(rows: list[Row]) -> list[list[Any]]:
    """A header and rows; amounts as numbers, everything else as text."""
    head = list(rows[0])
    return [head, *([_typed(name, row[name]) for name in head] for row in rows)]


def _typed(name: str, text: str) -> Any:
    return float(text) if name in NUMBERS and text else text


def all_numbers(rows: list[Row]) -> list[list[Any]]:
    """As `typed`, codes as numbers too."""
    return [
        [float(cell) if isinstance(cell, str) and cell.replace(".", "").isdigit() else cell for cell in line]
        for line in typed(rows)
    ]


def of_two_years(rows: list[Row]) -> str:
    years = {"2012": {"emp": "7"}, "2014": {}}
    return csv([{**row, "year": year, **changes} for row in rows for year, changes in years.items()])


SURVEYS = [
    Case(
        "a workbook",
        written=lambda rows: workbook(typed(rows)),
        settings=EXCEL,
        file="s.xlsx",
        until="validate",
    ),
    Case(
        "a workbook of numbers",
        written=lambda rows: workbook(all_numbers(rows)),
        settings=EXCEL,
        file="s.xlsx",
    ),
    Case(
        "a named sheet, titles above, a footnote below",
        written=lambda rows: workbook(typed(rows), above=3, below=1, cover=True),
        settings={**EXCEL, "sheet": "Data", "skip": 3, "until": "Source"},
        file="s.xlsx",
    ),
    Case(
        "texts with decimal commas in a workbook",
        written=lambda rows: workbook([list(rows[0]), *([*row.values()] for row in rows)]),
        cells=rewritten(("turn", "rd", "oth", "w"), lambda text: text.replace(".", ",")),
        settings={**EXCEL, "decimal": ","},
        file="s.xlsx",
    ),
    Case(
        "a bad number in a workbook, by its row on the sheet",
        put("emp", "many"),
        written=lambda rows: workbook([list(rows[0]), *([*row.values()] for row in rows)], above=3),
        settings={**EXCEL, "skip": 3, "max_quarantined": 0},
        file="s.xlsx",
        stops=r"emp is no number \(1 rows, the first is 8\)",
        error=ValidationStopped,
    ),
    Case(
        "a sheet that is not there",
        written=lambda rows: workbook(typed(rows)),
        settings={**EXCEL, "sheet": "Adatok"},
        file="s.xlsx",
        stops="has no sheet 'Adatok'; it has Sheet",
        error=InputError,
    ),
    Case(
        "a CSV that is said to be a workbook",
        settings=EXCEL,
        stops="no Excel workbook that can be read",
        error=InputError,
    ),
    Case(
        "a sheet of text",
        settings={"sheet": "Data"},
        stops="sheet means nothing but for format excel",
        error=SettingsError,
    ),
    Case(
        "two years in one file",
        written=of_two_years,
        of_map={"filter": {"year": [2014]}},
        notes="60 rows have other",
    ),
    Case(
        "NACE classes",
        rewritten(("nace",), lambda text: f"C{text}.51"),
        rules={"sector": {"digits": 2}},
    ),
    Case(
        "exports as an amount",
        rewritten(("export",), lambda text: {"1": "12,5", "0": "0,00"}[text]),
        written=lambda rows: csv(rows, decimal=","),
        settings={"decimal": ","},
        rules={"exports": {"greater": "export"}},
    ),
    Case(
        "shares in percent, with the sign",
        rewritten(("mkt", "frm"), lambda text: f"{text} %"),
        rules={"innovative_share": {"number": ["mkt", "frm"], "unit": "percent"}},
    ),
    Case(
        "a region in two columns",
        rewritten(("region",), lambda text: text[2:]),
        written=lambda rows: csv([{**row, "land": "HU"} for row in rows]),
        rules={"region": {"code": ["land", "region"], "of": "regions"}},
    ),
    Case(
        "size classes in the place of employees",
        rewritten(("emp",), lambda text: str(sum(int(text) >= begin for begin in BEGINS))),
        rules={
            "employees": {
                "size_class": "emp",
                "classes": {str(k): begin for k, begin in enumerate(BEGINS, start=1)},
            }
        },
        known=changed("employees", lambda employees: max(begin for begin in BEGINS if begin <= employees)),
    ),
    Case(
        "a factor with a decimal comma",
        rules={"innovative_share": {"number": ["mkt", "frm"], "factor": "0,01"}},
    ),
]


def paired(table: Known, join: str = "_", year: bool = False) -> str:
    """One row a cell, region and sector in one label; with another year's cells among them."""
    rows = []
    for row in long(table):
        cell = {
            "from": join.join((row["origin_region"], row["origin_sector"])),
            "to": join.join((row["destination_region"], row["destination_sector"])),
            "value": row["value"],
        }
        rows += [{"year": "2014", **cell}, {"year": "2012", **cell, "value": "99"}] if year else [cell]
    return csv(rows)


def shaped(change: Callable[[list[list[str]]], list[list[str]]]) -> Callable[[Known], str]:
    return lambda table: csv(change(wide(table)))


def merged(rows: list[list[str]]) -> list[list[str]]:
    """Each region named in the first cell of its block only, in header and labels."""
    head = [
        label if place < 2 or (place - 2) % len(SECTORS) == 0 else "" for place, label in enumerate(rows[0])
    ]
    body = [["" if place % len(SECTORS) else row[0], *row[1:]] for place, row in enumerate(rows[2:])]
    return [head, rows[1], *body]


def one_label(rows: list[list[str]]) -> list[list[str]]:
    head = [f"{region}:{sector}" for region, sector in zip(rows[0], rows[1], strict=True)][2:]
    return [["", *head], *([f"{row[0]}:{row[1]}", *row[2:]] for row in rows[2:])]


def swapped(rows: list[list[str]]) -> list[list[str]]:
    return [rows[1], rows[0], *([row[1], row[0], *row[2:]] for row in rows[2:])]


def in_units(rows: list[list[str]]) -> list[list[str]]:
    """A third header row and a third label column with the unit."""
    heads = [[*row[:2], "", *row[2:]] for row in rows[:2]]
    return [
        *heads,
        ["", "", "unit", *["EUR"] * (len(rows[0]) - 2)],
        *([*row[:2], "EUR", *row[2:]] for row in rows[2:]),
    ]


def as_pymrio(rows: list[list[str]]) -> list[list[str]]:
    regions, sectors, *body = rows
    heads = [["region", "", "", *regions[2:]], ["sector", "", "", *sectors[2:]]]
    names = ["region", "sector", "unit", *[""] * (len(regions) - 2)]
    return [*heads, names, *([*row[:2], "M.EUR", *row[2:]] for row in body)]


def as_euregio(rows: list[list[str]]) -> list[list[str]]:
    regions, sectors, *body = rows
    blank = ["x", *[""] * (len(regions) + 2)]
    heads = [
        *(["Year 2010", *blank[1:]], ["EUR", *blank[1:]], ["mln", *blank[1:]]),
        [*["", "", "", "", ""], *regions[2:]],
        *(["a", *blank[1:]], ["b", *blank[1:]], ["c", *blank[1:]]),
        [*["", "", "", "", ""], *sectors[2:]],
    ]
    return [*heads, *(["1", row[0], "name", "nr", row[1], *row[2:]] for row in body)]


def with_totals(rows: list[list[str]]) -> list[list[str]]:
    heads = [[*rows[0], "HU", "Total"], [*rows[1], "28", "Total"]]
    return [*heads, *([*row, "9", "50.5"] for row in rows[2:]), ["Total", "Total", *["80.5"] * 11]]


def valued(text: str, place: int = 0) -> Callable[[Known], str]:
    def written(table: Known) -> str:
        rows = long(table)
        rows[place]["value"] = text
        return csv(rows)

    return written


def finer(table: Known) -> str:
    """Each cell that a sector 10-12 sells in three parts, those of its divisions."""
    rows = []
    for row in long(table):
        sold = SECTORS[row["origin_sector"]] if row["origin_sector"] == "10-12" else [row["origin_sector"]]
        bought = ["10", "11", "12"] if row["destination_sector"] == "10-12" else [row["destination_sector"]]
        parts = len(sold) * len(bought)
        whole = round(1000 * float(row["value"]))
        shares = [whole // parts] * (parts - 1)
        shares.append(whole - sum(shares))
        pairs = [(a, b) for a in sold for b in bought]
        for (a, b), share in zip(pairs, shares, strict=True):
            rows.append({**row, "origin_sector": a, "destination_sector": b, "value": str(share / 1000)})
    return csv(rows)


def zero(table: Known) -> Known:
    return {cell: 0.0 if place == 0 else value for place, (cell, value) in enumerate(table.items())}


def as_sheet(rows: list[list[str]]) -> list[list[Any]]:
    """A matrix with numbers that are numbers."""
    return [*rows[:2], *([*row[:2], *map(float, row[2:])] for row in rows[2:])]


def final_demand(table: Known) -> str:
    return csv(long(table)) + "HU11;28;HU11;STOCKS;-3.5\n"


WIDE = {"layout": "wide"}
REGION_SECTOR_OTHER = ["region", "sector", "other"]
TABLES = [
    TableCase("one label a side", paired, {"columns": {"origin": "from", "destination": "to"}}),
    TableCase(
        "one label a side, another mark, one of two years",
        lambda table: paired(table, "|", year=True),
        {"columns": {"origin": "from", "destination": "to"}, "join": "|", "where": {"year": 2014}},
        notes="81 cells carry a label of the drop list, or another value than where names",
    ),
    TableCase("a long sheet", lambda table: workbook(typed(long(table))), {"format": "excel"}, file="f.xlsx"),
    TableCase(
        "finer sectors and regions, by the divisions of the run's",
        finer,
        notes="189 cells of finer regions or sectors were added up",
    ),
    TableCase(
        "a finer cell that stands there twice",
        lambda table: finer(table) + "HU11;10;HU11;10;1\n",
        stops="a cell stands in the tables more than once",
    ),
    TableCase("a blank is zero", valued(""), {"zero": ["blank"]}, known=zero),
    TableCase("a hyphen is zero", valued("-"), {"zero": "-"}, known=zero),
    TableCase("an undeclared hyphen", valued("-"), stops="the value is no number"),
    TableCase("a little below zero", valued("-0.001"), {"tolerance": 0.01}, known=zero),
    TableCase("well below zero", valued("-0.5"), {"tolerance": 0.01}, stops="the value is negative"),
    TableCase(
        "stocks in final demand",
        final_demand,
        {"final": ["STOCKS"]},
        until="ingest",
        known=lambda table: {
            **table,
            ("HU11", "28", "HU11", ""): -3.5,
        },
    ),
    TableCase(
        "totals, the country and extra-regio",
        lambda table: (
            csv(long(table)) + "HU;28;HU11;28;5\nHU11;TOTAL;HU11;28;5\nHUZZ;28;HU11;28;1\nHU1;28;HU11;28;1\n"
        ),
        {"drop": ["totals"]},
    ),
    TableCase("regions named once a block", shaped(merged), WIDE),
    TableCase(
        "one header row and one label column",
        shaped(one_label),
        {**WIDE, "header": ["both"], "labels": ["both"], "join": ":"},
    ),
    TableCase(
        "the sector before the region",
        shaped(swapped),
        {**WIDE, "header": ["sector", "region"], "labels": ["sector", "region"]},
    ),
    TableCase(
        "units in a third row and a third column",
        shaped(in_units),
        {**WIDE, "header": REGION_SECTOR_OTHER, "labels": REGION_SECTOR_OTHER},
    ),
    TableCase(
        "as pymrio writes it: tabs, a row of names of the labels, a column of units",
        lambda table: csv(as_pymrio(wide(table)), separator="\t"),
        {**WIDE, "separator": "tab", "header": REGION_SECTOR_OTHER, "labels": REGION_SECTOR_OTHER},
        file="Z.txt",
    ),
    TableCase(
        "a folder as pymrio saves it",
        lambda table: {
            "file_parameters.json": '{"files": {"Z": {"name": "Z.txt", "nr_header": "2"}}}',
            "Z.txt": csv(as_pymrio(wide(table)), separator="\t"),
            "unit.txt": "region\tsector\tunit\n",
        },
        {**WIDE, "separator": "tab", "header": REGION_SECTOR_OTHER, "labels": REGION_SECTOR_OTHER},
        file="mrio",
    ),
    TableCase(
        "a folder of pymrio without deliveries",
        lambda table: {"file_parameters.json": '{"files": {"A": {"name": "A.txt"}}}', "A.txt": ""},
        {**WIDE, "separator": "tab", "header": REGION_SECTOR_OTHER, "labels": REGION_SECTOR_OTHER},
        file="mrio",
        stops="its file_parameters.json names no matrix Z",
        error=InputError,
    ),
    TableCase(
        "as EUREGIO's sheet: eight header rows, labels in the second and the fifth column",
        shaped(as_euregio),
        {
            **WIDE,
            "header": [*["other"] * 3, "region", *["other"] * 3, "sector"],
            "labels": ["other", "region", "other", "other", "sector"],
        },
    ),
    TableCase("totals in a matrix", shaped(with_totals), {**WIDE, "drop": ["totals"]}),
    TableCase("empty columns at the end", lambda table: matrix(table).replace("\n", ";;\n"), WIDE),
    TableCase(
        "a row of separators between blocks", shaped(lambda rows: [*rows[:5], [""] * 11, *rows[5:]]), WIDE
    ),
    TableCase(
        "titles above, a footnote below",
        lambda table: "Table 1\n\n" + matrix(table) + "\nSource: the office\n",
        {**WIDE, "skip": 2, "until": "Source"},
    ),
    TableCase(
        "a matrix of a workbook",
        lambda table: workbook(as_sheet(wide(table)), above=1, below=1),
        {**WIDE, "format": "excel", "skip": 1, "until": "Source"},
        file="f.xlsx",
    ),
    TableCase(
        "a matrix of a workbook with merged regions",
        lambda table: workbook(as_sheet(merged(wide(table)))),
        {**WIDE, "format": "excel"},
        file="f.xlsx",
    ),
    TableCase(
        "a title that is not declared",
        lambda table: "Table 1\n" + matrix(table),
        WIDE,
        stops="header rows do not fit",
        error=InputError,
    ),
    TableCase(
        "one region that is blank among others that stand in each row",
        shaped(lambda rows: [*rows[:3], ["", *rows[3][1:]], *rows[4:]]),
        WIDE,
        stops="origin region ''",
    ),
    TableCase(
        "header without a sector",
        matrix,
        {**WIDE, "header": ["region", "other"]},
        stops="holds region and sector once each",
        error=SettingsError,
    ),
]


@pytest.mark.parametrize("case", SURVEYS, ids=str)
def test_surveys(spark, tmp_path, case):
    check_survey(case, spark, tmp_path)


@pytest.mark.parametrize("case", TABLES, ids=str)
def test_tables(spark, tmp_path, case):
    check_table(case, spark, tmp_path)
