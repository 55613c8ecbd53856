"""Input-output tables as matrices and as biregional tables: as in test_table_cases.py for long ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from small_study import biregional, csv, long, wide
from small_tables import Known, TableCase, check, lines, matrix

from jobs.errors import DiamantError, InputError

WIDE = {"layout": "wide"}
BIREGIONAL = {"layout": "biregional"}
FIRST = ("HU11", "10-12", "HU11", "10-12")
LAST = ("HU21", "28", "HU21", "28")


def cells(change: Callable[[list[list[str]]], list[list[str]]]) -> Callable[[Known], str]:
    """The matrix with its cells changed."""
    return lambda table: csv(change(wide(table)))


def headed_by_one_row(rows: list[list[str]]) -> list[list[str]]:
    """HU11_10-12 in one header row and one label column."""
    head = [f"{region}_{sector}" for region, sector in zip(rows[0], rows[1], strict=True)][2:]
    return [["", *head], *([f"{row[0]}_{row[1]}", *row[2:]] for row in rows[2:])]


def blocks(rows: list[list[str]]) -> list[list[str]]:
    """Each region's label in the first row of its block only."""
    return [*rows[:2], *(["" if place % 3 else row[0], *row[1:]] for place, row in enumerate(rows[2:]))]


def swapped(rows: list[list[str]]) -> list[list[str]]:
    """The sector before the region, in header rows and label columns."""
    return [rows[1], rows[0], *([row[1], row[0], *row[2:]] for row in rows[2:])]


def with_totals(rows: list[list[str]]) -> list[list[str]]:
    """A row and a column of totals."""
    heads = [[*rows[0], "Total"], [*rows[1], "Total"]]
    body = [[*row, "50.5"] for row in rows[2:]]
    return [*heads, *body, ["Total", "Total", *["80.5"] * 10]]


def named(rows: list[list[str]]) -> list[list[str]]:
    """A unit and a sector's name among the label columns, and a header row that names them all."""
    heads = [["", "", "", "", *row[2:]] for row in rows[:2]]
    heads[1][:4] = ["NACE", "unit", "words", "REG"]
    return [*heads, *([row[1], "EUR", "a sector", row[0], *row[2:]] for row in rows[2:])]


def by_region(table: Known) -> dict[str, str]:
    """A file for each region: its own sectors, what they sell to the rest, and a row of imports."""
    known = regional(table)
    sectors = list(dict.fromkeys(cell[1] for cell in known))
    files = {}
    for region in dict.fromkeys(cell[0] for cell in known):
        rows = [["", *sectors, "EXPROC"]]
        for sector in sectors:
            own = [known[region, sector, region, buyer] for buyer in sectors]
            rows.append([sector, *map(str, own), str(known[region, sector, "REST", ""])])
        files[f"{region}.csv"] = csv([*rows, ["ROCimp", *["1.5"] * (len(sectors) + 1)]])
    return files


def regional(table: Known) -> Known:
    """Deliveries within each region, and 2 from each sector to the rest of the country."""
    own = {cell: value for cell, value in table.items() if cell[0] == cell[2]}
    return own | {(region, sector, "REST", ""): 2.0 for region, sector, _, _ in own}


WRITTEN = [
    TableCase(
        "label columns named by a header row",
        cells(named),
        {**WIDE, "columns": {"region": "REG", "sector": "NACE"}},
    ),
    TableCase(
        "one matrix a region, named by its file",
        by_region,
        {**WIDE, "header": ["sector"], "labels": ["sector"], "exports": "EXPROC", "drop": ["ROCimp"]},
        known=regional,
        notes="12 cells carry a label of the drop list",
    ),
    TableCase("decimal commas", lambda table: csv(wide(table), decimal=","), {**WIDE, "decimal": ","}),
    TableCase("each cell in quotes", lambda table: csv(wide(table), quoted=True), WIDE),
    TableCase("labels in quotes", lambda table: matrix(table).replace("HU11", '"HU11"'), WIDE),
    TableCase("labels padded", lambda table: matrix(table).replace("HU11", " HU11 "), WIDE),
    TableCase("utf-16", lambda table: matrix(table).encode("utf-16"), {**WIDE, "encoding": "utf-16"}),
    TableCase("lines end in CRLF", lambda table: csv(wide(table), end="\r\n"), WIDE),
    TableCase(
        "blank lines between the blocks", lines(lambda rows: [*rows[:5], "", *rows[5:8], "", *rows[8:]]), WIDE
    ),
    TableCase(
        "parts of a folder",
        lambda table: {
            "a.csv": csv(wide(table)[:6]),
            "b.csv": csv([*wide(table)[:2], *wide(table)[6:]]),
        },
        WIDE,
    ),
]
MATRICES = [
    TableCase(
        "a label column by a name that no header row has",
        cells(named),
        {**WIDE, "columns": {"region": "REGION", "sector": "NACE"}},
        stops="the header rows name no column REGION; check flows.columns",
        error=InputError,
    ),
    TableCase("a matrix", matrix, WIDE),
    TableCase(
        "parts of a folder, the second without header rows",
        lambda table: {"a.csv": csv(wide(table)[:6]), "b.csv": csv(wide(table)[6:])},
        WIDE,
        stops=r"rows aside|header",
        error=DiamantError,
    ),
    TableCase(
        "the last region's rows are missing",
        lines(lambda rows: rows[:-3]),
        WIDE,
        stops="HU21 delivers nothing",
    ),
    TableCase(
        "the last row is missing", lines(lambda rows: rows[:-1]), WIDE, stops=r"HU21 28 delivers \(9 of 9\)"
    ),
    TableCase(
        "the last column is missing",
        cells(lambda rows: [row[:-1] for row in rows]),
        WIDE,
        stops=r"HU21 28 buys \(9 of 9\)",
    ),
    TableCase(
        "cut in the middle of its last row",
        lambda table: matrix(table)[:-20],
        WIDE,
        stops="too few or too many fields",
    ),
    TableCase(
        "zeros are blank",
        cells(lambda rows: [*rows[:2], [*rows[2][:2], "", *rows[2][3:]], *rows[3:]]),
        WIDE,
        stops=r"the value is no number \(1 rows, the first is .*HU11 10-12 to HU11 10-12",
    ),
    TableCase(
        "a row label twice",
        lines(lambda rows: [*rows[:-1], rows[-1].replace("HU21;28", "HU21;13-15")]),
        WIDE,
        stops="a cell stands in the tables more than once: HU21 13-15 to HU11 10-12",
    ),
    TableCase(
        "a footnote",
        lines(lambda rows: [*rows, "Source: the office"]),
        WIDE,
        stops="1 of 82 rows aside.* too few or too many fields",
    ),
    TableCase(
        "a third header row with the unit",
        lines(lambda rows: [*rows[:2], "in million", *rows[2:]]),
        WIDE,
        stops="too few or too many fields",
    ),
    TableCase(
        "a title above the header rows",
        lines(lambda rows: ["Deliveries", *rows]),
        WIDE,
        stops="header rows do not fit",
        error=InputError,
    ),
    TableCase(
        "one header row",
        cells(headed_by_one_row),
        WIDE,
        stops="is in neither the run's regions nor its drop list",
    ),
    TableCase("labels once a block", cells(blocks), WIDE),
    TableCase(
        "the label columns the other way round",
        cells(swapped),
        WIDE,
        stops="is in neither the run's (regions|sectors)",
    ),
    TableCase(
        "a third label column",
        cells(lambda rows: [["", *row] for row in rows]),
        WIDE,
        stops="the header rows do not fit each other; .* behind 2 columns of labels",
        error=InputError,
    ),
    TableCase(
        "a line of separators only between the blocks",
        lines(lambda rows: [*rows[:5], ";" * 10, *rows[5:]]),
        WIDE,
    ),
    TableCase(
        "a byte order mark that nothing tells of", lambda table: matrix(table).encode("utf-8-sig"), WIDE
    ),
    TableCase(
        "a separator at the end of each line",
        lines(lambda rows: [f"{row};" for row in rows]),
        WIDE,
    ),
    TableCase("totals that nothing declares", cells(with_totals), WIDE, stops="'Total' is in neither"),
    TableCase(
        "totals that are dropped",
        cells(with_totals),
        {**WIDE, "drop": ["Total"]},
        notes="19 cells carry a label of the drop list",
    ),
    TableCase(
        "a workbook",
        lambda table: b"PK\x03\x04" + bytes(40),
        WIDE,
        stops="an Excel workbook or a zip archive; set format to excel",
        error=InputError,
    ),
    TableCase(
        "another encoding",
        lambda table: matrix(table).replace("HU11", "Főváros").encode("cp1250"),
        WIDE,
        stops="is not in utf-8",
        error=InputError,
    ),
    TableCase("nothing", lambda table: "", WIDE, stops="has no 2 header rows", error=InputError),
    TableCase(
        "header rows alone",
        lines(lambda rows: rows[:2]),
        WIDE,
        stops="has a header and no rows|no row|deliver",
        error=InputError,
    ),
]


def both_ways(table: Known) -> str:
    return csv(long(biregional(table)))


def as_marked(rest: str) -> Callable[[Known], str]:
    return lambda table: csv(long(biregional(table, rest)))


def seen(lost: Callable[[tuple], bool]) -> Callable[[Known], str]:
    """The biregional table without the cells that are lost."""
    return lambda table: csv(
        long({cell: value for cell, value in biregional(table).items() if not lost(cell)})
    )


REGIONAL = [
    TableCase("own deliveries and those from and to the rest", both_ways, BIREGIONAL, known=biregional),
    TableCase("the rest by another name", as_marked("ROW"), {**BIREGIONAL, "rest": "ROW"}, known=biregional),
    TableCase(
        "the rest by a name that is not declared",
        as_marked("Rest"),
        BIREGIONAL,
        stops="region 'Rest' is in neither",
    ),
    TableCase(
        "a region buys nothing from the rest",
        seen(lambda cell: cell[0] == "REST" and cell[2] == "HU12"),
        BIREGIONAL,
        stops=r"HU12 .*buys",
    ),
    TableCase(
        "a region delivers nothing to the rest",
        seen(lambda cell: cell[2] == "REST" and cell[0] == "HU12"),
        BIREGIONAL,
        stops=r"HU12 .*delivers",
    ),
    TableCase(
        "a region has no deliveries of its own",
        seen(lambda cell: cell[0] == cell[2] == "HU12"),
        BIREGIONAL,
        stops=r"HU12 .*(delivers|buys)",
    ),
    TableCase(
        "nothing is delivered to the rest",
        seen(lambda cell: cell[2] == "REST"),
        BIREGIONAL,
        known=lambda table: {cell: value for cell, value in biregional(table).items() if cell[2] != "REST"},
    ),
    TableCase(
        "deliveries to the rest are cut short",
        lambda table: both_ways(table).rsplit("\n", 4)[0] + "\n",
        BIREGIONAL,
        stops="absent",
    ),
]


@pytest.mark.parametrize("case", MATRICES, ids=str)
def test_a_matrix_is_whole_or_refused(spark, tmp_path, case):
    check(case, spark, tmp_path)


@pytest.mark.parametrize("case", WRITTEN, ids=str)
def test_a_matrix_is_read_however_it_is_written(spark, tmp_path, case):
    check(replace(case, until="ingest"), spark, tmp_path)


@pytest.mark.parametrize("case", REGIONAL, ids=str)
def test_a_biregional_table_is_whole_or_refused(spark, tmp_path, case):
    check(case, spark, tmp_path)
