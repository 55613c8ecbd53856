"""What the tests of the study share: the demo, a study of twelve slices here and on HDFS, and a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from runs_elsewhere import published, run
from study_runs import Run, changes, watched

from jobs.simulate import studies
from jobs.tools import standalone_cluster

TWELVE = {
    "countries": ["AA", "BB", "CC"],
    "waves": ["w1", "w2", "w3", "w4"],
    **{"regions": 4, "sectors": 3, "firms": 400},
}
MODEL = "conf/models/cluster_within.lav"
SMALL_MODEL = "innovative_share ~ rd_effort + commonality_within\n"  # the study's own takes seconds a slice


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Run:
    """Its folders were there before, open to all, as many an office's are; and so is what the user makes."""
    folder = tmp_path_factory.mktemp("demo")
    for name in ("work", "input"):
        (folder / name).mkdir(mode=0o755)
    run = watched(folder, "run", "--conf", "conf/runs/demo.yaml", *changes(folder))
    assert run.code == 0, run.said
    return run


@pytest.fixture(scope="session")
def twelve(spark, hdfs, tmp_path_factory) -> tuple[Path, Path]:
    """The run files of the same simulated study of twelve slices on this machine and on HDFS."""
    folder = tmp_path_factory.mktemp("twelve")
    conf = studies.studies(studies.wanted(TWELVE), folder)
    (folder / "model.lav").write_text(SMALL_MODEL)
    conf.write_text(conf.read_text().replace(MODEL, str(folder / "model.lav")))
    (hdfs / "twelve").send(folder)
    elsewhere = tmp_path_factory.mktemp("conf") / conf.name
    elsewhere.write_text(conf.read_text().replace(str(folder), str(hdfs / "twelve")))
    return conf, elsewhere


@pytest.fixture(scope="session")
def twelve_here(spark, twelve, tmp_path_factory) -> dict[str, bytes]:
    """What a run on this machine publishes of the twelve slices."""
    folder = tmp_path_factory.mktemp("local")
    run(lambda: spark, folder, twelve[0])
    return published(folder, twelve[0].parent)


@pytest.fixture(scope="session")
def cluster(hdfs, tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """The folder of a cluster's daemons, and the master's address."""
    folder = tmp_path_factory.mktemp("cluster")
    yield folder, standalone_cluster.start(folder)
    standalone_cluster.stop(folder)
