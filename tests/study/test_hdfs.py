"""Input, work folder and publication on a real HDFS: the bytes of a local run, whatever happens meanwhile."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rich.console import Console
from runs_elsewhere import changes, differing, published, run
from study_runs import DIAMANT, REPOSITORY

from jobs.errors import SliceHeld, Unreachable
from jobs.places import copies, leases
from jobs.places.place import Place
from jobs.run.progress import Progress
from jobs.simulate import studies
from jobs.spark import failures
from jobs.tools import hdfs_cluster

pytestmark = pytest.mark.cluster

REQUEST = {"countries": ["AA"], "waves": ["w1"], "regions": 6, "sectors": 5, "firms": 600}
MAP = "conf/waves/cis2_simulated.yaml"


@pytest.fixture(scope="module")
def study(spark, hdfs, tmp_path_factory) -> tuple[Path, Path]:
    """The run files of the same simulated study on this machine and on HDFS, wave map and all."""
    folder = tmp_path_factory.mktemp("study")
    studies.studies(studies.wanted(REQUEST), folder)
    conf = folder / "AA.yaml"
    (folder / "AA" / "map.yaml").write_bytes((REPOSITORY / MAP).read_bytes())
    (folder / "AA" / "model.lav").write_bytes((REPOSITORY / "conf/models/cluster_within.lav").read_bytes())
    text = conf.read_text().replace(MAP, str(folder / "AA/map.yaml")) + "fit: {max_failed_groups: 1}\n"
    conf.write_text(text.replace("conf/models/cluster_within.lav", str(folder / "AA/model.lav")))
    (hdfs / "study").send(folder)
    elsewhere = tmp_path_factory.mktemp("conf") / "AA.yaml"
    elsewhere.write_text(conf.read_text().replace(str(folder), str(hdfs / "study")))
    return conf, elsewhere


@pytest.fixture(scope="module")
def local(spark, study, tmp_path_factory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What is published on this machine: as it is, and under another title."""
    folder = tmp_path_factory.mktemp("local")
    run(lambda: spark, folder, study[0])
    first = published(folder, study[0].parent)
    run(lambda: spark, folder, study[0], "title=Another title")
    return first, published(folder, study[0].parent)


def test_a_driver_is_alone_killed_and_taken_up_with_the_bytes_of_a_local_run(
    spark, hdfs, study, local, tmp_path
):
    folder = hdfs / "killed"
    given = [part for change in changes(folder) for part in ("--set", change)]
    process = subprocess.Popen(
        [str(DIAMANT), "run", "--conf", str(study[1]), *given],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    log = folder / "work" / "tables" / "harmonised" / "_delta_log"
    ended = time.monotonic() + 400
    while not any(log.glob("*1.json")) and process.poll() is None and time.monotonic() < ended:
        time.sleep(0.5)
    with pytest.raises(SliceHeld, match=f"another run works in {folder / 'work'}"):
        run(lambda: spark, folder, study[1])
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (lock,) = (folder / "work" / "locks").glob("run-*.lock")
    assert not (folder / "published").exists() and leases.is_free(folder / "work" / "locks", "run")
    silent = {**json.loads(lock.read_bytes()), "system": "another machine", "seconds": 4}
    lock.put_bytes(json.dumps(silent).encode())
    with pytest.raises(SliceHeld):
        run(lambda: spark, folder, study[1])
    time.sleep(5)
    ran = run(lambda: spark, folder, study[1])
    assert "ingest" not in ran and ran[-1] == "publish", ran
    assert differing(folder, hdfs / "study", local[0]) == set()


def test_nothing_is_read_anew_where_nothing_changed(hdfs, local, study):
    folder = hdfs / "killed"
    versions = {str(log): len(log.listed()) for log in logs(folder)}
    copies.kept_in(None)

    def never():
        raise AssertionError("a run with nothing to do starts no Spark")

    assert run(never, folder, study[1]) == []
    assert {str(log): len(log.listed()) for log in logs(folder)} == versions
    assert not {place for place in copies._copies if "survey_" in place or "flows_" in place}, "is not copied"
    assert differing(folder, hdfs / "study", local[0]) == set()


def logs(folder: Place) -> list[Place]:
    return [table / "_delta_log" for table in (folder / "work" / "tables").iterdir()]


def test_a_data_node_that_stops_leaves_the_last_publication_and_the_same_command_goes_on(
    spark, hdfs, hdfs_folder, local, study
):
    folder = hdfs / "killed"

    class Stopping(Progress):
        def stage(self, name, label):
            hdfs_cluster.stop_data_node(hdfs_folder)
            return super().stage(name, label)

    stopping = Stopping(Console(file=io.StringIO()))
    try:
        with pytest.raises(Exception) as error:
            run(lambda: spark, folder, study[1], "title=Another title", progress=stopping)
        said = failures.explained(error.value)
        assert isinstance(said, Unreachable) and said.exit_code == 3
        assert re.search(r"cannot be reached or written now \(\w.*run the same command", str(said))
    finally:
        hdfs_cluster.start_data_node(hdfs_folder)
    assert differing(folder, hdfs / "study", local[0]) == set()
    run(lambda: spark, folder, study[1], "title=Another title")
    assert differing(folder, hdfs / "study", local[1]) == set()


def test_a_small_file_is_written_without_a_pause(hdfs):
    """By its own settings the client sleeps 0.4 s where the name node has not yet heard of a file's end."""
    (hdfs / "small" / "first").put_bytes(b"the client is awake")
    started = time.monotonic()
    for number in range(20):
        (hdfs / "small" / str(number)).put_bytes(b"some bytes")
    assert time.monotonic() - started < 20 * 0.2
