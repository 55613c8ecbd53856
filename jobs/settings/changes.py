"""`--set key.sub=value`: changes laid over the content of a run file before it is checked."""

from __future__ import annotations

import re
from typing import Any

from jobs.errors import SettingsError
from jobs.settings import resources
from jobs.settings.wording import shown

CHANGE = re.compile(r"([A-Za-z0-9_.-]+)=(.*)", re.DOTALL)
PLACE = re.compile(r"[0-9]{1,6}")
OPTIONS = ("spark", "options")  # the keys below these are Spark's and have dots of their own


def lay_over(raw: dict[str, Any], change: str) -> None:
    """Put one `key.sub=value` into the content of a run file; the value is read as YAML.

    A wave is told by its name or by its place. Raises SettingsError naming the part that does not fit.
    """
    key, value = _read(change)
    *parents, last = key
    inside: Any = raw
    for part in parents:
        place = _place(inside, part)
        if place is None:
            raise _refused(change, f"{shown(part)} is not a part of the run file")
        inside = inside.setdefault(place, {}) if isinstance(inside, dict) else inside[place]
        if not isinstance(inside, (dict, list)):
            raise _refused(change, f"{shown(part)} holds a value, not settings")
    place = _place(inside, last)
    if place is None:
        raise _refused(change, f"{shown(last)} is not a part of the run file")
    inside[place] = value


def _read(change: str) -> tuple[list[str], Any]:
    """The parts of a change's key, and its value."""
    match = CHANGE.fullmatch(change)
    if not match:
        raise _refused(change, "write key=value, with dots between the parts of the key")
    parts = match.group(1).split(".")
    if not all(parts):
        raise _refused(change, "a part of the key is empty; write key=value, with one dot between the parts")
    if tuple(parts[:2]) == OPTIONS and len(parts) > 2:
        parts = [*OPTIONS, ".".join(parts[2:])]
    return parts, resources.yaml_value(match.group(2), f"--set {shown(match.group(1))}")


def _place(inside: dict[str, Any] | list[Any], part: str) -> Any:
    """Where a part of a key leads: a key; in a list the wave of that name, or a place; else None."""
    if isinstance(inside, dict):
        return part
    named = [
        place for place, item in enumerate(inside) if isinstance(item, dict) and item.get("wave") == part
    ]
    if named:
        return named[0]
    return int(part) if PLACE.fullmatch(part) and int(part) < len(inside) else None


def _refused(change: str, reason: str) -> SettingsError:
    return SettingsError(f"--set {shown(change)}: {reason}.")
