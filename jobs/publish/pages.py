"""The templates of the pages, read from the package wherever it lies."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined


@cache
def _environment() -> Environment:
    """All templates of the folder, which may lie in an archive."""
    folder = files("jobs.publish") / "templates"
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.is_file()}
    return Environment(loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def rendered(template: str, **values: Any) -> str:
    """A page from its template."""
    return _environment().get_template(template).render(**values)
