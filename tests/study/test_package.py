"""The artefact: spark-submit runs the demo from it in an empty directory, locally and on a cluster."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from processes import family
from study_runs import REPOSITORY, Run, changes, modes

from jobs.run import fingerprints
from jobs.tools import package
from jobs.tools import standalone_cluster as cluster

BIN = Path(sys.executable).parent
EXECUTOR = b"CoarseGrainedExecutorBackend"  # in the command of an executor
PAUSE = 15  # seconds between two killed executors


@pytest.fixture(scope="module")
def artefact(tmp_path_factory) -> Path:
    return package.build(tmp_path_factory.mktemp("dist"))


def submitted(application: Path, folder: Path, master: str, *arguments: str) -> tuple[int, str]:
    """spark-submit of an application with an empty directory as the working directory."""
    empty = folder / "empty"
    empty.mkdir()
    jars = ",".join(str(jar) for jar in sorted((BIN.parent / "jars").glob("*.jar")))
    done = subprocess.run(
        [str(BIN / "spark-submit"), "--master", master, "--jars", jars, str(application), *arguments],
        cwd=empty,
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"},
    )
    assert list(empty.iterdir()) == [], "nothing is left where the user works"
    return done.returncode, done.stdout + done.stderr


def test_the_same_sources_give_the_same_artefact(artefact, tmp_path):
    assert package.build(tmp_path).read_bytes() == artefact.read_bytes()


def test_the_artefact_is_the_same_program(artefact):
    """Whatever is run from it counts as made by the same code as in the checkout."""
    asked = f"import sys; sys.path.insert(0, {str(artefact)!r}); from jobs.run import fingerprints as p; "
    done = subprocess.run(
        [sys.executable, "-c", asked + "print(p.__file__, p.code_digest())"],
        capture_output=True,
        text=True,
        check=True,
    )
    file, digest = done.stdout.split()
    assert file.startswith(str(artefact)) and digest == fingerprints.code_digest()


def test_a_stage_is_a_job_of_its_own(demo, tmp_path):
    stage = REPOSITORY / "jobs" / "stages" / "link.py"
    code, said = submitted(
        stage, tmp_path, "local[2]", "--conf", "conf/runs/demo.yaml", *changes(demo.folder)
    )
    assert code == 0, said
    assert re.search(r"link +cis2 +9,000 in, 9,000 out", said), said
    wide = {name for name, mode in modes(demo.folder / "work").items() if mode & 0o077}
    assert not wide, "what spark-submit started writes for the user alone, too"


def kill_executors(place: Path, killed: list[int], ended: threading.Event) -> None:
    """Kill an executor of each worker in turn, three in all, until the run has ended; their numbers."""
    for number in itertools.cycle((1, 2)):
        if len(killed) == 3 or ended.wait(PAUSE):
            return
        worker = int((place / f"worker{number}.pid").read_text())
        for process in family(worker) - {worker}:
            with suppress(OSError):
                if EXECUTOR in Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)


@pytest.mark.cluster
def test_the_artefact_on_a_cluster_publishes_the_same_bytes_though_executors_are_killed(
    demo, artefact, tmp_path
):
    address = cluster.start(tmp_path / "cluster")
    killed: list[int] = []
    ended = threading.Event()
    killer = threading.Thread(target=kill_executors, args=(tmp_path / "cluster", killed, ended))
    killer.start()
    try:
        code, said = submitted(
            artefact, tmp_path, address, "run", "--conf", "conf/runs/demo.yaml", *changes(tmp_path)
        )
    finally:
        ended.set()
        killer.join()
        cluster.stop(tmp_path / "cluster")
    assert code == 0, said
    assert len(killed) >= 2
    again = Run(tmp_path, code, said).published
    assert {name for name in demo.published if again[name] != demo.published[name]} == set()
