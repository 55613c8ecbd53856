"""The rules of expectations/*.yaml as typed, checked settings."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from jobs.checks.frame import VIEW
from jobs.errors import SettingsError
from jobs.settings import resources, schemas
from jobs.settings.section import Section
from jobs.settings.wording import fault

FAILING = ("label", "failing")
VIEWS: dict[str, dict[str, tuple[str, ...]]] = {
    "survey": {"survey": (), "regions": ("label", "missing")},
    "flows": {
        "flows": (),
        "duplicates": FAILING,
        "frame": tuple(column.split()[0] for column in VIEW.split(", ")),
        "totals": FAILING,
        "balance": FAILING,
    },
}
CHECKS = ("not_null", "between", "in_set", "first_of", "only_if")


# Arguments of expectations that are SQL or code, which no file of the project may hold.
CODE = ("row_condition", "condition_parser", "unexpected_rows_query", "base_query", "comparison_query")


# The views that table rules may look at, and their columns; none named: those of the table itself.
RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=64)]  # names a column
Words = Annotated[str, Field(min_length=1)]


class RowRule(Section):
    """A rule every row has to meet. Missing answers meet all but `not_null`."""

    id: RuleId
    severity: Literal["error", "warning"]
    reason: Words
    not_null: str | None = None
    between: str | None = None
    in_set: str | None = None
    first_of: tuple[str, ...] | None = Field(None, min_length=1)
    only_if: str | None = None
    min: float | None = Field(None, allow_inf_nan=False)
    max: float | None = Field(None, allow_inf_nan=False)
    values: tuple[float | str, ...] = ()
    holds: str | None = None

    @model_validator(mode="after")
    def _one_check(self) -> RowRule:
        if sum(getattr(self, check) is not None for check in CHECKS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(CHECKS)}")
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        for check, detail, given in (
            ("between", "min or max", bounds),
            ("in_set", "values", self.values),
            ("only_if", "holds", self.holds),
        ):
            if bool(getattr(self, check)) != bool(given):
                raise ValueError(f"{check} and {detail} need each other")
        if bounds != sorted(bounds):
            raise ValueError("min is larger than max, so that no value is right")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule looks at."""
        single = (self.not_null, self.between, self.in_set, self.only_if, self.holds)
        return (*(column for column in single if column), *(self.first_of or ()))


class TableRule(Section):
    """A great-expectations expectation over a table or a view of it.

    `remedy` is what else than mending the input may be right, in words.
    """

    id: RuleId
    view: str
    severity: Literal["error", "warning"]
    reason: Words
    expectation: str
    kwargs: dict[str, Any]
    remedy: Words = "the rule where it does not fit your data"


class Suite(Section):
    """The rules of one table, from `expectations/<table>.yaml`."""

    table: str
    row_rules: tuple[RowRule, ...]
    table_rules: tuple[TableRule, ...]


def read(table: str) -> Suite:
    """The suite of a table. Raises SettingsError naming the rule, and what is wrong in its file."""
    name = f"expectations/{table}.yaml"
    return _read(name, table, resources.digest(name))


@lru_cache(maxsize=16)
def _read(name: str, table: str, _digest: str) -> Suite:
    try:
        suite = Suite.model_validate(resources.read_yaml(name))
        if suite.table != table:
            raise _Wrong("table", f"should be {table}, as the file's name")
        ids = [*(rule.id for rule in suite.row_rules), *(rule.id for rule in suite.table_rules)]
        for rule in ids:
            if ids.count(rule) > 1:
                raise _Wrong(rule, "this id stands there twice; each rule needs one of its own")
        for row_rule in suite.row_rules:
            _check_row_rule(row_rule, {column.name: column.type for column in schemas.table(table).columns})
        for table_rule in suite.table_rules:
            _check_table_rule(table_rule, table)
    except ValidationError as error:
        raise SettingsError(f"{name}: {fault(error)}; mend the file.") from None
    except _Wrong as error:
        raise SettingsError(f"{name}: {error}; mend the file.") from None
    return suite


class _Wrong(Exception):
    """What is wrong with a rule, in words."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")


def _check_row_rule(rule: RowRule, types: dict[str, str]) -> None:
    """Raise _Wrong where the rule names no column of the table, or one whose type it cannot judge."""
    for column in rule.columns:
        if column not in types:
            raise _Wrong(rule.id, f"{column} is no column of the table")
    if rule.between and not _is_number(types[rule.between]):
        raise _Wrong(rule.id, f"between needs a number, and {rule.between} is {types[rule.between]}")
    if rule.holds and types[rule.holds] != "boolean":
        raise _Wrong(rule.id, f"holds needs a yes-or-no column, and {rule.holds} is {types[rule.holds]}")
    if rule.in_set:
        kind = types[rule.in_set]
        fitting = (int, float) if _is_number(kind) else str
        if kind == "boolean" or not all(isinstance(value, fitting) for value in rule.values):
            raise _Wrong(rule.id, f"the values of in_set do not fit {rule.in_set}, which is {kind}")


def _is_number(kind: str) -> bool:
    return kind.startswith(("decimal", "double", "float", "int", "bigint", "smallint"))


def _check_table_rule(rule: TableRule, table: str) -> None:
    """Raise _Wrong where the rule looks at no view of the table, or at a column that the view lacks."""
    views = VIEWS.get(table, {})
    if rule.view not in views:
        raise _Wrong(rule.id, f"{rule.view} is no view of {table}; it has {', '.join(views)}")
    columns = views[rule.view] or schemas.table(table).names
    for key, value in rule.kwargs.items():
        if key in CODE:
            raise _Wrong(rule.id, f"kwargs.{key} holds code, which no rule may")
        named = (
            [value] if key in ("column", "column_A", "column_B") else value if key == "column_list" else []
        )
        for column in named if isinstance(named, list) else [named]:
            if column not in columns:
                raise _Wrong(rule.id, f"kwargs.{key}: {column} is no column of the view {rule.view}")
