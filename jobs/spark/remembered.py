"""Names of the JVM that PySpark asks for, remembered.

For every column that is made, PySpark asks the JVM which class is meant by a name such as `functions`, and
the JVM looks for it in all packages that were imported, through some 250 files of classes. The plan of a
survey asks thousands of times: this was a fifth of the time of a small run in a session that is warm.
"""

from __future__ import annotations

from typing import Any

# The classes that PySpark asks for whenever it makes a column, by the names that it uses.
NAMES = ("org.apache.spark.sql.functions", "functions", "PythonUtils", "PythonSQLUtils")


class _Remembered:
    """A class of the JVM whose static methods are looked up once each."""

    def __init__(self, java_class: Any) -> None:
        self._java_class = java_class

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._java_class, name)
        setattr(self, name, member)
        return member


def remember(jvm: Any) -> None:
    """Put the classes where PySpark looks first: among the attributes of its view of the JVM."""
    for name in NAMES:
        if name not in vars(jvm):
            setattr(jvm, name, _Remembered(getattr(jvm, name)))
