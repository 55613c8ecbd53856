"""Rooms: hidden folders in which something is made ready before it takes its place.

A room has a name that nothing had before and holds a mark that says what it is for. While its process lives,
the mark is locked; a room whose lock is free was left by a process that was killed. Such rooms are cleared
by the next run, and nothing without such a mark is ever touched.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.output import locks, manifests

PREFIX = ".diamant-"
MARK = "mark.json"
CONTENT = "content"  # what is being made; after an exchange, what stood in the place before
PREVIOUS = "previous"  # what stood in the place before, where it could not be exchanged in one step


@contextmanager
def room(target: Path) -> Iterator[Path]:
    """A room beside `target`; cleared when the block ends, but for files that are not the program's."""
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=PREFIX))
    handle = locks.opened(folder / MARK)
    try:
        locks.taken(handle)
        os.write(handle, json.dumps({"made_by": "diamant", "for": target.name}).encode())
        yield folder
    finally:
        _clear(folder)
        os.close(handle)


def sweep(target: Path) -> None:
    """Clear what killed runs left beside `target`; what they took away is put back if it is missing."""
    if not target.parent.is_dir():
        return
    for folder in sorted(target.parent.glob(f"{PREFIX}*")):
        if _made_for(folder) != target.name:
            continue
        try:
            handle = os.open(folder / MARK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # its own run has cleared it meanwhile
        try:
            if locks.taken(handle) and (folder / MARK).exists():  # else another run has cleared it
                previous = folder / PREVIOUS
                if previous.is_dir() and not os.path.lexists(target):
                    os.rename(previous, target)
                _clear(folder)
        finally:
            os.close(handle)


def _made_for(folder: Path) -> str | None:
    """What the room is for, by its mark; None where it is no room."""
    mark = folder / MARK
    try:
        if folder.is_symlink() or mark.is_symlink() or not mark.is_file():
            return None
        said = json.loads(mark.read_bytes())
    except (OSError, ValueError):
        return None
    ours = isinstance(said, dict) and said.get("made_by") == "diamant"
    return said.get("for") if ours else None


def _clear(folder: Path) -> None:
    """Remove a room with what the program made in it; files of others stay, and the room with them.

    What has a manifest is a finished folder that readers have seen: of it only what the manifest lists is
    removed. What has none was never seen by anybody but the run that made it.
    """
    for part in (CONTENT, PREVIOUS):
        place = folder / part
        if (place / manifests.NAME).exists():
            manifests.remove_listed(place)
        elif place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
    if {entry.name for entry in folder.iterdir()} <= {MARK}:
        (folder / MARK).unlink(missing_ok=True)
        folder.rmdir()
