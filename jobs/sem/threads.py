"""Linear algebra in one thread: the matrices are small, and threads would only wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """While this holds, as a block or around a function, numpy and scipy take one thread."""
    with _libraries().limit(limits=1):
        yield


@cache  # to look for the libraries takes as long as a few fits
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
