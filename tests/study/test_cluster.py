"""Twelve slices on HDFS and a cluster of two workers: the bytes of a local run, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

import pyspark
import pytest
from processes import family
from runs_elsewhere import changes, differing, published, run
from study_runs import DIAMANT, REPOSITORY

from jobs.output import rooms
from jobs.places.place import Place
from jobs.simulate import studies
from jobs.spark import classes
from jobs.stages.order import STAGES
from jobs.tools import package, standalone_cluster, yarn_cluster

pytestmark = pytest.mark.cluster

REQUEST = {
    "countries": ["AA", "BB", "CC"],
    "waves": ["w1", "w2", "w3", "w4"],
    **{"regions": 4, "sectors": 3, "firms": 400},
}
MODEL = "conf/models/cluster_within.lav"
SMALL_MODEL = "innovative_share ~ rd_effort + commonality_within\n"  # the study's own takes seconds a slice
PATIENCE = 600  # seconds
IN_HASTE = f"{classes.use()} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # executors that live for a minute
OPTIONS = {
    "spark.executor.extraJavaOptions": IN_HASTE,
    **{"spark.default.parallelism": "2", "spark.sql.leafNodeDefaultParallelism": "2"},
}
EXECUTOR = b"CoarseGrainedExecutorBackend"  # in the command of an executor
OF_PYTHON = b"pyspark.daemon"  # in that of the Python that an executor starts for a fit, and for nothing else


@pytest.fixture(scope="module")
def study(spark, hdfs, tmp_path_factory) -> tuple[Path, Path]:
    """The run files of the same simulated study on this machine and on HDFS."""
    folder = tmp_path_factory.mktemp("twelve")
    conf = studies.studies(studies.wanted(REQUEST), folder)
    (folder / "model.lav").write_text(SMALL_MODEL)
    conf.write_text(conf.read_text().replace(MODEL, str(folder / "model.lav")))
    (hdfs / "twelve").send(folder)
    elsewhere = tmp_path_factory.mktemp("conf") / conf.name
    elsewhere.write_text(conf.read_text().replace(str(folder), str(hdfs / "twelve")))
    return conf, elsewhere


@pytest.fixture(scope="module")
def local(spark, study, tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("local")
    run(lambda: spark, folder, study[0])
    return published(folder, study[0].parent)


@pytest.fixture(scope="module")
def cluster(hdfs, tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """The folder of a cluster's daemons, and the master's address."""
    folder = tmp_path_factory.mktemp("cluster")
    yield folder, standalone_cluster.start(folder)
    standalone_cluster.stop(folder)


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
            time.sleep(0.02)


@contextmanager
def driver(master: str, conf: Path, folder: Place, *options: str) -> Iterator[Driver]:
    """The command with its driver here and its executors on the cluster; it is killed when the block ends.

    Each driver has a new folder for temporary files, as one on another machine has.
    """
    spark = {"master": master, "small": True, "shuffle_partitions": 2, "options": OPTIONS}
    given = [part for change in changes(folder, f"spark={spark}") for part in ("--set", change)]
    with tempfile.TemporaryDirectory() as own, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [str(DIAMANT), "run", "--conf", str(conf), *options, *given],
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


def begun(folder: Place, stage: str) -> bool:
    """Whether the stage has begun to write: the last of its tables is there, or a publication's draft."""
    tables = getattr(STAGES[stage], "TABLES", ())
    if not tables:
        return any(folder.glob(f"{rooms.PREFIX}*"))
    return (folder / "work" / "tables" / tables[-1] / "_delta_log").exists()


def test_a_driver_killed_in_each_stage_is_taken_up_with_the_bytes_of_a_local_run(
    spark, hdfs, cluster, study, tmp_path
):
    """The four slices of one country, since eight drivers start for them."""
    folder, country = hdfs / "drivers", "AA"
    for stage in list(STAGES)[1:]:
        with driver(cluster[1], study[1], folder, "--country", country) as killed:
            assert not begun(folder, stage), "the stage before is done, and this one is not"
            killed.wait_until(lambda stage=stage: begun(folder, stage))
    with driver(cluster[1], study[1], folder, "--country", country) as last:
        last.end_well()
    run(lambda: spark, tmp_path, study[0], countries=[country])
    assert differing(folder, hdfs / "twelve", published(tmp_path, study[0].parent)) == set()


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


def test_a_worker_killed_in_a_write_and_one_in_a_fit_change_no_byte(hdfs, cluster, study, local):
    folder, (daemons, master) = hdfs / "workers", cluster
    log = folder / "work" / "tables" / "answers" / "_delta_log"
    with driver(master, study[1], folder) as running:
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
    assert differing(folder, hdfs / "twelve", local) == set()


@pytest.fixture
def yarn(hdfs, hdfs_folder) -> Iterator[str]:
    """The settings of a YARN beside HDFS."""
    yield yarn_cluster.start(hdfs_folder)
    yarn_cluster.stop(hdfs_folder)


def test_a_driver_that_runs_on_the_cluster_publishes_the_bytes_of_a_local_run(
    hdfs, yarn, study, local, tmp_path
):
    """The artefact by one line of spark-submit; the driver is a container of YARN, its run file on HDFS."""
    folder, conf, commands = hdfs / "cluster_mode", hdfs / "twelve.yaml", Path(sys.executable).parent
    conf.send(study[1])
    (tmp_path / "empty").mkdir()
    given = {
        **{f"spark.{kind}.PYSPARK_PYTHON": sys.executable for kind in ("yarn.appMasterEnv", "executorEnv")},
        **{f"spark.{kind}.SPARK_LOCAL_IP": "127.0.0.1" for kind in ("yarn.appMasterEnv", "executorEnv")},
        **{f"spark.{kind}.extraJavaOptions": IN_HASTE for kind in ("driver", "executor")},
        "spark.yarn.jars": f"local:{Path(pyspark.__file__).parent}/jars/*",  # else 400 MB are sent to HDFS
        "spark.yarn.maxAppAttempts": "1",
    }
    options = [part for name, value in given.items() for part in ("--conf", f"{name}={value}")]
    options += ["--jars", ",".join(str(jar) for jar in (commands.parent / "jars").glob("*.jar"))]
    changed = changes(folder, f"spark={ {'small': True, 'shuffle_partitions': 2} }")
    done = subprocess.run(
        [
            *(str(commands / "spark-submit"), "--master", "yarn", "--deploy-mode", "cluster", *options),
            *(str(package.build(tmp_path / "dist")), "run", "--conf", str(conf)),
            *(part for change in changed for part in ("--set", change)),
        ],
        cwd=tmp_path / "empty",
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env={
            **{**os.environ, "HADOOP_CONF_DIR": yarn, "SPARK_LOCAL_IP": "127.0.0.1"},
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert differing(folder, hdfs / "twelve", local) == set()
    assert list((tmp_path / "empty").iterdir()) == [], "nothing is left where the command was given"
