"""The same input gives the same bytes: again, in other partitions, in another order, after a kill."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import time

from rich.console import Console
from study_runs import DIAMANT, REPOSITORY, Run, changes, context, diamant

from jobs.run import execute as pipeline
from jobs.run.progress import Progress

STAGES = ("simulate", "ingest", "harmonise", "validate", "indicators", "link", "fit", "publish")
# What names the input's checksum differs when the input's rows are in another order.
OF_THE_INPUT = {"manifest.json", "report.html"}


def test_a_second_run_does_nothing_new_and_publishes_the_same_bytes(demo):
    before = demo.published
    code, said = diamant("run", "--conf", "conf/runs/demo.yaml", *changes(demo.folder))
    assert code == 0
    assert said.count("up to date, skipped") == 8, "the publication stands as it would be written"
    assert demo.published == before


def test_partitions_and_the_order_of_rows_do_not_show(spark, demo, tmp_path):
    """The demo moves rows in one partition."""
    partitions = 7
    source = tmp_path / "source" / "input"
    source.mkdir(parents=True)
    for name in ("survey_cis2.csv", "flows_cis2.csv"):
        header, *rows = (demo.folder / "input" / name).read_bytes().splitlines(keepends=True)
        random.Random(partitions).shuffle(rows)
        (source / name).write_bytes(header + b"".join(rows))
    settings = changes(tmp_path, tmp_path / "source")[1::2]
    given = context(spark, "conf/runs/demo.yaml", *settings, "simulate=null")
    usual = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", partitions)
    try:
        pipeline.run(given, Progress(Console(file=io.StringIO())))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", usual)
    again = Run(tmp_path, 0, "").published
    assert {name for name in demo.published if again[name] != demo.published[name]} <= OF_THE_INPUT


def test_a_run_killed_in_every_stage_ends_in_the_same_bytes(demo, tmp_path):
    command = [str(DIAMANT), "run", "--conf", "conf/runs/demo.yaml", *changes(tmp_path)]
    for stage in STAGES:
        _kill_in(stage, command, tmp_path)
    code, said = diamant(*command[1:])
    assert code == 0, said
    again = Run(tmp_path, code, said).published
    assert {name for name in demo.published if again[name] != demo.published[name]} == set()
    assert not any(tmp_path.rglob(".diamant-*")), "what the killed runs left is cleared"


def _kill_in(stage: str, command: list[str], folder) -> None:
    """Start the command and SIGKILL it, JVM and all, once the stage before `stage` is done.

    The first stage is killed while it writes the survey: one of many firms, which takes some seconds.
    """
    first = stage == STAGES[0]
    process = subprocess.Popen(
        [*command, "--set", "simulate.firms=2000000"] if first else command,
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    if first:
        ended = time.monotonic() + 120
        while not any(folder.glob("input/.diamant-*/content")) and time.monotonic() < ended:
            time.sleep(0.01)
        assert any(folder.glob("input/.diamant-*/content"))
        os.killpg(process.pid, signal.SIGKILL)
    else:
        before = STAGES[STAGES.index(stage) - 1]
        assert any(line.startswith(before) for line in process.stderr), f"the run ended before {stage}"
        try:
            process.wait(timeout=1.0)  # well inside the next stage
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
