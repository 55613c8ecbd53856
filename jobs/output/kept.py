"""Files kept between runs in a folder, each under the mark of what it was made from.

A file's name holds the sha256 of its content beside the mark, so that one that was damaged counts as absent
and is made again: nothing is ever taken from it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


class Kept:
    """A folder of files by their marks; it remembers which were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._there = {_stem(file.name): file for file in folder.iterdir()}
        self._asked: set[Path] = set()

    def get(self, mark: str, ending: str) -> bytes | None:
        """What was kept under a mark; None where there is nothing that is as it was written."""
        file = self._there.get(mark + ending)
        if file is None or not file.is_file():
            return None
        content = file.read_bytes()
        if file.name != _name(mark, ending, content):
            return None
        self._asked.add(file)
        return content

    def put(self, mark: str, ending: str, content: bytes) -> None:
        """Keep the content under a mark; the file is there whole or not at all."""
        file = self.folder / _name(mark, ending, content)
        draft = file.with_name(f".{file.name}")
        draft.write_bytes(content)
        os.replace(draft, file)
        self._there[mark + ending] = file
        self._asked.add(file)

    def forget_others(self) -> None:
        """Remove what was not asked for."""
        for file in set(self.folder.iterdir()) - self._asked:
            file.unlink()


def _name(mark: str, ending: str, content: bytes) -> str:
    return f"{mark}.{hashlib.sha256(content).hexdigest()}{ending}"


def _stem(name: str) -> str:
    """A file's mark and ending."""
    mark, _, rest = name.partition(".")
    return mark + rest[rest.find(".") :]
