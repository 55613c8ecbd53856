"""Model files: read whole and bounded, and refused with the line of what is wrong in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import SettingsError
from jobs.sem.model.structure import ModelError, Structure, structure_of

if TYPE_CHECKING:  # loads the reader of YAML, which a model's file does without
    from jobs.settings.resources import Traversable

MOST_BYTES = 200_000


def read(file: Path | Traversable, name: str) -> str:
    """The text of a model file, which messages call `name`. Raises SettingsError."""
    try:
        if not file.is_file():  # to read from a pipe or a device might never end
            raise FileNotFoundError
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError:
        raise SettingsError(f"{name} cannot be read; check the path, and that it is a file.") from None
    if len(content) > MOST_BYTES:
        raise SettingsError(f"{name} has more than {MOST_BYTES} bytes, which no model has; check the path.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_text(name, content[: error.start]) from None
    if "\0" in text:
        raise _no_text(name, content[: content.index(b"\0")])
    return text.replace("\r\n", "\n").replace("\r", "\n")


def structure(text: str, name: str, of: Callable[[str], Structure] = structure_of) -> Structure:
    """The structure that `of` makes of a model's text. Raises SettingsError with the line, if it is known."""
    try:
        return of(text)
    except ModelError as error:
        raise refused(error, name) from None


def refused(error: ModelError, name: str, remedy: str = "mend the model") -> SettingsError:
    """What is said of a model that cannot be read or used."""
    where = f", line {error.line}" if error.line else ""
    return SettingsError(f"{name}{where}: {error}; {remedy}.")


def _no_text(name: str, before: bytes) -> SettingsError:
    line = before.count(b"\n") + 1
    return SettingsError(f"{name} is no text in UTF-8 (line {line}); save it as such.")
