"""A small table is fitted without Spark; what is large, or a matter of Spark's, is left to it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.anytable import in_process, job
from jobs.anytable.request import Request

MODEL = "f =~ y1 + y2 + y3\nf ~ x1 + x2\n"
HEAVY = {  # what a small fit has no use for: engine, figures, suites, Parquet, YAML, sections of a run file
    *("pyspark", "py4j", "delta", "great_expectations", "matplotlib", "scipy.stats", "pyarrow.parquet"),
    *("ruamel.yaml", "pydantic", "jobs.settings.inputs", "jobs.settings.sections", "jobs.settings.run_file"),
    *("jobs.settings.session", "jobs.fits.joint", "jobs.sem.joint.fit", "jobs.sem.bootstrap.replicates"),
}
# Run as the command is, with a look at what it loaded, at threads of linear algebra, and at its end.
COMMAND = """
import atexit, gc, sys
from contextlib import suppress
from threadpoolctl import threadpool_info
from jobs.cli import main
early = {"numpy", "pandas"} & set(sys.modules)
assert not early, early
atexit.register(lambda: print("frozen" if gc.get_freeze_count() else "searched for garbage"))
with suppress(SystemExit):
    main()
heavy = set(HEAVY) & set(sys.modules)
assert not heavy, heavy
threads = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
assert threads == {1}, threads
"""


@pytest.fixture
def opened(tmp_path):
    """The table in memory, None where it is left to Spark."""

    def run(frame: pd.DataFrame, name: str = "t.csv", **options):
        (tmp_path / "m.lav").write_text(MODEL)
        data = tmp_path / name
        frame.to_csv(data, index=False) if name.endswith("csv") else frame.to_parquet(data)
        wanted = Request(data=str(data), model=str(tmp_path / "m.lav"), out=str(tmp_path / "out"), **options)
        return job.in_process(wanted.checked())

    return run


def test_no_java_is_needed(firms, tmp_path):
    firms({"NL": 0.5, "BE": 0.2}).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "m.lav").write_text(MODEL)
    command = [str(Path(sys.executable).parent / "diamant"), "fit", "--data", "t.csv", "--model", "m.lav"]
    # Neither a Java nor anything else is found on such a path.
    environment = {**os.environ, "PATH": str(tmp_path), "JAVA_HOME": str(tmp_path)}
    done = subprocess.run(
        [*command, "--group", "country", "--out", "out"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "estimates.csv").is_file()
    assert (tmp_path / "out" / "estimates.csv").stat().st_mode & 0o077 == 0


def test_nothing_heavy_is_imported_that_a_small_fit_does_without(firms, tmp_path):
    """That keeps the command near Rscript with lavaan: most of its time goes to loading libraries."""
    firms({"NL": 0.5}).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "m.lav").write_text(MODEL)
    words = ["fit", "--data", "t.csv", "--model", "m.lav", "--out", "out"]
    done = subprocess.run(
        [sys.executable, "-c", f"HEAVY = {HEAVY}\n{COMMAND}", *words],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["Tables: " + str(tmp_path / "out"), "frozen"]


def test_what_is_left_to_spark(opened, firms, monkeypatch):
    few, many = firms({"NL": 0.5}), firms({f"C{k}": 0.5 for k in range(5)}, cases=10)
    assert opened(few) is not None
    assert opened(many, groups=("country",)) is not None
    dated = few.assign(country=date(2012, 1, 1))
    assert opened(dated, "t.parquet", groups=("country",)) is None
    assert opened(few.assign(country=1.5), "t.parquet", groups=("country",)) is None
    assert opened(few.assign(country=2.0), "t.parquet", groups=("country",)) is not None
    monkeypatch.setattr(in_process, "MOST_GROUPS", 4)
    assert opened(many, groups=("country",)) is None
    monkeypatch.setattr(in_process, "MOST_DRAWN", 1000 * len(few))
    assert opened(few, bootstrap=1000) is not None
    assert opened(few, bootstrap=1001) is None
    monkeypatch.setattr(in_process, "LARGEST", 1000)
    assert opened(few) is None


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "-2.5", "+3e2", ".5", "7."],
        ["1", "9", "2"],  # a code of no answer
        ["1", "9.0", "2"],  # the same code, written otherwise
        ["1", "1e999", "2"],  # beyond what a number holds
        ["1", None, "NA", "2"],
        ["1", "1_000", "inf", "nan", "٣"],  # numbers to Python alone
        ["1,5", "2"],
    ],
)
@pytest.mark.parametrize("options", [{}, {"decimal": ",", "separator": ";"}, {"thousands": "'"}])
def test_a_column_that_is_read_at_once_is_what_its_cells_are(tmp_path, cells, options):
    (tmp_path / "t.csv").touch()
    request = Request(data=str(tmp_path / "t.csv"), model="", out="", na=("NA", "9"), **options)
    column, read = in_process._reader(request)(cells), in_process._reader_of_cells(request)
    values, given = zip(*map(read, cells), strict=True)
    texts = [cell for cell, here in zip(cells, given, strict=True) if here]
    np.testing.assert_array_equal(column.values, values)
    assert column.is_odd.tolist() == (np.array(given) & np.isnan(values)).tolist()
    assert column.texts == ([] if "thousands" in options else texts)
