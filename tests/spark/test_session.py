"""The session says nothing that quotes data, and asks for Delta's JARs by name."""

from __future__ import annotations

import gc
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from py4j import java_gateway
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from jobs.errors import SettingsError
from jobs.settings.session import SparkSettings
from jobs.spark import session

REPOSITORY = Path(__file__).resolve().parents[2]
DIAMANT = Path(sys.executable).parent / "diamant"


def test_an_error_of_a_query_writes_no_value_on_the_terminal(spark, capfd):
    for frame in (
        spark.range(1).select(F.lit("4711CANARY").cast("int")),
        spark.range(1).select(F.expr("cast('4711CANARY' as int)")),
    ):
        with pytest.raises(PySparkException, match="4711CANARY"):
            frame.collect()
    said = capfd.readouterr()
    assert "4711CANARY" not in said.out + said.err


def test_py4j_writes_no_traceback_of_its_own(spark):
    """It writes through the logger of all where the JVM has ended, and the error is raised as well."""
    every = logging.getLogger()
    of_py4j = logging.LogRecord("root", logging.ERROR, java_gateway.__file__, 1, "Exception", None, None)
    of_another = logging.LogRecord("root", logging.ERROR, __file__, 1, "Exception", None, None)
    assert not every.filter(of_py4j)
    assert every.filter(of_another)


def test_the_clock_is_utc_and_no_page_of_spark_is_open(spark):
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.sparkContext.uiWebUrl is None


def test_the_plans_of_a_stage_are_freed_with_it(spark):
    def in_use() -> int:
        return sum(type(each).__name__ == "JavaObject" for each in gc.get_objects())

    def in_memory() -> int:
        return spark.sparkContext._jsc.getPersistentRDDs().size()

    def query() -> None:
        spark.range(3).persist().select((F.col("id") + 1).alias("next").cast("string")).count()

    query()  # names and literals are kept for the next time they are used, see jobs.spark.calls
    session.release(spark)
    before, kept_before = in_use(), in_memory()
    gc.disable()  # as in a run: Python counts its own few objects, and sees no need to collect them
    try:
        for _ in range(20):
            query()
        left, kept = in_use(), in_memory()
        session.release(spark)
    finally:
        gc.enable()
    assert left >= before + 20 and kept > kept_before
    assert in_use() <= before and in_memory() <= kept_before


def test_a_folder_without_jars_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SettingsError, match="make setup"):
            session.jars(SparkSettings(jars=str(folder)))
    (tmp_path / "b.jar").touch()
    (tmp_path / "a.jar").touch()
    assert [jar.name for jar in session.jars(SparkSettings(jars=str(tmp_path)))] == ["a.jar", "b.jar"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"spark.sql.codegen.cache.maxEntries": "banana"},  # without a word for it, Spark would hang
            "spark.options.spark.sql.codegen.cache.maxEntries: Spark does not take",
        ),
        (
            {"spark.task.cpus": "99"},
            "Spark does not start (org.apache.spark.SparkException: The number of cores",
        ),
    ],
)
def test_an_option_that_spark_refuses_is_a_fault_of_the_settings(tmp_path, options, words):
    """In a process of its own, since a session is there once in a process."""
    changes = [part for key, value in options.items() for part in ("--set", f"spark.options.{key}='{value}'")]
    done = subprocess.run(
        [DIAMANT, "validate", "--conf", "conf/runs/demo.yaml", "--set", f"work={tmp_path}", *changes],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=300,
    )
    assert done.returncode == 2 and words in done.stderr.splitlines()[-1], done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spark.sql.shuffle.partitions", "banana"),
        ("spark.sql.shuffleExchange.maxThreadThreshold", "many"),  # taken at the start alone
        ("spark.databricks.delta.snapshotPartitions", "x"),
    ],
)
def test_values_that_spark_or_delta_cannot_read_are_told_before_a_session_starts(spark, key, value):
    session._demand_valid({key: "3", "spark.memory.fraction": "0.5"})
    with pytest.raises(SettingsError, match=f"^spark.options.{re.escape(key)}: Spark does not take this"):
        session._demand_valid({key: value})


def test_options_that_spark_takes_at_its_start_alone_reach_it():
    given = {"spark.sql.codegen.cache.maxEntries": "500", "spark.databricks.delta.snapshotPartitions": "3"}
    assert given.items() <= session._options(SparkSettings(options=given)).items()


def test_options_for_small_input_are_checked_where_a_user_has_his_own(tmp_path, monkeypatch):
    assert session._small()["spark.sql.adaptive.enabled"] == "false"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "spark").mkdir(parents=True)
    for text, words in (
        ("spark.sql.ansi.enabled: 'false'", "spark.sql.ansi.enabled is fixed"),
        ("spark.ui.enabled: [a]", "should be a valid string"),
        ("- a", "options: should be a section"),
    ):
        (tmp_path / session.SMALL).write_text(text)
        with pytest.raises(SettingsError, match=words):
            session._small()


def test_a_session_that_has_little_to_do_gets_the_options_for_small_input_where_nobody_says_otherwise():
    def options(**given) -> dict[str, str]:
        return session._options(session._for_little(SparkSettings(shuffle_partitions=8, **given)))

    small = session._small()
    assert small.items() - {(session.OF_JAVA, small[session.OF_JAVA])} <= options().items()
    assert options()["spark.sql.shuffle.partitions"] == "1"
    assert options()[session.OF_JAVA].endswith(small[session.OF_JAVA])
    assert options(options={session.OF_JAVA: "-Xint"})[session.OF_JAVA].endswith(" -Xint")
    large = session._options(SparkSettings())
    assert "spark.sql.codegen.wholeStage" not in large
    assert large[session.OF_JAVA].endswith(f"{session.COLLECTOR} {session.COMPILER}")
    assert session.COLLECTOR not in options()[session.OF_JAVA]
    assert large[session.OF_EXECUTORS] == session.COMPILER
