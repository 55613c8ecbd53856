"""Twelve slices on HDFS and a cluster of two workers, which are killed: the bytes of a local run."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from drivers import driver
from processes import family
from runs_elsewhere import differing

from jobs.tools import standalone_cluster

pytestmark = pytest.mark.cluster

EXECUTOR = b"CoarseGrainedExecutorBackend"  # in the command of an executor
OF_PYTHON = b"pyspark.daemon"  # in that of the Python that an executor starts for a fit, and for nothing else


def processes(cluster: Path, number: int, command: bytes) -> list[int]:
    """The processes that a worker started with a command."""
    worker = int((cluster / f"worker{number}.pid").read_text())
    members = []
    for process in family(worker) - {worker}:
        with suppress(OSError):
            if command in Path(f"/proc/{process}/cmdline").read_bytes():
                members.append(process)
    return members


def kill_worker(cluster: Path, number: int) -> None:
    """The worker and its executors, as where a machine fails."""
    os.killpg(int((cluster / f"worker{number}.pid").read_text()), signal.SIGKILL)


def test_a_worker_killed_in_a_write_and_one_in_a_fit_change_no_byte(hdfs, cluster, twelve, twelve_here):
    folder, (daemons, master) = hdfs / "workers", cluster
    log = folder / "work" / "tables" / "answers" / "_delta_log"
    with driver(master, twelve[1], folder) as running:
        running.wait_until(log.exists)
        executors = [own for number in (1, 2) for own in processes(daemons, number, EXECUTOR)]
        for executor in executors:
            os.kill(executor, signal.SIGSTOP)
        time.sleep(2)  # the driver has given its tasks to executors that stand still
        assert len(executors) == 2 and not any(log.glob("*1.json")), "the rows are not committed"
        kill_worker(daemons, 1)
        for executor in executors:
            with suppress(ProcessLookupError):
                os.kill(executor, signal.SIGKILL)
        standalone_cluster.start_worker(daemons, 1, master)
        running.wait_until(lambda: processes(daemons, 2, OF_PYTHON))
        kill_worker(daemons, 2)
        running.end_well()
    assert differing(folder, hdfs / "twelve", twelve_here) == set()
