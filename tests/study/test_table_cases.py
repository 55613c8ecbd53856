"""Input-output tables as offices deliver them: each cell comes out with its value, or the run stops in words.

Each case is drawn as what differs from the tables of the small study: 81 cells of three regions and three
sectors, long (one row a cell), wide (a matrix) or biregional (each region and the rest of the country).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from small_study import REGIONS, SECTORS, Cell, csv, long
from small_tables import Known, TableCase, check, lines, plain, without

from jobs.errors import DiamantError, InputError, SettingsError

FIRST = ("HU11", "10-12", "HU11", "10-12")
COMMAS = partial(csv, decimal=",")


def valued(text: str, cell: Cell = FIRST, write=csv):
    """The table with another text as the value of a cell."""

    def written(table: Known) -> str:
        rows = long(table)
        rows[list(table).index(cell)]["value"] = text
        return write(rows)

    return written


def added(*rows: tuple[str, str, str, str, str]):
    """The table with rows at its end."""
    return lambda table: plain(table) + "".join(";".join(row) + "\n" for row in rows)


def relabelled(labels: dict[str, str], kinds: tuple[str, ...] = ("region", "sector")):
    """The table with other labels."""

    def written(table: Known) -> str:
        rows = long(table)
        for row in rows:
            for side in ("origin", "destination"):
                for kind in kinds:
                    name = f"{side}_{kind}"
                    row[name] = labels.get(row[name], row[name])
        return csv(rows)

    return written


def padded(table: Known) -> str:
    return csv([{name: f"{text} " for name, text in row.items()} for row in long(table)], quoted=True)


def put(cell: Cell, value: float) -> Callable[[Known], Known]:
    return lambda table: {**table, cell: value}


def in_codes(codes: dict[str, str]) -> Callable[[Known], Known]:
    return lambda table: {
        tuple(codes.get(label, label) for label in cell): value for cell, value in table.items()
    }


def thousandfold(mark: str, decimal: str = "."):
    """Values in thousands of the unit, with a mark between thousands: 3.31 as 3.310."""

    def written(table: Known) -> str:
        rows = long(table)
        for row in rows:
            row["value"] = f"{round(float(row['value']) * 1000):,}".replace(",", mark)
        return csv(rows)

    return written


def in_thousands(table: Known) -> Known:
    return {cell: round(value * 1000) for cell, value in table.items()}


def sent(region: str) -> Callable[[Cell], bool]:
    return lambda cell: cell[0] == region


def bought(region: str) -> Callable[[Cell], bool]:
    return lambda cell: cell[2] == region


ABSENT = "cells of the frame .* are absent"
WRITTEN = [
    TableCase("decimal commas", lambda table: COMMAS(long(table)), {"decimal": ","}),
    TableCase("each field in quotes", lambda table: csv(long(table), quoted=True)),
    TableCase("separated by tabs", lambda table: csv(long(table), separator="\t"), {"separator": "\\t"}),
    TableCase("labels padded in quotes", padded),
    TableCase(
        "labels padded with no-break blanks", relabelled({code: f"\u00a0{code}\u00a0" for code in REGIONS})
    ),
    TableCase(
        "sectors 01, 02, 03 lost their zeros",
        relabelled({"10-12": "1", "13-15": "2", "28": "3"}),
        codes={"10-12": "01", "13-15": "02", "28": "03"},
        known=in_codes({"10-12": "01", "13-15": "02", "28": "03"}),
    ),
    TableCase("sectors are doubles", relabelled({"28": "28.0"})),
    TableCase(
        "columns by other names, in another order, and one more",
        lambda table: csv(
            [
                {
                    "note": "x",
                    "v": row["value"],
                    "to": row["destination_region"],
                    "buys": row["destination_sector"],
                    "from": row["origin_region"],
                    "sells": row["origin_sector"],
                }
                for row in long(table)
            ]
        ),
        {
            "columns": {
                "origin_region": "from",
                "origin_sector": "sells",
                "destination_region": "to",
                "destination_sector": "buys",
                "value": "v",
            }
        },
    ),
    TableCase(
        "parts of a folder",
        lambda table: {
            "a.csv": plain(dict(list(table.items())[:40])),
            "b.csv": plain(dict(list(table.items())[40:])),
        },
    ),
]

LONG = [
    TableCase("long", plain),
    TableCase(
        "cut in the middle of a number",
        lambda table: plain(table)[: plain(table).index("\n", 1500) - 1],
        stops=ABSENT,
    ),
    TableCase(
        "cut in the last number",
        lambda table: plain(table)[:-3],
        known=lambda table: {**table, list(table)[-1]: float(f"{list(table.values())[-1]}"[:-2])},
        notes="the last line has no line end",
    ),
    TableCase("a region delivers nothing", without(sent("HU21")), stops="HU21 delivers nothing"),
    TableCase("a region buys nothing", without(bought("HU12")), stops="HU12 buys nothing"),
    TableCase(
        "a region delivers nothing, even where absent cells are zero",
        without(sent("HU21")),
        {"absent": "zero"},
        stops="HU21 delivers nothing",
    ),
    TableCase(
        "a region stands nowhere", without(lambda cell: "HU12" in cell), stops="HU12 (delivers|buys) nothing"
    ),
    TableCase(
        "a sector is not delivered by one region",
        without(lambda cell: cell[:2] == ("HU11", "28")),
        stops=rf"{ABSENT}.*HU11 28 delivers \(9 of 9\)",
    ),
    TableCase(
        "a sector is not bought by one region",
        without(lambda cell: cell[2:] == ("HU11", "28")),
        stops=rf"{ABSENT}.*HU11 28 buys \(9 of 9\)",
    ),
    TableCase(
        "one cell is missing",
        without(lambda cell: cell == FIRST),
        stops=rf"{ABSENT}.*HU11 10-12 (delivers|buys) \(1 of 9\)",
    ),
    TableCase(
        "one cell is missing and counts as zero",
        without(lambda cell: cell == FIRST),
        {"absent": "zero"},
        known=lambda table: {cell: value for cell, value in table.items() if cell != FIRST},
        notes="1 of 81 cells of the frame are absent",
    ),
    TableCase(
        "a sector stands nowhere",
        without(lambda cell: "28" in cell),
        known=lambda table: {cell: value for cell, value in table.items() if "28" not in cell},
        notes=r"stands nowhere in the tables: 28",
    ),
    TableCase(
        "a cell stands there twice",
        added((*FIRST, "1.5")),
        stops="a cell stands in the tables more than once: HU11 10-12 to HU11 10-12",
    ),
    TableCase(
        "15 fields too many in one row",
        lines(lambda rows: [*rows[:5], rows[5] + ";note" * 15, *rows[6:]], plain),
        stops="1 of 81 rows aside.* too few or too many fields",
    ),
    TableCase(
        "region and sector in one column",
        lambda table: csv([{"from": "HU11_28", "to": "HU12_28", "value": "1"}]),
        stops="has no column origin_region",
        error=InputError,
    ),
    TableCase(
        "a workbook",
        lambda table: b"PK\x03\x04" + bytes(40),
        stops="an Excel workbook or a zip archive; set format to excel",
        error=InputError,
    ),
    TableCase(
        "a stray quote",
        lines(lambda rows: [*rows[:3], '"' + rows[3], *rows[4:9], '"' + rows[9], *rows[10:]], plain),
        stops="row 4.*quote",
        error=InputError,
    ),
    TableCase(
        "lines end in each way",
        lambda table: "".join(
            line + ("\n", "\r\n", "\r")[place % 3] for place, line in enumerate(plain(table).splitlines())
        ),
    ),
]

VALUES = [
    *(
        TableCase(
            f"a value {text!r}",
            valued(text),
            stops=r"1 of 81 rows aside.* the value is no number \(1 rows, the first is HU11 10-12 to HU11 ",
        )
        for text in ("", "c", "-", "NaN", "inf", "1e400", ":", "1,5", "12 345", "..", "0x1F")
    ),
    TableCase(
        "a value -0.001", valued("-0.001"), stops=r"the value is negative \(1 rows, the first is HU11 10-12"
    ),
    TableCase("a value of 25 digits", valued("9" * 25), stops="the value is too large"),
    *(
        TableCase(f"a value {text}", valued(text), known=put(FIRST, value))
        for text, value in (
            ("0", 0),
            ("-0", 0),
            ("-0.0", 0),
            ("1.5E1", 15),
            ("1e-3", 0.001),
            ("+2", 2),
            (" 2.5 ", 2.5),
            ("007", 7),
            (".5", 0.5),
        )
    ),
    TableCase(
        "a value below what is kept",
        valued("0.0000000004"),
        known=put(FIRST, 0),
        notes="1 values are below 0.0000000005 and count as 0",
    ),
    TableCase(
        "12.345 is 12345, and nothing says so",
        thousandfold("."),
        notes="every number with a mark has exactly three digits behind it.*flows.thousands",
    ),
    TableCase("12.345 is 12345", thousandfold("."), {"decimal": ",", "thousands": "."}, known=in_thousands),
    TableCase("12,345 is 12345", thousandfold(","), {"thousands": ","}, known=in_thousands),
    TableCase("12 345 is 12345", thousandfold("\u00a0"), {"thousands": " "}, known=in_thousands),
    TableCase("12 345 is 12345, and nothing says so", thousandfold("\u00a0"), stops="the value is no number"),
    TableCase(
        "999999999 as a missing value", valued("999999999"), known=put(FIRST, 999999999), notes="nines"
    ),
]

TOTAL = ("HU11", "TOTAL", "HU11", "10-12", "9.5")
LABELS = [
    TableCase(
        "a region of another country",
        added(("SK01", "28", "HU11", "28", "1")),
        stops="1 of 82 rows aside.* origin region 'SK01' is in neither",
    ),
    TableCase(
        "regions of another country only, and all rows may be set aside",
        relabelled({"HU11": "SK01", "HU12": "SK02", "HU21": "SK03"}),
        {"max_quarantined": 1},
        stops="no cell of the tables is left",
    ),
    TableCase(
        "extra-regio that nothing declares",
        added(("HUZZ", "28", "HU11", "28", "1")),
        stops="origin region 'HUZZ' is in neither",
    ),
    TableCase(
        "a larger region beside the smaller ones",
        added(("HU10", "28", "HU11", "28", "1")),
        stops="origin region 'HU10' is in neither",
    ),
    TableCase(
        "regions of an older edition",
        relabelled({"HU11": "HU10", "HU12": "HU10"}),
        stops="region 'HU10' is in neither",
    ),
    TableCase("finer sectors", relabelled({"10-12": "10"}), stops="sector '10' is in neither"),
    TableCase("a total that nothing declares", added(TOTAL), stops="origin sector 'TOTAL' is in neither"),
    TableCase(
        "a total that is dropped",
        added(TOTAL),
        {"drop": ["TOTAL"]},
        notes="1 cells carry a label of the drop list",
    ),
    TableCase(
        "a total under a new name",
        added(("HU11", "OUT", "HU11", "10-12", "9.5")),
        {"drop": ["TOTAL"]},
        stops="origin sector 'OUT' is in neither",
    ),
    TableCase(
        "all is dropped",
        plain,
        {"drop": list(SECTORS)},
        stops="no cell of it is left|drop",
        error=DiamantError,
    ),
    TableCase(
        "final demand",
        added(("HU11", "28", "HU11", "C", "2")),
        {"final": ["C"]},
        known=lambda table: {**table, ("HU11", "28", "HU11", ""): 2},
    ),
    TableCase(
        "negative final demand",
        added(("HU11", "28", "HU11", "C", "-2")),
        {"final": ["C"]},
        known=lambda table: {**table, ("HU11", "28", "HU11", ""): -2.0},
    ),
    TableCase(
        "a role of a column that there is none of",
        plain,
        {"columns": {"origin_sektor": "x"}},
        stops="origin_sektor",
        error=SettingsError,
    ),
    TableCase("a drop label that is a region", plain, {"drop": ["HU11"]}, stops="HU11", error=DiamantError),
]


@pytest.mark.parametrize("case", [*LONG, *LABELS], ids=str)
def test_a_long_table_is_whole_or_refused(spark, tmp_path, case):
    check(case, spark, tmp_path)


@pytest.mark.parametrize("case", [*WRITTEN, *VALUES], ids=str)
def test_a_value_is_read_however_it_is_written(spark, tmp_path, case):
    """Ingest reads the cells; how many there are matters to validate only."""
    check(replace(case, until="ingest"), spark, tmp_path)
