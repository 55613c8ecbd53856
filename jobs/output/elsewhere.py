"""A folder of results on another machine's file system, put in place as a whole (see publication.py).

The folder is made on this machine and sent to a room beside the one that it replaces. Where the file system
renames folders in one step (HDFS, ABFS) two renames follow: for the moment between them there is no folder,
and never half of one. Object stores rename file by file; there the manifest goes first and comes last: a
folder without its manifest is not whole, and a list in it says which files are the program's own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jobs.errors import SettingsError
from jobs.output import locks, manifests, rooms
from jobs.output.manifests import Kind
from jobs.places import copies, leases
from jobs.places.place import Place

PATIENCE = 60  # seconds; the folder is held only while its files are compared and it changes places
PAUSES = (0.2, 1.0, 3.0)  # seconds between looks at a folder that another run replaces
ROOM = "room"  # the lock of a room


@contextmanager
def replacing(out: Place, kind: Kind, label: str) -> Iterator[Path]:
    """As publication.replacing, for a place elsewhere; the draft is a folder of this machine."""
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out)
    check(out, kind, label)
    draft = copies.scratch() / rooms.CONTENT
    draft.mkdir(mode=0o700)
    yield draft
    assert (draft / manifests.NAME).is_file(), "a finished folder has its manifest"
    words = f"another run writes to {out.parent}; wait until it has ended."
    if not out.renames_in_one_step:
        with locks.on_folder(out.parent, PATIENCE, words):
            check(out, kind, label)
            _sent_file_by_file(draft, out)
        return
    room = out.parent / f"{rooms.PREFIX}{os.urandom(6).hex()}"
    room.mkdir()
    with leases.held(room, ROOM, words):
        mark = {"made_by": "diamant", "for": out.name}
        (room / rooms.MARK).put_bytes(json.dumps(mark).encode())
        _sent(draft, room / rooms.CONTENT)
        with locks.on_folder(out.parent, PATIENCE, words):
            check(out, kind, label)
            late = _take_place(room, out)
    if late:
        raise SettingsError(
            f"the new {kind.words} stands in {out}, but {late[0]} came into the former one meanwhile; "
            f"it is kept in {room}: move it where it belongs."
        )
    room.remove()


def check(out: Place, kind: Kind, label: str) -> None:
    """As publication.check. Nothing is held: what another run takes away while it is read is read anew."""
    for pause in PAUSES:
        with suppress(FileNotFoundError):
            manifests.check(out, kind, label)
            return
        time.sleep(pause)
    manifests.check(out, kind, label)


def sweep(out: Place) -> None:
    """As rooms.sweep: clear the rooms of drivers that ended, and put back what they took away."""
    for room in out.parent.glob(f"{rooms.PREFIX}*"):
        try:
            said = json.loads((room / rooms.MARK).read_bytes())
            if said != {"made_by": "diamant", "for": out.name} or not leases.is_free(room, ROOM):
                continue
            previous = room / rooms.PREVIOUS
            if previous.exists() and not out.exists():
                previous.rename(out)
            elif manifests.holds_others(previous):
                continue
            room.remove()
        except (OSError, ValueError):
            continue  # no room, or its own run has cleared it meanwhile


def _take_place(room: Place, out: Place) -> list[str]:
    """Put the content of the room in the place of `out`; the names of files that came there meanwhile."""
    content, previous = room / rooms.CONTENT, room / rooms.PREVIOUS
    before = {name for name, _ in out.walk()} if out.exists() else set()
    if not before:
        content.replace(out)
        return []
    out.rename(previous)
    try:
        content.rename(out)
    except BaseException:
        previous.rename(out)
        raise
    late = sorted({name for name, _ in previous.walk()} - before)
    if not late:
        previous.remove()
    return late


def _sent(draft: Path, target: Place) -> None:
    """Copy a folder there, with the rights of others as they are here."""
    target.send(draft)
    _open_to_others(draft, target)


def _open_to_others(draft: Path, target: Place) -> None:
    for path in [draft, *sorted(draft.rglob("*"))]:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            (target / path.relative_to(draft)).chmod(mode)


def _sent_file_by_file(draft: Path, out: Place) -> None:
    """Replace the files of `out`; a kill in between leaves a list of those that may stand there."""
    here = copies.local(out)
    former = {name: manifests.sha256(here / name) for name in manifests.entries(here)}
    files = manifests.entries(draft)
    out.mkdir(exist_ok=True)
    allowed = manifests.unfinished(here)
    for name, own in [*former.items(), *((name, manifests.sha256(draft / name)) for name in files)]:
        allowed.setdefault(name, []).append(own)
    (out / manifests.UNFINISHED).write_bytes(json.dumps({"diamant": "unfinished", "files": allowed}).encode())
    (out / manifests.NAME).unlink(missing_ok=True)
    for name in former.keys() - set(files) - {manifests.UNFINISHED, manifests.NAME}:
        (out / name).unlink(missing_ok=True)
    for name in [*(name for name in files if name != manifests.NAME), manifests.NAME]:
        (out / name).send(draft / name)
    _open_to_others(draft, out)
    (out / manifests.UNFINISHED).unlink()
