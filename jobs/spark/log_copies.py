"""The folder of a Delta table as delta-rs takes it: on this machine itself, elsewhere a copy of its log.

What delta-rs writes to the copy is sent to the table: data files first, then the commit that names them,
under a name that one driver alone can give a file, last a checkpoint. So does Delta itself commit where
files are renamed in one step.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltalake.exceptions import CommitFailedError

from jobs.places import copies
from jobs.places.place import Location, Place
from jobs.spark.delta_log import COMMIT

LOG = "_delta_log"


@contextmanager
def opened(folder: Location) -> Iterator[Path]:
    """The table's folder, or a copy with its log; a commit made in the copy is sent when the block ends.

    Raises CommitFailedError where another run made a commit of the same number first.
    """
    if isinstance(folder, Path):
        yield folder
        return
    here, log = copies.scratch(), copy(folder) / LOG
    try:
        if log.is_dir():
            shutil.copytree(log, here / LOG)
        before = _times(here)
        yield here
        _send([name for name, time in _times(here).items() if before.get(name) != time], here, folder)
    finally:
        shutil.rmtree(here)


def copy(folder: Location) -> Path:
    """A table's folder on this machine, or a folder that holds a copy of its log."""
    return copies.local(folder / LOG, drafts=False).parent if isinstance(folder, Place) else folder


def fetch(folder: Place, here: Path, names: list[str]) -> None:
    """Copy data files of a table to their places beside the copy of its log."""
    for name in names:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).fetch(here / name)


def _times(here: Path) -> dict[str, int]:
    """The files of a folder and when they were written, by their paths below it."""
    return {
        path.relative_to(here).as_posix(): path.stat().st_mtime_ns
        for path in here.rglob("*")
        if path.is_file()
    }


def _send(names: list[str], here: Path, folder: Place) -> None:
    """Send a commit with what came with it: data files, the commit, a checkpoint, the pointer to it.

    Nothing is sent without a commit. Where another made it first, the data files are taken back.
    """
    commits = [name for name in names if COMMIT.fullmatch(name.removeprefix(f"{LOG}/"))]
    if not commits:
        return
    data = [name for name in names if not name.startswith(f"{LOG}/")]
    for name in data:
        (folder / name).send(here / name)
    try:
        for name in commits:
            (folder / name).send_first(here / name)
    except FileExistsError:
        for name in data:
            (folder / name).unlink()
        raise CommitFailedError("another run made this commit first") from None
    for name in sorted(set(names) - {*data, *commits}):
        (folder / name).send(here / name)
