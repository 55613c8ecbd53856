"""Manifests: a folder that the program wrote lists its files with their sha256 in `manifest.json`.

By its manifest a folder is known as the program's own: it may be replaced as long as it holds the listed
files, unchanged, and no others.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import SettingsError
from jobs.places import copies
from jobs.places.place import Location, digest

NAME = "manifest.json"
UNFINISHED = "diamant-unfinished.json"  # lists what may stand in a folder that is replaced file by file
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Kind:
    """A kind of folder that the program writes: what it is called, and the keys of its manifest."""

    words: str
    keys: frozenset[str]


PUBLICATION = Kind("publication", frozenset({"study", "code", "files"}))
FIT = Kind("folder of fitted models", frozenset({"fit", "files"}))
PAGES = Kind("folder of data docs", frozenset({"data_docs", "files"}))


def write(folder: Path, facts: dict[str, Any]) -> None:
    """Put the manifest into a finished folder: the facts, and every file with its sha256."""
    files = {name: sha256(folder / name) for name in entries(folder) if name != NAME}
    text = json.dumps({**facts, "files": files}, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def check(folder: Location, kind: Kind, label: str) -> None:
    """Whether the folder may be replaced: it is absent, empty, or the program's own and as it was written.

    Raises SettingsError, naming the first file that would be lost; `label` is the setting or option.
    """
    here = copies.local(folder)
    present = entries(here)
    if not present:
        return
    listed = _listed(here, kind)
    if listed is None:
        raise SettingsError(
            f"{label} {folder} holds {present[0]} and is no {kind.words} of diamant; "
            "name a new or an empty folder."
        )
    for name in present:
        if name not in (NAME, UNFINISHED) and name not in listed:
            raise SettingsError(
                f"{label} {folder} holds {name}, which diamant did not write; "
                "move it elsewhere, or name another folder."
            )
    for name in present:
        if name not in (NAME, UNFINISHED) and not _unchanged(here / name, *listed[name]):
            raise SettingsError(
                f"{label} {folder} holds {name}, which was changed since diamant wrote it; "
                "move it elsewhere, or name another folder."
            )


def is_whole(folder: Location) -> bool:
    """Whether every file that the manifest lists is there and unchanged."""
    here = copies.local(folder)
    listed = _files(_read(here))
    return listed is not None and all(_unchanged(here / name, own) for name, own in listed.items())


def holds_others(folder: Location) -> bool:
    """Whether a folder holds a file that its manifest does not list."""
    here = copies.local(folder)
    return bool(set(entries(here)) - {NAME} - (_files(_read(here)) or {}).keys())


def remove_listed(folder: Path) -> None:
    """Remove a folder's files that its manifest lists and that are unchanged, and then what is empty.

    Anything else stays, in its place.
    """
    listed = _files(_read(folder)) or {}
    for name in entries(folder):
        if name in listed and _unchanged(folder / name, listed[name]):
            (folder / name).unlink()
    for above, _, _ in os.walk(folder, topdown=False):
        if not os.listdir(above):
            os.rmdir(above)
    if entries(folder) == [NAME]:
        (folder / NAME).unlink()
        folder.rmdir()


def entries(folder: Path) -> list[str]:
    """What lies below a folder, sorted: every file, link and empty folder; a link is not followed."""
    below = []
    for above, folders, files in os.walk(folder, onerror=_raise):
        place = Path(above)
        links = [name for name in folders if (place / name).is_symlink()]
        names = [*files, *links] or ([""] if not folders and place != folder else [])
        below += [(place / name).relative_to(folder).as_posix() for name in names]
    return sorted(below)


def sha256(file: Path) -> str:
    return digest(file)


def unfinished(folder: Path) -> dict[str, list[str]]:
    """The files, each with the sha256 it may have, of a folder that is being replaced file by file."""
    files = (_read(folder, UNFINISHED) or {}).get("files")
    return (
        {name: own for name, own in files.items() if isinstance(own, list)} if isinstance(files, dict) else {}
    )


def _listed(folder: Path, kind: Kind) -> dict[str, list[str]] | None:
    """The files that may stand there, each with the sha256 it may have; None without a list of this kind."""
    said = _read(folder)
    files = _files(said) if said is not None and kind.keys <= said.keys() else None
    may = {name: [own] for name, own in files.items()} if files is not None else {}
    for name, own in unfinished(folder).items():
        may[name] = [*may.get(name, []), *own]
    return may if files is not None or may else None


def _read(folder: Path, name: str = NAME) -> dict[str, Any] | None:
    file = folder / name
    try:
        said = json.loads(file.read_bytes()) if file.is_file() and not file.is_symlink() else None
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _files(said: dict[str, Any] | None) -> dict[str, str] | None:
    files = said.get("files") if said else None
    whole = isinstance(files, dict) and all(
        isinstance(digest, str) and SHA256.fullmatch(digest) for digest in files.values()
    )
    return files if whole else None


def _unchanged(file: Path, *digests: str) -> bool:
    return file.is_file() and not file.is_symlink() and sha256(file) in digests


def _raise(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error
