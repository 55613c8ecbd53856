"""Whatever a user keeps in and around the folders of a run is there after every command, byte for byte."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import pytest
from study_runs import Run, changes
from typer.testing import CliRunner

from jobs import cli
from jobs.errors import SettingsError
from jobs.output import manifests
from jobs.run import opening
from jobs.stages.order import stage_job

DEMO = ("--conf", "conf/runs/demo.yaml")
NEIGHBOURS = (
    *("thesis.docx", "published.bak/report.html", ".published.old/photo.png", ".published.draft/photo.png"),
    *(".diamant-mine/content/photo.png", "work.old/tables/survey/part.parquet", ".work.tmp"),
)
IN_WORK = (
    *("remarks.txt", "tables/mine.csv", "tables/survey/mine.parquet", "pages/mine.png"),
    *("ledger.txt", "locks/mine.lock", "data_docs/mine.html", "damaged/mine/photo.png"),
)
IN_INPUT = (".survey_cis2.csv.draft/photo.png", "truth.tmp", "survey_cis3.csv", "notes/plan.txt")


def put(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"the user's {name}")


def listed(folder: Path) -> dict[str, str]:
    """Every path below a folder with its kind, and its content's sha256 or where it leads."""

    def state(path: Path) -> str:
        if path.is_symlink():
            return f"link to {os.readlink(path)}"
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"

    return {str(path.relative_to(folder)): state(path) for path in sorted(folder.rglob("*"))}


@pytest.fixture
def command(spark, monkeypatch):
    """A command of the user in the warm session of the tests; gives its error, if any."""

    def started(*of_session) -> AbstractContextManager[opening._Session]:
        return nullcontext(opening._Session(*of_session, ExitStack(), spark))

    monkeypatch.setattr(opening, "_session", started)

    def run(*arguments: str) -> BaseException | None:
        done = CliRunner().invoke(cli.app, list(arguments))
        return None if done.exit_code == 0 else done.exception

    return run


@pytest.fixture
def job(command, monkeypatch):
    """A stage as a job of its own, as spark-submit starts it; gives its exit code."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(stage: str, *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", [stage, *arguments])
        with pytest.raises(SystemExit) as left:
            stage_job(stage)
        return left.value.code

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def test_no_command_of_a_study_loses_a_file_of_the_user(demo, tmp_path, command, job):
    put(tmp_path, NEIGHBOURS)
    (tmp_path / "link").symlink_to("thesis.docx")
    settings = (*DEMO, *changes(tmp_path))
    before = listed(tmp_path)

    def demand_unchanged(what: str) -> None:
        after = listed(tmp_path)
        assert {name: after.get(name) for name in before} == before, what

    for verb in ("plan", "simulate", "validate", "fit", "run"):
        assert command(verb, *settings) is None
        demand_unchanged(verb)
    assert Run(tmp_path, 0, "").published == demo.published

    put(tmp_path / "work", IN_WORK)
    put(tmp_path / "input", IN_INPUT)
    own = {*(f"work/{name}" for name in IN_WORK), *(f"input/{name}" for name in IN_INPUT)}
    before |= {name: state for name, state in listed(tmp_path).items() if name in own}
    assert len(before) > len(NEIGHBOURS) + len(own)
    changed = (*settings, "--set", "simulate.seed=3")
    for stage in ("simulate", "ingest", "harmonise", "validate", "indicators", "link", "fit", "publish"):
        assert job(stage, *changed) == 0, stage
        demand_unchanged(stage)
    assert Run(tmp_path, 0, "").published["estimates.csv"] != demo.published["estimates.csv"]
    rooms = [
        name for name in listed(tmp_path) if ".diamant-" in name and not name.startswith(".diamant-mine")
    ]
    assert rooms == [], "nothing is left between the files of the user"


TAKEN = {
    "another publication": "published/thesis.docx",
    "a file in a folder of the publication": "published/pages/mine.html",
    "work": "work/thesis.docx",
    "a table of the same name": "work/tables/survey/photo.png",
}


CASES = [
    (verb, name)
    for verb in ("run", "plan", "publish", "validate", "fit", "simulate", "ingest")
    for name in TAKEN.values()
    # The others publish nothing and leave `out` alone, whatever is in it.
    if name.startswith("work") or verb in ("run", "plan", "publish")
]


@pytest.mark.parametrize(("verb", "name"), CASES)
def test_a_folder_of_the_user_is_refused_and_left_as_it_is(tmp_path, command, job, capsys, verb, name):
    put(tmp_path, (*NEIGHBOURS, name))
    settings = (*DEMO, *changes(tmp_path))
    before = listed(tmp_path)
    if verb in ("ingest", "publish"):
        assert job(verb, *settings) == 2
        said = capsys.readouterr().err
    else:
        error = command(verb, *settings)
        assert isinstance(error, SettingsError)
        said = str(error)
    top, inner = name.split("/")[:2]
    assert f"{top} {tmp_path / top} holds {inner}".replace("published /", "out /", 1) in said
    assert listed(tmp_path) == before, "refused before anything is written"


def test_a_study_that_publishes_nothing_leaves_out_alone(demo, tmp_path, command):
    put(tmp_path, ("published/thesis.docx",))
    before = listed(tmp_path)
    settings = (*DEMO, *changes(tmp_path, demo.folder), "--set", "simulate=null")
    assert command("validate", *settings) is None
    assert listed(tmp_path).items() >= before.items()


def test_the_fit_of_a_table_loses_no_file_of_the_user(tmp_path, command):
    rows = "\n".join(f"{number % 7},{number % 5 + number % 7 * 0.5}" for number in range(60))
    (tmp_path / "table.csv").write_text(f"x,y\n{rows}\n")
    (tmp_path / "model.lav").write_text("y ~ x\n")
    put(tmp_path, ("thesis.docx", ".fit.old/photo.png", ".fit.draft/photo.png", "taken/estimates.csv"))
    before = listed(tmp_path)
    given = ("fit", "--data", str(tmp_path / "table.csv"), "--model", str(tmp_path / "model.lav"), "--out")
    for _ in range(2):
        assert command(*given, str(tmp_path / "fit")) is None
        assert listed(tmp_path).items() >= before.items()
    first = listed(tmp_path / "fit")
    assert {"estimates.csv", manifests.NAME} <= first.keys()
    for out, words in (
        ("taken", r"holds estimates.csv"),
        (".", "holds --data"),
        ("fit", "was changed since"),
    ):
        if out == "fit":
            (tmp_path / "fit" / "estimates.csv").write_text("with my remarks")
            before = listed(tmp_path)
        error = command(*given, str(tmp_path / out))
        assert isinstance(error, SettingsError) and words in str(error)
        assert listed(tmp_path).items() >= before.items()


def test_simulated_studies_lose_no_file_of_the_user(tmp_path, command):
    out = tmp_path / "studies"
    put(tmp_path, ("studies/thesis.docx", "studies/AA/notes.txt", "studies/AA.tmp", "studies/europe.yaml"))
    before = listed(tmp_path)
    small = ("--regions", "3", "--sectors", "4", "--firms", "100")
    for seed in ("3", "4"):
        assert command("simulate", "--out", str(out), "--countries", "AA", *small, "--seed", seed) is None
        assert listed(tmp_path).items() >= before.items()
    error = command("simulate", "--out", str(out), "--countries", "AA,BB", *small)
    assert isinstance(error, SettingsError) and "holds europe.yaml, which diamant did not write" in str(error)
    (out / "AA" / "survey_cis2.csv").write_text("with my corrections")
    before = listed(tmp_path)
    error = command("simulate", "--out", str(out), "--countries", "AA", *small)
    assert isinstance(error, SettingsError) and "survey_cis2.csv, which was changed since" in str(error)
    assert listed(tmp_path) == before
