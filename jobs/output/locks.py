"""Locks of the system on files and folders: it lets go of them when the process ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import SettingsError, SliceHeld
from jobs.places import leases
from jobs.places.place import Location, Place

LOCK = ".diamant.lock"
PAUSE = 0.05  # seconds between two tries
# What a network file system answers where a folder cannot be locked, or not without writing to it.
NO_LOCK_ON_FOLDERS = {errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}


def opened(file: Path) -> int:
    """A descriptor of a lock file; what the file holds, if anything, is left as it is.

    Raises SettingsError where the name stands for something else than a plain file.
    """
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except (IsADirectoryError, FileNotFoundError) as error:
        raise SettingsError(f"{file} cannot be a lock file ({error.strerror}); move it elsewhere.") from None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise SettingsError(f"{file} is a link, not a lock file; remove the link.") from None


def taken(handle: int, shared: bool = False) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait(handle: int, seconds: float, words: str, shared: bool = False) -> None:
    """Take the lock within some seconds. Raises SliceHeld with `words` where others keep it longer."""
    until = time.monotonic() + seconds
    while not taken(handle, shared):
        if time.monotonic() > until:
            raise SliceHeld(words)
        time.sleep(PAUSE)


@contextmanager
def on_folder(folder: Location, seconds: float, words: str) -> Iterator[None]:
    """Hold a folder against other runs of the program; nothing is written to it.

    On a file system that locks files only, a hidden empty file in the folder takes the lock instead; it
    stays there, since removing it while another run waits for it would let two runs in. The same holds for
    a folder of another machine's, whose lock is a file that is refreshed (see jobs.places.leases).
    Raises SliceHeld with `words` where others keep it longer than some seconds.
    """
    if isinstance(folder, Place):
        with leases.held(folder, LOCK, words, seconds):
            yield
        return
    handles = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        try:
            wait(handles[0], seconds, words)
        except OSError as error:
            if error.errno not in NO_LOCK_ON_FOLDERS:
                raise
            handles.append(opened(folder / LOCK))
            wait(handles[1], seconds, words)
        yield
    finally:
        for handle in handles:
            os.close(handle)
