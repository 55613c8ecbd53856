"""The pages of great-expectations on what was checked of a slice: its own renderer, one page a slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.checks.rules import RowRule, TableRule
from jobs.checks.suites import Result, expectation

PAGE = "index.html"


def write(
    folder: Path, name: str, results: Sequence[Result], rules: Mapping[str, RowRule | TableRule]
) -> None:
    """The page `index.html` in a folder: every rule of the slice `name` with what came of it."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    document = ValidationResultsPageRenderer().render(_validation(name, results, rules))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / PAGE).write_text(DefaultJinjaPageView().render(document), encoding="utf-8")


def _validation(name: str, results: Sequence[Result], rules: Mapping[str, RowRule | TableRule]) -> Any:
    """What great-expectations' renderer takes: a suite's results, each with its expectation."""
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )

    passed = [result.status == "passed" for result in results]
    silent = {"raised_exception": False, "exception_traceback": None, "exception_message": None}
    return ExpectationSuiteValidationResult(
        success=all(passed),
        results=[
            ExpectationValidationResult(
                success=well,
                expectation_config=expectation(result.table, rules[result.rule]).configuration,
                result={"observed_value": result.failing},
                meta={},
                exception_info=silent,
            )
            for result, well in zip(results, passed, strict=True)
        ],
        suite_name=name,
        statistics={
            "evaluated_expectations": len(passed),
            "successful_expectations": sum(passed),
            "unsuccessful_expectations": len(passed) - sum(passed),
            "success_percent": 100.0 * sum(passed) / len(passed) if passed else None,
        },
        meta={},
    )
