"""What every reader needs of an input: its part files, their sha256, and their text as a stream.

A path is a name and never a pattern. Refused in words are a folder that holds something else than its parts,
an archive that is cut, and a file of another format under a wrong name.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from jobs.errors import InputError
from jobs.places import copies
from jobs.places.place import Place, located
from jobs.settings import encodings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CHUNK = 1 << 20
PLAIN_ENCODING = "utf-8"  # of files for which no other is declared
# Columns that a reader adds to those of the file, whose names may be any others: the slice, the part's name,
# the row's number, and the row's text where its fields do not fit the header.
COUNTRY, WAVE, PART, ROW, CORRUPT, FILE = ADDED = ("_country", "_wave", "_part", "_row", "_corrupt", "_file")
UNPACK: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open}  # what Spark unpacks by the name's ending
ZIP = ".zip"
ARCHIVES = (*UNPACK, ZIP)
# Spark unpacks these by their ending as well, Python's own library does not.
OTHER_ARCHIVES = {".zst", ".lz4", ".snappy", ".deflate", ".xz", ".7z", ".rar"}
# The first bytes of files that are no separated text, and what they are.
FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or a zip archive; set format to excel, or let its name end in .zip",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old kind; set format to excel",
    b"PAR1": "a Parquet file; name its format in the run file, or its ending",
    b"$FL2": "an SPSS file; name its format in the run file, or its ending",
    b"$FL3": "an SPSS file; name its format in the run file, or its ending",
    b"<stata_dta>": "a Stata file; name its format in the run file, or its ending",
    b"\x28\xb5\x2f\xfd": "a zstd archive; unpack it first",
    b"\xfd7zXZ\x00": "an xz archive; unpack it first",
    b"\x1f\x8b": "a gzip archive; let its name end in .gz",
    b"BZh": "a bzip2 archive; let its name end in .bz2",
}
# Files that systems and programs leave beside the parts of a folder.
NO_PARTS = {"_SUCCESS", ".DS_Store", "Thumbs.db", "desktop.ini"}
OF_PYMRIO = "file_parameters.json"  # says in a folder of pymrio which file is what
NO_PART_BEGINNINGS = ("_committed_", "_started_", "._", ".~lock.", "~$")


@dataclass(frozen=True)
class Rows:
    """What a reader gives: rows of text, notes on the files, and how many rows the files hold.

    The last is counted by another way than the one that reads them, so that none is lost in between.
    """

    frame: DataFrame
    notes: list[str]
    count: int


def parts(path: str) -> list[Path]:
    """The file, or the part files of a folder in the order of their names.

    Of a folder that pymrio wrote, with its file_parameters.json, the one part is the matrix Z of deliveries.

    Raises InputError where there is none, or where a folder holds something that is no part: what would
    be left out is told, never left out in silence.
    """
    try:
        given = copies.local(path)
        if not given.is_dir():
            if given.is_file():
                return [given]
            raise InputError(f"{path} does not exist or is no file; check the path in the run file.")
        if (given / OF_PYMRIO).is_file():
            return [_deliveries_of_pymrio(path, given)]
        entries = sorted(given.iterdir())
    except (OSError, ValueError, RuntimeError):
        raise InputError(f"{path} cannot be read; check the path and its permissions.") from None
    chosen = [entry for entry in entries if not _beside_the_parts(entry.name)]
    for entry in chosen:
        if entry.is_dir():
            raise InputError(f"{path} holds a folder, {entry.name}; parts are files: move it elsewhere.")
        if not entry.is_file():
            raise InputError(f"{path} holds {entry.name}, which is no file that can be read; take it out.")
        if entry.name[0] in "._":
            raise InputError(
                f"{path} holds {entry.name}; names with {entry.name[0]} at their beginning are no parts: "
                "rename it, or take it out."
            )
    if not chosen:
        raise InputError(f"{path} holds no file; check the path in the run file.")
    return chosen


def _deliveries_of_pymrio(path: str, folder: Path) -> Path:
    """The file of the matrix Z in a folder of pymrio. Raises InputError where it names none."""
    try:
        name = json.loads((folder / OF_PYMRIO).read_text(encoding="utf-8"))["files"]["Z"]["name"]
        file = folder / Path(name).name
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{path}: its {OF_PYMRIO} names no matrix Z; name the file itself.") from None
    if not file.is_file():
        raise InputError(f"{path} lacks {file.name}, the matrix Z; save the folder anew with pymrio.")
    return file


def part_name(path: str, part: Path) -> str | None:
    """The name by which rows tell their part; None where the input is one file."""
    return part.name if copies.local(path).is_dir() else None


def shown(path: str, part: Path) -> str:
    """The file as messages name it."""
    name = part_name(path, part)
    return f"{path}/{name}" if name else path


def _beside_the_parts(name: str) -> bool:
    checksum = name.startswith(".") and name.endswith(".crc")
    return name in NO_PARTS or name.startswith(NO_PART_BEGINNINGS) or checksum


def sha256(path: str) -> str:
    """sha256 over the file's bytes, read in pieces; over all parts of a folder in their order.

    Raises InputError where a part is delivered twice, since each of its firms would count twice.
    """
    digests = {part: digest(part, path) for part in parts(path)}
    if len(digests) == 1 and part_name(path, next(iter(digests))) is None:
        return next(iter(digests.values()))
    by_digest: dict[str, Path] = {}
    for part, own in digests.items():
        if own in by_digest:
            raise InputError(
                f"{path}: the parts {by_digest[own].name} and {part.name} are the same file; take one out."
            )
        by_digest[own] = part
    names = "".join(f"{part.name}\0{own}\n" for part, own in digests.items())
    return hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest()


def content_digest(path: str) -> str | dict[str, str]:
    """What tells the bytes of an input from others: its sha256, or the checksums that its file system keeps.

    The latter need no copy of the files, so that a run with nothing to do fetches none of them.
    Raises InputError, see `sha256`.
    """
    place = located(path)
    with suppress(OSError):  # what cannot be read is told by `sha256`
        if isinstance(place, Place) and (kept := _kept_checksums(place)):
            return kept
    return sha256(path)


def _kept_checksums(place: Place) -> dict[str, str] | None:
    """The checksum of each part by its name; None where one has none, or two have the same."""
    parts = {name: place / name for name, _ in place.walk()} if place.is_dir() else {place.name: place}
    checksums = {name: part.kept_checksum() for name, part in parts.items() if not _beside_the_parts(name)}
    kept = {name: checksum for name, checksum in checksums.items() if checksum is not None}
    return kept if len(set(kept.values())) == len(checksums) else None


def digest(part: Path, path: str) -> str:
    """sha256 of one file. Raises InputError where it cannot be read."""
    try:
        state = part.stat()
        return _digest(part, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    except OSError:
        raise InputError(f"{shown(path, part)} cannot be read; check its permissions.") from None


@lru_cache(maxsize=4096)
def _digest(part: Path, *_state: int) -> str:
    """Remembered while the file stays untouched, since a run asks more than once.

    Size and time of change can be set by whoever writes a file; the time of the inode's own change cannot.
    """
    total = hashlib.sha256()
    with part.open("rb") as stream:
        while piece := stream.read(CHUNK):
            total.update(piece)
    return total.hexdigest()


def ending(part: Path) -> str:
    return part.suffix.lower()


@contextmanager
def text(path: str, part: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The part's text, unpacked, with its line ends as they stand.

    Raises InputError where the file is an archive that is not whole, is of another format, or is not in
    the encoding: then it names the row.
    """
    name = encodings.python_name(encoding)
    with unpacked(path, part) as stream:
        plain = "utf-8-sig" if name == "utf-8" else name
        try:
            yield io.TextIOWrapper(cast(IO[bytes], stream), encoding=plain, newline="")
        except UnicodeError:
            raise InputError(
                f"{shown(path, part)}{_undecodable(path, part, name)} is not in {encoding}; "
                "declare the encoding the file is in."
            ) from None


def beginning(path: str, part: Path, size: int) -> bytes:
    """The first bytes of a part, unpacked. Raises InputError, see `unpacked`."""
    with unpacked(path, part) as stream:
        return stream.read(size)


@contextmanager
def unpacked(path: str, part: Path) -> Iterator[IO[bytes]]:
    """The part's bytes, unpacked. Raises InputError where it is damaged or of another format."""
    with _read_errors(path, part), _unpacked(path, part) as stream:
        _no_other_format(path, part, stream)
        yield stream


@contextmanager
def _read_errors(path: str, part: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile):
        raise InputError(
            f"{shown(path, part)} is damaged: the archive is not whole; deliver it again."
        ) from None
    except OSError as error:
        # bz2 tells of a damaged archive by an OSError without a number.
        words = (
            "cannot be read; check it and its permissions"
            if error.errno
            else ("is damaged: the archive is not whole; deliver it again")
        )
        raise InputError(f"{shown(path, part)} {words}.") from None


def _unpacked(path: str, part: Path) -> IO[bytes]:
    if ending(part) in OTHER_ARCHIVES:
        raise InputError(
            f"{shown(path, part)} is packed in a way that is not read; unpack it, or pack it as .gz."
        )
    if ending(part) == ZIP:
        return _unzipped(path, part)
    unpack = UNPACK.get(ending(part))
    return io.BufferedReader(unpack(part, "rb")) if unpack else part.open("rb")


def _unzipped(path: str, part: Path) -> IO[bytes]:
    """The one file in a zip archive. Raises InputError where it holds none, or several."""
    shown_ = shown(path, part)
    try:
        archive = zipfile.ZipFile(part)
        inside = [
            entry
            for entry in archive.infolist()
            if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")
        ]
        if len(inside) != 1:
            raise InputError(
                f"{shown_} holds {len(inside)} files, and one is read; unpack it, and name one of them."
            )
        return io.BufferedReader(cast(io.RawIOBase, archive.open(inside[0])))
    except (zipfile.BadZipFile, NotImplementedError):
        raise InputError(f"{shown_} is damaged: the archive is not whole; deliver it again.") from None
    except RuntimeError:
        raise InputError(f"{shown_} is locked by a password; unpack it first.") from None


def _no_other_format(path: str, part: Path, stream: IO[bytes]) -> None:
    start = cast(io.BufferedReader, stream).peek(16)[:16]
    for beginning, what in FOREIGN.items():
        if start.startswith(beginning):
            raise InputError(f"{shown(path, part)} is {what}.")


def _undecodable(path: str, part: Path, name: str) -> str:
    """', row N,' for the first row that is not in the encoding; "" where rows cannot be told by bytes."""
    if name in encodings.WIDE:
        return ""
    with _unpacked(path, part) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode(name)
            except UnicodeError:
                return f", row {number},"
    return ""


def matched(present: list[str], wanted: list[str]) -> list[str]:
    """The names of a header, as `wanted` writes them where only the case of letters differs.

    A name that stands there as it is wanted, or could be two of the header's, stays as it is.
    """
    folded = Counter(name.casefold() for name in present)
    known = {name.casefold(): name for name in wanted if name not in present and folded[name.casefold()] == 1}
    return [known.get(name.casefold(), name) for name in present]


def demand(path: str, present: list[str], wanted: list[str]) -> None:
    """Raise InputError where a wanted column is not in the header, or stands there twice.

    Only names that the map or the run file gives are said: without a header the first row is data.
    """
    own = [column for column in wanted if column in ADDED]
    if own:
        raise InputError(f"{path}: the column name {own[0]} is the program's own; rename the column.")
    missing = [column for column in wanted if column not in present]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''} "
            f"(it has {len(present)}); check its header, the separator and the names in the map."
        )
    twice = [column for column in wanted if present.count(column) > 1]
    if twice:
        raise InputError(f"{path}: the header names {twice[0]!r} twice; rename one of the columns.")


def spark_path(part: Path) -> str | None:
    """The path for Spark's reader; None where Spark cannot open the name or takes it for no data."""
    elsewhere = copies.origin(part)
    whole = str(elsewhere) if elsewhere else os.path.abspath(part)
    hidden = ":" in (elsewhere.path if elsewhere else whole) or part.name[0] in "._" or ending(part) == ZIP
    return None if hidden else whole
