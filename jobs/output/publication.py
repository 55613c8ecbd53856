"""A folder of results that is replaced as a whole: readers find the old one or the new one at every moment.

The new folder is made ready in a room beside the old one and changes places with it in one step. Two runs
into one folder follow each other: the second replaces what the first has finished.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from jobs.errors import SettingsError
from jobs.output import elsewhere, locks, manifests, rooms
from jobs.output.exchange import exchange
from jobs.output.manifests import Kind
from jobs.places.place import Location, Place

PATIENCE = 60  # seconds; the folder is held only while its files are compared and it changes places


@contextmanager
def replacing(out: Location, kind: Kind, label: str) -> Iterator[Path]:
    """A draft folder that takes the place of `out` when the block ends; gone after an error.

    The block has to leave a manifest of `kind` in the draft. Raises SettingsError where `out` holds anything
    that the program did not write, SliceHeld where another run keeps hold of it; `out` is then as it was.
    Raises SettingsError, too, where files came into the former folder at the last moment: they are kept.
    """
    if isinstance(out, Place):
        with elsewhere.replacing(out, kind, label) as draft:
            yield draft
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    rooms.sweep(out)
    check(out, kind, label)
    with rooms.room(out) as room:
        draft = room / rooms.CONTENT
        draft.mkdir(mode=0o700)
        yield draft
        assert (draft / manifests.NAME).is_file(), "a finished folder has its manifest"
        with _held(out):
            manifests.check(out, kind, label)
            _take_place(draft, out, room)
    if room.exists():
        raise SettingsError(
            f"the new {kind.words} stands in {out}, but files came into the former one meanwhile; "
            f"they are kept in {room}: move them where they belong."
        )


def check(out: Location, kind: Kind, label: str) -> None:
    """Whether the folder may be replaced, as it stands between two replacements; nothing is written.

    Raises SettingsError where it holds anything that the program did not write, SliceHeld where another run
    keeps hold of it.
    """
    if isinstance(out, Place):
        elsewhere.check(out, kind, label)
    elif out.parent.is_dir():
        with _held(out):
            manifests.check(out, kind, label)


def sweep(out: Location) -> None:
    """Clear what killed runs left beside `out`; what they took away is put back if it is missing."""
    if isinstance(out, Place):
        elsewhere.sweep(out)
    else:
        rooms.sweep(out)


def _held(out: Path) -> AbstractContextManager[None]:
    """Hold the place of a folder, while it is compared with its manifest and while it is replaced."""
    words = f"another run writes to {out.parent}; wait until it has ended."
    return locks.on_folder(out.parent, PATIENCE, words)


def _take_place(draft: Path, out: Path, room: Path) -> None:
    """Put the draft in the place of `out`, which is absent, empty or the program's own."""
    try:
        if not manifests.entries(out):
            os.rename(draft, out)  # an empty folder is replaced in one step, one with files never
        elif not exchange(draft, out):
            _take_place_in_two_steps(draft, out, room)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EXDEV):
            raise
        reason = (error.strerror or "unknown").lower()
        raise SettingsError(
            f"{out} cannot be replaced ({reason}); "
            "name a folder that is no mount point and that no other program writes to."
        ) from None


def _take_place_in_two_steps(draft: Path, out: Path, room: Path) -> None:
    """For file systems that cannot exchange. A kill between the steps is mended by the next run's sweep."""
    previous = room / rooms.PREVIOUS
    os.rename(out, previous)
    try:
        os.rename(draft, out)
    except BaseException:
        os.rename(previous, out)
        raise
