"""The driver of a run on HDFS and a cluster is killed in each stage: the bytes of a local run."""

from __future__ import annotations

import pytest
from drivers import driver
from runs_elsewhere import differing, published, run

from jobs.output import rooms
from jobs.places.place import Place
from jobs.stages.order import STAGES

pytestmark = pytest.mark.cluster


def begun(folder: Place, stage: str) -> bool:
    """Whether the stage has begun to write: the last of its tables is there, or a publication's draft."""
    tables = getattr(STAGES[stage], "TABLES", ())
    if not tables:
        return any(folder.glob(f"{rooms.PREFIX}*"))
    return (folder / "work" / "tables" / tables[-1] / "_delta_log").exists()


def test_a_driver_killed_in_each_stage_is_taken_up_with_the_bytes_of_a_local_run(
    spark, hdfs, cluster, twelve, tmp_path
):
    """The four slices of one country on one executor, since eight drivers start for them."""
    folder, only = hdfs / "drivers", ("--country", "AA")
    for stage in list(STAGES)[1:]:
        with driver(cluster[1], twelve[1], folder, *only, cores=1) as killed:
            assert not begun(folder, stage), "the stage before is done, and this one is not"
            killed.wait_until(lambda stage=stage: begun(folder, stage))
    with driver(cluster[1], twelve[1], folder, *only, cores=1) as last:
        last.end_well()
    run(lambda: spark, tmp_path, twelve[0], countries=[only[1]])
    assert differing(folder, hdfs / "twelve", published(tmp_path, twelve[0].parent)) == set()
