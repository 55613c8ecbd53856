"""great-expectations at work: suites over counts of broken rows and small views, results without values.

Rows are flagged before (one pass); what great-expectations sees are sums of flags and row counts, so no
value and no identifier can reach a result or a page.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from jobs.checks.rules import RowRule, Suite, TableRule
from jobs.errors import SettingsError, ValidationStopped

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
SUM, ROWS = "ExpectColumnSumToBeBetween", "ExpectTableRowCountToBeBetween"
FORMAT = {"result_format": "BASIC", "exclude_unexpected_values": True, "partial_unexpected_count": 0}


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
    """One ephemeral context a run of the stage; pages are built at its end."""

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
        self._source = self._context.data_sources.add_spark("diamant", persist=False)

    def check(self, suite: Suite) -> None:
        """Raise SettingsError where a table rule names no expectation, or gives it the wrong arguments."""
        for rule in suite.table_rules:
            _expectation(suite.table, rule)

    def rows(self, table: str, flags: DataFrame, rules: tuple[RowRule, ...]) -> list[Result]:
        """Check the row rules of a table over its flags (columns broken_<id>), in one aggregation."""
        columns = [f"broken_{rule.id}" for rule in rules]
        return self._run(table, f"{table}: rows", flags.select(*columns), rules)

    def table(self, table: str, view: str, frame: DataFrame, rules: Sequence[TableRule]) -> list[Result]:
        """Check table rules over a table or a view.

        Raises SettingsError where a rule names no expectation, ValidationStopped where one could not be
        evaluated.
        """
        return self._run(table, f"{table}: {view}", frame, rules)

    def _run(
        self, table: str, name: str, frame: DataFrame, rules: Sequence[RowRule | TableRule]
    ) -> list[Result]:
        suite = self._context.suites.add(self._gx.ExpectationSuite(name=name))
        for rule in rules:
            suite.add_expectation(_expectation(table, rule))
        batch = self._source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
        definition = self._context.validation_definitions.add(
            self._gx.ValidationDefinition(name=name, data=batch, suite=suite)
        )
        try:
            done = definition.run(batch_parameters={"dataframe": frame}, result_format=FORMAT)
        except (TypeError, ValueError, KeyError, self._gx.exceptions.GreatExpectationsError):
            # Some expectations break the whole run instead of reporting that they could not be evaluated.
            raise _not_evaluated(table, ", ".join(rule.id for rule in rules)) from None
        by_rule = {result.expectation_config.meta["rule"]: result for result in done.results}
        return [self._result(table, by_rule[rule.id], rule) for rule in rules]

    @staticmethod
    def _result(table: str, checked: Any, rule: RowRule | TableRule) -> Result:
        """Passed, warning or failed. Raises ValidationStopped where the rule could not be evaluated."""
        if raised(checked.exception_info):
            raise _not_evaluated(table, rule.id)
        status = "passed" if checked.success else ("failed" if rule.severity == "error" else "warning")
        failing = 0 if checked.success else _failing(table, checked.result or {}, rule)
        return Result(table, rule.id, rule.severity, status, failing, rule.reason)

    def write_docs(self, folder: Path) -> None:
        """great-expectations' own pages of all that was checked, below `folder`."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        site = {
            "class_name": "SiteBuilder",
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(folder.resolve()),
            },
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        }
        self._context.add_data_docs_site(site_config=site, site_name="diamant")
        self._context.build_data_docs(site_names=["diamant"])


def raised(info: dict[str, Any] | None) -> bool:
    """Whether an expectation raised; its report is flat, or one entry per metric."""
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(isinstance(entry, dict) and entry.get("raised_exception") for entry in info.values())


def _expectation(table: str, rule: RowRule | TableRule) -> Any:
    """A new expectation for a rule; for a row rule, that no flag is set. Raises SettingsError."""
    import great_expectations.expectations as gxe

    name: str = SUM
    arguments: dict[str, Any]
    if isinstance(rule, RowRule):
        arguments = {"column": f"broken_{rule.id}", "min_value": 0, "max_value": 0}
    else:
        name, arguments = rule.expectation, rule.kwargs
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
    }
    try:
        return kind(**arguments, **ours)
    except (TypeError, ValueError) as error:
        listed = error.errors() if hasattr(error, "errors") else []
        what = f"{listed[0]['loc'][0]}: {listed[0]['msg']}" if listed else "they are not what it takes"
        raise SettingsError(f"{where}: kwargs do not fit {name} ({what}); mend the rule.") from None


def _failing(table: str, result: dict[str, Any], rule: RowRule | TableRule) -> int:
    """How many rows or cells broke a rule; 1 where its result would be a value of the table itself."""
    if "unexpected_count" in result:
        return int(result["unexpected_count"] or 0)
    counts = isinstance(rule, RowRule) or rule.expectation == ROWS
    counts = counts or (isinstance(rule, TableRule) and rule.expectation == SUM and rule.view != table)
    return int(result.get("observed_value") or 0) if counts else 1


def _not_evaluated(table: str, rules: str) -> ValidationStopped:
    return ValidationStopped(
        f"the rule {rules} of {table} could not be evaluated, so it neither passed nor failed; "
        f"check its columns and types in expectations/{table}.yaml."
    )
