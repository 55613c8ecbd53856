"""What `diamant describe` says of files, and the drafts that it writes; firms are drawn, nothing is real."""

from __future__ import annotations

import csv
import io
import random
import re
from collections import Counter
from pathlib import Path

import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from jobs import cli
from jobs.describe import draft, job, tables
from jobs.describe.columns import FEWEST, Column
from jobs.describe.guess import guess
from jobs.errors import InputError, SettingsError
from jobs.readers.dialect import Dialect
from jobs.settings import wave_maps

REGIONS = ["HU11", "HU12", "HU21", "HU22"]
SECTORS = ["C10T12", "C13T15", "C26", "G"]
HEADER = ["ENT_ID", "NUTS", "NACE", "EMP22", "TUR22", "TUR_EU_EFTA", "INNO_PRD_GD", "TUR_PRD_NEW_MKT"]
HEADER += ["EXP_INNO_RND_IH", "COOP_RND", "COOP_UNIV_NAT", "COOP_UNIV_EU_EFTA", "WEIGHT", "NAME"]


def firms(count: int = 300) -> list[list[str]]:
    draw = random.Random(5)
    return [
        [
            *(f"F{number:05}", draw.choice(REGIONS)),
            f"{draw.choice([10, 11, 13, 26, 46])}.{draw.randint(11, 59)}",
            *(str(draw.randint(10, 240)), f"{draw.uniform(900, 9000):.2f}", f"{draw.uniform(0, 40):.1f}"),
            *(draw.choice("01"), str(draw.randint(0, 60)), f"{draw.uniform(0, 90):.1f}"),
            *(draw.choice("01"), draw.choice(["0", "1", ""]), draw.choice(["0", "1", ""])),
            *(f"{draw.uniform(1, 5):.3f}", f"Fűrész {number} Kft"),
        ]
        for number in range(count)
    ]


def text(lines: list[list[str]], separator: str = ";", decimal: str = ".") -> str:
    written = io.StringIO()
    marked = [[re.sub(r"^(\d+)\.(\d+)$", rf"\1{decimal}\2", cell) for cell in line] for line in lines]
    csv.writer(written, delimiter=separator, lineterminator="\n").writerows(marked)
    return written.getvalue()


def survey(decimal: str = ".", separator: str = ";", above: str = "") -> str:
    return above + text([HEADER, *firms()], separator, decimal)


@pytest.mark.parametrize(
    ("content", "encoding", "dialect", "decimal"),
    [
        (survey(","), "cp1250", Dialect(";", "cp1250"), ","),
        (survey(), "utf-8", Dialect(";", "utf-8"), "."),
        (survey(separator=","), "utf-8-sig", Dialect(",", "utf-8"), "."),
        (survey(separator="\t"), "utf-16", Dialect("\t", "utf-16"), "."),
        (survey(",", above="Innovation\nof 2022; a table\n\n"), "utf-8", Dialect(";", "utf-8", skip=3), ","),
        (survey(separator="|", above="sep=|\n"), "utf-8", Dialect("|", "utf-8"), "."),
    ],
)
def test_how_text_is_written(tmp_path, content, encoding, dialect, decimal):
    (tmp_path / "s.csv").write_bytes(content.encode(encoding))
    known = guess(str(tmp_path / "s.csv"))
    assert (known.dialect, known.decimal) == (dialect, decimal)
    assert any("is a guess" in remark for remark in known.remarks) == (encoding == "cp1250")
    described = job.describe(str(tmp_path / "s.csv"), Dialect())
    assert [column.name for column in described.columns] == HEADER and described.columns[0].rows == 300


def workbook(path: Path, lines: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "Cover"
    sheet = book.create_sheet("Adatok")
    for line in [["Survey of 2022"], [], *lines, [], ["Source: the office"]]:
        sheet.append(line)
    book.save(path)


def test_a_workbook(tmp_path):
    workbook(tmp_path / "s.xlsx", [HEADER, *firms()])
    described = job.describe(str(tmp_path / "s.xlsx"), Dialect())
    assert described.guess.dialect.sheet == "Adatok" and described.guess.dialect.skip == 2
    assert any("the last 1 rows hold one cell each" in remark for remark in described.remarks)


def test_packages_tell_themselves(tmp_path):
    frame = pd.DataFrame(firms(), columns=HEADER)
    pyreadstat.write_sav(frame, tmp_path / "s.sav")
    frame.to_parquet(tmp_path / "s.parquet")
    for name in ("s.sav", "s.parquet"):
        described = job.describe(str(tmp_path / name), Dialect())
        kinds = {column.name: column.kind for column in described.columns}
        assert kinds["NUTS"] == "codes" and kinds["ENT_ID"] == "identifier" and kinds["TUR22"] == "number"


@given(st.lists(st.text(alphabet="abc019.-", min_size=1, max_size=3), max_size=80))
def test_no_value_is_told_that_few_rows_share(cells):
    column = Column("x")
    for cell in cells:
        column.take(cell, ".")
    told = dict(column.codes)
    assert all(Counter(cells)[value] == count >= FEWEST for value, count in told.items())
    assert column.kind == "codes" or not told


def test_what_is_printed_holds_no_rare_value(tmp_path):
    rows = firms()
    rows[7][1], rows[8][6] = "CANARY", "918273645"
    (tmp_path / "s.csv").write_text(text([HEADER, *rows]))
    done = CliRunner().invoke(cli.app, ["describe", str(tmp_path / "s.csv"), "--draft", str(tmp_path / "d")])
    assert done.exit_code == 0, done.exception
    written = "".join(file.read_text() for file in (tmp_path / "d").iterdir())
    amounts = {cell for row in rows for cell in (row[0], row[4], row[13])}
    for said in (done.output, written):
        assert "CANARY" not in said and "918273645" not in said
        assert not [cell for cell in amounts if cell in said]
    assert "HU11 (" in done.output


def test_a_file_without_a_header_shows_nothing(tmp_path):
    (tmp_path / "s.csv").write_text(text(firms()))
    with pytest.raises(InputError, match="has no header that differs from its rows") as caught:
        job.describe(str(tmp_path / "s.csv"), Dialect())
    assert "F000" not in str(caught.value)


def test_the_drafted_map_reads_and_has_the_rules(tmp_path):
    (tmp_path / "s.csv").write_text(survey(","), encoding="cp1250")
    job.write(job.describe(str(tmp_path / "s.csv"), Dialect()), str(tmp_path / "d"))
    rules = wave_maps.read(str(tmp_path / "d" / "map.yaml")).rules
    assert rules["sector"].digits == 2 and rules["exports"].kind == "greater"
    assert rules["innovative_share"].unit == "percent" and rules["cooperates"].yes_no == ("COOP_RND",)
    assert rules["partners_foreign"].ticked == ("COOP_UNIV_EU_EFTA",)
    assert rules["source_fairs"].kind == "absent" and rules["innovator"].either == ("product_innovator",)
    with pytest.raises(SettingsError, match=r"holds map\.yaml already"):
        job.write(job.describe(str(tmp_path / "s.csv"), Dialect()), str(tmp_path / "d"))


KINDS = ("region", "sector")
PLACES = [(region, sector) for region in REGIONS for sector in SECTORS]


def long_table() -> list[list[str]]:
    draw = random.Random(1)
    cells = [["2022", "_".join(a), "_".join(b), f"{draw.uniform(1, 9):.3f}"] for a in PLACES for b in PLACES]
    final = [["2022", "_".join(a), f"{a[0]}_P3_S14", "7.5"] for a in PLACES]
    return [["refPeriod", "icuseRow", "icuseCol", "obsValue"], *cells, *final]


def matrix(merged: bool = False) -> list[list[str]]:
    draw = random.Random(1)
    regions = ["" if merged and place % len(SECTORS) else region for place, (region, _) in enumerate(PLACES)]
    heads = [["", "", *regions, "HU11"], ["", "", *(sector for _, sector in PLACES), "FD"]]
    labels = [[region, sector] for region, (_, sector) in zip(regions, PLACES, strict=True)]
    return [*heads, *([*label, *(f"{draw.uniform(1, 9):.2f}" for _ in PLACES), "3.5"] for label in labels)]


def as_pymrio() -> list[list[str]]:
    regions, sectors = zip(*PLACES, strict=True)
    heads = [["region", "", "", *regions], ["sector", "", "", *sectors]]
    names = ["region", "sector", "unit", *[""] * len(PLACES)]
    return [*heads, names, *([*place, "M.EUR", *["1.5"] * len(PLACES)] for place in PLACES)]


def matrix_of_one_label() -> list[list[str]]:
    labels = ["_".join(place) for place in PLACES]
    return [["", *labels], *([label, *["1.5"] * len(labels)] for label in labels)]


@pytest.mark.parametrize(
    ("lines", "layout", "labels"),
    [
        (
            long_table(),
            {
                "layout": "long",
                "columns": {"destination": "icuseCol", "origin": "icuseRow", "value": "obsValue"},
                "join": "_",
            },
            {"drop": ["totals"], "final": ["P3_S14"]},
        ),
        (matrix(), {"layout": "wide"}, {"drop": ["totals"], "final": ["FD"]}),
        (matrix(merged=True), {"layout": "wide"}, {"drop": ["totals"], "final": ["FD"]}),
        (
            as_pymrio(),
            {"layout": "wide", "header": [*KINDS, "other"], "labels": [*KINDS, "other"]},
            {"drop": ["totals"]},
        ),
        (
            [["rowLabels", *matrix_of_one_label()[0][1:]], *matrix_of_one_label()[1:]],
            {"layout": "wide", "header": ["both"], "labels": ["both"], "join": "_"},
            {"drop": ["totals"]},
        ),
        (
            matrix_of_one_label(),
            {"layout": "wide", "header": ["both"], "labels": ["both"], "join": "_"},
            {"drop": ["totals"]},
        ),
    ],
)
def test_input_output_tables(tmp_path, lines, layout, labels):
    (tmp_path / "t.csv").write_text(text(lines))
    described = job.describe(str(tmp_path / "t.csv"), Dialect())
    assert described.layout == layout and described.labels == labels
    assert described.regions == REGIONS and described.sectors == SECTORS


def test_a_survey_is_no_table_of_flows(tmp_path):
    workbook(tmp_path / "s.xlsx", [HEADER, *firms()])
    assert job.describe(str(tmp_path / "s.xlsx"), Dialect()).layout is None
    assert not tables.is_square([("F1", "HU11"), ("F2", "HU12")], [("TUR", "22"), ("EMP", "22")])


def test_a_table_goes_into_the_drafted_run(tmp_path):
    (tmp_path / "s.csv").write_text(survey())
    (tmp_path / "t.csv").write_text(text(long_table(), separator=","))
    for name in ("s.csv", "t.csv"):
        job.write(job.describe(str(tmp_path / name), Dialect()), str(tmp_path / "d"))
    run = YAML(typ="safe").load((tmp_path / "d" / "run.yaml").read_text())
    assert run["country"] == "HU" and run["waves"][0]["flows"]["separator"] == ","
    sectors = YAML(typ="safe").load((tmp_path / "d" / "sectors.yaml").read_text())["items"]
    assert sectors[0]["industrial"] and sectors[0]["divisions"] == ["10", "11", "12"]
    assert sectors[3]["divisions"] == ["45", "46", "47"] and "industrial" not in sectors[3]
    alone = job.write(job.describe(str(tmp_path / "t.csv"), Dialect()), str(tmp_path / "d2"))
    assert alone == [f"{tmp_path}/d2/flows.yaml"]


@pytest.mark.parametrize(
    ("label", "divisions"),
    [
        ("C26", ["26"]),
        ("10-12", ["10", "11", "12"]),
        ("C10-C12", ["10", "11", "12"]),
        ("A", ["01", "02", "03"]),
        ("05", ["05"]),
        ("TOTAL", []),
        ("P3_S14", []),
        ("W2", []),
        ("C10T12", ["10", "11", "12"]),
    ],
)
def test_divisions_of_labels(label, divisions):
    assert draft.divisions_of(label) == divisions
