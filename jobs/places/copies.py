"""Copies on this machine of files that lie elsewhere, for what reads only files of this machine.

A file is copied once, and again where its size or time has changed since. Spark's own scans read the file
itself, whose place a copy knows.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import InputError
from jobs.places.place import Location, Place, Stat, located

TRIES = 3  # to copy a file that does not change meanwhile


@dataclass
class _Copy:
    """A copy of a file or folder, with the state of each file when it was copied, by its path in a folder."""

    path: Path
    files: dict[str, Stat] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)  # of each file here, when it was the same as there


_copies: dict[str, _Copy] = {}  # by URI
_origins: dict[Path, Place] = {}  # of copies, whole ones and the files in folders
# Files by URI, see `at_rest`.
_looked_at: ContextVar[dict[str, Path] | None] = ContextVar("looked_at", default=None)
_scratch: list[Callable[[], Path]] = []


def kept_in(folder: Callable[[], Path] | None) -> None:
    """Name what gives the folder for copies, which is asked for at the first one; None: one of its own."""
    _scratch[:] = [folder] if folder else []
    _copies.clear()
    _origins.clear()


def scratch() -> Path:
    """A new empty folder for what is needed on this machine only until the run ends."""
    if not _scratch:
        own = tempfile.mkdtemp(prefix="diamant-")
        atexit.register(shutil.rmtree, own, ignore_errors=True)
        _scratch.append(lambda: Path(own))
    return Path(tempfile.mkdtemp(dir=_scratch[0]()))


@contextmanager
def at_rest() -> Iterator[None]:
    """While this holds, each file elsewhere is looked at once, not for every slice that names it."""
    outer = _looked_at.get()
    token = _looked_at.set({} if outer is None else outer)
    try:
        yield
    finally:
        _looked_at.reset(token)


def local(given: str | Location, drafts: bool = True) -> Path:
    """The path on this machine: a path itself, of a place its copy.

    Where there is nothing, there is nothing at the path either. `drafts`: whether a folder's copy has the
    files whose names begin with a dot. A run that was killed may leave such a file open, and HDFS does not
    tell its size until an hour has passed.
    Raises InputError for a file that changes while it is copied, PermissionError, Unreachable.
    """
    place = located(given) if isinstance(given, str) else given
    if isinstance(place, Path):
        return place.expanduser()
    looked_at = _looked_at.get()
    if looked_at is not None and place.uri in looked_at:
        return looked_at[place.uri]
    state = place._stat()
    known = _copies.get(place.uri)
    if known is None:
        known = _copies[place.uri] = _Copy(scratch() / (place.name or "root"))
        _origins[known.path] = place.whole()  # as Spark tells of its files
    if state is None:
        _dropped(known)
    elif state.is_dir:
        _match(place, known, {name: own for name, own in place.walk() if drafts or not _is_draft(name)})
    else:
        _match(place, known, {"": state})
    if looked_at is not None:
        looked_at[place.uri] = known.path
    return known.path


def origin(copy: Path) -> Place | None:
    """The place that a path is a copy of, or lies in a copy of; None for a file of this machine."""
    for above in (copy, *copy.parents):
        if above in _origins:
            below = copy.relative_to(above).as_posix()
            return _origins[above] if below == "." else _origins[above] / below
    return None


def _match(place: Place, known: _Copy, states: dict[str, Stat]) -> None:
    """Make the copy what the file or folder is now: what changed is copied, what is gone is removed."""
    if known.path.is_dir() == ("" in states):
        _dropped(known)
    for name in known.files.keys() - states.keys():
        (known.path / name).unlink(missing_ok=True)
        del known.files[name]
    if "" not in states:
        known.path.mkdir(exist_ok=True)
    for name, state in states.items():
        target = known.path / name if name else known.path
        if state.is_dir:
            target.mkdir(parents=True, exist_ok=True)
        elif known.files.get(name) != state:
            target.parent.mkdir(parents=True, exist_ok=True)
            known.files[name] = _fetched(place / name if name else place, target, state)
            known.times[name] = target.stat().st_mtime_ns


def _is_draft(name: str) -> bool:
    return name.rpartition("/")[2].startswith(".")


def _fetched(place: Place, target: Path, state: Stat) -> Stat:
    for _ in range(TRIES):
        target.unlink(missing_ok=True)  # a new file: what was remembered of the old one is not taken for it
        place.fetch(target)
        after = place.stat()
        if after == state and target.stat().st_size == state.st_size:
            return state
        state = after
    target.unlink()
    raise InputError(f"{place} changes while it is read; wait until it is delivered whole, then run again.")


def _dropped(known: _Copy) -> None:
    if known.path.is_dir():
        shutil.rmtree(known.path)
    known.path.unlink(missing_ok=True)
    known.files.clear()


def put_back(place: Place) -> None:
    """Make a folder elsewhere what its copy is now: files that are new here are sent, others removed."""
    known = _copies[place.uri]
    left = [name for name, _ in place.walk() if _is_draft(name)] if place.exists() else []
    for name in left:
        (place / name).unlink(missing_ok=True)
        known.files.pop(name, None)
    present = {file.relative_to(known.path).as_posix() for file in known.path.rglob("*") if file.is_file()}
    for name in sorted(known.files.keys() - present):
        (place / name).unlink(missing_ok=True)
        del known.files[name]
    for name in sorted(present):
        target, time = place / name, (known.path / name).stat().st_mtime_ns
        if name not in known.files or known.times[name] != time:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.send(known.path / name)
            known.files[name], known.times[name] = target.stat(), time
