"""The templates of the pages, read from the package wherever it lies."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined


@cache
def _templates() -> dict[str, str]:
    """All templates of the folder by name; it may lie in an archive."""
    folder = files("jobs.publish") / "templates"
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
