"""A folder is replaced as a whole: by whomever, whenever it is read, and wherever a run is killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jobs.errors import SettingsError, SliceHeld
from jobs.output import exchange, manifests, publication, rooms
from jobs.output.publication import replacing

NAMES = ("estimates.csv", "report.html", "pages/index.html")


def publish(out: Path, kind: str) -> None:
    """Publish files that all say which kind of publication they belong to."""
    with replacing(out, manifests.PUBLICATION, "out") as draft:
        (draft / "pages").mkdir()
        for name in NAMES:
            (draft / name).write_text(f"{kind} {name}")
        manifests.write(draft, {"study": kind, "code": "a digest"})


def kind_of(out: Path) -> str:
    """The kind of the publication in a folder, all of whose files have to be of it.

    The folder is opened once, so that a replacement meanwhile does not mix old files with new ones.
    """
    folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY)

    def content(name: str) -> str:
        with open(os.open(name, os.O_RDONLY, dir_fd=folder), encoding="utf-8") as stream:
            return stream.read()

    try:
        kind = json.loads(content(manifests.NAME))["study"]
        assert [content(name) for name in NAMES] == [f"{kind} {name}" for name in NAMES]
        return kind
    finally:
        os.close(folder)


@pytest.fixture(params=["one step", "two steps"])
def steps(request, monkeypatch):
    """A file system that can let two folders change places, and one that cannot."""
    if request.param == "two steps":
        monkeypatch.setattr(publication, "exchange", lambda first, second: False)
    return request.param


def test_the_former_folder_is_replaced_as_a_whole(tmp_path, steps):
    out = tmp_path / "deep" / "out"
    for kind in ("first", "second"):
        publish(out, kind)
        assert kind_of(out) == kind
        assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    publish(tmp_path / "out", "first")
    assert kind_of(tmp_path / "out") == "first"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, SystemExit])
def test_an_error_leaves_the_former_folder_and_nothing_else(tmp_path, error):
    out = tmp_path / "out"
    publish(out, "first")
    with pytest.raises(error), replacing(out, manifests.PUBLICATION, "out") as draft:
        (draft / "half").touch()
        raise error
    assert kind_of(out) == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


FOREIGN = {
    "a file": lambda out: (out / "thesis.docx").write_text("mine"),
    "a hidden file": lambda out: (out / ".notes").write_text("mine"),
    "an empty folder": lambda out: (out / "photographs").mkdir(),
    "a file in a folder of ours": lambda out: (out / "pages" / "mine.html").write_text("mine"),
    "a link": lambda out: (out / "link").symlink_to("/"),
    "a link that leads nowhere": lambda out: (out / "link").symlink_to("nowhere"),
    "a pipe": lambda out: os.mkfifo(out / "pipe"),
    "an edited file": lambda out: (out / "report.html").write_text("with my remarks"),
    "a link in the place of a file": lambda out: (
        (out / "report.html").unlink(),
        (out / "report.html").symlink_to("estimates.csv"),
    ),
    "a folder in the place of a file": lambda out: (
        (out / "report.html").unlink(),
        (out / "report.html").mkdir(),
    ),
    "a manifest of another program": lambda out: (out / "manifest.json").write_text('{"name": "app"}'),
    "a manifest that is no JSON": lambda out: (out / "manifest.json").write_text("{"),
    "a manifest without checksums": lambda out: (out / "manifest.json").write_text(
        '{"study": "a", "code": "b", "files": {"report.html": true}}'
    ),
    "no manifest": lambda out: (out / "manifest.json").unlink(),
    "a manifest of a fit": lambda out: manifests.write(out, {"fit": "m.lav"}),
}


def below(folder: Path) -> dict[str, object]:
    """Every path below a folder, with what it holds or leads to."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else path.stat().st_mode
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_what_the_program_did_not_write_is_refused_and_stays(tmp_path, change, steps):
    out = tmp_path / "out"
    publish(out, "first")
    change(out)
    before = below(tmp_path)
    with pytest.raises(SettingsError, match=r"^out .*/out holds .*; (move|name)"):
        publish(out, "second")
    assert below(tmp_path) == before


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_what_comes_while_the_draft_is_written_is_refused_too(tmp_path, change):
    out = tmp_path / "out"
    publish(out, "first")
    with pytest.raises(SettingsError), replacing(out, manifests.PUBLICATION, "out") as draft:
        manifests.write(draft, {"study": "second", "code": "a digest"})
        change(out)
        before = below(out)
    assert below(out) == before and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_comes_at_the_last_moment_is_kept_and_named(tmp_path, monkeypatch):
    out = tmp_path / "out"
    publish(out, "first")

    def late(first, second):
        (out / "thesis.docx").write_text("mine")
        return exchange.exchange(first, second)

    monkeypatch.setattr(publication, "exchange", late)
    with pytest.raises(
        SettingsError, match=r"stands in .*/out, but files came .* kept in (.*): move"
    ) as said:
        publish(out, "second")
    assert kind_of(out) == "second"
    room = Path(str(said.value).split("kept in ")[1].split(": move")[0])
    assert (room / "content" / "thesis.docx").read_text() == "mine"
    monkeypatch.undo()
    publish(out, "third")
    assert (room / "content" / "thesis.docx").read_text() == "mine", "nor does a later run remove it"


def test_a_lost_file_of_the_former_publication_does_not_matter(tmp_path):
    publish(tmp_path / "out", "first")
    (tmp_path / "out" / "report.html").unlink()
    publish(tmp_path / "out", "second")
    assert kind_of(tmp_path / "out") == "second"


@pytest.mark.parametrize(
    "name", [".out.draft", ".out.old", ".diamant-thesis", ".diamant-abc12345", "out.bak"]
)
@pytest.mark.parametrize("mark", [None, "", "{}", "[3]", '{"made_by": "me", "for": "out"}'])
def test_neighbours_are_never_touched(tmp_path, name, mark, steps):
    (tmp_path / name / "content").mkdir(parents=True)
    (tmp_path / name / "content" / "thesis.docx").write_text("mine")
    if mark is not None:
        (tmp_path / name / "mark.json").write_text(mark)
    before = below(tmp_path / name)
    for kind in ("first", "second"):
        publish(tmp_path / "out", kind)
    assert below(tmp_path / name) == before


def test_a_room_of_another_publication_and_one_in_use_stay(tmp_path):
    with rooms.room(tmp_path / "other") as other, rooms.room(tmp_path / "out") as used:
        (other / "content").mkdir()
        (used / "content").mkdir()
        publish(tmp_path / "out", "first")
        assert (other / "content").is_dir() and (used / "content").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_publication
from jobs.output import publication, rooms, manifests, exchange as exchanging

left = int(sys.argv[2])
def dying(function):
    def wrapped(*arguments, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*arguments, **named)
    return wrapped

if sys.argv[3] == "two steps":
    publication.exchange = lambda first, second: False
else:
    publication.exchange = dying(exchanging.exchange)
for name in ("rename", "mkdir", "rmdir", "unlink", "write", "open", "replace"):
    setattr(os, name, dying(getattr(os, name)))
test_publication.publish(Path(sys.argv[1]), "second")
"""


@pytest.mark.parametrize("way", ["one step", "two steps"])
def test_a_run_killed_at_any_step_leaves_a_whole_publication_after_the_next_start(tmp_path, way):
    script = tmp_path / "killed.py"
    script.write_text(KILLED.format(tests=str(Path(__file__).parent)))
    ended: set[str] = set()
    for step in range(200):
        out = tmp_path / str(step) / "out"
        publish(out, "first")
        done = subprocess.run([sys.executable, str(script), str(out), str(step), way], capture_output=True)
        if way == "one step":
            kind_of(out)  # at every moment
        rooms.sweep(out)  # how every run starts
        ended.add(kind_of(out))
        publish(out, "third")
        left = sorted(path for path in out.parent.iterdir() if path != out)
        assert all(not any(path.rglob("*.*ml")) for path in left), "no file of a publication is left"
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.returncode == 0 and step > 10, "every step was tried"
    assert ended == {"first", "second"}


def _publish_many(out: Path, kind: str, times: int, start) -> None:
    start.wait()
    for _ in range(times):
        publish(out, kind)


def test_many_runs_into_one_folder_follow_each_other(tmp_path):
    out = tmp_path / "out"
    publish(out, "a")
    forked = multiprocessing.get_context("fork")
    start = forked.Event()
    runs = [
        forked.Process(target=_publish_many, args=(out, "ab"[number % 2], 3, start)) for number in range(24)
    ]
    for run in runs:
        run.start()
    start.set()
    seen = set()
    while any(run.is_alive() for run in runs):
        seen.add(_read_again(out))
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0] * 24
    assert seen == {"a", "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def _read_again(out: Path) -> str:
    """As a reader does that finds the former publication being cleared away under its hands."""
    while True:
        assert out.is_dir() and (out / manifests.NAME).is_file(), "a publication is there at every moment"
        try:
            return kind_of(out)
        except FileNotFoundError:
            continue


def test_a_reader_finds_the_old_or_the_new_one_at_every_moment(tmp_path):
    out = tmp_path / "out"
    publish(out, "0")
    ended = threading.Event()
    seen: list[int] = []
    faults: list[BaseException] = []

    def read():
        try:
            while not ended.is_set():
                seen.append(int(_read_again(out)))
        except BaseException as error:
            faults.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 201):
        publish(out, str(number))
    ended.set()
    reader.join()
    assert faults == [] and len(set(seen)) > 20
    assert seen == sorted(seen), "and never an older one after a newer one"


def test_a_folder_that_another_run_keeps_ends_with_its_own_code(tmp_path, monkeypatch):
    from jobs.output import locks

    publish(tmp_path / "out", "first")
    monkeypatch.setattr(publication, "PATIENCE", 0.1)
    with locks.on_folder(tmp_path, 1, "busy"), pytest.raises(SliceHeld, match="another run writes to"):
        publish(tmp_path / "out", "second")
    assert kind_of(tmp_path / "out") == "first"
    publish(tmp_path / "out", "second")
    assert kind_of(tmp_path / "out") == "second"


def test_a_failed_second_step_puts_the_former_publication_back(tmp_path, monkeypatch):
    out = tmp_path / "out"
    publish(out, "first")
    monkeypatch.setattr(publication, "exchange", lambda first, second: False)
    rename = os.rename

    def failing(source, target):
        if Path(source).name == rooms.CONTENT:
            raise OSError(28, "No space left on device", str(target))
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(OSError, match="No space left"):
        publish(out, "second")
    assert kind_of(out) == "first" and [path.name for path in tmp_path.iterdir()] == ["out"]
