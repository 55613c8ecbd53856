"""Ctrl-C and a scheduler's SIGTERM: one line, exit code 130, no process left, and the command takes it up.

A kill leaves shuffled rows of firms on the disk: the next run clears them, and they lie nowhere else.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from study_runs import DIAMANT, REPOSITORY, changes

from jobs.run import opening
from jobs.stages.order import STAGES

# What Spark and Java put into the system's folder for temporary files: their libraries, and empty folders.
NO_DATA = ("liblz4-java-", "snappy-", "libzstd-jni-", "hsperfdata_")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_run_ends_with_one_line(demo, tmp_path, sent):
    process = _with_tables(demo, tmp_path)
    os.killpg(process.pid, sent)  # as a terminal does: to all processes of the group
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.strip().splitlines()[-1] == "diamant: interrupted; the same command takes it up again."
    assert "Traceback" not in said and "Error" not in said
    ended = time.monotonic() + 30
    while _alive(process.pid) and time.monotonic() < ended:
        time.sleep(0.1)
    assert not _alive(process.pid), "the JVM is still there"


@pytest.mark.parametrize("unread", [0, 2], ids=["in a call", "before it has read the call"])
def test_a_run_whose_jvm_is_ended_says_so(demo, tmp_path, unread):
    """As Linux does where memory runs out: it ends the largest process."""
    process = _with_tables(demo, tmp_path)
    (jvm,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    if unread:
        os.kill(int(jvm), signal.SIGSTOP)
        time.sleep(unread)  # seconds, in which Python sends the next call; its connection is reset then
    os.kill(int(jvm), signal.SIGKILL)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert said.strip().splitlines()[-1].startswith("diamant: the Java process of Spark ended in the middle")
    assert "Traceback" not in said and "internal error" not in said


def _with_tables(demo, folder: Path) -> subprocess.Popen[str]:
    """A run of the demo that has begun to write its tables."""
    command = [str(DIAMANT), "run", "--conf", "conf/runs/demo.yaml", *changes(folder, demo.folder)]
    process = subprocess.Popen(
        [*command, "--set", "simulate=null"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    tables = folder / "work" / "tables"
    ended = time.monotonic() + 120
    while not tables.exists() and time.monotonic() < ended:
        time.sleep(0.05)
    assert tables.exists()
    return process


def test_what_a_killed_run_leaves_of_spark_is_cleared_by_the_next(demo, tmp_path):
    elsewhere = tmp_path / "system"
    elsewhere.mkdir()
    given = [*changes(tmp_path, demo.folder), "--set", "simulate=null"]
    process = subprocess.Popen(
        [str(DIAMANT), "run", "--conf", "conf/runs/demo.yaml", *given],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={
            **os.environ,
            "TMPDIR": str(elsewhere),
            "JDK_JAVA_OPTIONS": f"-Djava.io.tmpdir={elsewhere} -XX:-UsePerfData",
        },
    )
    temporary = tmp_path / "work" / "tmp"
    ended = time.monotonic() + 240
    while not _shuffled(temporary) and process.poll() is None and time.monotonic() < ended:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert _shuffled(temporary), "the run was killed while rows lay on the disk"
    others = [path for path in elsewhere.rglob("*") if path.is_file() and not path.name.startswith(NO_DATA)]
    assert others == []
    with opening.opened(opening.Chosen("conf/runs/demo.yaml", changes=given[1::2]), STAGES):
        assert list(temporary.iterdir()) == []


def test_what_a_killed_fit_of_a_table_leaves_is_cleared_by_the_next(tmp_path):
    """It has no work folder: Spark's files lie in a hidden folder beside the one that it writes."""
    draw = random.Random(4)
    rows = [f"{n % 3},{draw.gauss(0, 1)},{draw.gauss(0, 1)}" for n in range(600)]
    (tmp_path / "firms.csv").write_text("country,x,y\n" + "".join(f"{row}\n" for row in rows))
    (tmp_path / "model.lav").write_text("y ~ x\n")
    command = [str(DIAMANT), "fit", "--data", str(tmp_path / "firms.csv"), "--group", "country"]
    command += ["--model", str(tmp_path / "model.lav"), "--out", str(tmp_path / "results")]
    on_spark = [*command, "--spark", "master=local[2]"]  # else so few rows are fitted without it
    process = subprocess.Popen(
        on_spark, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    ended = time.monotonic() + 240
    while not _shuffled(tmp_path) and process.poll() is None and time.monotonic() < ended:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (left,) = tmp_path.glob(".diamant-*")
    assert _shuffled(left) and left.stat().st_mode & 0o777 == 0o700
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert {path.name for path in tmp_path.iterdir()} == {"firms.csv", "model.lav", "results"}


def _shuffled(temporary: Path) -> list[Path]:
    """Files of shuffled rows."""
    return [path for path in temporary.rglob("shuffle_*.data") if path.stat().st_size]


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
