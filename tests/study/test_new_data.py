"""docs/new-data.md: from two files of an office to a report, by the commands of the page and few edits.

The files are drawn here, two thousand firms as CIS 2022 asks them: as a workbook and as text of an old
Windows, with a table of one delivery a row, as FIGARO has it, and a matrix, as EUREGIO has it.
"""

from __future__ import annotations

import csv
import random
import re
import shlex
from pathlib import Path

import openpyxl
import pytest
from study_runs import REPOSITORY, context
from typer.testing import CliRunner

from jobs import cli
from jobs.run import execute
from jobs.run.progress import Progress

PAGE = (REPOSITORY / "docs" / "new-data.md").read_text(encoding="utf-8")
REGIONS = ("HU11", "HU12", "HU21", "HU22", "HU23", "HU31", "HU32", "HU33")
SECTORS = {
    "C10T12": (10, 12),
    "C13T15": (13, 15),
    "C20": (20, 20),
    "C25": (25, 25),
    "C28": (28, 28),
    "G": (45, 47),
}
PLACES = [(region, sector) for region in REGIONS for sector in SECTORS]
HEADER = [
    *(
        "ENT_ID",
        "NUTS",
        "NACE",
        "EMP22",
        "TUR22",
        "TUR_EU_EFTA",
        "TUR_NEU_NEFTA",
        "INNO_PRD_GD",
        "INNO_PRD_SERV",
    ),
    *("INNO_PCS_PRD", "INNO_PCS_LOG", "TUR_PRD_NEW_MKT", "TUR_PRD_NEW_ENT", "EXP_INNO_RND_IH"),
    *("EXP_INNO_INN_XRND", "COOP_RND", "COOP_INN_XRND", "COOP_PRV_SUPPL_NAT", "COOP_UNIV_EU_EFTA"),
    *("WEIGHTNR", "NAME"),
]


def firms() -> list[list[str | float | None]]:
    draw = random.Random(22)
    return [_firm(draw, number) for number in range(2000)]


def _firm(draw: random.Random, number: int) -> list[str | float | None]:
    division = draw.randint(*SECTORS[draw.choice(list(SECTORS))])
    innovates = draw.random() < 0.7
    product = innovates and draw.random() < 0.85
    cooperates = innovates and draw.random() < 0.45
    employees = draw.randint(10, 190)
    spent = [round(draw.lognormvariate(3, 1), 1) if innovates else 0.0 for _ in range(2)]
    shares = [draw.randint(0, 40) if product else None for _ in range(2)]
    return [
        *(f"F{number:05}", draw.choice(REGIONS), f"{division}.{draw.randint(11, 59)}", employees),
        *(round(employees * draw.uniform(40, 160), 1), round(draw.random() * 50, 1), 0),
        *(int(product), 0, int(innovates), int(innovates and draw.random() < 0.4), *shares, *spent),
        *(int(cooperates), 0, int(cooperates and draw.random() < 0.7)),
        int(cooperates and draw.random() < 0.5),
        *(round(draw.uniform(1, 5), 2), f"Árvíztűrő {number} Kft"),
    ]


def delivery(draw: random.Random, seller: tuple[str, str], buyer: tuple[str, str]) -> float:
    return round(draw.uniform(1, 9) * (4 if seller[0] == buyer[0] else 1), 3)


def workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "CIS 2022"
    sheet = book.create_sheet("Adatok")
    for line in [["Innovációs adatfelvétel, 2022"], [], HEADER, *firms(), [], ["Forrás: KSH"]]:
        sheet.append(line)
    book.save(path)


def figaro(path: Path) -> None:
    draw = random.Random(1)
    cells = [[2022, "_".join(a), "_".join(b), delivery(draw, a, b)] for a in PLACES for b in PLACES]
    final = [[2022, "_".join(a), f"{a[0]}_P3_S14", 7.5] for a in PLACES]
    added = [[2022, "W2_D21X31", "_".join(b), 1.5] for b in PLACES]
    header = ["refPeriod", "icuseRow", "icuseCol", "obsValue"]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *cells, *final, *added])


def old_text(path: Path) -> None:
    cells = [["" if cell is None else str(cell) for cell in line] for line in [HEADER, *firms()]]
    commas = [[re.sub(r"^(\d+)\.(\d+)$", r"\1,\2", cell) for cell in line] for line in cells]
    path.write_text("".join(";".join(line) + "\r\n" for line in commas), encoding="cp1250", newline="")


def euregio(path: Path) -> None:
    draw = random.Random(1)
    heads = [[*("", "", ""), *(place[kind] for place in PLACES), ("HU11", "FD")[kind]] for kind in (0, 1)]
    body = [[*a, "EUR", *(str(delivery(draw, a, b)) for b in PLACES), "3.5"] for a in PLACES]
    rows = [[*line[:3], *(cell.replace(".", ",") for cell in line[3:])] for line in body]
    lines = [["Interregional table of 2022"], [], *heads, *rows]
    path.write_text("".join(";".join(line) + "\n" for line in lines), encoding="utf-8")


def described(*commands: str) -> None:
    for command in commands:
        done = CliRunner().invoke(cli.app, shlex.split(command)[1:])
        assert done.exit_code == 0, (command, done.output, done.exception)


@pytest.mark.parametrize(
    ("write_survey", "survey", "write_table", "edits"),
    [
        (workbook, "cis2022.xlsx", figaro, {"      skip: 2\n": "      skip: 2\n      until: Forrás\n"}),
        (old_text, "cis2022.csv", euregio, {}),
    ],
    ids=["a workbook, and one delivery a row", "old text, and a matrix"],
)
def test_from_two_files_to_a_report(spark, tmp_path, monkeypatch, write_survey, survey, write_table, edits):
    monkeypatch.chdir(tmp_path)
    write_survey(tmp_path / survey)
    write_table(tmp_path / "flows.csv")
    shown = re.findall(r"^\.venv/bin/(diamant describe .*)$", PAGE, re.MULTILINE)
    described(*[line.replace("cis2022.xlsx", survey) for line in shown])
    run = tmp_path / "my-study" / "run.yaml"
    drafted = run.read_text(encoding="utf-8")
    for old, new in edits.items():
        assert old in drafted
        drafted = drafted.replace(old, new, 1)
    run.write_text(drafted, encoding="utf-8")
    execute.run(context(spark, str(run)), Progress())
    published = tmp_path / "my-study" / "published"
    assert (published / "report.html").is_file()
    status = (published / "fit_status.csv").read_text(encoding="utf-8")
    assert status.count("converged") == 2
    flows = (published / "cluster_indicators.csv").read_text(encoding="utf-8")
    assert len(flows.splitlines()) > len(REGIONS)
