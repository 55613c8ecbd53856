"""Row rules as flags, and the views that table rules look at."""

from __future__ import annotations

from decimal import Decimal

import pytest

from jobs import resources, schemas
from jobs.errors import SettingsError
from jobs.frames import local
from jobs.transforms import rules
from jobs.transforms.rules import RowRule

NUMBERS = {"A": 1, "B": 2}
FLOWS = (
    "origin_region smallint, origin_sector smallint, destination_region smallint, "
    "destination_sector smallint, value decimal(24,9)"
)


def rule(severity="error", **check):
    return RowRule(id="r", severity=severity, reason="words", **check)


def flows(spark, *cells):
    return local(spark, [(*cell[:4], Decimal(str(cell[4]))) for cell in cells], FLOWS)


def failing(frame, column="failing"):
    return sorted(row["label"] for row in frame.where(f"{column} = 1").collect())


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
    flagged = rules.flagged(survey, [rule(**check)])
    assert [
        row["row_number"] for row in flagged.where("broken_r = 1").orderBy("row_number").collect()
    ] == broken
    assert flagged.count() == survey.count()


def test_faults_are_those_of_error_rules(survey):
    some = [rule(not_null="firm_id"), RowRule(id="w", severity="warning", reason="w", not_null="x")]
    flagged = rules.flagged(survey, some).withColumn("faults", rules.faults(some))
    found = {row["row_number"]: [tuple(fault) for fault in row["faults"]] for row in flagged.collect()}
    assert found[4] == [("r", "words")] and found[5] == []


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
        ("{id: a, severity: fatal, reason: b, not_null: x}", "severity"),
        ("{id: a, severity: error, reason: b, sql: x}", "sql"),
    ],
)
def test_a_wrong_rule_is_refused_by_name(tmp_path, monkeypatch, text, words):
    file = tmp_path / "expectations" / "own.yaml"
    file.parent.mkdir()
    file.write_text(f"table: own\nrow_rules:\n  - {text}\ntable_rules: []\n")
    monkeypatch.setattr(resources, "root", lambda: tmp_path)
    with pytest.raises(SettingsError, match=words):
        rules.read("own")
