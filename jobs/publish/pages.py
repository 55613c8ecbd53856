"""Pages from their templates in the package; made anew only where what they show changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import DictLoader, Environment, StrictUndefined


@cache
def _templates() -> dict[str, str]:
    """All templates of the folder by name; it may lie in an archive."""
    folder = resources("jobs.publish") / "templates"
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.is_file()
    }


@cache
def digest() -> str:
    """sha256 of all templates: what a page depends on beside the program and what it shows."""
    return hashlib.sha256("\0".join(_templates().values()).encode()).hexdigest()


@cache
def _environment() -> Environment:
    loader = DictLoader(_templates())
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def rendered(template: str, **values: Any) -> str:
    """A page from its template."""
    return _environment().get_template(template).render(**values)


@dataclass(frozen=True)
class Page:
    """How a page is made, and the mark of all that it is made from."""

    mark: str
    make: Callable[[], str]


def mark(program: Mapping[str, str], tables: Mapping[str, pd.DataFrame], *others: Any) -> str:
    """sha256 of what a page is made from: sources, templates, tables, and `others` that JSON can hold."""
    found = hashlib.sha256(digest().encode())
    for name, table in sorted(tables.items()):
        found.update(f"{name}\0{list(table.columns)}\0".encode())
        found.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    found.update(json.dumps([dict(program), *others], sort_keys=True, default=str).encode())
    return found.hexdigest()


def kept(folder: Path, pages: Mapping[str, Page]) -> dict[str, str]:
    """The texts of pages by name: from `folder` where they were made from the same before, else made anew.

    What the folder holds of other pages is removed.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {name: folder / f"{page.mark}.html" for name, page in pages.items()}
    for name, file in files.items():
        if not file.is_file():
            draft = folder / f".{file.name}"
            draft.write_text(pages[name].make(), encoding="utf-8")
            os.replace(draft, file)
    for file in set(folder.iterdir()) - set(files.values()):
        file.unlink()
    return {name: file.read_text(encoding="utf-8") for name, file in files.items()}
