"""What a stage's result depends on, as one digest."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from pydantic import BaseModel

from jobs.run.context import Context
from jobs.settings import resources
from jobs.settings.inputs import WaveSettings


def fingerprint(*parts: Any) -> str:
    """sha256 over settings sections, digests and names: what a stage's result depends on."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


@cache
def code_digest() -> str:
    """sha256 over the sources that a run uses: a changed program makes every stage run again."""
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


def of_stage(context: Context, name: str, wave: WaveSettings, chain: str) -> str:
    """What the stage's result depends on: the code, its own inputs, and all stages before it.

    What ingest reads is fingerprinted by the files' content, so the simulator before it does not count.
    """
    before = "" if name == "ingest" else chain
    return fingerprint(name, code_digest(), context.stages[name].inputs(context, wave), before)
