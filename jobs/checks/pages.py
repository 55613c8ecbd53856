"""The pages of great-expectations on what was checked of a slice: its own renderer, one page a slice.

Its sections stand in a page of ours, since its own page loads scripts, styles, fonts and pictures from the
public net, and tells their hosts who looks at which page. Browsers are told to load nothing, too.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.checks.plain_html import plain
from jobs.checks.rules import RowRule, TableRule
from jobs.checks.suites import Result, expectation

PAGE = "index.html"
FOLDED = "collapse"  # kinds of content that only a script unfolds
FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{name}: checks of the input</title>
<style>
body {{ font: 15px/1.5 sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h5, h6 {{ margin: 0; font-size: 1rem; }}
.h6 {{ font-weight: bold; }}
.alert {{ margin: 1.5rem 0 0.3rem; padding: 0.4rem 0.7rem; background: #eef1f4; }}
table {{ width: 100%; border-collapse: collapse; }}
th, td {{ padding: 0.3rem 0.7rem; border-bottom: 1px solid #ccd; text-align: left; vertical-align: top; }}
.table th:first-child, .table:not(.table-sm) td:first-child {{ width: 6rem; }}
th:last-child, td:last-child {{ width: 9rem; }}
i {{ font-style: normal; }}
td .fa-check-circle::before {{ content: "\\2713  passed"; color: #146c2e; }}
td .fa-exclamation-triangle::before {{ content: "! exception"; color: #8a5a00; }}
td .fa-times::before {{ content: "\\2717  failed"; color: #a11a1a; }}
@media print {{ body {{ margin: 0; }} }}
</style>
</head>
<body>
<h1>{name}: checks of the input</h1>
{sections}
</body>
</html>
"""


def write(
    folder: Path, name: str, results: Sequence[Result], rules: Mapping[str, RowRule | TableRule]
) -> None:
    """The page `index.html` in a folder: every rule of the slice `name` with what came of it."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    document = ValidationResultsPageRenderer().render(validation(name, results, rules))
    view, sections = _view(), []
    for place, section in enumerate((section.to_json_dict() for section in document.sections), start=1):
        blocks = section["content_blocks"]
        section["content_blocks"] = [block for block in blocks if block["content_block_type"] != FOLDED]
        sections.append(plain(view.render({"section": section, "section_loop": {"index": place}})))
    page = FRAME.format(name=html.escape(name), sections="\n".join(sections))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / PAGE).write_text(page, encoding="utf-8")


@functools.cache
def _view() -> Any:
    """The view of all pages: each new one compiles its templates anew, for longer than it renders a page."""
    from great_expectations.render.view import DefaultJinjaSectionView

    view = DefaultJinjaSectionView()
    view.env.auto_reload = False  # the templates of a package do not change; to look takes most of the rest
    return view


def validation(name: str, results: Sequence[Result], rules: Mapping[str, RowRule | TableRule]) -> Any:
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
