"""What PySpark asks the JVM by name, it asks once."""

from __future__ import annotations

from unittest.mock import patch

from py4j.clientserver import ClientServerConnection
from py4j.protocol import REFLECTION_COMMAND_NAME
from pyspark.sql import functions as F

from jobs.spark import remembered


def looked_up(make) -> int:
    """How often the JVM is asked for a class or a method by its name while `make` runs."""
    commands: list[str] = []
    send = ClientServerConnection.send_command

    def recorded(self, command):
        commands.append(command)
        return send(self, command)

    with patch.object(ClientServerConnection, "send_command", recorded):
        make()
    assert commands, "nothing was asked at all"
    return sum(command.startswith(REFLECTION_COMMAND_NAME) for command in commands)


def test_no_class_and_no_method_is_looked_up_twice(spark):
    def make():
        return F.array(F.upper(F.col("text")), F.lit(1), F.transform("list", lambda value: value + 1))

    make()
    assert looked_up(make) == 0


def test_names_that_are_remembered_are_those_of_pyspark(spark):
    """Where PySpark asks by another name, the JVM looks for it at every call again."""
    jvm = spark.sparkContext._jvm
    for name in remembered.NAMES:
        vars(jvm).pop(name)
    assert looked_up(lambda: F.upper(F.lit("a"))) > 0
    remembered.remember(jvm)
    F.upper(F.lit("a"))
    assert looked_up(lambda: F.upper(F.lit("a"))) == 0
