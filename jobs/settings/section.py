"""What every part of a settings file is: typed, unknown keys refused, texts that are texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, field_validator
from pydantic_core.core_schema import ValidationInfo

from jobs.places.place import plain

LONGEST_NAME_OF_A_FILE = 255  # bytes, of one folder or file; what file systems take
NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Section(BaseModel):
    """A part of the settings: fixed once read, unknown keys refused.

    Three things that pydantic lets pass are refused as well: true and false where a number belongs, binary
    data for a text, and characters that are part of no text, such as a null byte.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_of_its_kind(cls, given: Any, info: ValidationInfo) -> Any:
        annotation: Any = cls.model_fields[info.field_name or ""].annotation
        kinds = _kinds(annotation)
        if isinstance(given, dict) and not any(get_origin(kind) is dict for kind in kinds):
            return given  # a section, whose own keys are looked at
        values = list(_values(given))
        if kinds & {int, float} and bool not in kinds and any(isinstance(value, bool) for value in values):
            raise ValueError("is a number, not true or false")
        if any(isinstance(value, bytes) for value in values):
            raise ValueError("is binary; write it as text")
        if any(isinstance(value, str) and NO_TEXT.search(value) for value in values):
            raise ValueError("has a character that belongs in no text, such as a null byte; take it out")
        return given


@cache
def _kinds(annotation: Any) -> frozenset[Any]:
    """The types that an annotation is made of."""
    parts = get_args(annotation)
    return frozenset(
        {annotation}.union(*(_kinds(part) for part in parts if isinstance(part, type) or get_args(part)))
    )


def _values(given: Any) -> Iterator[Any]:
    """A value, or those in a list or mapping of plain ones."""
    if isinstance(given, dict):
        given = [*given, *given.values()]
    yield from given if isinstance(given, (list, tuple)) else (given,)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank; write something or leave the key out")
    return text


def _fits_a_file_system(path: str) -> str:
    if any(len(part.encode()) > LONGEST_NAME_OF_A_FILE for part in path.split("/")):
        raise ValueError(f"has a part of more than {LONGEST_NAME_OF_A_FILE} bytes, which no file's name has")
    return _not_blank(plain(path))


# Names that end up in paths.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_not_blank)]
FilePath = Annotated[
    str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_fits_a_file_system)
]
