"""Slices cut into batches: enough for Spark to be busy, little enough that a kill loses little."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from jobs.settings.slices import Slice, SliceSettings

SLICES = 64  # of one batch at most
BYTES = 1 << 30  # of the input of one batch; a larger slice is a batch of its own
LITTLE = 16 << 20  # bytes of input that are read before Java has compiled with care what reads them


def cut(slices: Mapping[Slice, SliceSettings]) -> Iterator[list[Slice]]:
    """The slices in their order, in batches that are bounded by number and by the size of their files."""
    batch: list[Slice] = []
    total = 0
    for slice, settings in slices.items():
        size = _input(settings)
        if batch and (len(batch) == SLICES or total + size > BYTES):
            yield batch
            batch, total = [], 0
        batch.append(slice)
        total += size
    if batch:
        yield batch


def are_little(slices: Mapping[Slice, SliceSettings]) -> bool:
    """Whether the input of these slices, if any, is little."""
    return 0 < sum(map(_input, slices.values())) <= LITTLE


def _input(settings: SliceSettings) -> int:
    return sum(map(_size, settings.inputs.values()))


def _size(path: str) -> int:
    """The bytes of a file or of the files of a folder; 0 for what is not there, of which its reader tells."""
    place = os.path.expanduser(path)
    try:
        if os.path.isdir(place):
            return sum(entry.stat().st_size for entry in os.scandir(place))
        return os.stat(place).st_size
    except (OSError, ValueError):
        return 0


def number(slices: Iterable[Slice]) -> str:
    """How many slices, in words."""
    count = len(list(slices))
    return f"{count} slices" if count != 1 else "1 slice"
