"""Pages from their templates in the package; made anew only where what they show changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from jobs.output.kept import Kept

Drawing = dict[str, str]  # svg and caption


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


def drawings(given: Sequence[Drawing]) -> list[Drawing]:
    """The drawings with their SVG marked as the page's own text."""
    return [{"svg": Markup(drawing["svg"]), "caption": drawing["caption"]} for drawing in given]


@dataclass(frozen=True)
class Page:
    """How a page is made, and the mark of all that it is made from."""

    mark: str
    make: Callable[[], str]


def mark(program: Mapping[str, str], tables: Mapping[str, pd.DataFrame], *others: Any) -> str:
    """sha256 of what a page is made from: sources, templates, tables, and `others` that JSON can hold."""
    content = hashlib.sha256(digest().encode())
    for name, table in sorted(tables.items()):
        content.update(f"{name}\0{list(table.columns)}\0".encode())
        content.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    content.update(json.dumps([dict(program), *others], sort_keys=True, default=str).encode())
    return content.hexdigest()


def current(folder: Path, pages: Mapping[str, Page]) -> dict[str, str]:
    """The texts of pages by name: from `folder` where they were made from the same before, else made anew.

    What the folder holds of other pages is removed.
    """
    kept, texts = Kept(folder), dict[str, str]()
    for name, page in pages.items():
        content = kept.get(page.mark, ".html")
        if content is None:
            content = page.make().encode()
            kept.put(page.mark, ".html", content)
        texts[name] = content.decode()
    kept.forget_others()
    return texts
