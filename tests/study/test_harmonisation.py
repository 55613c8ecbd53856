"""Regions of other versions of NUTS and sectors of other classifications: what comes out, or is said.

The run's regions are HU11, HU12 and HU21 of NUTS 2016. The matrices of these tests (people in thousands):

    2013 to 2016    HU10 -> HU11 600, HU10 -> HU12 400, HU21 -> HU21 300       one region was two later
    2016 to 2021    HU11 -> HU1A 600, HU12 -> HU1B 400, HU21 -> HU2A 300       other codes, nothing else
    2016 to 2024    HU11 -> HU1C 200, HU11 -> HU1D 400, HU12 -> HU12 396,
                    HU12 -> HU21 4, HU21 -> HU21 300                           two of one, and 1 % moved
    AT11 is the same region in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import Case, check, replaced
from small_study import Cell, Truth, biregional, csv, long
from small_tables import Known, TableCase, lines
from small_tables import check as check_table

from jobs.errors import InputError, SettingsError

MATRICES = {
    ("2013", "2016"): {("HU10", "HU11"): 600, ("HU10", "HU12"): 400, ("HU21", "HU21"): 300},
    ("2016", "2021"): {("HU11", "HU1A"): 600, ("HU12", "HU1B"): 400, ("HU21", "HU2A"): 300},
    ("2016", "2024"): {
        ("HU11", "HU1C"): 200,
        ("HU11", "HU1D"): 400,
        ("HU12", "HU12"): 396,
        ("HU12", "HU21"): 4,
        ("HU21", "HU21"): 300,
    },
}
RECODED = {"HU11": "HU1A", "HU12": "HU1B", "HU21": "HU2A"}
ABROAD = "AT11;28;HU11;28;7\nHU11;28;AT11;28;7\nAT11;28;AT11;28;7\n"
MOVED = 4 / 304  # of the people of HU21 of NUTS 2024, those who lived in HU12


@pytest.fixture(scope="module")
def matrices(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("matrices")
    for (source, target), people in MATRICES.items():
        lines = [f"code_v{source},code_v{target},uniqueID,pop11,pop21"]
        for (code, other), count in {**people, ("AT11", "AT11"): 280}.items():
            lines.append(f"{code},{other},{code}{other},1,{count}")
        (folder / f"{source}_v{target}.csv").write_text("\n".join(lines) + "\n")
    return folder


def relabelled(codes: dict[str, str]) -> Callable[[Known], str]:
    """The table with other codes of regions."""
    return lambda table: csv(
        long({(codes.get(a, a), i, codes.get(b, b), j): value for (a, i, b, j), value in table.items()})
    )


def in_parts(parts: dict[str, tuple[str, ...]], lost: tuple[str, ...] = ()) -> Callable[[Known], str]:
    """The table with regions in parts, each cell in equal ones; without cells of `lost` parts."""

    def written(table: Known) -> str:
        cells: Known = {}
        for (a, i, b, j), value in table.items():
            pairs = [(c, d) for c in parts.get(a, (a,)) for d in parts.get(b, (b,))]
            cells |= {(c, i, d, j): value / len(pairs) for c, d in pairs if not {c, d} & set(lost)}
        return csv(long(cells))

    return written


def converted(table: Known, shares: dict[str, dict[str, float]], kind: str = "region") -> Known:
    """The cells with their labels shared out on both sides, by hand."""
    places = {"region": (0, 2), "sector": (1, 3)}[kind]
    sums: dict[Cell, float] = {}
    for cell, value in table.items():
        first, second = (shares.get(cell[place], {cell[place]: 1.0}) for place in places)
        for a, part in first.items():
            for b, other in second.items():
                to = list(cell)
                to[places[0]], to[places[1]] = a, b
                sums[tuple(to)] = sums.get(tuple(to), 0.0) + value * part * other
    return sums


def merged(table: Known) -> Known:
    """The table as NUTS 2013 has it: one region HU10."""
    return converted(table, {"HU11": {"HU10": 1.0}, "HU12": {"HU10": 1.0}})


TORN = {"HU10": {"HU11": 0.6, "HU12": 0.4}}
OF_2024 = {"HU21": {"HU12": MOVED, "HU21": 1 - MOVED}}
TWO = {"HU11": ("HU1C", "HU1D")}
TABLES = [
    TableCase("the run's own version", relabelled({}), notes="regions are of NUTS 2016"),
    TableCase("other codes, found", relabelled(RECODED), notes="flows.csv: regions are of NUTS 2021"),
    TableCase("other codes, declared", relabelled(RECODED), {"nuts": "2021"}, notes="2021, as declared"),
    TableCase(
        "another version is declared",
        relabelled(RECODED),
        {"nuts": "2024"},
        stops="HU1A, HU1B, HU2A is no region of NUTS 2024",
        error=InputError,
    ),
    TableCase(
        "two regions of one, and some people moved",
        in_parts(TWO),
        known=lambda table: converted(table, OF_2024),
        notes=r"by pop21 parts of regions are elsewhere now: HU21 \(1.3% HU12, 98.7% HU21\)",
    ),
    TableCase(
        "a part is nowhere", in_parts(TWO, ("HU1D",)), stops="HU1D is nowhere in the file", error=InputError
    ),
    TableCase(
        "a part lacks some cells",
        lines(lambda rows: [*rows[:1], *rows[2:]], in_parts(TWO)),
        stops="cells of the run's regions and sectors are made of finer ones",
        error=InputError,
    ),
    TableCase(
        "a region that is divided now",
        lambda table: csv(long(merged(table))),
        stops=r"HU10 \(60.0% HU11, 40.0% HU12\) are divided in the run's regions",
        error=InputError,
    ),
    TableCase(
        "a divided region, flagged",
        lambda table: csv(long(merged(table))),
        known=lambda table: converted(merged(table), TORN),
        notes=r"(?s)warning: divided regions were shared out by pop21: HU10 \(60.0% HU11, 40.0% HU12\)"
        r".*% of the deliveries had a code that was shared out among several",
    ),
    TableCase(
        "two versions in one file",
        relabelled({"HU11": "HU1A", "HU12": "HU1D"}),
        stops=r"no version of NUTS has them all: HU1A \(2021\), HU1D \(2024\)",
        error=InputError,
    ),
    TableCase(
        "parts of regions",
        in_parts({"HU11": ("HU110", "HU111"), "HU12": ("HU120",), "HU21": ("HU211", "HU212")}),
        notes="cells of other regions or sectors were converted",
    ),
    TableCase(
        "a region and its parts",
        lambda table: in_parts({"HU11": ("HU110", "HU111")})(table) + "HU11;28;HU11;28;3\n",
        stops="a cell stands in the tables more than once",
    ),
    TableCase(
        "other countries",
        lambda table: csv(long(table)) + ABROAD,
        notes="3 cells carry a label of the drop list",
    ),
    TableCase(
        "two tables of two regions, joined",
        lambda table: csv(long(biregional(_of_three(table)))),
        {"layout": "biregional"},
        stops="were several regions, whose deliveries to each other are not in a table of two regions",
        error=InputError,
    ),
    TableCase(
        "parts of regions in a table of two regions",
        lambda table: (
            csv(long(biregional(table))).replace("HU12;", "HU120;").replace("HU11;", "HU110;")
            + "HU111;28;HU111;28;1\n"
        ),
        {"layout": "biregional"},
        stops="were several regions, whose deliveries to each other",
        error=InputError,
    ),
    TableCase("a code of no version", relabelled({"HU11": "HU99"}), stops="region 'HU99' is in neither"),
]


def _of_three(table: Known) -> Known:
    """The table with HU11 in its two parts of 2024."""
    cells: Known = {}
    for (a, i, b, j), value in table.items():
        pairs = [(c, d) for c in TWO.get(a, (a,)) for d in TWO.get(b, (b,))]
        cells |= {(c, i, d, j): round(value / len(pairs), 3) for c, d in pairs}
    return cells


@pytest.mark.parametrize("case", TABLES, ids=str)
def test_tables_of_another_version(spark, tmp_path, matrices, case):
    splits = "flag" if "flagged" in case.name else "stop"
    nuts = {"matrices": str(matrices), "version": "2016", "splits": splits}
    check_table(replace(case, of_run={"nuts": nuts}), spark, tmp_path)


def regions(codes: dict[str, str | None]) -> Callable[[Truth], None]:
    """Firms of a region are in another one, or in none."""

    def change(truth: Truth) -> None:
        for firm in truth.values():
            firm["region"] = codes.get(firm["region"], firm["region"])

    return change


IN_2013 = {"HU11": "HU10", "HU12": "HU10"}
SURVEYS = [
    Case("other codes", replaced(("region",), RECODED), notes="survey.csv: regions are of NUTS 2021"),
    Case(
        "codes of NUTS 3",
        replaced(("region",), {"HU11": "HU110", "HU12": "HU120", "HU21": "HU213"}),
        notes="regions are of NUTS 2016",
    ),
    Case(
        "firms go with nearly the whole region",
        replaced(("region",), {"HU11": "HU1C"}),
        settings={"nuts": "2024"},
        notes="HU21",
    ),
    Case("a divided region", replaced(("region",), IN_2013), stops="are divided in the run's regions"),
    Case(
        "a divided region, flagged",
        replaced(("region",), IN_2013),
        known=regions({"HU11": None, "HU12": None}),
        notes="warning: divided regions",
    ),
    Case(
        "two versions",
        replaced(("region",), {"HU11": "HU1A", "HU12": "HU1D"}),
        stops="no version of NUTS has them all",
    ),
]


@pytest.mark.parametrize("case", SURVEYS, ids=str)
def test_surveys_of_another_version(spark, tmp_path, matrices, case):
    splits = "flag" if "flagged" in case.name else "stop"
    nuts = {"matrices": str(matrices), "version": "2016", "splits": splits}
    check(replace(case, of_run={"nuts": nuts}), spark, tmp_path)


# Sectors of another classification: A is food and textiles, B textiles, C machines, D food, X none of them.
TO_SECTORS = "code;sector;turnover\nA;10-12;70\nA;13-15;30\nB;13-15;5\nC;28;9\nD;10-12;3\nX;;1\n"
OF_SECTORS = {"A": {"10-12": 0.7, "13-15": 0.3}, "B": {"13-15": 1.0}, "C": {"28": 1.0}}
IN_BCD = {"10-12": {"B": 1.0}, "13-15": {"C": 1.0}, "28": {"D": 1.0}}
OTHER = {"10-12": "A", "13-15": "B", "28": "C"}


def in_other_sectors(table: Known) -> Known:
    return converted(table, {code: {other: 1.0} for code, other in OTHER.items()}, "sector")


SECTOR_TABLES = [
    TableCase(
        "sectors of another classification",
        lambda table: csv(long(in_other_sectors(table))),
        known=lambda table: converted(in_other_sectors(table), OF_SECTORS, "sector"),
    ),
    TableCase(
        "a sector that is outside",
        lambda table: csv(long(in_other_sectors(table))) + "HU11;X;HU11;A;5\n",
        known=lambda table: converted(in_other_sectors(table), OF_SECTORS, "sector"),
    ),
    TableCase(
        "other codes, and one that is outside",
        lambda table: csv(long(converted(table, IN_BCD, "sector"))) + "HU11;X;HU11;B;5\nHU11;B;HU11;X;5\n",
        known=lambda table: converted(
            table, {"10-12": {"13-15": 1.0}, "13-15": {"28": 1.0}, "28": {"10-12": 1.0}}, "sector"
        ),
    ),
    TableCase(
        "a sector of neither",
        lambda table: csv(long(table)),
        stops="sector '10-12' is in neither",
    ),
]


@pytest.mark.parametrize("case", SECTOR_TABLES, ids=str)
def test_tables_of_other_sectors(spark, tmp_path, case):
    (tmp_path / "sectors.csv").write_text(TO_SECTORS)
    settings = {**case.settings, "correspondence": str(tmp_path / "sectors.csv")}
    check_table(replace(case, settings=settings), spark, tmp_path)


def sector_of(change: Callable[[str], str | None]) -> Callable[[Truth], None]:
    def changed(truth: Truth) -> None:
        for firm in truth.values():
            firm["sector"] = change(firm["sector"])
            firm["industrial"] = firm["sector"] is not None

    return changed


NACE = {code: OTHER[sector] for code, sector in [
    *((code, "10-12") for code in ("10", "11", "12")),
    *((code, "13-15") for code in ("13", "14", "15")),
    ("28", "28"),
]}  # fmt: skip


@pytest.mark.parametrize(
    ("largest", "of_food", "notes"),
    [(1.0, None, "firms have a code of activity that stands for no one sector"), (0.7, "10-12", "")],
)
def test_a_firm_is_in_the_sector_that_has_enough_of_its_code(spark, tmp_path, largest, of_food, notes):
    (tmp_path / "sectors.csv").write_text(TO_SECTORS)
    case = Case(
        "firms of other sectors",
        replaced(("nace",), NACE),
        settings={"correspondence": str(tmp_path / "sectors.csv"), "largest": largest},
        known=sector_of(lambda sector: of_food if sector == "10-12" else sector),
        notes=notes,
    )
    check(case, spark, tmp_path)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("code;sector\nA;10-12\nA;28\n", "line 3: A stands for several codes and nothing says"),
        ("code;sector;w\nA;10-12;many\n", "line 2: the weight is no number"),
        ("code;sector;w\nA;99;1\n", "99 is no code of the run's sectors"),
        ("code;sector\n", "is no correspondence"),
    ],
)
def test_a_correspondence_that_cannot_be_used(spark, tmp_path, lines, words):
    (tmp_path / "sectors.csv").write_text(lines)
    case = TableCase(
        "x",
        lambda table: csv(long(table)),
        {"correspondence": str(tmp_path / "sectors.csv")},
        stops=words,
        error=SettingsError,
    )
    check_table(case, spark, tmp_path)
