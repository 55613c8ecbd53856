"""Files kept between runs in a folder, each under the mark of what it was made from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


class Kept:
    """A folder of files by their marks; it remembers which were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._asked: set[Path] = set()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def file(self, mark: str, ending: str) -> Path:
        """Where the file of a mark lies, or will."""
        file = self.folder / f"{mark}{ending}"
        self._asked.add(file)
        return file

    def put(self, file: Path, write: Callable[[Path], object]) -> None:
        """Let `write` make the file, which is there whole or not at all."""
        draft = file.with_name(f".{file.name}")
        write(draft)
        os.replace(draft, file)

    def forget_others(self) -> None:
        """Remove what was not asked for."""
        for file in set(self.folder.iterdir()) - self._asked:
            file.unlink()
