"""Where `conf/`, `schemas/` and `expectations/` are read from: the checkout, or the packaged artefact."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from jobs.errors import SettingsError

if sys.version_info >= (3, 11):
    from importlib.resources.abc import Traversable
else:
    from importlib.abc import Traversable

# What the artefact of `make package` does without: no run uses it.
OF_THE_CHECKOUT = {"__pycache__", "setup.py", "package.py", "cluster.py", "reference.py"}
MAX_YAML_BYTES = 2_000_000  # guards against alias bombs and mistaken paths


def root() -> Traversable:
    """The folder above the package `jobs`: a directory, or the inside of a zip archive."""
    here = Path(__file__).resolve().parent.parent
    if here.is_dir():
        return here
    return zipfile.Path(str(here))  # type: ignore[return-value]


def find(name: str) -> Traversable:
    """A file named in the settings: as given from the working directory, else from the package."""
    own = Path(name).expanduser()
    if own.is_file():
        return own
    packaged = root()
    for part in Path(name).parts:
        packaged = packaged / part
    if not Path(name).is_absolute() and packaged.is_file():
        return packaged
    raise SettingsError(f"{name} does not exist here or in the package; check the path in the run file.")


def read_yaml(name: str | Traversable) -> Any:
    """A YAML file by the safe loader; duplicate keys and files above 2 MB are refused."""
    file = find(name) if isinstance(name, str) else name
    text = file.read_text(encoding="utf-8")
    if len(text) > MAX_YAML_BYTES:
        raise SettingsError(f"{file.name} is larger than {MAX_YAML_BYTES} bytes; split it.")
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it is not YAML"
        raise SettingsError(f"{file.name}{where}: {what}; mend the file.") from None


def digest(name: str | Traversable) -> str:
    """The sha256 of a settings file, part of a stage's fingerprint."""
    file = find(name) if isinstance(name, str) else name
    return hashlib.sha256(file.read_bytes()).hexdigest()


def yaml_value(text: str) -> Any:
    """One value written as YAML, as on the command line."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise SettingsError("a value of --set is not YAML; quote it.") from None
