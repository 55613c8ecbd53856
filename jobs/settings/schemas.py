"""The tables as `schemas/` declares them: the one place where a column is named, typed and explained."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    ShortType,
    StringType,
    StructField,
    StructType,
)

from jobs.settings import resources

PLAIN: dict[str, DataType] = {
    "string": StringType(),
    "boolean": BooleanType(),
    "smallint": ShortType(),
    "int": IntegerType(),
    "bigint": LongType(),
    "float": FloatType(),
    "double": DoubleType(),
    "binary": BinaryType(),
}


@dataclass(frozen=True)
class Column:
    """A column of a table: Spark's DDL type, unit, whether null is allowed, and what it means."""

    name: str
    type: str
    meaning: str
    unit: str | None = None
    nullable: bool = True
    confidential: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its columns, its key, the columns of its slices, and whether it holds micro data."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    slices: tuple[str, ...]
    micro: bool

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def form(self) -> dict[str, Any]:
        """What a table's content depends on: all that is declared but for the words that explain it."""
        columns = [(column.name, column.type, column.nullable) for column in self.columns]
        return {"columns": columns, "key": self.key, "slices": self.slices, "micro": self.micro}

    @property
    def struct(self) -> StructType:
        """The Spark schema, nullability included."""
        return StructType(
            [StructField(column.name, _type(column.type), column.nullable) for column in self.columns]
        )

    @cached_property
    def declared(self) -> list[dict[str, Any]]:
        """The columns as a Delta table's log names them."""
        fields: list[dict[str, Any]] = json.loads(self.struct.json())["fields"]
        return fields

    def conform(self, frame: DataFrame) -> DataFrame:
        """The schema's columns in its order and types; a missing one is an error, others are left out."""
        return frame.selectExpr(*[f"CAST({c.name} AS {c.type}) AS {c.name}" for c in self.columns])


def _type(ddl: str) -> DataType:
    """The type that a schema names; Spark's own parser needs a session, and logs are read without one."""
    if ddl in PLAIN:
        return PLAIN[ddl]
    numbers = re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", ddl)
    if numbers:
        return DecimalType(int(numbers[1]), int(numbers[2]))
    pair = re.fullmatch(r"map<(\w+),\s*(\w+)>", ddl)
    if pair:
        return MapType(PLAIN[pair[1]], PLAIN[pair[2]])
    several = re.fullmatch(r"array<(\w+)>", ddl)
    if several:
        return ArrayType(PLAIN[several[1]])
    raise ValueError(f"{ddl} is no type of a schema; add it to jobs/settings/schemas.py")


@cache
def table(name: str) -> Table:
    """The table `schemas/<name>.yaml` declares."""
    declared = resources.read_yaml(resources.root() / "schemas" / f"{name}.yaml")
    return Table(
        name=name,
        meaning=declared["meaning"],
        columns=tuple(Column(name=column, **facts) for column, facts in declared["columns"].items()),
        key=tuple(declared["key"]),
        slices=tuple(declared["slices"]),
        micro=declared["micro"],
    )


@cache
def names() -> tuple[str, ...]:
    """All declared tables, sorted."""
    files = (resources.root() / "schemas").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))
