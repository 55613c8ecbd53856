"""Twelve slices with the driver on a cluster: a container of YARN gives the bytes of a local run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest
from runs_elsewhere import IN_HASTE, changes, differing

from jobs.tools import package, yarn_cluster

pytestmark = pytest.mark.cluster

PATIENCE = 1200  # seconds


@pytest.fixture
def yarn(hdfs, hdfs_folder) -> Iterator[str]:
    """The settings of a YARN beside HDFS."""
    yield yarn_cluster.start(hdfs_folder)
    yarn_cluster.stop(hdfs_folder)


def test_a_driver_that_runs_on_the_cluster_publishes_the_bytes_of_a_local_run(
    hdfs, yarn, twelve, twelve_here, tmp_path
):
    """The artefact by one line of spark-submit; the driver is a container of YARN, its run file on HDFS."""
    folder, conf, commands = hdfs / "cluster_mode", hdfs / "twelve.yaml", Path(sys.executable).parent
    conf.send(twelve[1])
    (tmp_path / "empty").mkdir()
    given = {
        **{f"spark.{kind}.PYSPARK_PYTHON": sys.executable for kind in ("yarn.appMasterEnv", "executorEnv")},
        **{f"spark.{kind}.SPARK_LOCAL_IP": "127.0.0.1" for kind in ("yarn.appMasterEnv", "executorEnv")},
        **{f"spark.{kind}.extraJavaOptions": IN_HASTE for kind in ("driver", "executor")},
        "spark.yarn.jars": f"local:{Path(pyspark.__file__).parent}/jars/*",  # else 400 MB are sent to HDFS
        "spark.yarn.maxAppAttempts": "1",
        "spark.executor.instances": "1",
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
        timeout=PATIENCE,
        env={
            **{**os.environ, "HADOOP_CONF_DIR": yarn, "SPARK_LOCAL_IP": "127.0.0.1"},
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert differing(folder, hdfs / "twelve", twelve_here) == set()
    assert list((tmp_path / "empty").iterdir()) == [], "nothing is left where the command was given"
