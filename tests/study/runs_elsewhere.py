"""Runs whose files lie on HDFS, and what they publish beside a local run's publication."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from jobs.places import copies
from jobs.places.place import Location, Place
from jobs.run import execute, opening
from jobs.run.context import Context
from jobs.run.progress import Progress
from jobs.settings import reading
from jobs.spark import classes
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES

IN_HASTE = f"{classes.use()} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # of Java that lives for a minute


def changes(folder: Location, *others: str) -> list[str]:
    """Settings that put a run's folders into `folder`, and take what a study of few firms has."""
    return [f"work={folder / 'work'}", f"out={folder / 'published'}", "disclosure.threshold=10", *others]


def run(
    session,
    folder: Location,
    conf: Path,
    *others: str,
    countries: list[str] | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """What the command does, in the session of the tests; the stages that ran."""
    said = io.StringIO()
    given = reading.read(str(conf), changes(folder, *others), countries=countries)
    chosen = opening._with_folders(given, str(conf), writing=True, publishing=True)
    context = Context(session, chosen, Tables(session, f"{chosen.work}/tables"), STAGES)
    execute.run(context, progress or Progress(Console(file=said, width=1000)))
    return [line.split()[0] for line in said.getvalue().splitlines() if " in, " in line]


def published(folder: Location, study: Location) -> dict[str, bytes]:
    """The files by name; the manifest tells where the wave map lies, whose folder `study` is left out."""
    here = copies.local(folder / "published")
    files = {str(file.relative_to(here)): file.read_bytes() for file in here.rglob("*") if file.is_file()}
    return {name: content.replace(f"{study}/".encode(), b"") for name, content in files.items()}


def differing(folder: Place, study: Place, expected: dict[str, bytes]) -> set[str]:
    """The files that are not as a local run of the same study publishes them."""
    own = published(folder, study)
    return {name for name in own.keys() | expected.keys() if own.get(name) != expected.get(name)}
