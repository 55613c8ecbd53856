"""One Spark session for the suite, with Delta; small, so that the suite runs on a laptop."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
from hypothesis import settings as drawing

# Properties that say no number of their own draw 100 cases, and 2,000 with --hypothesis-profile=long.
drawing.register_profile("short", max_examples=100, deadline=None)
drawing.register_profile("long", max_examples=2000, deadline=None)
drawing.load_profile("short")

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "publish"))  # the small published tables, for all tests


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist, which reads the groups in a hook of the same name
def pytest_collection_modifyitems(items):
    """With several workers (-n 2), tests of a file go to one of them, and all tests of the demo to one too.

    What a file prepares for its tests is then prepared once, and the demo is run once. The same holds for
    the daemons of HDFS. Tests of a cluster are parted in two, which take as long: those of twelve slices,
    and the others.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        shared = {"demo", "hdfs"} & fixtures
        group = min(shared) if shared else str(item.path)
        if item.get_closest_marker("cluster"):
            group = "twelve slices" if "twelve_here" in fixtures else "others of a cluster"
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_runtest_teardown(item, nextitem):
    """After each file the plans that its tests left in the JVM are freed (see jobs.spark.session.release).

    What is there then stays to the end, and need not be looked through again.
    """
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def spark():
    from jobs.settings import reading as settings
    from jobs.spark import session

    of_demo = settings.read(str(REPOSITORY / "conf/runs/demo.yaml")).spark
    # Two of everything, so that rows are moved. The suite runs long enough for Java's best compiler to pay,
    # and leaves so much behind that much room for new objects halves the time to clear it away.
    options = {
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -Xmn600m",
        "spark.default.parallelism": "2",
        "spark.sql.leafNodeDefaultParallelism": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
    }
    own = of_demo.model_copy(update={"shuffle_partitions": 2, "options": options})
    started = session.start(own, "tests")
    yield started
    started.stop()


@pytest.fixture
def tables(spark, tmp_path):
    from jobs.spark.tables import Tables

    return Tables(lambda: spark, str(tmp_path / "tables"))


@pytest.fixture(scope="session")
def hdfs_folder(tmp_path_factory) -> Path:
    """Where the daemons of HDFS keep their files."""
    return tmp_path_factory.mktemp("hdfs")


@pytest.fixture(scope="session")
def hdfs(spark, hdfs_folder):
    """The root of a real HDFS on the loopback address, whose client gives up soon where a node is gone."""
    from jobs.places import hadoop
    from jobs.places.place import Place
    from jobs.tools import hdfs_cluster

    if not hdfs_cluster.available():
        pytest.skip("HDFS is not in .venv/hdfs: set-up could not get its JARs from Maven")
    hadoop.configuration().setInt("dfs.client.retry.window.base", 10)
    address = hdfs_cluster.start(hdfs_folder)
    yield Place.of(address)
    hdfs_cluster.stop(hdfs_folder)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files beside the checkout; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real files (../shared/data) are absent")
    return folder
