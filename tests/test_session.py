"""The session says nothing that quotes data, and asks for Delta's JARs by name."""

from __future__ import annotations

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from jobs import session
from jobs.errors import SettingsError
from jobs.settings import SparkSettings


def test_an_error_of_a_query_writes_no_value_on_the_terminal(spark, capfd):
    for frame in (
        spark.range(1).select(F.lit("4711CANARY").cast("int")),
        spark.range(1).select(F.expr("cast('4711CANARY' as int)")),
    ):
        with pytest.raises(PySparkException, match="4711CANARY"):
            frame.collect()
    said = capfd.readouterr()
    assert "4711CANARY" not in said.out + said.err


def test_the_clock_is_utc_and_no_page_of_spark_is_open(spark):
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.sparkContext.uiWebUrl is None


def test_a_folder_without_jars_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    with pytest.raises(SettingsError, match="make setup"):
        session.jars(SparkSettings(jars=str(tmp_path)))
    (tmp_path / "b.jar").touch()
    (tmp_path / "a.jar").touch()
    assert [jar.name for jar in session.jars(SparkSettings(jars=str(tmp_path)))] == ["a.jar", "b.jar"]
