"""What became of a stage of a wave, kept beside the tables: written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs import __version__
from jobs.run.context import Context, Outcome
from jobs.run.fingerprints import code_digest
from jobs.settings.inputs import WaveSettings
from jobs.spark.tables import Commit


class Slice(BaseModel):
    """A slice of a table that the stage committed: its keys, and each data file's sha256."""

    model_config = ConfigDict(strict=True)

    keys: dict[str, str]
    files: dict[str, str]


class Kept(BaseModel):
    """An outcome as it is kept: what it was made from, what came of it, and what it committed."""

    model_config = ConfigDict(strict=True)

    class Counts(BaseModel):
        model_config = ConfigDict(strict=True)

        rows_in: int
        rows_out: int
        rows_set_aside: int
        notes: list[str]
        detail: dict[str, Any]

    fingerprint: str
    outcome: Counts
    tables: dict[str, int]
    slices: dict[str, Slice]


def file(work: str, country: str, wave: str, stage: str) -> Path:
    return Path(work) / "outcomes" / country / wave / f"{stage}.json"


def read(path: Path) -> Kept | None:
    """The outcome; None where there is none, or none that is whole: the stage then has to run."""
    try:
        return Kept.model_validate_json(path.read_bytes())
    except (OSError, ValidationError, RecursionError):
        return None


def write(
    path: Path, fingerprint: str, outcome: Outcome, commits: list[Commit], digests: list[dict[str, str]]
) -> None:
    """Keep an outcome with the commits that the stage made, and each commit's files with their sha256."""
    kept = {
        "fingerprint": fingerprint,
        "outcome": asdict(outcome),
        "tables": {commit.table: commit.version for commit in commits},
        "slices": {
            commit.table: {"keys": commit.slice, "files": files}
            for commit, files in zip(commits, digests, strict=True)
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(kept, stream, indent=1, sort_keys=True)
    os.replace(draft, path)


def facts(context: Context) -> dict[str, Any]:
    """What the stages left behind for the manifest and the report; the same for the same input."""
    waves: dict[str, Any] = {}
    for wave in context.settings.waves:
        waves[wave.wave] = {
            name: {**kept.outcome.model_dump(), "table_versions": kept.tables}
            for name in in_use(context)[:-1]
            if (kept := read(outcome_file(context, name, wave))) is not None
        }
    return {
        "study": context.settings.study,
        "title": context.settings.title,
        "version": __version__,
        "code": code_digest(),
        "waves": waves,
    }


def in_use(context: Context) -> list[str]:
    """The stages of a run in their order."""
    return [name for name in context.stages if name != "simulate" or context.settings.simulate]


def outcome_file(context: Context, name: str, wave: WaveSettings) -> Path:
    return file(context.settings.work, context.settings.country, wave.wave, name)


def record(context: Context, name: str, wave: WaveSettings, mark: str, outcome: Outcome) -> None:
    commits = context.tables.commits
    digests = [context.tables.digests(commit) for commit in commits]
    write(outcome_file(context, name, wave), mark, outcome, commits, digests)
