"""The tables of docs/settings.md and docs/tables.md, from the settings and schemas themselves.

`python -m jobs.tools.reference` writes them between their markers; what stands outside is written by hand.
"""

from __future__ import annotations

import re
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from jobs.settings import inputs, nuts, resources, run_file, schemas, sections
from jobs.settings.section import Name, Section

PAGES = ("docs/settings.md", "docs/tables.md")
SECTIONS: dict[str, type[Section]] = {
    name: section
    for module in (run_file, sections, inputs, nuts)
    for name, section in vars(module).items()
    if isinstance(section, type) and issubclass(section, Section) and section is not Section
}
BLOCK = re.compile(r"(<!-- (settings|table) (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
WORDS = {Any: "setting", str: "text", int: "whole number", float: "number", bool: "true or false"}
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def filled(page: str) -> str:
    """A page of the documentation with the tables between its markers as the code has them now."""
    tables = {"settings": section_table, "table": schema_table}
    return BLOCK.sub(lambda block: block[1] + tables[block[2]](block[3]) + block[4], page)


def section_table(name: str) -> str:
    """A section of the run file: key, what it takes, default, meaning."""
    section: type[Section] = SECTIONS[name]
    rows = [
        (f"`{key}`", _takes(field), _default(field), field.description or "")
        for key, field in section.model_fields.items()
    ]
    return _markdown(("key", "takes", "default", "meaning"), rows)


def schema_table(name: str) -> str:
    """A table of `schemas/`: what it is, then column, type, unit, meaning; c marks what is confidential."""
    table = schemas.table(name)
    rows = [
        (
            f"`{column.name}`" + (" (key)" if column.name in table.key else ""),
            f"{column.type}{'' if column.nullable else ', never null'}",
            (column.unit or "") + (" **c**" if column.confidential else ""),
            column.meaning,
        )
        for column in table.columns
    ]
    about = f"{table.meaning}{' Micro data.' if table.micro else ''}\n\n"
    return about + _markdown(("column", "type", "unit", "meaning"), rows)


def _takes(field: FieldInfo) -> str:
    limits = [
        f"{words} {getattr(limit, bound)}"
        for limit in field.metadata
        for bound, words in BOUNDS.items()
        if hasattr(limit, bound)
    ]
    # A text with a pattern is a name that may stand in a path.
    named = any(getattr(limit, "pattern", None) for limit in field.metadata)
    return ", ".join(["name" if named else _type(field.annotation), *limits])


def _type(kind: Any) -> str:
    """A type in words."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in inside)
    if origin in (Union, types.UnionType):
        return " or ".join("null" if part is type(None) else _type(part) for part in inside)
    if origin is tuple:
        return f"list: {_type(inside[0])}"
    if origin is dict:
        return f"{_type(inside[0])} to {_type(inside[1])}"
    if kind == Name:
        return "name"
    if origin is Annotated:
        return _type(inside[0])
    if isinstance(kind, type) and issubclass(kind, Section):
        return "section, see below"
    return WORDS[kind]


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, Section):
        return "its defaults"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (tuple, list)):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`" if value != {} else "`{}`"


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(part.replace("|", r"\|") for part in line) + " |\n" for line in lines)


if __name__ == "__main__":
    for name in PAGES:
        file = Path(str(resources.root())) / name
        file.write_text(filled(file.read_text(encoding="utf-8")), encoding="utf-8")
