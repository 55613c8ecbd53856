"""The work folder: known as the program's own by a mark, made at its first use.

What the program replaces and removes in it is therefore its own. A folder with other files is not taken.
Everything that the program keeps in it is for the user alone, whatever the folder's own mode is.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jobs import __version__
from jobs.errors import SettingsError
from jobs.output import locks, manifests, publication
from jobs.places import copies
from jobs.places.place import Location, Place, located, there
from jobs.settings import schemas
from jobs.settings.slices import Slice

MARK = "diamant-work.json"
LEDGER = "ledger.json"
OWN = {"tables", "locks", "data_docs", "damaged", "pages", "tmp", "checker"}
FORMER = {"outcomes"}  # of an earlier version
PATIENCE = 30  # seconds


def pages(work: str, slice: Slice) -> Location:
    """Where great-expectations' pages of a slice lie; they are replaced as a whole."""
    return located(work) / "data_docs" / slice.country / slice.wave


def temporary(work: str) -> Path:
    """Where Spark keeps what does not fit in memory, on one machine, and copies of files elsewhere lie."""
    place = located(work)
    return place / "tmp" if isinstance(place, Path) else Path(tempfile.gettempdir())


def here(work: str, name: str) -> Path:
    """A folder of the work folder, such as pages/rows, on this machine: its copy, if it lies elsewhere."""
    return copies.local(located(work) / name, drafts=False)


def put_back(work: str, *names: str) -> None:
    """Bring what was written to folders that `here` gave to where the work folder lies."""
    for place in (located(work) / name for name in names):
        if isinstance(place, Place):
            copies.put_back(place)


def check(work: Location, slices: Iterable[Slice]) -> None:
    """Raise SettingsError where something is in the way that the program did not write; nothing is written.

    That is anything in a folder that is no work folder, and in a work folder what lies among the pages of
    the slices, since these are replaced as a whole.
    """
    _demand_own(work)
    for name in sorted(OWN):
        if there(work / name) and not (work / name).is_dir():
            raise SettingsError(f"work {work} holds {name}, which is no folder; move it elsewhere.")
    if _marked(work):
        for slice in slices:
            publication.check(pages(str(work), slice), manifests.PAGES, "work")


def _demand_own(work: Location) -> None:
    """Raise SettingsError where the folder holds anything and is no work folder."""
    if not work.is_dir() or _marked(work):
        return
    names = sorted(entry.name for entry in work.iterdir() if not entry.name.startswith(locks.LOCK))
    if names and not (names == [MARK] and (work / MARK).stat().st_size == 0) and not _former(work):
        raise SettingsError(
            f"work {work} holds {names[0]} and is no work folder of diamant; name an empty folder."
        )


def claim(work: Location) -> None:
    """Make the folder where it is absent, for the user alone, and mark it.

    A folder that was there before keeps its mode, which may be the office's own for a group; what the
    program has in it is closed to others all the same. Raises SettingsError where it holds other files.
    """
    work.parent.mkdir(parents=True, exist_ok=True)
    _take(work, _created(work))
    if isinstance(work, Path):  # elsewhere all that the program makes is closed from the first
        _close_to_others(work)


def _created(work: Location) -> bool:
    """Whether the folder is new, and so the program's own."""
    try:
        work.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


def _take(work: Location, created: bool) -> None:
    """Mark the folder where it has no mark yet."""
    if _marked(work):
        return
    with locks.on_folder(work, PATIENCE, f"another run takes {work} into use; try again."):
        _demand_own(work)
        if _marked(work):
            return
        words = {"diamant": "work folder", "version": __version__, "created": created}
        content = json.dumps(words).encode() + b"\n"
        if isinstance(work, Place):
            (work / MARK).put_bytes(content)
            return
        for folder in (work / "data_docs").glob("*/*"):
            if (folder / "index.html").is_file() and not (folder / manifests.NAME).exists():
                manifests.write(folder, {"data_docs": folder.name})
        handle = os.open(work / MARK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, content)
        finally:
            os.close(handle)


def _close_to_others(work: Path) -> None:
    """Take the rights of group and others from what the program has in the folder.

    The folder itself is closed where the program created it. A version before this one, or a wider umask,
    may have left wider modes; a closed folder closes all that lies below it.
    """
    for place in _own(work):
        state = os.lstat(place)
        if state.st_mode & 0o077 and state.st_uid == os.geteuid():
            os.chmod(place, state.st_mode & 0o700)


def _own(work: Path) -> Iterator[Path]:
    """What the program has in the folder, links left out; the folder itself where it created it."""
    if _said(work).get("created") is True:
        yield work
    for name in sorted({MARK, LEDGER, *OWN}):
        place = work / name
        if place.exists() and not place.is_symlink():
            yield place


def _marked(work: Location) -> bool:
    return _said(work).get("diamant") == "work folder"


def _said(work: Location) -> dict[str, Any]:
    """What the mark says; nothing where there is none."""
    mark = work / MARK
    try:
        said = json.loads(mark.read_bytes()) if mark.is_file() and not mark.is_symlink() else None
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _former(work: Location) -> bool:
    """Whether the folder is one that lost its mark, or of an earlier version, which set none."""
    if not {entry.name for entry in work.iterdir()} <= OWN | FORMER or not (work / "tables").is_dir():
        return False
    if any(entry.is_symlink() or not entry.is_dir() for entry in work.iterdir()):
        return False
    tables: list[Location] = list((work / "tables").iterdir())
    return bool(tables) and all(
        table.name in schemas.names() and (table / "_delta_log").is_dir() for table in tables
    )
