"""Fewer calls from Python to the JVM.

PySpark calls the JVM for each part of each column, and waits for the answer: the plan of a survey takes
thousands of calls, a third of the time of a small run in a session that is warm. Four kinds are saved:

- PySpark asks which class is meant by a name such as `functions`, and the JVM looks for it in all packages
  that were imported, through some 250 files of classes. The answer is kept.
- Literals and names of columns are sent each time they are used. What stands for them in the JVM is kept.
- A list is sent element by element. Ten go in one call.
- The JVM is told of each object that Python no longer needs. It is told of many at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from py4j import protocol
from py4j.clientserver import JavaClient
from py4j.java_gateway import JavaClass, JavaObject
from pyspark import SparkContext

# The classes that PySpark asks for whenever it makes a column, by the names that it uses.
NAMES = ("org.apache.spark.sql.functions", "functions", "PythonUtils", "PythonSQLUtils")
MAKING_THE_SAME = ("lit", "col")  # functions of NAMES that make the same of the same argument
KEPT = 2000  # results of each; a wave map has some hundred names and codes
LONGEST = 10  # elements that java.util.List.of takes in a call
TOLD_AT_ONCE = 500  # objects
OF_THE_GATEWAY = (protocol.ENTRY_POINT_OBJECT_ID, protocol.GATEWAY_SERVER_OBJECT_ID)  # the JVM needs them


def save() -> None:
    """Let PySpark make fewer calls through its gateway to the JVM; a second time changes nothing."""
    gateway = SparkContext._gateway
    assert gateway is not None
    if isinstance(vars(gateway.jvm).get(NAMES[0]), _Remembered):
        return
    client = gateway._gateway_client
    for name in NAMES:
        setattr(gateway.jvm, name, _Remembered(getattr(gateway.jvm, name)))
    protocol.register_input_converter(_Lists(client), prepend=True)
    if isinstance(client, JavaClient):  # not where PYSPARK_PIN_THREAD is false, which has no thread for it
        client.garbage_collect_object = _Released(client)


def tell_of_released() -> None:
    """Let the JVM free all objects that Python has released so far."""
    if SparkContext._gateway is None:
        return
    released = SparkContext._gateway._gateway_client.garbage_collect_object
    if isinstance(released, _Released):
        released.tell()


class _Remembered:
    """A class of the JVM whose static methods are looked up once each."""

    def __init__(self, java_class: Any) -> None:
        self._java_class = java_class

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._java_class, name)
        if name in MAKING_THE_SAME:
            member = _keeping(member)
        setattr(self, name, member)
        return member


def _keeping(make: Callable[..., Any]) -> Callable[..., Any]:
    """The function of the JVM, called once for each argument of a plain kind."""

    @lru_cache(KEPT, typed=True)
    def kept(argument: Any) -> Any:
        return make(argument)

    def call(*arguments: Any) -> Any:
        # No float, since 0.0 and -0.0 are one key.
        is_plain = len(arguments) == 1 and type(arguments[0]) in (str, int, bool)
        return kept(arguments[0]) if is_plain else make(*arguments)

    return call


class _Lists:
    """Sends lists of Python, as a converter of py4j; those with None in them are left to its own."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._of = JavaClass("java.util.List", client).of

    def can_convert(self, given: Any) -> bool:
        return type(given) in (list, tuple) and all(entry is not None for entry in given)

    def convert(self, given: Sequence[Any], client: Any) -> JavaObject:
        if len(given) <= LONGEST:
            return self._of(*given)
        whole = JavaClass("java.util.ArrayList", client)()
        for start in range(0, len(given), LONGEST):
            whole.addAll(self._of(*given[start : start + LONGEST]))
        return whole


class _Released:
    """Gathers the objects that Python no longer needs; py4j's own thread for them then tells the JVM.

    It stands in the place of the method of py4j's client that is told of each of them.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._gathered: list[str] = []

    def __call__(self, released: str, enqueue: bool = True) -> None:
        if released not in OF_THE_GATEWAY:
            self._gathered.append(released)
        if len(self._gathered) >= TOLD_AT_ONCE:
            # This may be in the middle of another call. The thread, which has a connection of its own, takes
            # pairs of what to call and what to call it with.
            self._client.finalizer_deque.appendleft((self, self._taken()))

    def tell(self) -> None:
        """Tell the JVM at once."""
        self.garbage_collect_object(self._taken())

    def _taken(self) -> list[str]:
        gathered, self._gathered = self._gathered, []
        return gathered

    def garbage_collect_object(self, gathered: Sequence[str], enqueue: bool = False) -> None:
        """Tell the JVM of objects; py4j's thread calls it by this name."""
        telling = protocol.MEMORY_COMMAND_NAME + protocol.MEMORY_DEL_SUBCOMMAND_NAME
        with suppress(Exception):  # whatever goes wrong, the JVM has ended
            connection = self._client._get_connection()
            connection.socket.sendall("".join(f"{telling}{name}\ne\n" for name in gathered).encode())
            for _ in gathered:
                connection.stream.readline()
            self._client._give_back_connection(connection)
