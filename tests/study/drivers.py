"""A driver by the command, with its executors on a cluster and its files on HDFS."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from runs_elsewhere import IN_HASTE, changes
from study_runs import DIAMANT, REPOSITORY

from jobs.places.place import Place
from jobs.tools import standalone_cluster

PATIENCE = 600  # seconds
OPTIONS = {
    "spark.executor.extraJavaOptions": IN_HASTE,
    **{"spark.default.parallelism": "2", "spark.sql.leafNodeDefaultParallelism": "2"},
}


class Driver(NamedTuple):
    """A driver that runs, and the file in which it says how that goes."""

    process: subprocess.Popen[bytes]
    said: IO[str]

    def end_well(self) -> None:
        self.process.wait(PATIENCE)
        assert self.process.returncode == 0, self.words()

    def words(self) -> str:
        """All that it said so far."""
        self.said.seek(0)
        return self.said.read()

    def wait_until(self, holds: Callable[[], object]) -> None:
        """Raises AssertionError where the driver ends before."""
        ended = time.monotonic() + PATIENCE
        while not holds():
            assert self.process.poll() is None and time.monotonic() < ended, self.words()
            time.sleep(0.05)


@contextmanager
def driver(master: str, conf: Path, folder: Place, *options: str, cores: int = 2) -> Iterator[Driver]:
    """The command with its driver here and its executors on the cluster; it is killed when the block ends.

    Each executor has one core.

    Each driver has a new folder for temporary files, as one on another machine has.
    """
    given = {**OPTIONS, "spark.cores.max": str(cores)}
    spark = {"master": master, "small": True, "shuffle_partitions": 2, "options": given}
    changed = [part for change in changes(folder, f"spark={spark}") for part in ("--set", change)]
    with tempfile.TemporaryDirectory() as own, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [str(DIAMANT), "run", "--conf", str(conf), *options, *changed],
            cwd=REPOSITORY,
            stdout=said,
            stderr=said,
            start_new_session=True,
            env={**os.environ, "SPARK_LOCAL_IP": standalone_cluster.HOST, "TMPDIR": own},
        )
        try:
            yield Driver(process, said)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
