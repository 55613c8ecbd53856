"""Libraries and processes that would write on the terminal whatever they are told, kept from it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

OF_C = ctypes.CDLL(None)  # the library that this process itself writes by


@contextmanager
def silenced(descriptor: int) -> Iterator[None]:
    """While this holds, what is written to the descriptor (1 or 2) is lost, also by processes that start."""
    try:
        kept = os.dup(descriptor)
    except OSError:  # it is closed, so that nothing can be written to it
        yield
        return
    _flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    try:
        yield
    finally:
        _flush()
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(nowhere)


def _flush() -> None:
    """Write what Python and the libraries of C hold back: each to where it belongs."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    OF_C.fflush(None)
