"""What a folder to write to may be, and that it lies in nothing else of the run; before Spark starts."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from jobs import cli
from jobs.errors import DiamantError, SettingsError
from jobs.output import folders, manifests
from jobs.settings import reading as settings
from jobs.settings import run_file

BIND = os.geteuid() == 0
# What is read with the run file, by its name in the user's folder.
READ = {
    "run.yaml": "runs/demo.yaml",
    "regions.yaml": "classifications/regions_nl.yaml",
    "map.yaml": "waves/cis2_simulated.yaml",
    "model.lav": "models/cluster_within.lav",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder where a user works, with a survey, tables and a run file, and a home beside it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    work = tmp_path / "project"
    (work / "data" / "parts").mkdir(parents=True)
    for name in ("data/survey.csv", "data/parts/a.csv", "flows.csv"):
        (work / name).write_text("mine")
    for name, copied in READ.items():
        (work / name).write_text(Path("conf", copied).read_text())
    monkeypatch.chdir(work)
    return work


def checked(**changes) -> run_file.RunSettings:
    """The settings of the run in the fixture `place`, with changes, as the command would start with them."""
    usual = {"work": "build/work", "out": "build/published", "simulate.path": "build/input", **changes}
    read = settings.read(
        "run.yaml",
        [
            *[f"{key}={value!r}" for key, value in usual.items() if key not in ("survey", "simulate")],
            f"waves.0.survey.path={usual.get('survey', 'data/survey.csv')}",
            "waves.0.survey.map=map.yaml",
            "waves.0.flows.paths.flows=flows.csv",
            "regions=regions.yaml",
            "model=model.lav",
            *(["simulate=null"] if "simulate" in changes else []),
        ],
    )
    return folders.checked(read, "run.yaml")


def test_folders_side_by_side_are_fine_and_become_whole_paths(place):
    given = checked()
    assert given.out == str(place / "build" / "published")
    assert given.work == str(place / "build" / "work")
    assert list(place.glob("build")) == [], "nothing is written"


def test_a_simulation_beside_what_it_simulates_is_fine(place):
    assert checked(**{"simulate.path": "data"}).out


@pytest.mark.parametrize("setting", ["out", "work"])
@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (".", "(is|holds) the current folder"),
        ("..", "holds the current folder"),
        ("/", "holds the current folder|is a mount point"),
        ("data/..", "is the current folder"),
        ("link-to-here", "is the current folder"),
        ("~", "is the home folder"),
        ("~/..", "holds the (current|home) folder"),
        ("data", "holds the survey of cis2"),
        ("data/survey.csv", "is a file"),
        ("data/survey.csv/deep", "lies in .*survey.csv, which is a file"),
        ("pipe", "is a pipe"),
        ("socket", "is a socket"),
        ("/dev/null", "is a device"),
        ("/dev/null/deep", "lies in /dev/null, which is a device"),
        ("nowhere", "is a link that leads nowhere"),
        ("nowhere/deep", "lies in .*nowhere, which is a link that leads nowhere"),
        ("circle", "a link that leads nowhere|too many levels"),
        ("x" * 256, "file name too long"),
        ("deep/" + "x" * 256 + "/deep", "file name too long"),
        ("x/" * 2500 + "x", "file name too long"),
        ("a\0b", r"a\\x00b holds a character that no path can have"),
        ("\udc80\ud800", "holds a character that no path can have"),
        ("~nobody-of-this-name", "names no user's home; write ./~nobody"),
        ("s3a://bucket", "is a whole file system"),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_no_folder_of_its_own_is_refused(place, setting, folder, words):
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        Path("nowhere").symlink_to("gone")
        Path("circle").symlink_to("circle")
        Path("link-to-here").symlink_to(".")
        run = settings.read("run.yaml").model_copy(update={setting: folder})
        own = {"survey": run.waves[0].survey.model_copy(update={"path": "data/survey.csv"})}
        run = run.model_copy(update={"waves": (run.waves[0].model_copy(update=own),)})
        with pytest.raises(SettingsError, match=f"^{setting} .*({words})") as said:
            folders.checked(run, "run.yaml")
    assert len(str(said.value)) < 1000


NESTED = {
    "out is work": ({"out": "a", "work": "a"}, "out and work are the same"),
    "out is work by a link": ({"out": "link", "work": "data/parts"}, "out and work are the same"),
    "out in work": ({"out": "a/b/c", "work": "a"}, "out lies in work"),
    "out in work by dots": ({"out": "b/../a/c", "work": "a"}, "out lies in work"),
    "work in out": ({"out": "a", "work": "a/b"}, "out holds work"),
    "out is the simulation": ({"out": "build/input"}, "out and simulate.path are the same"),
    "out in the simulation": ({"out": "build/input/a"}, "out lies in simulate.path"),
    "the simulation in out": ({"out": "build", "work": "w"}, "out holds simulate.path"),
    "work in the simulation": ({"work": "build/input/a"}, "work lies in simulate.path"),
    "the simulation in work": ({"work": "build", "out": "o"}, "work holds simulate.path"),
    "out holds the survey": ({"out": "data"}, "out holds the survey of cis2"),
    "work holds the survey": ({"work": "data"}, "work holds the survey of cis2"),
    "out in the survey's folder of parts": (
        {"out": "data/parts/out", "survey": "data/parts"},
        "out lies in the survey of cis2",
    ),
    "work is the survey's folder of parts": (
        {"work": "data/parts", "survey": "data/parts"},
        "work and the survey of cis2 are the same",
    ),
    "the simulation in the survey's folder of parts": (
        {"simulate.path": "data/parts/more", "survey": "data/parts"},
        "simulate.path lies in the survey of cis2",
    ),
    "out holds a survey that is a link": ({"out": "data", "survey": "survey-link"}, "out holds the survey"),
    "out holds a survey that is yet to come": (
        {"out": "later", "survey": "later/survey.csv", "simulate": None},
        "out holds the survey of cis2",
    ),
}


@pytest.mark.parametrize(("changes", "words"), NESTED.values(), ids=NESTED)
def test_folders_in_one_another_are_refused(place, changes, words):
    Path("link").symlink_to("data/parts")
    Path("survey-link").symlink_to("data/survey.csv")
    with pytest.raises(SettingsError, match=words):
        checked(**changes)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("flows.csv", "the table flows of cis2"),
        ("map.yaml", "the wave map of cis2"),
        ("model.lav", "model"),
        ("regions.yaml", "regions"),
        ("run.yaml", "the run file"),
    ],
)
@pytest.mark.parametrize("setting", ["out", "work"])
def test_no_folder_holds_what_the_run_reads(place, name, words, setting):
    Path("own").mkdir()
    Path(name).rename(Path("own") / name)
    Path(name).symlink_to(Path("own") / name)
    with pytest.raises(SettingsError, match=f"{setting} holds {words}"):
        checked(**{setting: "own"})


def test_a_link_to_a_folder_is_served_by_its_target(place):
    Path("disk").mkdir()
    Path("published").symlink_to("disk")
    assert checked(out="published").out == str(place / "disk")
    assert checked(out="published/deep").out == str(place / "disk" / "deep")


def test_a_tilde_is_the_home_folder(place):
    assert checked(out="~/study/out").out == str(place.parent / "home" / "study" / "out")


@pytest.mark.skipif(not BIND, reason="only root may mount")
def test_a_mount_point_is_refused_in_words_and_a_folder_in_it_served(place):
    (place / "vol ume").mkdir()
    if os.system(f"mount --bind {place / 'data'} '{place / 'vol ume'}' 2>/dev/null"):
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(SettingsError, match=r"is a mount point .* such as .*vol ume/published"):
            checked(out="vol ume", survey="flows.csv")
        assert checked(out="vol ume/published", survey="flows.csv").out
        assert checked(work="vol ume", survey="flows.csv").work, "the work folder is never replaced"
        with pytest.raises(SettingsError, match="out and the survey of cis2 are the same"):
            checked(out="vol ume/parts", survey="data/parts")
    finally:
        os.system(f"umount '{place / 'vol ume'}'")


def test_a_folder_without_the_right_to_write_is_refused(place, monkeypatch):
    Path("locked").mkdir()
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked" and allowed(path, mode))
    with pytest.raises(SettingsError, match=r"out locked/out cannot be written: .*may not write to .*locked"):
        checked(out="locked/out")
    (place / "locked" / "out").mkdir()
    with pytest.raises(
        SettingsError, match=r"out .* cannot be replaced as a whole: .*may not write to .*locked"
    ):
        checked(out="locked/out")


@pytest.fixture
def command(place, monkeypatch):
    """The command of a user; gives its error. Spark must not start."""

    def run(*arguments: str) -> DiamantError:
        from typer.testing import CliRunner

        def start(*_):
            raise AssertionError("Spark was started")

        monkeypatch.setattr("jobs.spark.session.start", start)
        done = CliRunner().invoke(cli.app, [*arguments])
        assert isinstance(done.exception, DiamantError), done.output + repr(done.exception)
        return done.exception

    return run


STUDY = ("--conf", "run.yaml")
OUTS = {
    "run": ("run", *STUDY, "--set", "out=taken"),
    "plan": ("plan", *STUDY, "--set", "out=taken"),
    "work of run": ("run", *STUDY, "--set", "work=taken"),
    "work of plan": ("plan", *STUDY, "--set", "work=taken"),
    "work of validate": ("validate", *STUDY, "--set", "work=taken"),
    "work of simulate": ("simulate", *STUDY, "--set", "work=taken"),
    "work of fit": ("fit", *STUDY, "--set", "work=taken"),
    "fit of a table": ("fit", "--data", "flows.csv", "--model", "sound.lav", "--out", "taken"),
    "simulate": ("simulate", "--out", "taken", "--countries", "AA"),
}


@pytest.mark.parametrize("arguments", OUTS.values(), ids=OUTS)
def test_every_command_leaves_a_folder_that_is_taken(place, command, arguments):
    (place / "sound.lav").write_text("y ~ x")
    (place / "taken" / "AA").mkdir(parents=True)
    for name in ("thesis.docx", "estimates.csv", "AA.yaml", "AA/survey_cis2.csv", "AA/regions.yaml"):
        (place / "taken" / name).write_text("mine")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    error = command(*arguments)
    assert error.exit_code == 2 and re.search(r"taken holds (AA|thesis)", str(error))
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["AA.yaml", "AA/survey_cis2.csv", "AA/flows_cis2.csv", "AA/truth.csv", "AA"])
def test_the_simulation_replaces_no_file_of_its_names(place, command, name):
    (place / "studies" / name).parent.mkdir(parents=True)
    (place / "studies" / name).write_text("mine")
    error = command("simulate", "--out", "studies", "--countries", "AA")
    assert re.search(f"studies.* holds {Path(name).name}, which", str(error)) and error.exit_code == 2
    assert (place / "studies" / name).read_text() == "mine"


def test_a_publication_with_a_file_of_the_user_is_refused_by_name(place, command):
    out = place / "published"
    out.mkdir()
    (out / "report.html").write_text("ours")
    manifests.write(out, {"study": "a", "code": "b"})
    (out / "remarks.txt").write_text("mine")
    error = command("run", *STUDY, "--set", "out=published")
    assert "published holds remarks.txt, which diamant did not write; move it elsewhere" in str(error)


def test_a_former_publication_is_put_back_by_a_run_that_then_fails(place, command):
    out = place / "published"
    room = place / ".diamant-abcdefgh"
    (room / "previous").mkdir(parents=True)
    (room / "mark.json").write_text('{"made_by": "diamant", "for": "published"}')
    (room / "previous" / "report.html").write_text("ours")
    manifests.write(room / "previous", {"study": "a", "code": "b"})
    (place / "full").mkdir()
    (place / "full" / "thesis.docx").write_text("mine")
    assert command("validate", *STUDY, "--set", "out=published", "--set", "work=full").exit_code == 2
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "report.html"]
    assert not room.exists()


@pytest.mark.parametrize("name", ["a`b", "deep`er/work"])
def test_a_work_folder_whose_tables_could_have_no_name_is_refused(place, name):
    with pytest.raises(SettingsError, match="holds a backtick or a line break"):
        checked(work=name)


@pytest.mark.parametrize("name", ["a[1]", "a{b}*", "a b%20", "a:b#c"])
def test_a_work_folder_of_another_odd_name_is_served(place, name):
    """The tables' own tests write to such folders."""
    assert checked(work=name).work.endswith(name)
