"""What a stage's result depends on, as one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from jobs.run import sources
from jobs.run.context import Context
from jobs.settings import resources, schemas
from jobs.settings.slices import Slice


def fingerprint(*parts: Any) -> str:
    """sha256 over settings sections, digests and names: what a stage's result depends on."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


@cache
def code_digest() -> str:
    """sha256 over all sources of the program, for the manifest of a publication."""
    total = hashlib.sha256()
    folders = [("jobs", resources.root() / "jobs")]
    files = []
    while folders:
        above, folder = folders.pop()
        for entry in folder.iterdir():
            path = f"{above}/{entry.name}"
            if entry.name in resources.OF_THE_CHECKOUT:
                continue
            if entry.is_dir():
                folders.append((path, entry))
            elif entry.name.endswith(".py"):
                files.append((path, entry.read_bytes()))
    for path, content in sorted(files):
        total.update(path.encode() + content)
    return total.hexdigest()


def of_stage(context: Context, name: str, slice: Slice, marks: Mapping[str, str]) -> str:
    """What the result of a stage of a slice depends on, as one mark.

    That is its part of the program with the versions of the libraries in it, the schemas it uses, its own
    settings and files (by their content), and the marks of the stages whose tables it reads (`marks`, by
    stage). A stage of which nothing of that changed need not run.
    """
    stage = context.stages[name]
    return fingerprint(
        name,
        _program(stage.__name__, (*stage.TABLES, *stage.READS)),
        stage.inputs(context.slices[slice], context.tables),
        {earlier: marks[earlier] for earlier in before(context, name)},
    )


def _program(module: str, tables: tuple[str, ...]) -> list[Any]:
    """The part of the program that a stage is made of: modules, versions, schemas."""
    program = sources.of_module(module)
    forms = {table: schemas.table(table).form for table in sorted(program.schemas | set(tables))}
    return [program.modules, program.versions(), forms]


def before(context: Context, name: str) -> list[str]:
    """The stages whose tables the stage `name` reads, in their order."""
    earlier = list(context.stages)
    earlier = earlier[: earlier.index(name)]
    reads = set(context.stages[name].READS)
    return [other for other in earlier if reads & set(context.stages[other].TABLES)]
