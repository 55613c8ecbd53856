"""Java starts from the archive of classes that is made once, and does without one that does not fit."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from pyspark import SparkContext

from jobs.spark import classes


def test_the_suites_own_session_has_its_classes_from_the_archive(spark):
    if not classes.archive().is_file():
        pytest.skip("set-up made no archive with this Java; .venv/setup.log may tell why")
    java = SparkContext._gateway.proc.pid
    assert str(classes.archive()) in Path(f"/proc/{java}/maps").read_text()


def test_an_archive_that_does_not_fit_is_passed_over_in_silence(monkeypatch, tmp_path):
    (tmp_path / "spark-classes.jsa").write_bytes(b"of another Java" * 1000)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    done = subprocess.run(["java", *shlex.split(classes.use()), "-version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == ""
    assert "version" in done.stderr and "warning" not in done.stderr


def test_without_an_archive_java_is_told_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert classes.use() == ""
