"""great-expectations at work: suites over counts of broken rows by slice, results without values.

What a rule looks at is summed by slice before (a row a slice, a column a rule), and one suite judges the
rules of a table for all slices at once. It sees counts of rows and cells only, so that no value and no
identifier can reach a result or a page. A rule of another kind than a sum or a number of rows is judged
slice by slice.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

from jobs.checks.rules import RowRule, Suite, TableRule
from jobs.errors import SettingsError, ValidationStopped
from jobs.settings.slices import Slice

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
SUM, ROWS = "ExpectColumnSumToBeBetween", "ExpectTableRowCountToBeBetween"
BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")
SLICE = "slice"  # the column of the counts with the name of the slice
FORMAT = {"result_format": "BASIC", "exclude_unexpected_values": True, "partial_unexpected_count": 0}
BY_SLICE = {"result_format": "COMPLETE", "unexpected_index_column_names": [SLICE]}
Rule = RowRule | TableRule


@dataclass(frozen=True)
class Result:
    """What became of one rule: passed, warning or failed, and how many rows broke it."""

    table: str
    rule: str
    severity: str
    status: str
    failing: int
    reason: str

    def plain(self) -> dict[str, Any]:
        return asdict(self)


class Validator:
    """One ephemeral context a run of the stage."""

    def __init__(self) -> None:
        warnings.filterwarnings("ignore", module="great_expectations")
        import great_expectations as gx

        # Its modules log at levels of their own; that would stand between the lines of progress.
        logger = logging.getLogger("great_expectations")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False

        self._gx = gx
        self._context: Any = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        self._counts = self._context.data_sources.add_pandas("counts")

    def check(self, suite: Suite) -> None:
        """Raise SettingsError where a table rule names no expectation, or gives it the wrong arguments."""
        for rule in suite.table_rules:
            expectation(suite.table, rule)

    def judged(
        self, table: str, name: str, counts: Mapping[Slice, Mapping[str, float | None]], rules: Sequence[Rule]
    ) -> dict[Slice, list[Result]]:
        """The results of rules that are sums, by slice; `counts` has each rule's sum by its id.

        The sum over no rows is None, and not taken for a pass.

        Raises ValidationStopped where a rule could not be evaluated.
        """
        if not counts or not rules:
            return {slice: [] for slice in counts}
        frame = pd.DataFrame([{SLICE: str(slice), **sums} for slice, sums in counts.items()])
        done = self._run(self._counts, table, name, frame, [(rule, _of_sums(table, rule)) for rule in rules])
        broken = {
            rule.id: {row[SLICE] for row in done[rule.id].result.get("unexpected_index_list") or []}
            for rule in rules
        }
        return {
            slice: [_result(table, rule, slice, sums[rule.id], broken[rule.id]) for rule in rules]
            for slice, sums in counts.items()
        }

    def of_frame(self, table: str, name: str, frame: DataFrame, rule: TableRule) -> Result:
        """The result of a rule of any other kind on the table or view of one slice.

        Raises SettingsError where the rule names no expectation, ValidationStopped where it could not be
        evaluated.
        """
        done = self._run(self._frames, table, name, frame, [(rule, expectation(table, rule))])[rule.id]
        unexpected = int((done.result or {}).get("unexpected_count") or 1)
        return _verdict(table, rule, bool(done.success), unexpected)

    @cached_property
    def _frames(self) -> Any:
        """The source of frames, made when the first one is judged: it starts Spark where nobody has."""
        return self._context.data_sources.add_spark("frames", persist=False)

    def _run(
        self, source: Any, table: str, name: str, frame: Any, expectations: Sequence[tuple[Rule, Any]]
    ) -> dict[str, Any]:
        """What great-expectations says of each rule, by its id."""
        suite = self._context.suites.add_or_update(self._gx.ExpectationSuite(name=name))
        for _, expected in expectations:
            suite.add_expectation(expected)
        try:
            asset = source.get_asset(name)
        except LookupError:
            asset = source.add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe(f"whole {len(asset.batch_definitions)}")
        definition = self._context.validation_definitions.add_or_update(
            self._gx.ValidationDefinition(name=name, data=batch, suite=suite)
        )
        names = ", ".join(rule.id for rule, _ in expectations)
        form = BY_SLICE if source is self._counts else FORMAT
        try:
            done = definition.run(batch_parameters={"dataframe": frame}, result_format=form)
        except (TypeError, ValueError, KeyError, self._gx.exceptions.GreatExpectationsError):
            # Some expectations break the whole run instead of reporting that they could not be evaluated.
            raise not_evaluated(table, names) from None
        by_rule = {result.expectation_config.meta["rule"]: result for result in done.results}
        for rule, _ in expectations:
            if raised(by_rule[rule.id].exception_info):
                raise not_evaluated(table, rule.id)
        return by_rule


def is_sum(rule: TableRule) -> bool:
    """Whether a table rule bounds a sum or a number of rows, which are summed by slice beforehand."""
    return rule.expectation in (SUM, ROWS)


def raised(info: dict[str, Any] | None) -> bool:
    """Whether an expectation raised; its report is flat, or one entry per metric."""
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(isinstance(entry, dict) and entry.get("raised_exception") for entry in info.values())


def _result(table: str, rule: Rule, slice: Slice, total: float | None, broken: set[str]) -> Result:
    """What a sum of a slice means, `broken` being the slices that great-expectations found to be at fault."""
    if total is None:
        return _verdict(table, rule, False, 1)
    return _verdict(table, rule, str(slice) not in broken, _failing(table, rule, total))


def _verdict(table: str, rule: Rule, passed: bool, failing: int) -> Result:
    status = "passed" if passed else ("failed" if rule.severity == "error" else "warning")
    return Result(table, rule.id, rule.severity, status, 0 if passed else failing, rule.reason)


def expectation(table: str, rule: Rule) -> Any:
    """A new expectation for a rule as its file states it. Raises SettingsError."""
    if isinstance(rule, RowRule):
        return _made(table, rule, SUM, {"column": f"broken_{rule.id}", "min_value": 0, "max_value": 0})
    return _made(table, rule, rule.expectation, rule.kwargs)


def _of_sums(table: str, rule: Rule) -> Any:
    """The same rule over the sums by slice: the sum of each slice has to lie within the bounds."""
    expectation(table, rule)  # the rule itself has to be one of great-expectations
    bounds = {"min_value": 0, "max_value": 0}
    if isinstance(rule, TableRule):
        bounds = {key: value for key, value in rule.kwargs.items() if key in BOUNDS}
    return _made(table, rule, "ExpectColumnValuesToBeBetween", {"column": rule.id, **bounds})


@cache
def _expectations() -> Any:
    import great_expectations.expectations as gxe

    return gxe


def _made(table: str, rule: Rule, name: str, arguments: dict[str, Any]) -> Any:
    gxe = _expectations()
    where = f"expectations/{table}.yaml: {rule.id}"
    kind: Any = getattr(gxe, name, None)
    if not (isinstance(kind, type) and issubclass(kind, gxe.Expectation)) or kind is gxe.Expectation:
        raise SettingsError(
            f"{where}: {name} is no expectation of great-expectations; mend its name, as in {SUM}."
        )
    ours: dict[str, Any] = {
        "severity": "critical" if rule.severity == "error" else "warning",
        "meta": {"rule": rule.id},
        "notes": rule.reason,
        "description": rule.reason,  # what the page says of the rule
    }
    try:
        return kind(**arguments, **ours)
    except (TypeError, ValueError) as error:
        listed = error.errors() if hasattr(error, "errors") else []
        what = f"{listed[0]['loc'][0]}: {listed[0]['msg']}" if listed else "they are not what it takes"
        raise SettingsError(f"{where}: kwargs do not fit {name} ({what}); mend the rule.") from None


def _failing(table: str, rule: Rule, total: float) -> int:
    """How many rows or cells broke a rule; 1 where its sum would be a value of the table itself."""
    counts = isinstance(rule, RowRule) or rule.expectation == ROWS or rule.view != table
    return int(total) if counts else 1


def not_evaluated(table: str, rules: str) -> ValidationStopped:
    return ValidationStopped(
        f"the rule {rules} of {table} could not be evaluated, so it neither passed nor failed; "
        f"check its columns and types in expectations/{table}.yaml."
    )
