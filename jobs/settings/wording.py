"""Faults of what a user wrote, in words: where they stand and what is wrong, never the value."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import ValidationError

LONGEST = 80  # characters of a user's text that a sentence repeats
KEY = "[key]"  # pydantic's mark of a fault in a key

# pydantic's words for kinds of fault that they leave unclear to a reader who knows no pydantic.
WORDS = {
    "extra_forbidden": "is not a setting",
    "model_type": "should be a section with keys of its own",
    "dict_type": "should be a section with keys of its own",
    "tuple_type": "should be a list",
    "string_pattern_mismatch": "is no name; names have letters, digits, _ and - only",
    "finite_number": "should be a finite number",
}


def shown(text: object, most: int = LONGEST) -> str:
    """A user's text on one line, cut where it is long, without characters that a terminal would act on."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def fault(error: ValidationError) -> str:
    """The first fault of a file's content: the path of its key, and what is wrong with the value there."""
    first = error.errors(include_url=False)[0]
    where = ".".join(shown(part) for part in first["loc"] if part != KEY)
    return f"{where or 'the file'}: {_what(first)}"


def _what(first: Any) -> str:
    kind, message = first["type"], first["msg"]
    if kind == "value_error":
        return str(first["ctx"]["error"])
    if kind == "string_type" and isinstance(first["input"], (int, float, date)):
        return "input should be a valid string; write it in quotes"
    return WORDS.get(kind) or message[:1].lower() + message[1:]
