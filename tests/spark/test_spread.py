"""A function spread over executors: results in order whatever the partitions, errors without data."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from py4j.protocol import Py4JJavaError
from threadpoolctl import threadpool_info

from jobs.errors import SettingsError
from jobs.sem.bootstrap.replicates import Drawing, bootstrap
from jobs.sem.routes.method import Method
from jobs.spark import failures
from jobs.spark.spread import SpreadError, spread
from jobs.tools import package


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("slices", [None, 1, 3])
def test_results_come_in_the_order_of_the_tasks(spark, slices):
    assert spread(spark, square, range(9), slices) == [number**2 for number in range(9)]


def test_no_task_no_result(spark):
    assert spread(spark, square, []) == []


def test_tasks_and_results_may_be_arrays_and_the_work_leaves_this_process(spark):
    tasks = [np.arange(size, dtype=float) for size in (3, 0, 5)]
    found = spread(spark, lambda values: (os.getpid(), values * 2), tasks)
    for task, (process, doubled) in zip(tasks, found, strict=True):
        np.testing.assert_array_equal(doubled, task * 2)
        assert process != os.getpid()


def test_one_blas_thread(spark):
    def threads(_: int) -> list[int]:
        np.ones((4, 4)) @ np.ones((4, 4))
        return [library["num_threads"] for library in threadpool_info()]

    (found,) = spread(spark, threads, [0])
    assert found
    assert set(found) == {1}


def test_an_error_names_its_kind_and_line_but_no_data(spark):
    def failing(secret: str) -> float:
        return float(secret)

    with pytest.raises(
        SpreadError, match=r"failing failed on an executor: ValueError at test_spread.py"
    ) as met:
        spread(spark, failing, ["turnover 4711"])
    assert "4711" not in str(met.value)
    assert "turnover" not in str(met.value)


def test_executors_without_a_python_are_told(spark, monkeypatch):
    monkeypatch.setattr(spark.sparkContext, "pythonExec", "/nowhere/python")
    with pytest.raises(Py4JJavaError) as met:
        spread(spark, square, [1])
    said = str(failures.explained(met.value))
    assert said.startswith("Spark's executors find no Python at /nowhere/python (PYSPARK_PYTHON); ")


def test_an_error_of_the_house_is_raised_as_it_is(spark):
    def failing(_: int) -> None:
        raise SettingsError("fit.weighted is wrong.")

    with pytest.raises(SettingsError, match=r"^fit\.weighted is wrong\.$"):
        spread(spark, failing, [1])


def test_progress_is_told_in_steps_that_end_with_all(spark):
    told: list[tuple[int, int]] = []
    found = spread(spark, square, range(7), partitions=3, tell=lambda done, every: told.append((done, every)))
    assert found == [number**2 for number in range(7)]
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_a_bootstrap_is_the_same_on_executors(spark):
    """Bit for bit: replicates are functions of seed, group and number."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(200, 2)), columns=["x", "y"])
    frame = frame.assign(cell=random.integers(0, 20, 200), group=np.where(frame.x > 0, "a", "b"))
    settings = Method(clusters=("cell",))
    here = bootstrap("y ~ b*x\ntwice := 2*b", frame, "group", settings, drawing=Drawing(60))
    there = bootstrap(
        "y ~ b*x\ntwice := 2*b",
        frame,
        "group",
        settings,
        drawing=Drawing(60),
        mapped=partial(spread, spark, partitions=2),
    )
    pd.testing.assert_frame_equal(here.estimates, there.estimates, check_exact=True)
    pd.testing.assert_frame_equal(here.differences, there.differences, check_exact=True)


def test_executors_import_the_package_from_the_artefact(tmp_path):
    artefact = package.build(tmp_path)
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(artefact)!r})\n"
        "from jobs.settings.session import SparkSettings\n"
        "from jobs.spark import session, spread\n"
        "def where(_):\n"
        "    import jobs.sem\n"
        "    return jobs.sem.__file__\n"
        "spark = session.start(SparkSettings(master='local[1]'), 'artefact')\n"
        "print(spread.spread(spark, where, [0])[0])\n"
    )
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip().endswith(f"{artefact.stem}.zip/jobs/sem/__init__.py"), done.stderr
