"""great-expectations at work: what passes, what does not, and what could not be evaluated."""

from __future__ import annotations

import pytest
from loading import loads

from jobs.checks import flags, pages
from jobs.checks.rules import RowRule, Suite, TableRule
from jobs.checks.suites import ROWS, SUM, Validator, raised
from jobs.errors import SettingsError, ValidationStopped
from jobs.settings.slices import Slice
from jobs.spark.frames import local

SLICE = Slice("NL", "w")
LARGEST = "ExpectColumnMaxToBeBetween"


@pytest.fixture(scope="module")
def validator():
    return Validator()


@pytest.fixture(scope="module")
def survey(spark):
    rows = [("SECRET1", 1.0), ("SECRET2", -1.0), ("SECRET3", float("nan")), ("SECRET4", None)]
    return local(
        spark, [(*SLICE, *row) for row in rows], "country string, wave string, firm_id string, x double"
    )


def row_rule(name, severity="error", **check):
    return RowRule(id=name, severity=severity, reason=f"because of {name}", **check)


def table_rule(name, expectation, severity="error", **kwargs):
    return TableRule(
        id=name, view="v", severity=severity, reason="because", expectation=expectation, kwargs=kwargs
    )


def test_row_rules_count_the_rows_that_broke_them(validator, survey):
    some = (
        row_rule("positive", between="x", min=0.0),
        row_rule("known", severity="warning", not_null="x"),
        row_rule("named", not_null="firm_id"),
    )
    flagged = flags.flagged(survey, some).withColumn("faults", flags.faults(some))
    counts = flags.counts(flagged, some)
    assert counts[SLICE]["rows"] == 4 and counts[SLICE]["aside"] == 2
    results = validator.judged("survey", "rows", counts, some)[SLICE]
    assert [(r.rule, r.status, r.failing) for r in results] == [
        ("positive", "failed", 2),  # the negative one, and the one that is no number
        ("known", "warning", 1),
        ("named", "passed", 0),
    ]
    assert results[0].reason == "because of positive"
    assert "SECRET" not in repr(results)


def test_each_slice_is_judged_by_its_own_sums(validator):
    rule = table_rule("sum", SUM, column="failing", max_value=1)
    counts = {SLICE: {"sum": 1.0}, Slice("NL", "v"): {"sum": 2.0}, Slice("BE", "w"): {"sum": 0.0}}
    judged = validator.judged("flows", "several", counts, [rule])
    assert {str(slice): (result.status, result.failing) for slice, (result,) in judged.items()} == {
        **{"NL w": ("passed", 0), "NL v": ("failed", 2), "BE w": ("passed", 0)}
    }


def test_an_empty_table_passes_no_rule_that_asks_for_rows(validator):
    rule = table_rule("rows", "ExpectTableRowCountToBeBetween", min_value=1)
    (result,) = validator.judged("survey", "empty", {SLICE: {"rows": 0.0}}, [rule])[SLICE]
    assert (result.status, result.failing) == ("failed", 0)


def test_a_sum_over_no_rows_is_not_taken_for_a_pass(validator):
    rule = table_rule("sum", SUM, column="failing", max_value=0)
    (result,) = validator.judged("flows", "none", {SLICE: {"sum": None}}, [rule])[SLICE]
    assert result.status == "failed"


def test_several_rules_of_a_view(validator):
    some = [table_rule("sum", SUM, column="failing", max_value=0)]
    some += [table_rule("soft", SUM, severity="warning", column="failing", max_value=0)]
    some += [table_rule("loose", SUM, column="failing", max_value=1)]
    results = validator.judged("flows", "view", {SLICE: dict.fromkeys(("sum", "soft", "loose"), 1.0)}, some)
    assert [(r.rule, r.status, r.failing) for r in results[SLICE]] == [
        ("sum", "failed", 1),
        ("soft", "warning", 1),
        ("loose", "passed", 0),
    ]


@pytest.mark.parametrize("column", ["no_such_column", "firm_id"])
def test_a_rule_that_cannot_be_evaluated_stops_the_run(validator, survey, column):
    with pytest.raises(ValidationStopped) as stopped:
        validator.of_frame(
            "survey", f"broken {column}", survey, table_rule("odd", LARGEST, column=column, max_value=0)
        )
    words = str(stopped.value)
    assert "the rule odd of survey could not be evaluated" in words
    assert "expectations/survey.yaml" in words and "SECRET" not in words


@pytest.mark.parametrize(
    ("kind", "kwargs", "words"),
    [
        ("ExpectColumnSumToBeBetwen", {"column": "x"}, "ExpectColumnSumToBeBetwen is no expectation"),
        ("Expectation", {}, "Expectation is no expectation"),
        ("core", {}, "core is no expectation"),
        (SUM, {"colum": "x"}, "kwargs do not fit ExpectColumnSumToBeBetween (column: field required)"),
        (SUM, {"column": "x", "max_value": "many"}, "(max_value: value is not a valid float)"),
        (SUM, {"column": "x", "severity": "warning"}, "they are not what it takes"),
        (SUM, {"column": "x", 1: 2}, "they are not what it takes"),
    ],
)
def test_a_rule_without_an_expectation_is_refused_before_it_is_evaluated(validator, kind, kwargs, words):
    wrong = TableRule(id="odd", view="v", severity="error", reason="r", expectation=kind, kwargs={})
    wrong = wrong.model_copy(update={"kwargs": kwargs})
    with pytest.raises(SettingsError) as refused:
        validator.check(Suite(table="survey", row_rules=(), table_rules=(wrong,)))
    assert str(refused.value).startswith("expectations/survey.yaml: odd: ") and words in str(refused.value)
    assert refused.value.exit_code == 2


def test_an_expectation_that_breaks_the_whole_run_is_named(validator, survey):
    """Quantiles end in a TypeError of the library, whatever they find."""
    ranges = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
    odd = table_rule("median", "ExpectColumnQuantileValuesToBeBetween", column="x", quantile_ranges=ranges)
    with pytest.raises(ValidationStopped, match="the rule median of survey could not be evaluated"):
        validator.of_frame("survey", "quantiles", survey, odd)


@pytest.mark.parametrize(
    ("kind", "kwargs", "failing"),
    [
        ("ExpectColumnMaxToBeBetween", {"column": "turnover", "max_value": 1}, 1),
        ("ExpectColumnValuesToBeBetween", {"column": "turnover", "max_value": 1}, 2),
        ("ExpectColumnDistinctValuesToBeInSet", {"column": "turnover", "value_set": [1]}, 2),
    ],
)
def test_what_failed_is_a_count_and_no_value_of_the_table(validator, spark, kind, kwargs, failing):
    """The largest turnover is a firm's own: it is no number of failing rows."""
    firms = local(spark, [(4711.0,), (4712.0,)], "turnover double")
    odd = TableRule(id="odd", view="survey", severity="error", reason="r", expectation=kind, kwargs=kwargs)
    result = validator.of_frame("survey", f"values {kind}", firms, odd)
    assert (result.status, result.failing) == ("failed", failing)


def test_the_sum_of_a_column_of_the_table_is_no_count(validator):
    """Rows that fail are counted; turnover that is too much in all is not."""
    total = TableRule(
        id="odd", view="survey", severity="error", reason="r", expectation=SUM,
        kwargs={"column": "turnover", "max_value": 1},
    )  # fmt: skip
    rows = total.model_copy(update={"id": "few", "expectation": ROWS, "kwargs": {"min_value": 9}})
    counts = {SLICE: {"odd": 9423.0, "few": 2.0}}
    results = validator.judged("survey", "sums", counts, [total, rows])[SLICE]
    assert [(result.status, result.failing) for result in results] == [("failed", 1), ("failed", 2)]


def test_the_page_of_a_slice_tells_every_rule_and_no_value(validator, survey, tmp_path):
    some = (row_rule("positive", between="x", min=0.0), row_rule("named", not_null="firm_id"))
    flagged = flags.flagged(survey, some).withColumn("faults", flags.faults(some))
    results = validator.judged("survey", "page", flags.counts(flagged, some), some)[SLICE]
    pages.write(tmp_path / "docs", "NL w", results, {rule.id: rule for rule in some})
    page = (tmp_path / "docs" / "index.html").read_text()
    assert "because of positive" in page and "because of named" in page and "NL w" in page
    assert "SECRET" not in page
    assert loads(page) == [] and "default-src 'none'" in page
    body = page.partition("</style>")[2]
    assert (body.count("fa-check-circle"), body.count("fa-times")) == (1, 2)  # the rules, and the whole
    assert (tmp_path / "docs").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (None, False),
        ({}, False),
        ({"raised_exception": False}, False),
        ({"raised_exception": True}, True),
        ({"metric": {"raised_exception": True}, "other": {"raised_exception": False}}, True),
        ({"metric": {"raised_exception": False}}, False),
    ],
)
def test_both_shapes_of_an_exception_are_known(info, said):
    assert raised(info) is said
