"""great-expectations at work: suites over counts of broken rows and small views, results without values.

Rows are flagged before (one pass); what great-expectations sees are sums of flags and row counts, so no
value and no identifier can reach a result or a page.
"""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from jobs.errors import ValidationStopped
from jobs.transforms.rules import RowRule, TableRule

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
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

        # Its modules set levels of their own; what they say would stand between the lines of progress.
        logger = logging.getLogger("great_expectations")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False

        self._gx = gx
        self._context: Any = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        self._source = self._context.data_sources.add_spark("diamant", persist=False)

    def rows(self, table: str, flags: DataFrame, rules: tuple[RowRule, ...]) -> list[Result]:
        """Check the row rules of a table over its flags (columns broken_<id>), in one aggregation."""
        expectations = [
            (
                rule.id,
                "ExpectColumnSumToBeBetween",
                {"column": f"broken_{rule.id}", "min_value": 0, "max_value": 0},
                rule,
            )
            for rule in rules
        ]
        columns = [f"broken_{rule.id}" for rule in rules]
        return self._run(table, f"{table}: rows", flags.select(*columns), expectations)

    def table(self, table: str, view: str, frame: DataFrame, rules: list[TableRule]) -> list[Result]:
        """Check table rules over a table or a view."""
        expectations = [(rule.id, rule.expectation, rule.kwargs, rule) for rule in rules]
        return self._run(table, f"{table}: {view}", frame, expectations)

    def _run(self, table: str, name: str, frame: DataFrame, expectations) -> list[Result]:
        import great_expectations.expectations as gxe

        suite = self._context.suites.add(self._gx.ExpectationSuite(name=name))
        for rule_id, kind, kwargs, rule in expectations:
            severity = "critical" if rule.severity == "error" else "warning"
            suite.add_expectation(
                getattr(gxe, kind)(**kwargs, severity=severity, meta={"rule": rule_id}, notes=rule.reason)
            )
        batch = self._source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
        definition = self._context.validation_definitions.add(
            self._gx.ValidationDefinition(name=name, data=batch, suite=suite)
        )
        done = definition.run(batch_parameters={"dataframe": frame}, result_format=FORMAT)
        by_rule = {result.expectation_config.meta["rule"]: result for result in done.results}
        return [self._result(table, by_rule[rule_id], rule) for rule_id, _, _, rule in expectations]

    @staticmethod
    def _result(table: str, found: Any, rule: RowRule | TableRule) -> Result:
        """Passed, warning or failed. Raises ValidationStopped where the rule could not be evaluated."""
        if raised(found.exception_info):
            raise ValidationStopped(
                f"the rule {rule.id} of {table} could not be evaluated, so it neither passed nor failed; "
                f"check its columns and types in expectations/{table}.yaml."
            )
        observed = (found.result or {}).get("observed_value")
        failing = int(observed or 0) if not found.success else 0
        status = "passed" if found.success else ("failed" if rule.severity == "error" else "warning")
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
    """Whether an expectation raised; its report is flat, or one entry a metric."""
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(isinstance(entry, dict) and entry.get("raised_exception") for entry in info.values())
