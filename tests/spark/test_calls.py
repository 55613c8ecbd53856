"""What PySpark need not ask the JVM, it does not ask, and what comes of it is the same."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from py4j import protocol
from py4j.clientserver import ClientServerConnection
from pyspark.sql import functions as F

from jobs.spark import calls


def sent(make: Callable[[], object]) -> list[str]:
    """The commands that reach the JVM while `make` runs."""
    commands: list[str] = []
    send = ClientServerConnection.send_command

    def recorded(self, command):
        commands.append(command)
        return send(self, command)

    with patch.object(ClientServerConnection, "send_command", recorded):
        make()
    return commands


def looked_up(make: Callable[[], object]) -> int:
    """How often the JVM is asked for a class or a method by its name."""
    commands = sent(make)
    assert commands, "nothing was asked at all"
    return sum(command.startswith(protocol.REFLECTION_COMMAND_NAME) for command in commands)


def test_no_class_and_no_method_is_looked_up_twice(spark):
    def make():
        return F.array(F.upper(F.col("text")), F.lit(1), F.transform("list", lambda value: value + 1))

    make()
    assert looked_up(make) == 0


def test_names_that_are_remembered_are_those_of_pyspark(spark):
    """Where PySpark asks by another name, the JVM looks for it at every call again."""
    jvm = spark.sparkContext._jvm
    remembered = {name: vars(jvm).pop(name) for name in calls.NAMES}
    assert looked_up(lambda: F.upper(F.lit("a"))) > 0
    vars(jvm).update(remembered)
    F.upper(F.lit("a"))
    assert looked_up(lambda: F.upper(F.lit("a"))) == 0


def test_a_literal_and_a_name_are_sent_once(spark):
    def make():
        return [F.lit("once"), F.lit(17), F.lit(True), F.col("once")]

    make()
    assert sent(make) == []


def test_what_is_alike_in_python_and_not_in_spark_is_kept_apart(spark):
    values = [1, True, 1.0, 0.0, -0.0, "1", None, 2**40]
    for _ in range(2):
        (row,) = (
            spark.range(1).select(*[F.lit(value).alias(str(k)) for k, value in enumerate(values)]).collect()
        )
        assert [repr(value) for value in row] == [repr(value) for value in values]


@pytest.mark.parametrize("length", [0, 1, 10, 11, 20, 23])
def test_a_list_arrives_whole_and_in_its_order(spark, length):
    numbers = list(range(length))
    columns = [F.lit(number) for number in numbers]
    (row,) = (
        spark.range(1).select(F.array(*columns).alias("all"), F.lit(3).isin(numbers).alias("in")).collect()
    )
    assert list(row["all"]) == numbers
    assert row["in"] == (3 in numbers)
    assert len(sent(lambda: F.array(*columns))) <= 3 + 2 * (length // 10 + 1)


def test_a_list_may_hold_none(spark):
    assert spark.createDataFrame([("a", None), (None, 1)], "text string, number int").count() == 2
    assert spark.sparkContext._jvm.java.util.ArrayList([1, None]).size() == 2


def test_the_jvm_frees_what_python_released(spark):
    """As many objects are known to the JVM after the columns are gone as before they were made."""
    gateway = spark.sparkContext._gateway
    bindings = gateway.jvm.java.lang.Class.forName("py4j.Gateway").getDeclaredField("bindings")
    bindings.setAccessible(True)

    def known() -> int:
        return bindings.get(gateway.java_gateway_server.getGateway()).size()

    def settled() -> int:
        gc.collect()
        calls.tell_of_released()
        for _ in range(100):
            before = known()
            time.sleep(0.05)
            if known() == before:
                break
        return before

    before = settled()
    columns = [F.upper(F.col("text")) for _ in range(3000)]
    assert known() > before + 2900
    del columns
    assert settled() < before + 100


@contextmanager
def no_list_converter():
    """As py4j sends lists by itself."""
    converters = protocol.INPUT_CONVERTER
    own = [converter for converter in converters if isinstance(converter, calls._Lists)]
    converters[:] = [converter for converter in converters if converter not in own]
    try:
        yield
    finally:
        converters[:] = [*own, *converters]


def test_a_plan_takes_half_the_calls(spark):
    columns = [F.col(f"c{k}") for k in range(40)]

    def make():
        return F.concat_ws(" ", *columns)

    make()
    fewer = len(sent(make))
    with no_list_converter():
        assert fewer < len(sent(make)) / 2
