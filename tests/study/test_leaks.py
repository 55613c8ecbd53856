"""A firm's id and turnover planted in the data appear nowhere outside the tables."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from study_runs import REPOSITORY, Run, changes, diamant

FIRM = "F7Q3X9ZK"
TURNOVER = "918273645,467"  # as in the file; in the tables 918273645.467
TRACES = (FIRM, "918273645", "918.273.645", "918,273,645", "9.18273645")


def planted(demo: Run, folder: Path, first: bool = False, **spoilt: str) -> Path:
    """The demo's input with one firm of the sample renamed and given an unlikely turnover.

    `first`: the firm stands in the first row below the header.
    """
    (folder / "input").mkdir(parents=True)
    flows = (demo.folder / "input" / "flows_cis2.csv").read_bytes()
    (folder / "input" / "flows_cis2.csv").write_bytes(flows)
    text = (demo.folder / "input" / "survey_cis2.csv").read_text("latin-1")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    place = {name: number for number, name in enumerate(rows[0])}
    row = next(
        row
        for row in rows[1:]
        if row[place["coop"]] == "1" and row[place["export"]] == "1" and 10 <= int(row[place["emp96"]]) <= 200
    )
    for column, value in {"firm": FIRM, "turn96": TURNOVER, **spoilt}.items():
        row[place[column]] = value
    if first:
        rows.remove(row)
        rows.insert(1, row)
    with (folder / "input" / "survey_cis2.csv").open("w", encoding="latin-1", newline="") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(rows)
    return folder


def outside_the_tables(folder: Path) -> dict[str, str]:
    """Every file of the run but the tables and the input, as text; archives are unpacked."""
    texts = {}
    for file in folder.rglob("*"):
        inside = file.relative_to(folder).parts
        if not file.is_file() or inside[0] == "input" or inside[:2] == ("work", "tables"):
            continue
        texts[str(file.relative_to(folder))] = file.read_bytes().decode("latin-1")
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                for name in archive.namelist():
                    texts[f"{file.name}/{name}"] = archive.read(name).decode("latin-1")
    return texts


def leaks(folder: Path, said: str) -> list[str]:
    texts = {**outside_the_tables(folder), "what it said": said, **transaction_logs(folder)}
    return [f"{trace} in {name}" for name, text in texts.items() for trace in TRACES if trace in text]


def transaction_logs(folder: Path) -> dict[str, str]:
    """Delta's logs: they may hold minima and maxima of columns in clear."""
    logs = (folder / "work" / "tables").glob("*/_delta_log/*.json")
    return {str(log.relative_to(folder)): log.read_text() for log in logs}


def run(folder: Path, *more: str) -> tuple[int, str]:
    command = ("run", "--conf", "conf/runs/demo.yaml", *changes(folder), "--set", "simulate=null", *more)
    return diamant(*command, cwd=REPOSITORY)


def test_none_in_a_run_that_succeeds(demo, tmp_path):
    folder = planted(demo, tmp_path)
    code, said = run(folder, "--set", "fit.diagnosis=true")
    assert code == 0, said
    assert (folder / "published" / "residuals.csv").exists()
    assert (folder / "published" / "report.html").exists() and (folder / "work" / "data_docs").is_dir()
    assert leaks(folder, said) == []
    assert (folder / "work").stat().st_mode & 0o777 == 0o700


def test_none_in_a_run_that_fails(demo, tmp_path):
    folder = planted(demo, tmp_path, emp96=TURNOVER)
    code, said = run(folder, "--set", "waves.0.survey.max_quarantined=0")
    assert code == 4, said
    error = said.strip().splitlines()[-1]
    assert error.startswith("diamant: ") and "survey_cis2.csv" in error and "Traceback" not in said
    assert leaks(folder, said) == []


@pytest.mark.parametrize("header", ["absent", "without its line end", "a title before it"])
def test_none_where_the_first_firm_stands_in_the_place_of_the_header(demo, tmp_path, header):
    folder = planted(demo, tmp_path, first=True)
    file = folder / "input" / "survey_cis2.csv"
    names, rest = file.read_text("latin-1").split("\n", 1)
    assert rest.startswith(FIRM) or FIRM in rest.split("\n", 1)[0]
    begins = {"absent": "", "without its line end": f"{names};", "a title before it": f"of {FIRM}\n{names}\n"}
    file.write_text(begins[header] + rest, "latin-1")
    code, planned = diamant(
        *("plan", "--conf", "conf/runs/demo.yaml", *changes(folder), "--set", "simulate=null")
    )
    assert code in (0, 3), planned
    code, said = run(folder, "--set", "waves.0.survey.max_quarantined=1")
    assert code in (3, 4), said
    assert leaks(folder, planned + said) == []
