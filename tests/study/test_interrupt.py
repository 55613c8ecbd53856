"""Ctrl-C and a scheduler's SIGTERM: one line, exit code 130, no process left, and the command takes it up."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from study_runs import DIAMANT, REPOSITORY, changes


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_run_ends_with_one_line(demo, tmp_path, sent):
    command = [str(DIAMANT), "run", "--conf", "conf/runs/demo.yaml", *changes(tmp_path, demo.folder)]
    process = subprocess.Popen(
        [*command, "--set", "simulate=null"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    tables = tmp_path / "work" / "tables"
    ended = time.monotonic() + 120
    while not tables.exists() and time.monotonic() < ended:
        time.sleep(0.05)
    assert tables.exists()
    os.killpg(process.pid, sent)  # as a terminal does: to all processes of the group
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.strip().splitlines()[-1] == "diamant: interrupted; the same command takes it up again."
    assert "Traceback" not in said and "Error" not in said
    ended = time.monotonic() + 30
    while _alive(process.pid) and time.monotonic() < ended:
        time.sleep(0.1)
    assert not _alive(process.pid), "the JVM is still there"


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
