"""Two folders change places in one step, where the system can do that (Linux, most local file systems)."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

AT_FDCWD = -100
RENAME_EXCHANGE = 2
# What a system or file system answers that has no such step.
UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def exchange(first: Path, second: Path) -> bool:
    """Let two paths change places: at every moment each of them is there. False where that is unsupported.

    Raises OSError for any other reason, such as missing rights.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    done = library.renameat2(
        AT_FDCWD,
        ctypes.c_char_p(os.fsencode(first)),
        AT_FDCWD,
        ctypes.c_char_p(os.fsencode(second)),
        ctypes.c_uint(RENAME_EXCHANGE),
    )
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number in UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(second))
