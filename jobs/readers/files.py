"""What every reader needs of a file: that it is there, its sha256, its header."""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from jobs.errors import InputError

CHUNK = 1 << 20
HEADER_BYTES = 1 << 22  # a header line longer than 4 MB is no header
ARCHIVES: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open}  # what Spark unpacks by the name's ending


def parts(path: str) -> list[Path]:
    """The file, or the part files of a folder in the order of their names.

    Raises InputError where there is none.
    """
    given = Path(path).expanduser()
    if given.is_dir():
        found = sorted(file for file in given.iterdir() if file.is_file() and file.name[0] not in "._")
    else:
        found = [given] if given.is_file() else []
    if not found:
        raise InputError(f"{path} does not exist or holds no file; check the path in the run file.")
    return found


def sha256(path: str) -> str:
    """sha256 over the file's bytes, read in pieces; over all parts of a folder in their order."""
    total = hashlib.sha256()
    for file in parts(path):
        try:
            with file.open("rb") as stream:
                while piece := stream.read(CHUNK):
                    total.update(piece)
        except OSError:
            raise InputError(f"{path} cannot be read; check its permissions.") from None
    return total.hexdigest()


def header(path: str, separator: str, encoding: str) -> tuple[list[str], list[str]]:
    """The header's names as they stand and without stray blanks.

    Raises InputError where the file is empty, is not in the declared encoding, or names a column twice.
    """
    start = _start(parts(path)[0], path)
    if not start.strip():
        raise InputError(f"{path} is empty; deliver the file again.")
    line = start.splitlines()[0]
    try:
        text = line.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not in {encoding}; declare the encoding it is in.") from None
    except LookupError:
        raise InputError(f"{encoding} is no known encoding; mend the setting.") from None
    raw = next(csv.reader([text], delimiter=separator))
    clean = [name.strip() for name in raw]
    twice = sorted(name for name, count in Counter(clean).items() if count > 1)
    if twice:
        raise InputError(f"{path}: the header names {twice[0]!r} twice; rename one of the columns.")
    return raw, clean


def _start(file: Path, path: str) -> bytes:
    """The first bytes of a file, unpacked; an archive is read to its end, since Spark takes a cut one."""
    unpack = ARCHIVES.get(file.suffix)
    try:
        with unpack(file, "rb") if unpack else file.open("rb") as stream:
            start = stream.read(HEADER_BYTES)
            while unpack and stream.read(CHUNK):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{path} is damaged: the archive is not whole; deliver it again.") from None
    except OSError:
        raise InputError(f"{path} cannot be read; check it and its permissions.") from None
    return start


def demand(path: str, present: list[str], wanted: list[str]) -> None:
    """Raise InputError where a wanted column is not in the header."""
    missing = [column for column in wanted if column not in present]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}; "
            "check the separator and the names in the map."
        )
