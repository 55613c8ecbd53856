"""Where `conf/`, `schemas/` and `expectations/` are read from: the checkout, or the packaged artefact."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Any

from jobs.errors import SettingsError
from jobs.places import copies
from jobs.places.place import is_address
from jobs.settings import plain_yaml
from jobs.settings.wording import shown

if sys.version_info >= (3, 11):
    from importlib.resources.abc import Traversable
else:
    from importlib.abc import Traversable

# What the artefact of `make package` does without: no run uses it.
OF_THE_CHECKOUT = {"__pycache__", "tools"}
MAX_YAML_BYTES = 2_000_000  # guards against mistaken paths
ABSENT = "does not exist here or in the package"


def root() -> Traversable:
    """The folder above the package `jobs`: a directory, or the inside of a zip archive."""
    folder = Path(__file__).resolve().parents[2]
    if folder.is_dir():
        return folder
    return zipfile.Path(str(folder))  # type: ignore[return-value]


def find(name: str) -> Traversable:
    """A file named in the settings: as given from the working directory, else from the package.

    Raises SettingsError where there is none; a folder, a device or a pipe is none.
    """
    try:
        own = copies.local(name)
        if own.is_file():
            return own
        if is_address(name):
            raise SettingsError(
                f"{shown(name)} does not exist or is no file; check the path in the run file."
            )
        packaged = root()
        for part in Path(name).parts:
            packaged = packaged / part
        if not Path(name).is_absolute() and packaged.is_file():
            return packaged
        what = "is no file, but a folder, a device or a pipe" if own.exists() else ABSENT
    except (OSError, ValueError, RuntimeError):  # too long a name, a null byte, an unknown user's home
        what = ABSENT
    raise SettingsError(f"{shown(name)} {what}; check the path in the run file.")


def read_yaml(name: str | Traversable) -> Any:
    """A YAML file as plain data (see jobs.settings.plain_yaml); files above 2 MB are refused.

    Raises SettingsError with the file and the line.
    """
    file = find(name) if isinstance(name, str) else name
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_YAML_BYTES + 1)
    except OSError:
        if not isinstance(name, str):  # a file of the package: no user can mend it
            raise
        raise SettingsError(f"{file.name} cannot be read; check who may read it.") from None
    if len(content) > MAX_YAML_BYTES:
        raise SettingsError(f"{file.name} is larger than {MAX_YAML_BYTES} bytes; split it.")
    try:
        return plain_yaml.load(decoded(content, file.name))
    except plain_yaml.NotPlain as error:
        where = f", line {error.line}" if error.line else ""
        raise SettingsError(f"{file.name}{where}: {error}; mend the file.") from None


def decoded(content: bytes, name: str) -> str:
    """The text of a settings file. Raises SettingsError with the line that is no UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SettingsError(f"{name}, line {line}: it is no text in UTF-8; save it as such.") from None


def digest(name: str | Traversable) -> str:
    """The sha256 of a settings file, part of a stage's fingerprint. Raises SettingsError, see `find`."""
    file = find(name) if isinstance(name, str) else name
    total = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while piece := stream.read(MAX_YAML_BYTES):
                total.update(piece)
    except OSError:
        if not isinstance(name, str):  # a file of the package: no user can mend it
            raise
        raise SettingsError(f"{file.name} cannot be read; check who may read it.") from None
    return total.hexdigest()


def yaml_value(text: str, where: str = "a value of --set") -> Any:
    """One value written as YAML, as on the command line. Raises SettingsError, which begins with `where`."""
    try:
        return plain_yaml.load(text)
    except plain_yaml.NotPlain as error:
        raise SettingsError(f"{where}: the value is not YAML ({error}); quote it.") from None
