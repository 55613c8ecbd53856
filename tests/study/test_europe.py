"""Six slices in one run: a broken file, a corrected wave, nothing to do, two runs at once."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from rich.console import Console
from study_runs import DIAMANT, REPOSITORY

from jobs.errors import SlicesFailed
from jobs.publish import pages
from jobs.run import execute, workfolder
from jobs.run.context import Context
from jobs.run.ledger import Ledger
from jobs.run.progress import Progress
from jobs.settings import reading
from jobs.simulate import studies
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES

REQUEST = {"countries": ["AA", "BB", "CC"], "waves": ["w1", "w2"], "regions": 6, "sectors": 5, "firms": 1200}


def opened(session, folder: Path) -> Context:
    """What a run of the folder's files works with."""
    changes = [f"work={folder / 'work'}", f"out={folder / 'published'}", "disclosure.threshold=10"]
    chosen = reading.read(str(folder / "europe.yaml"), changes)
    workfolder.claim(Path(chosen.work))
    return Context(session, chosen, Tables(session, f"{chosen.work}/tables"), STAGES)


def run(session, folder: Path) -> list[str]:
    """The run of the folder's files, in its work folder; what it said."""
    said = io.StringIO()
    context = opened(session, folder)
    try:
        execute.run(context, Progress(Console(file=said, width=1000)))
    except SlicesFailed as failed:
        said.write("\n".join([*failed.sentences, f"code {failed.exit_code}"]))
    return said.getvalue().splitlines()


def published(folder: Path) -> dict[str, bytes]:
    files = sorted(file for file in (folder / "published").rglob("*") if file.is_file())
    return {str(file.relative_to(folder / "published")): file.read_bytes() for file in files}


def rows_by_table(folder: Path) -> dict[str, set[str]]:
    """The files of kept rows, one a country, of each published table."""
    tables = (folder / "work" / "pages" / "rows").iterdir()
    return {table.name: {file.name for file in table.iterdir()} for table in tables}


def copied(folder: Path, target: Path, *names: str) -> Path:
    """The input of a folder, and these of its other folders, elsewhere; the run file names the new place."""
    for name in ("AA", "BB", "CC", *names):
        shutil.copytree(folder / name, target / name)
    shutil.copy(folder / "sectors.yaml", target)
    text = (folder / "europe.yaml").read_text().replace(str(folder), str(target))
    (target / "europe.yaml").write_text(text)
    return target


@pytest.fixture(scope="module")
def europe(spark, tmp_path_factory) -> Path:
    """The simulated files, run once."""
    folder = tmp_path_factory.mktemp("europe")
    studies.studies(studies.wanted(REQUEST), folder)
    lines = run(lambda: spark, folder)
    stages = [line.split()[:3] for line in lines if line.split()[0] in STAGES]
    assert stages[:6] == [[name, "6", "slices"] for name in list(STAGES)[1:-1]]
    return folder


def test_every_country_has_a_page_and_the_overview_tells_of_all(europe):
    files = published(europe)
    assert {"report.html", "country_AA.html", "country_BB.html", "country_CC.html"} <= files.keys()
    page = files["report.html"].decode()
    assert "6 slices published." in page and 'href="country_BB.html"' in page
    assert "Paths over all slices" in page and page.count("<svg") >= 3
    assert files["country_AA.html"].decode().count("<svg") == sum(
        name.startswith("figures/path_AA") and name.endswith(".svg") for name in files
    )


def test_with_nothing_to_do_no_spark_starts_and_nothing_is_written(europe):
    def session():
        raise AssertionError("Spark was asked for")

    before = published(europe)
    lines = run(session, europe)
    assert all("6 slices" in line and "up to date, skipped" in line for line in lines[:-1])
    assert lines[-1].split() == ["publish", "all", "up", "to", "date,", "skipped"]
    assert published(europe) == before


def test_a_changed_page_makes_the_publication_anew(europe, monkeypatch):
    context, kept = opened(None, europe), Ledger.read(str(europe / "work"))
    assert STAGES["publish"].is_current(context, kept, {})
    monkeypatch.setattr(pages, "digest", lambda: "of other templates")
    assert not STAGES["publish"].is_current(context, kept, {})


def test_one_broken_file_leaves_the_others_and_a_corrected_one_is_as_from_scratch(spark, europe, tmp_path):
    folder = copied(europe, tmp_path / "later", "work", "published")
    before = published(folder)
    survey = folder / "BB" / "survey_w2.csv"
    whole = survey.read_bytes()
    survey.write_bytes(whole + b'"open')
    lines = run(lambda: spark, folder)
    (sentence,) = [line for line in lines if line.startswith("BB w2: ")]
    assert "BB/survey_w2.csv, row" in sentence and lines[-1] == "code 3"
    after = published(folder)
    page = after["report.html"].decode()
    assert "4 slices published, 2 slices as before." in page and "survey_w2.csv" in page
    tables = {name for name in before if name.endswith((".csv", ".parquet"))}
    assert tables and all(after[name] == before[name] for name in tables)

    kept = rows_by_table(folder)
    corrected = whole.splitlines(keepends=True)[:-40]
    survey.write_bytes(b"".join(corrected))
    lines = run(lambda: spark, folder)
    ran = {line.split()[0]: line.split()[1:3] for line in lines if "skipped" not in line and line[0] != " "}
    assert [ran[name] for name in list(STAGES)[1:-1]] == [["BB", "w2"]] * 6, "its slice alone"
    for table, files in rows_by_table(folder).items():
        assert len(files) == 3 and len(files & kept[table]) == 2, "of two countries no row is read again"
    scratch = copied(folder, tmp_path / "scratch")
    run(lambda: spark, scratch)
    again, first = published(folder), published(scratch)
    assert again.keys() == first.keys()
    assert {name for name in again if again[name] != first[name]} == set()
    assert again["estimates.csv"] != before["estimates.csv"]


def test_of_two_runs_started_at_once_on_one_work_folder_one_ends_with_5(europe, tmp_path):
    folder = copied(europe, tmp_path / "twice", "work", "published")
    survey = folder / "CC" / "survey_w1.csv"
    survey.write_bytes(b"".join(survey.read_bytes().splitlines(keepends=True)[:-40]))
    command = [
        str(DIAMANT),
        "validate",
        "--conf",
        str(folder / "europe.yaml"),
        "--set",
        f"work={folder / 'work'}",
    ]
    runs = [subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=300)[1] for process in runs]
    assert sorted(process.returncode for process in runs) == [0, 5], said
    (refused,) = [text for text, process in zip(said, runs, strict=True) if process.returncode == 5]
    assert "another run works in" in refused and len(refused.strip().splitlines()) == 1
