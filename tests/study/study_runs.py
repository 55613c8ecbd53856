"""Runs of the study: by the command, as a user starts them, or in the session of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from processes import listening

from jobs.run.context import Context
from jobs.settings import reading as settings
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES

REPOSITORY = Path(__file__).resolve().parents[2]
DIAMANT = Path(sys.executable).parent / "diamant"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, exit code, what it said, and the addresses on which it listened."""

    folder: Path
    code: int
    said: str
    listened: frozenset[str] = frozenset()

    @property
    def published(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in sorted((self.folder / "published").iterdir())}


def changes(folder: Path, source: Path | None = None) -> list[str]:
    """Settings that put a run's folders below `folder` and read the survey of `source`."""
    given = (source or folder) / "input"
    return [
        *("--set", f"work={folder / 'work'}", "--set", f"out={folder / 'published'}"),
        *("--set", f"simulate.path={folder / 'input'}"),
        *("--set", f"waves.0.survey.path={given / 'survey_cis2.csv'}"),
        *("--set", f"waves.0.flows.paths.flows={given / 'flows_cis2.csv'}"),
    ]


def context(spark, conf: str, *changes: str) -> Context:
    """What the command would start from, in the warm session of the tests: half a minute less a run."""
    chosen = settings.read(str(REPOSITORY / conf), list(changes))
    Path(chosen.work).mkdir(mode=0o700, exist_ok=True, parents=True)
    return Context(lambda: spark, chosen, Tables(lambda: spark, f"{chosen.work}/tables"), STAGES)


def diamant(*arguments: str, cwd: Path = REPOSITORY) -> tuple[int, str]:
    done = subprocess.run([str(DIAMANT), *arguments], cwd=cwd, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout + done.stderr


def watched(folder: Path, *arguments: str) -> Run:
    """A run as a user of a wide umask starts it, with the addresses on which its processes listened."""
    listened: set[str] = set()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [str(DIAMANT), *arguments], cwd=REPOSITORY, stdout=said, stderr=said, umask=0o022
        )
        ends = time.monotonic() + 600
        while process.poll() is None and time.monotonic() < ends:
            listened |= listening(process.pid)
            time.sleep(0.2)
        process.kill()
        process.wait()
        said.seek(0)
        return Run(folder, process.returncode, said.read(), frozenset(listened))


def modes(folder: Path) -> dict[str, int]:
    """Everything below a folder with its rights, links not followed."""
    return {
        str(path.relative_to(folder)): os.lstat(path).st_mode & 0o777 for path in sorted(folder.rglob("*"))
    }
