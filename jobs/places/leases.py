"""Locks for drivers on several machines: a file that is made only once, and refreshed while its driver lives.

A lock is held by a number: `<name>-000007.lock` is written by the one driver that could make it, and holds as
long as no higher number is there. The next driver takes the next number when the holder has written
`….end`, or has not refreshed `….beat` for as long as it said. All times are those of the file system, so that
clocks of drivers may differ. No file that another driver may own is ever written or renamed.

One driver only can make the file where the file system makes files atomically (HDFS, ABFS, and S3 by its
conditional writes). On other object stores two that come in the same moment may both write it: each reads it
again, and who finds another's words has lost; that leaves a gap of the time a write takes.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jobs.errors import SliceHeld, Unreachable
from jobs.places.place import Place, Stat

STALE = "DIAMANT_LOCK_SECONDS"
STALE_SECONDS = 600.0  # without a sign of life, after which a holder is taken for dead
BEATS = 6  # signs of life in that time
PAUSE = 0.5  # seconds between two tries


class Lease:
    """A lock that this driver holds."""

    def __init__(self, folder: Place, name: str, number: int, words: str) -> None:
        self._folder, self._name, self._number, self._words = folder, name, number, words
        self._ended = threading.Event()
        self._seconds = stale_after()
        self._refresher = threading.Thread(target=self._refresh, daemon=True)

    def demand(self) -> None:
        """Raise SliceHeld where another driver took the lock, after this one was silent for long."""
        numbers = _numbers(self._folder, self._name)
        if max(numbers, default=0) != self._number or ".lock" not in numbers.get(self._number, {}):
            raise SliceHeld(self._words)

    def _file(self, ending: str) -> Place:
        return self._folder / f"{self._name}-{self._number:06}{ending}"

    def _refresh(self) -> None:
        while not self._ended.wait(self._seconds / BEATS):
            with suppress(OSError, Unreachable):  # the file system may be back before the time is over
                self._file(".beat").write_bytes(b"")

    def _release(self) -> None:
        self._ended.set()
        self._refresher.join()
        with suppress(OSError, Unreachable):
            self._file(".end").write_bytes(b"")

    def __enter__(self) -> Lease:
        self._refresher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._release()


def stale_after() -> float:
    """Seconds without a sign of life after which this driver's locks may be taken."""
    return float(os.environ.get(STALE) or STALE_SECONDS)


@contextmanager
def held(folder: Place, name: str, words: str, seconds: float = 0.0) -> Iterator[Lease]:
    """Hold a lock. Raises SliceHeld with `words` where others keep it longer than some seconds."""
    until = time.monotonic() + seconds
    while (number := _taken(folder, name)) is None:
        if time.monotonic() >= until:
            raise SliceHeld(words)
        time.sleep(PAUSE)
    with Lease(folder, name, number, words) as lease:
        _tidy(folder, name, number)
        yield lease


def is_free(folder: Place, name: str) -> bool:
    """Whether no driver that lives holds the lock."""
    return _last_if_free(folder, name) is not None


def _last_if_free(folder: Place, name: str) -> int | None:
    """The highest number there is (0 without any), where none that lives holds it; else None."""
    numbers = _numbers(folder, name)
    last = max(numbers, default=0)
    free = not last or ".end" in numbers[last] or _is_dead(folder, name, last, numbers[last])
    return last if free else None


def _taken(folder: Place, name: str) -> int | None:
    """The number under which the lock is this driver's now; None where another holds it."""
    last = _last_if_free(folder, name)
    if last is None:
        return None
    own = folder / f"{name}-{last + 1:06}.lock"
    words = json.dumps({**_identity(), "nonce": os.urandom(8).hex(), "seconds": stale_after()}).encode()
    try:
        own.write_bytes(words, exclusive=True)
        return last + 1 if own.read_bytes() == words else None
    except (FileExistsError, FileNotFoundError):
        return None


def _numbers(folder: Place, name: str) -> dict[int, dict[str, Stat]]:
    """The files of each number, by their endings."""
    form = re.compile(rf"{re.escape(name)}-(\d+)(\.lock|\.beat|\.end)")
    numbers: dict[int, dict[str, Stat]] = {}
    for file, state in folder.listed():
        if match := form.fullmatch(file):
            numbers.setdefault(int(match[1]), {})[match[2]] = state
    return {number: files for number, files in numbers.items() if files.keys() != {".beat"}}


def _is_dead(folder: Place, name: str, number: int, files: dict[str, Stat]) -> bool:
    """Whether a holder's process has ended, or gave no sign of life for as long as it said."""
    try:
        said = json.loads((folder / f"{name}-{number:06}.lock").read_bytes())
    except (OSError, ValueError):
        said = {}
    if not isinstance(said, dict):
        said = {}
    mine = _identity()
    if (
        mine["system"]
        and said.get("system") == mine["system"]
        and _started(said.get("process")) != said.get("started")
    ):
        return True
    seconds = float(said.get("seconds") or STALE_SECONDS)
    alive = max(state.st_mtime_ns for state in files.values())
    return _now(folder, name) - alive > seconds * 1e9


def _now(folder: Place, name: str) -> int:
    """The time by the file system's clock."""
    probe = folder / f".{name}-{os.urandom(6).hex()}.now"
    probe.write_bytes(b"")
    try:
        return probe.stat().st_mtime_ns
    finally:
        probe.unlink(missing_ok=True)


def _tidy(folder: Place, name: str, number: int) -> None:
    """Remove the files of numbers that no driver holds any more."""
    for file, _ in folder.listed():
        match = re.fullmatch(rf"{re.escape(name)}-(\d+)\.(?:lock|beat|end)", file)
        if match and int(match[1]) < number:
            (folder / file).unlink(missing_ok=True)


def _identity() -> dict[str, Any]:
    """Who holds a lock: the machine as it runs now with its space of process numbers, and the process."""
    process = os.getpid()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        system = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        system = ""
    return {
        "host": socket.gethostname(),
        "system": system,
        "process": process,
        "started": _started(process),
    }


def _started(process: Any) -> str:
    """When a process of this machine started, by the system's count; empty where there is none."""
    try:
        return Path(f"/proc/{int(process)}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, ValueError, TypeError, IndexError):
        return ""
