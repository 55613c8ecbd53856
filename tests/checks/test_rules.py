"""Row rules as flags, and files of rules that are refused."""

from __future__ import annotations

import pytest

from jobs.checks import flags, rules
from jobs.checks.rules import RowRule
from jobs.errors import SettingsError
from jobs.settings import schemas
from jobs.spark.frames import local


def rule(severity="error", **check):
    return RowRule(id="r", severity=severity, reason="words", **check)


@pytest.fixture(scope="module")
def survey(spark):
    rows = [
        (2, "F1", 1.0, 0.5, True, "NL"),
        (3, "F1", -1.0, 4.0, False, "NL"),
        (4, None, None, None, None, "NL"),
        (5, "F2", float("nan"), 1.0, True, "NL"),
        (6, "F1", 10.0, 2.0, None, "NL"),
        (7, None, 11.0, 3.0, True, "NL"),
    ]
    return local(
        spark,
        [(None, *row) for row in rows],
        "part string, row_number bigint, firm_id string, x double, s double, yes boolean, country string",
    )


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        ({"not_null": "firm_id"}, [4, 7]),
        ({"between": "x", "min": 0.0, "max": 10.0}, [3, 5, 7]),  # missing passes, not-a-number does not
        ({"between": "x", "min": 0.0}, [3, 5]),
        ({"in_set": "s", "values": [0.5, 1, 2, 3]}, [3]),
        ({"first_of": ["country", "firm_id"]}, [3, 6]),  # firms without identifier are not each other
        ({"only_if": "s", "holds": "yes"}, [3, 6]),
        ({"only_if": "yes", "holds": "yes"}, []),
    ],
)
def test_row_rules(survey, check, broken):
    flagged = flags.flagged(survey, [rule(**check)])
    assert [
        row["row_number"] for row in flagged.where("broken_r = 1").orderBy("row_number").collect()
    ] == broken
    assert flagged.count() == survey.count()


PLACES = "part string, row_number bigint, firm_id string"


def test_a_firm_in_two_parts_of_a_folder_counts_once(spark):
    """Row numbers begin anew in each part; a part that was delivered twice gives equal ones."""
    rows = [
        ("a.csv", 2, "F1"),
        ("a.csv", 3, "F2"),
        ("b.csv", 2, "F1"),
        ("b.csv", 3, "F3"),
        ("c.csv", 2, "F1"),
    ]
    assert later(spark, rows) == [("b.csv", 2), ("c.csv", 2)]


def test_the_first_row_is_that_of_the_first_part_whatever_its_number(spark):
    assert later(spark, [("a.csv", 9, "F1"), ("b.csv", 2, "F1")]) == [("b.csv", 2)]


def test_rows_without_a_part_come_before_those_with_one(spark):
    assert later(spark, [("a.csv", 2, "F1"), (None, 2, "F1"), (None, 7, "F1")]) == [(None, 7), ("a.csv", 2)]


def later(spark, rows):
    """The places of the rows that repeat a firm."""
    frame = flags.flagged(local(spark, rows, PLACES), [rule(first_of=["firm_id"])])
    broken = [(row["part"], row["row_number"]) for row in frame.where("broken_r = 1").collect()]
    return sorted(broken, key=lambda place: (place[0] or "", place[1]))


def test_faults_are_those_of_error_rules(survey):
    some = [rule(not_null="firm_id"), RowRule(id="w", severity="warning", reason="w", not_null="x")]
    flagged = flags.flagged(survey, some).withColumn("faults", flags.faults(some))
    broken = {row["row_number"]: [tuple(fault) for fault in row["faults"]] for row in flagged.collect()}
    assert broken[4] == [("r", "words")] and broken[5] == []


def test_the_suites_read_and_name_columns_that_exist():
    for table in ("survey", "flows"):
        suite = rules.read(table)
        names = set(schemas.table(table).names)
        for one in suite.row_rules:
            used = [one.not_null, one.between, one.in_set, one.only_if, one.holds, *(one.first_of or ())]
            assert {name for name in used if name} <= names, one.id
        ids = [one.id for one in (*suite.row_rules, *suite.table_rules)]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{id: a, severity: error, reason: b}", "needs exactly one of not_null, between"),
        ("{id: a, severity: error, reason: b, not_null: x, in_set: y}", "needs exactly one of"),
        ("{id: a, severity: fatal, reason: b, not_null: x}", "row_rules.0.severity"),
        ("{id: a, severity: error, reason: b, sql: x}", "row_rules.0.sql"),
        ("{id: a b, severity: error, reason: b, not_null: weight}", "row_rules.0.id"),
        ("{id: a, severity: error, reason: '', not_null: weight}", "row_rules.0.reason"),
        ("{id: a, severity: error, reason: b, first_of: []}", "row_rules.0.first_of"),
        ("{id: a, severity: error, reason: b, between: weight}", "between and min or max need each other"),
        ("{id: a, severity: error, reason: b, not_null: weight, min: 1}", "between and min or max need"),
        ("{id: a, severity: error, reason: b, between: weight, min: 2, max: 1}", "min is larger than max"),
        ("{id: a, severity: error, reason: b, between: weight, min: .nan}", "row_rules.0.min"),
        ("{id: a, severity: error, reason: b, in_set: weight}", "in_set and values need each other"),
        ("{id: a, severity: error, reason: b, not_null: weight, values: [1]}", "in_set and values need"),
        ("{id: a, severity: error, reason: b, only_if: weight}", "only_if and holds need each other"),
        ("{id: a, severity: error, reason: b, not_null: wieght}", "a: wieght is no column of the table"),
        ("{id: a, severity: error, reason: b, first_of: [firm]}", "a: firm is no column of the table"),
        (
            "{id: a, severity: error, reason: b, between: region, min: 1}",
            "between needs a number, and region",
        ),
        (
            "{id: a, severity: error, reason: b, in_set: region, values: [1]}",
            "do not fit region, which is str",
        ),
        (
            "{id: a, severity: error, reason: b, in_set: weight, values: [a]}",
            "do not fit weight, which is dou",
        ),
        (
            "{id: a, severity: error, reason: b, only_if: weight, holds: region}",
            "holds needs a yes-or-no col",
        ),
        (
            "{id: a, severity: error, reason: b, not_null: weight}\n"
            "  - {id: a, severity: error, reason: c, not_null: weight}",
            "a: this id stands there twice",
        ),
        ("{id: a, severity: error", "mend the file"),
        ("{id: a, id: b}", "duplicate key"),
    ],
)
def test_a_wrong_row_rule_is_refused_by_name(tmp_path, monkeypatch, text, words):
    assert words in refused(tmp_path, monkeypatch, f"row_rules:\n  - {text}\ntable_rules: []\n")


RULE = "{id: a, severity: error, reason: b, expectation: ExpectColumnSumToBeBetween"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{RULE}, view: region, kwargs: {{}}}}", "a: region is no view of survey; it has survey, regions"),
        (f"{RULE}, view: duplicates, kwargs: {{}}}}", "a: duplicates is no view of survey"),
        (f"{RULE}, view: regions, kwargs: {{column: failing}}}}", "failing is no column of the view regions"),
        (f"{RULE}, view: survey, kwargs: {{column: sales}}}}", "sales is no column of the view survey"),
        (
            f"{RULE}, view: survey, kwargs: {{column_list: [a, weight]}}}}",
            "kwargs.column_list: a is no column",
        ),
        (f"{RULE}, view: survey, kwargs: {{row_condition: x}}}}", "kwargs.row_condition holds code"),
        (
            f"{RULE}, view: survey, kwargs: {{unexpected_rows_query: x}}}}",
            "kwargs.unexpected_rows_query holds",
        ),
        (f"{RULE}, view: survey, kwargs: 5}}", "table_rules.0.kwargs"),
        (f"{RULE}, view: survey}}", "table_rules.0.kwargs"),
        (f"{RULE}, views: survey, kwargs: {{}}}}", "table_rules.0.view"),
        ("5", "table_rules.0"),
    ],
)
def test_a_wrong_table_rule_is_refused_by_name(tmp_path, monkeypatch, text, words):
    assert words in refused(tmp_path, monkeypatch, f"row_rules: []\ntable_rules:\n  - {text}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expectations/survey.yaml: the file"),
        ("[]", "expectations/survey.yaml: the file"),
        ("table: survey\n", "expectations/survey.yaml: row_rules"),
        ("table: flows\nrow_rules: []\ntable_rules: []\n", "table: should be survey"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(tmp_path, monkeypatch, text, words):
    (tmp_path / "expectations").mkdir()
    (tmp_path / "expectations" / "survey.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as error:
        rules.read("survey")
    assert words in str(error.value) and error.value.exit_code == 2


def refused(folder, monkeypatch, text: str) -> str:
    """What is said of a file of rules in the working folder, which goes before the packaged one."""
    (folder / "expectations").mkdir()
    (folder / "expectations" / "survey.yaml").write_text(f"table: survey\n{text}")
    monkeypatch.chdir(folder)
    with pytest.raises(SettingsError) as error:
        rules.read("survey")
    assert error.value.exit_code == 2
    return str(error.value)
