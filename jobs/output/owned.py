"""Files of the program in a folder that may hold others: a mark lists those it wrote, with their sha256.

Only a file that the mark lists and that is unchanged is ever replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from jobs.errors import SettingsError
from jobs.output import locks, manifests, rooms

MARK = "diamant-files.json"
PATIENCE = 30  # seconds


def check(folder: Path, names: Iterable[str], label: str) -> None:
    """Raise SettingsError for the first of the names in the folder that is not the program's own file."""
    known = _known(folder)
    for name in names:
        if os.path.lexists(folder / name) and not _own(folder / name, known):
            changed = "was changed since diamant wrote it" if name in known else "diamant did not write"
            words = f"holds {name}, which {changed}"
            raise SettingsError(f"{label} {folder} {words}; move it elsewhere, or name another folder.")


def put(draft: Path, place: Path, label: str) -> None:
    """Put a file, or a folder of part files, in its place.

    The mark lists the new one before it stands there, and the old one for as long: a run that is killed
    at any point finds its own files again. Raises SettingsError where a file of another would be lost.
    """
    with locks.on_folder(place.parent, PATIENCE, f"another run writes to {place.parent}; try again."):
        check(place.parent, [place.name], label)
        known = _known(place.parent)
        before, now = known.get(place.name, []), digest(draft)
        _list(place.parent, {**known, place.name: sorted({*before, now})})
        if place.is_dir() or draft.is_dir():
            if os.path.lexists(place):
                os.rename(place, draft.parent / rooms.PREVIOUS)
            os.rename(draft, place)
        else:
            os.replace(draft, place)
        _list(place.parent, {**known, place.name: [now]})


def digest(path: Path) -> str:
    """sha256 of a file; of a folder, over the names and sha256 of all that lies below it."""
    if not path.is_dir():
        return manifests.sha256(path)
    total = hashlib.sha256()
    for name in manifests.entries(path):
        part = path / name
        whole = manifests.sha256(part) if part.is_file() and not part.is_symlink() else "no file"
        total.update(f"{name}\0{whole}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _own(path: Path, known: dict[str, list[str]]) -> bool:
    plain = not path.is_symlink() and (path.is_file() or path.is_dir())
    return plain and path.name in known and digest(path) in known[path.name]


def _known(folder: Path) -> dict[str, list[str]]:
    """The files that the mark lists, each with the sha256 it may have; none where there is no such mark."""
    try:
        said = json.loads((folder / MARK).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    files = said.get("files") if isinstance(said, dict) else None
    if not isinstance(files, dict):
        return {}
    return {name: digests for name, digests in files.items() if isinstance(digests, list)}


def _list(folder: Path, files: dict[str, list[str]]) -> None:
    if (folder / MARK).is_symlink() or (os.path.lexists(folder / MARK) and not _known(folder)):
        raise SettingsError(f"{folder / MARK} is not the list that diamant wrote; move it elsewhere.")
    handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{MARK}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump({"made_by": "diamant", "files": files}, stream, indent=1, sort_keys=True)
    os.replace(draft, folder / MARK)
