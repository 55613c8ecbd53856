"""The records of releases: a folder of the office that the run file names, known as the program's by a mark.

For each release a Parquet file of its sets of firms and a few words in JSON. The key of their hashes lies
with them. Nothing in the folder holds a firm's identifier or answer, but it is for the office alone.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import pandas as pd

from jobs.errors import SettingsError
from jobs.output import locks
from jobs.publish.releases import Release

MARK, KEY = "diamant-releases.json", "key"
PATIENCE = 30  # seconds


class Records:
    """The releases in a folder, which is made and marked at its first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Make the folder. Raises SettingsError where it holds other files, or cannot be made."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"the records of releases cannot be kept in {self.folder} ({error.strerror}); "
                "name another folder as releases in the run file."
            ) from None
        if (self.folder / MARK).is_file():
            return
        if any(self.folder.iterdir()):
            raise SettingsError(
                f"{self.folder} holds other files than records of releases; name another folder as releases."
            )
        _write(self.folder / KEY, secrets.token_hex(32))
        _write(self.folder / MARK, json.dumps({"diamant": "records of releases"}))

    @property
    def key(self) -> str:
        return (self.folder / KEY).read_text()

    def all(self) -> list[dict[str, Any]]:
        """What is said of each release, by number: number, study, slices, sets, threshold, withdrawn."""
        files = sorted(self.folder.glob("release-*.json"))
        return [json.loads(file.read_text()) for file in files]

    def standing(self) -> list[Release]:
        """The releases that were not withdrawn."""
        return [
            Release(
                words["number"], words["threshold"], pd.read_parquet(self._file(words["number"], ".parquet"))
            )
            for words in self._standing()
        ]

    def numbers(self) -> list[int]:
        """The numbers of the releases that were not withdrawn."""
        return [words["number"] for words in self._standing()]

    def _standing(self) -> list[dict[str, Any]]:
        return [words for words in self.all() if not words["withdrawn"]]

    def add(self, study: str, threshold: int, sets: pd.DataFrame) -> None:
        """Record a release; the words come last, so that a killed run leaves none without its sets."""
        with locks.on_folder(self.folder, PATIENCE, f"another run records a release in {self.folder}."):
            number = max((words["number"] for words in self.all()), default=0) + 1
            file = self._file(number, ".parquet")
            draft = file.with_name(f".{file.name}")
            sets.to_parquet(draft, index=False)
            draft.chmod(0o600)
            os.replace(draft, file)
            slices = sorted(
                {f"{country} {wave}" for country, wave in zip(sets.country, sets.wave, strict=True)}
            )
            words = {"number": number, "study": study, "threshold": threshold, "withdrawn": ""}
            self._say({**words, "slices": slices, "sets": len(sets)})

    def withdraw(self, number: int, reason: str) -> None:
        """Mark a release as one that never left. Raises SettingsError where there is none of the number."""
        words = next((words for words in self.all() if words["number"] == number), None)
        if words is None:
            raise SettingsError(f"{self.folder} holds no release {number}; see diamant releases.")
        if not reason.strip():
            raise SettingsError("--reason says why the release never left the office; give one.")
        self._say({**words, "withdrawn": reason})

    def _say(self, words: dict[str, Any]) -> None:
        _write(self._file(words["number"], ".json"), json.dumps(words, indent=1))

    def _file(self, number: int, ending: str) -> Path:
        return self.folder / f"release-{number:04}{ending}"


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text + ("" if text.endswith("\n") else "\n") if file.name != KEY else text)
    os.replace(draft, file)
