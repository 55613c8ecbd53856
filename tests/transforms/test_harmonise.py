"""Questionnaire answers into the canonical survey, a kind of rule a test."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import schemas, wavemaps
from jobs.classifications import Classification
from jobs.transforms.harmonise import contradictions, harmonise, number

REGIONS = Classification(version="t", source="t", items=[{"code": "A", "name": "a"}], extra_regio=["AZ"])
SECTORS = Classification(
    version="t",
    source="t",
    items=[
        {"code": "I", "name": "industry", "industrial": True, "divisions": ["15", "16"]},
        {"code": "S", "name": "services", "divisions": ["72"]},
    ],
)
DERIVED = wavemaps.DERIVED
ABSENT = {"absent": "not asked"}


def survey(spark, answers: dict[str, str], **rules):
    """One firm's answers through a map of these rules; all other columns are absent."""
    names = [name for name in schemas.table("survey").names if name not in DERIVED]
    plain = {name: ABSENT for name in names} | {"firm_id": {"text": "id"}} | rules
    wave_map = wavemaps.WaveMap.model_validate(
        {"title": "t", "source": "t", "population": "all_firms", "rules": plain}
    )
    frame = spark.createDataFrame(
        [("NL", "w", None, 2, {"id": "F1", **answers})],
        "country string, wave string, part string, row_number long, answers map<string, string>",
    )
    return harmonise(frame, wave_map, REGIONS, SECTORS, ",").first()


@pytest.mark.parametrize(
    ("answer", "value", "faults"),
    [("1,5", 1.5, 0), ("007", 7.0, 0), ("1.5", None, 1), ("NaN", None, 1), ("1e400", None, 1), ("", None, 1)],
)
def test_number(spark, answer, value, faults):
    row = survey(spark, {"t": answer}, turnover={"number": "t"})
    assert (row["turnover"] if row["turnover"] is None else float(row["turnover"])) == value
    assert len(row["faults"]) == faults


@pytest.mark.parametrize(
    ("column", "answer"),
    [("employees", "99999999999"), ("turnover", "1" + "0" * 20), ("weight", "1" + "0" * 40)],
)
def test_a_number_that_no_column_holds_sets_the_row_aside_and_does_not_stop_the_run(spark, column, answer):
    row = survey(spark, {"t": answer}, **{column: {"number": "t"}})
    assert row[column] is None
    assert [fault["reason"] for fault in row["faults"]] == ["t is no number"]


def test_a_sum_of_numbers_counts_what_was_answered(spark):
    rule = {"number": ["a", "b"], "factor": 0.01}
    assert survey(spark, {"a": "30"}, innovative_share=rule)["innovative_share"] == pytest.approx(0.3)
    assert survey(spark, {"a": "30", "b": "5"}, innovative_share=rule)["innovative_share"] == pytest.approx(
        0.35
    )
    assert survey(spark, {}, innovative_share=rule)["innovative_share"] is None


@pytest.mark.parametrize(
    ("answers", "value"),
    [({"a": "1"}, True), ({"a": "2"}, False), ({"a": "2", "b": "1"}, True), ({}, None)],
)
def test_yes_no(spark, answers, value):
    row = survey(spark, answers, exports={"yes_no": ["a", "b"], "yes": ["1"], "no": ["2"]})
    assert row["exports"] is value and row["faults"] == []


def test_an_undeclared_code_sets_the_row_aside_or_counts_as_missing(spark):
    rule = {"yes_no": "a"}
    (fault,) = survey(spark, {"a": "7"}, exports=rule)["faults"]
    assert fault["reason"] == "a has a code the map does not declare"
    row = survey(spark, {"a": "7"}, exports={**rule, "on_unknown": "missing"})
    assert row["exports"] is None and row["faults"] == []


@pytest.mark.parametrize(("code", "place"), [("4", 0.0), ("1", 3.0)])
def test_a_reversed_scale(spark, code, place):
    rule = {"scale": "a", "order": ["4", "3", "2", "1"]}
    assert survey(spark, {"a": code}, source_clients=rule)["source_clients"] == place


@pytest.mark.parametrize(
    ("answers", "value"),
    [({"co": "1", "p2": "2"}, True), ({"co": "1"}, False), ({"co": "0", "p2": "2"}, None)],
)
def test_ticks_are_asked_of_those_who_co_operate(spark, answers, value):
    """Ticks coded 1..7 are ticks whatever the code; a firm that was not asked has no answer."""
    row = survey(
        spark,
        answers,
        cooperates={"yes_no": "co"},
        partners_foreign={"ticked": ["p2", "p3"], "asked_of": "cooperates"},
    )
    assert row["partners_foreign"] is value


def test_codes_of_regions_and_sectors(spark):
    rules = {"region": {"code": "r", "of": "regions"}, "sector": {"code": "s", "of": "sectors"}}
    row = survey(spark, {"r": "A", "s": "16"}, **rules)
    assert (row["region"], row["sector"], row["industrial"]) == ("A", "I", True)
    outside = survey(spark, {"r": "AZ", "s": "72"}, **rules)
    assert (outside["region"], outside["industrial"], outside["faults"]) == (None, False, [])
    assert len(survey(spark, {"r": "B", "s": "16"}, **rules)["faults"]) == 1


def test_either(spark):
    rules = {
        "product_innovator": {"yes_no": "a"},
        "process_innovator": {"yes_no": "b"},
        "innovator": {"either": ["product_innovator", "process_innovator"]},
    }
    assert survey(spark, {"a": "0", "b": "1"}, **rules)["innovator"] is True
    assert survey(spark, {"a": "0", "b": "0"}, **rules)["innovator"] is False
    assert survey(spark, {"b": "1"}, **rules)["innovator"] is True


def test_contradictions_are_counted_and_not_mended(spark):
    names = [name for name in schemas.table("survey").names if name not in DERIVED]
    rules = {name: ABSENT for name in names} | {"firm_id": {"text": "id"}, "cooperates": {"yes_no": "a"}}
    wave_map = wavemaps.WaveMap.model_validate(
        {
            "title": "t",
            "source": "t",
            "population": "all_firms",
            "rules": rules,
            "contradictions": [{"column": "cooperates", "against": {"yes_no": "b"}, "words": "a against b"}],
        }
    )
    answers = [{"id": "1", "a": "1", "b": "0"}, {"id": "2", "a": "1", "b": "1"}, {"id": "3", "a": "1"}]
    frame = spark.createDataFrame(
        [("NL", "w", None, n, one) for n, one in enumerate(answers)],
        "country string, wave string, part string, row_number long, answers map<string, string>",
    )
    made = harmonise(frame, wave_map, REGIONS, SECTORS)
    ((words, differs),) = contradictions(frame, wave_map)
    assert words == "a against b" and made.where(differs).count() == 1
    assert made.where("cooperates").count() == 3


@settings(max_examples=15, deadline=None)
@given(st.decimals(min_value=-(10**12), max_value=10**12, places=3, allow_nan=False))
def test_numbers_with_a_decimal_comma_are_read_exactly(spark, amount):
    from pyspark.sql import functions as F

    row = spark.range(1).select(number(F.lit(f"{amount:f}".replace(".", ",")), ",").alias("n")).first()
    assert row["n"] == amount
