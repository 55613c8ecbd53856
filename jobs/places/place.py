"""Where a file or folder is: a path of this machine, or a place on a file system that Spark knows by a URI.

A Place has the part of pathlib's interface that this program uses, so that most code takes either. What only
reads files of this machine gets a copy (jobs/places/copies.py).
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from jobs.places import hadoop

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
OF_THIS_MACHINE = re.compile(r"file:(?=/)", re.IGNORECASE)
# File systems that rename a folder in one step; on any other, a rename copies file by file.
RENAMING = {"hdfs", "viewfs", "webhdfs", "swebhdfs", "ofs", "abfs", "abfss"}
CHUNK = 1 << 20
# By this option S3 looks for another's file when this one is closed, and makes it only where there is none.
# File systems that look when it is opened do not know the option.
IF_ABSENT = "fs.option.create.conditional.overwrite"
OTHERS_FIRST = {"RemoteFileChangedException": errno.EEXIST}


class Stat(NamedTuple):
    """What a file system says of a file or folder."""

    st_size: int
    st_mtime_ns: int
    is_dir: bool


@dataclass(frozen=True, order=True)
class Place:
    """A file or folder by its URI, whole: scheme, authority and path without dots."""

    uri: str

    @classmethod
    def of(cls, text: str) -> Place:
        """The place of a URI as a user writes it."""
        scheme, _, rest = text.partition("://")
        authority, _, path = rest.partition("/")
        return cls(f"{scheme.lower()}://{authority}{posixpath.normpath('/' + path.lstrip('/'))}")

    def __str__(self) -> str:
        return self.uri

    def __truediv__(self, name: str | os.PathLike[str]) -> Place:
        return Place.of(f"{self.uri}/{os.fspath(name)}")

    @property
    def scheme(self) -> str:
        return self.uri.partition("://")[0]

    @property
    def path(self) -> str:
        """What follows the authority, from the first slash on."""
        return "/" + self.uri.partition("://")[2].partition("/")[2]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix

    @property
    def parent(self) -> Place:
        return Place.of(self.uri[: len(self.uri) - len(self.path)] + posixpath.dirname(self.path))

    @property
    def parents(self) -> list[Place]:
        """The folders above, the nearest first."""
        above, own = [], self
        while own.parent != own:
            own = own.parent
            above.append(own)
        return above

    def whole(self) -> Place:
        """The place with the authority that its file system has, where the URI leaves it to the settings."""
        if not self.uri.startswith(f"{self.scheme}:///"):
            return self
        return Place.of(str(self._system.makeQualified(self._path).toString()))

    def with_name(self, name: str) -> Place:
        return self.parent / name

    @property
    def renames_in_one_step(self) -> bool:
        return self.scheme in RENAMING

    def stat(self) -> Stat:
        """Size and times. Raises FileNotFoundError, PermissionError, Unreachable."""
        with hadoop.errors(self.uri):
            return _stat(self._system.getFileStatus(self._path))

    def _stat(self) -> Stat | None:
        """None where there is nothing, which is asked first: an exception of Java's takes many calls."""
        try:
            with hadoop.errors(self.uri):
                return self.stat() if self._system.exists(self._path) else None
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self) -> bool:
        return self._stat() is not None

    def is_file(self) -> bool:
        state = self._stat()
        return state is not None and not state.is_dir

    def is_dir(self) -> bool:
        state = self._stat()
        return state is not None and state.is_dir

    def is_symlink(self) -> bool:
        """Hadoop's clients follow links themselves."""
        return False

    def listed(self) -> list[tuple[str, Stat]]:
        """What lies in a folder, by name, with its state; all of it in one question."""
        with hadoop.errors(self.uri):
            states = list(self._system.listStatus(self._path))
        return sorted((str(state.getPath().getName()), _stat(state)) for state in states)

    def iterdir(self) -> Iterator[Place]:
        return iter([self / name for name, _ in self.listed()])

    def glob(self, pattern: str) -> Iterator[Place]:
        """What lies in the folder itself under such a name; nothing where there is no folder."""
        names = [name for name, _ in self.listed()] if self.is_dir() else []
        return iter([self / name for name in names if fnmatchcase(name, pattern)])

    def walk(self) -> Iterator[tuple[str, Stat]]:
        """Every file and empty folder below, by its path from here, in the order of their names."""
        for name, state in self.listed():
            below = [(f"{name}/{path}", own) for path, own in (self / name).walk()] if state.is_dir else []
            yield from below or [(name, state)]

    def fetch(self, target: Path) -> None:
        """Copy a file to this machine, where nothing has its name."""
        local = hadoop.path(f"file://{target.absolute()}")  # Hadoop takes no escapes
        with hadoop.errors(self.uri):
            self._system.copyToLocalFile(False, self._path, local, True)

    def send(self, source: Path) -> None:
        """Copy a file or a whole folder of this machine here; a file that is here is replaced as a whole."""
        target = self._draft() if self.renames_in_one_step and source.is_file() else self
        target._copied_from(source)
        if target != self:
            target.replace(self)

    def send_first(self, source: Path) -> None:
        """Copy a file of this machine here as a whole. Raises FileExistsError where one is here.

        Of drivers that come at the same time one succeeds, where the file system renames in one step.
        """
        draft = self._draft()
        draft._copied_from(source)
        try:
            draft.rename(self)
        except FileExistsError:
            draft.unlink()
            raise FileExistsError(errno.EEXIST, "File exists", self.uri) from None

    def _copied_from(self, source: Path) -> None:
        local = hadoop.path(f"file://{source.absolute()}")
        with hadoop.errors(self.uri):
            self._system.copyFromLocalFile(False, True, local, self._path)

    def read_bytes(self) -> bytes:
        with tempfile.TemporaryDirectory(prefix="diamant-") as folder:
            copy = Path(folder) / "copy"
            self.fetch(copy)
            return copy.read_bytes()

    def read_end(self, size: int) -> bytes:
        """The last bytes of a file, the whole of a smaller one."""
        whole = self.stat().st_size
        start = max(0, whole - size)
        with hadoop.errors(self.uri):
            stream = self._system.open(self._path)
            try:
                stream.seek(start)
                return hadoop.read_bytes(stream, whole - start)
            finally:
                stream.close()

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes, exclusive: bool = False) -> None:
        """Write a small file. Raises FileExistsError for one that is there, if it is to be written first."""
        with hadoop.errors(self.uri, **(OTHERS_FIRST if exclusive else {})):
            if exclusive:
                new = self._system.createFile(self._path).overwrite(False)
                stream = new.opt(IF_ABSENT, "true").build()
            else:
                stream = self._system.create(self._path, True)
            try:
                stream.write(bytearray(content))
            finally:
                stream.close()

    def put_bytes(self, content: bytes) -> None:
        """Replace a small file as a whole: readers find the old one or the new one.

        Object stores show a file when it is written to its end; elsewhere a draft takes the file's name.
        """
        if not self.renames_in_one_step:
            self.write_bytes(content)
            return
        draft = self._draft()
        draft.write_bytes(content)
        draft.replace(self)

    def _draft(self) -> Place:
        """A new hidden name beside the file."""
        return self.with_name(f".{self.name}.{os.urandom(6).hex()}")

    def mkdir(self, mode: int = 0o700, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the folder, and those above it. Raises FileExistsError unless it may be there."""
        if self.exists() and not (exist_ok and self.is_dir()):
            raise FileExistsError(17, "File exists", self.uri)
        with hadoop.errors(self.uri):
            self._system.mkdirs(self._path)

    def chmod(self, mode: int) -> None:
        permission = hadoop.of_class("permission.FsPermission")(f"{mode:04o}")
        with hadoop.errors(self.uri):
            self._system.setPermission(self._path, permission)

    def rename(self, target: Place) -> None:
        """Raises FileExistsError where the target is there."""
        hadoop.rename(self.uri, target.uri, overwrite=False)

    def replace(self, target: Place) -> None:
        """Take the place of a file or an empty folder."""
        hadoop.rename(self.uri, target.uri, overwrite=True)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove a file, or an empty folder."""
        with hadoop.errors(self.uri):
            if not self._system.delete(self._path, False) and not missing_ok:
                raise FileNotFoundError(2, "No such file or directory", self.uri)

    rmdir = unlink

    def remove(self) -> None:
        """Remove a folder with all that is in it."""
        with hadoop.errors(self.uri):
            self._system.delete(self._path, True)

    @property
    def _system(self) -> Any:
        return hadoop.system(self.uri)

    @property
    def _path(self) -> Any:
        return hadoop.path(self.uri)

    def checksum(self) -> str:
        """A digest of the file's bytes that the file system keeps or makes, else their sha256."""
        return self.kept_checksum() or hashlib.sha256(self.read_bytes()).hexdigest()

    def kept_checksum(self) -> str | None:
        """A digest of the file's bytes without reading them; None where the file system has none."""
        with hadoop.errors(self.uri):
            kept = self._system.getFileChecksum(self._path)
        return None if kept is None else str(kept.toString())


Location = Path | Place


def _stat(state: Any) -> Stat:
    return Stat(int(state.getLen()), int(state.getModificationTime()) * 1_000_000, bool(state.isDirectory()))


def is_address(text: str) -> bool:
    """Whether a path of the settings is a URI; `file:` is none, see `plain`."""
    return ADDRESS.match(plain(text)) is not None


def plain(text: str) -> str:
    """The text of a path, `file:` URIs as the paths of this machine that they are."""
    return unquote(urlsplit(text).path) if OF_THIS_MACHINE.match(text) else text


def located(text: str) -> Location:
    """The path or place that a text names."""
    return Place.of(text) if is_address(text) else Path(plain(text))


def there(place: Location) -> bool:
    """Whether anything has the name, be it a link that leads nowhere."""
    return os.path.lexists(place) if isinstance(place, Path) else place.exists()


def remade(place: Location, content: bytes) -> None:
    """Replace a small file as a whole."""
    if isinstance(place, Place):
        place.put_bytes(content)
        return
    handle, draft = tempfile.mkstemp(dir=place.parent, prefix=f".{place.stem}.", suffix=".tmp")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    os.replace(draft, place)


def digest(place: Location) -> str:
    """What tells a file's bytes from others: its sha256, or what its file system has as a checksum."""
    if isinstance(place, Place):
        return place.checksum()
    total = hashlib.sha256()
    with place.open("rb") as stream:
        while piece := stream.read(CHUNK):
            total.update(piece)
    return total.hexdigest()
