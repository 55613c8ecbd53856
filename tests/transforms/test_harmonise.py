"""Questionnaire answers into the canonical survey, a kind of rule a test; a list of firms is one frame."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.settings import schemas, wave_maps
from jobs.settings.classifications import Classification
from jobs.spark.frames import local
from jobs.transforms.doubts import doubts
from jobs.transforms.harmonise import contradictions, doubtful, harmonise

REGIONS = Classification(
    version="t",
    source="t",
    items=[{"code": "A", "name": "a"}, {"code": "05", "name": "five"}, {"code": "12", "name": "twelve"}],
    extra_regio=["AZ", "99"],
)
SECTORS = Classification(
    version="t",
    source="t",
    items=[
        {"code": "I", "name": "industry", "industrial": True, "divisions": ["15", "01"]},
        {"code": "S", "name": "services", "divisions": ["72"]},
    ],
)
CODES = [(None, REGIONS, SECTORS)]
NO_BREAK = "\u00a0"
UNKNOWN = "has a code the map does not declare"


def wave_map(contradictions=(), **rules) -> wave_maps.WaveMap:
    """A map of these rules; all other columns are absent."""
    names = [name for name in schemas.table("survey").names if name not in wave_maps.DERIVED]
    absent = {name: {"absent": "not asked"} for name in names}
    return wave_maps.WaveMap.model_validate(
        {
            "title": "t",
            "source": "t",
            "population": "all_firms",
            "rules": {**absent, "firm_id": {"text": "id"}, **rules},
            "contradictions": contradictions,
        }
    )


def answers(spark, firms: list[dict[str, str]]):
    rows = [("NL", "w", None, place, {"id": f"F{place}", **cells}) for place, cells in enumerate(firms, 2)]
    return local(
        spark,
        rows,
        "country string, wave string, part string, row_number long, answers map<string, string>",
    )


def survey(spark, firms: list[dict[str, str]], decimal: str = ".", thousands: str | None = None, **rules):
    """The harmonised rows of these firms, in their order."""
    frame = harmonise(answers(spark, firms), wave_map(**rules), CODES, decimal, thousands)
    return frame.sort("row_number").collect()


def check(spark, column: str, rule: dict, cases: list[tuple], **more) -> None:
    """Each case is the cells of a firm (or the text of its cell `a`), the value, and the fault if any."""
    firms = [cells if isinstance(cells, dict) else {"a": cells} for cells, *_ in cases]
    for (cells, value, *fault), row in zip(
        cases, survey(spark, firms, **{column: rule}, **more), strict=True
    ):
        given = float(row[column]) if isinstance(row[column], Decimal) else row[column]
        assert given == (pytest.approx(value) if isinstance(value, float) else value), cells
        assert [entry["reason"] for entry in row["faults"]] == fault, cells
        assert all(
            entry["rule"] == f"{wave_maps.Rule.model_validate(rule).kind}:{column}" for entry in row["faults"]
        )


def test_numbers(spark):
    cases = [
        ("1,5", 1.5),
        ("007", 7.0),
        ("1,0E3", 1000.0),
        (f"{NO_BREAK}12 ", 12.0),
        (" ", None),
        ("", None),
        ("1.5", None, "a is no number"),
        ("1.000,5", None, "a is no number"),
        ("NaN", None, "a is no number"),
        ("1e400", None, "a is no number"),
        ("12%", None, "a is no number"),
        ("1" + "0" * 20, None, "a is no number"),
        ("1" + "0" * 40, None, "a is no number"),
    ]
    check(spark, "turnover", {"number": "a"}, cases, decimal=",")


def test_numbers_with_a_mark_between_thousands(spark):
    cases = [("12.345,6", 12345.6), ("12345", 12345.0), ("12.34", None, "a is no number")]
    check(spark, "turnover", {"number": "a"}, cases, decimal=",", thousands=".")
    cases = [("12 345", 12345.0), (f"1{NO_BREAK}234\u202f567.5", 1234567.5)]
    check(spark, "turnover", {"number": "a"}, cases, thousands=" ")


def test_numbers_of_a_typed_file_have_a_point_whatever_its_columns_of_text_have(spark):
    cases = [("3640.5", 3640.5), ("3640,5", 3640.5), ("3640", 3640.0)]
    check(spark, "turnover", {"number": "a"}, cases, decimal=",.")


def test_persons_are_whole(spark):
    cases = [
        ("320", 320),
        ("320.0", 320),
        ("3.2E2", 320),
        ("320.6", None, "a is no whole number"),
        ("0.5", None, "a is no whole number"),
        ("99999999999", None, "a is no number"),
    ]
    check(spark, "employees", {"number": "a"}, cases)
    cases = [("320.5", 321), ("320.4", 320), ("0.5", 1), ("99999999999", None, "a is no number")]
    check(spark, "employees", {"number": "a", "round": True}, cases)
    check(spark, "employees", {"number": "a", "on_unknown": "missing"}, [("320.6", None)])


@pytest.mark.parametrize("column", ["employees", "turnover", "weight"])
def test_a_number_that_its_factor_makes_too_large_is_none(spark, column):
    cases = [("5", None, "a is no number"), ("0", 0)]
    check(spark, column, {"number": "a", "factor": 1e308}, cases)


def test_a_missing_code_that_no_number_holds_is_compared_as_text(spark):
    check(spark, "turnover", {"number": "a", "missing": ["9" * 50]}, [("9" * 50, None), ("9", 9.0)])


@pytest.mark.parametrize("factor", [100, 1000, 10])
def test_whole_numbers_stay_whole_times_a_factor(spark, factor):
    """In binary fractions 0.29 times 100 is less than 29."""
    cases = [(f"{hundredths / 100:.2f}", hundredths * factor // 100) for hundredths in range(0, 100, 1)]
    cases = [(text, value) for text, value in cases if round(float(text) * factor, 6).is_integer()]
    assert len(cases) >= 10
    check(spark, "employees", {"number": "a", "factor": factor}, cases)


def test_a_sum_of_numbers_counts_what_was_answered(spark):
    cases = [
        ({"a": "30"}, 0.3),
        ({"a": "30", "b": "5"}, 0.35),
        ({}, None),
        ({"a": "x", "b": "5"}, None, "a is no number"),
        ({"a": "30", "b": "-9"}, None, "b is negative"),
    ]
    check(spark, "innovative_share", {"number": ["a", "b"], "factor": 0.01}, cases)
    cases = [({"a": "30", "b": "-9"}, None), ({"a": "30", "b": "-9.0"}, None), ({"a": "30", "b": "5"}, 0.35)]
    check(spark, "innovative_share", {"number": ["a", "b"], "factor": 0.01, "missing": [-9]}, cases)


def test_a_number_alone_may_be_negative(spark):
    """The rules on rows (expectations/survey.yaml) say what a single number may be."""
    check(spark, "turnover", {"number": "a"}, [("-9", -9.0)])


@pytest.mark.parametrize(
    "text", ["-9", "-9.0", "-9,0", "-9.000", "-09", "999999999", "9.99999999E8", "99.50", "NA"]
)
def test_a_missing_number_is_no_answer_however_it_is_written(spark, text):
    rule = {"number": "a", "missing": ["-9", "999999999", "99.5", "NA"]}
    check(spark, "turnover", rule, [(text, None), ("9", 9.0), ("-8", -8.0), ("99", 99.0)])


def test_nine_thousand_is_not_a_missing_nine(spark):
    rule = {"number": "a", "missing": ["9"]}
    check(spark, "turnover", rule, [("9.000", 9000.0), ("9", None)], decimal=",", thousands=".")
    check(spark, "turnover", rule, [("9.000", None, "a is no number")], decimal=",")


def test_yes_no(spark):
    cases = [
        ({"a": "1"}, True),
        ({"a": "2"}, False),
        ({"a": "2", "b": "1"}, True),
        ({"a": "2", "b": "2"}, False),
        ({}, None),
        ({"b": f"{NO_BREAK}2 "}, False),
        ({"a": "2.0", "b": "1,0"}, True),
        ({"a": "1", "b": "7"}, True, f"b {UNKNOWN}"),
        ({"a": "Yes"}, None, f"a {UNKNOWN}"),
    ]
    check(spark, "exports", {"yes_no": ["a", "b"], "yes": ["1"], "no": ["2"]}, cases)


def test_a_single_yes_no_with_missing_codes(spark):
    cases = [
        ("1", True),
        ("0.0", False),
        ("-9.0", None),
        ("NA", None),
        (" ", None),
        ("9", None, f"a {UNKNOWN}"),
    ]
    check(spark, "exports", {"yes_no": "a", "missing": ["-9", "NA"]}, cases)
    check(spark, "exports", {"yes_no": "a", "on_unknown": "missing"}, [("7", None), ("1", True)])


@pytest.mark.parametrize("text", ["0", "0.0", "0,0", "00", "-0", " ", NO_BREAK, ""])
def test_what_is_blank_or_a_no_is_no_tick(spark, text):
    check(spark, "exports", {"ticked": ["a", "b"]}, [(text, False), ({"a": text, "b": "1"}, True)])


@pytest.mark.parametrize("text", ["NA", "No", "c", "-9", ".", "2", "#NULL!", "x", "0.5"])
def test_what_is_neither_yes_nor_no_is_no_tick_but_an_unknown_code(spark, text):
    cases = [(text, None, f"a {UNKNOWN}"), ({"b": text}, None, f"b {UNKNOWN}"), ({"a": "1"}, True)]
    check(spark, "exports", {"ticked": ["a", "b"]}, cases)
    cases = [(text, None), ({"a": text, "b": "1"}, True), ({"b": "0"}, False)]
    check(spark, "exports", {"ticked": ["a", "b"], "on_unknown": "missing"}, cases)
    check(spark, "exports", {"ticked": ["a", "b"], "missing": [text]}, cases)
    check(
        spark, "exports", {"ticked": ["a", "b"], "no": [text]}, [(text, False), ({"a": text, "b": "1"}, True)]
    )


def test_ticks_are_what_the_map_says(spark):
    """Ticks coded by their place, and words; exports that are a turnover are no ticks."""
    cases = [("7", True), ("1", None, f"a {UNKNOWN}"), ("2.0", True), ({}, False)]
    check(spark, "exports", {"ticked": "a", "yes": ["2", "7"]}, cases)
    check(spark, "exports", {"ticked": "a", "yes": ["x"], "no": ["-"]}, [("x", True), ("-", False)])
    check(spark, "exports", {"ticked": ["a"], "no": ["0"]}, [("0,0", False), ("125,5", None, f"a {UNKNOWN}")])


def test_scales(spark):
    order = {"scale": "a", "order": ["4", "3", "2", "1"]}
    cases = [("4", 0.0), ("1", 3.0), ("1.0", 3.0), ("02", 2.0), ("", None), ("5", None, f"a {UNKNOWN}")]
    check(spark, "source_clients", order, cases)
    check(spark, "source_clients", {**order, "missing": ["9"]}, [("9.0", None), ("3", 1.0)])
    check(spark, "source_clients", {**order, "on_unknown": "missing"}, [("-9.0", None), ("3", 1.0)])
    check(
        spark,
        "source_clients",
        {"scale": "a", "order": ["1", "01"]},
        [("1", 0.0), ("01", 1.0), ("1.0", None, f"a {UNKNOWN}")],
    )


def test_regions(spark):
    cases = [
        ("A", "A"),
        (f" A{NO_BREAK}", "A"),
        ("05", "05"),
        ("5", "05"),
        ("5.0", "05"),
        ("12", "12"),
        ("AZ", None),
        ("99.0", None),
        ("B", None, "a is no code of the regions"),
        ("a", None, "a is no code of the regions"),
        ("", None, "a is blank, which is no code of the regions"),
    ]
    check(spark, "region", {"code": "a", "of": "regions"}, cases)
    check(spark, "region", {"code": "a", "of": "regions", "missing": ["-9"]}, [("-9.0", None), ("A", "A")])
    check(spark, "region", {"code": "a", "of": "regions", "on_unknown": "missing"}, [("B", None), ("", None)])


def test_sectors_by_their_divisions(spark):
    rows = survey(
        spark, [{"s": "1"}, {"s": "15.0"}, {"s": "72"}, {"s": "9"}], sector={"code": "s", "of": "sectors"}
    )
    assert [(row["sector"], row["industrial"], len(row["faults"])) for row in rows] == [
        ("I", True, 0),
        ("I", True, 0),
        ("S", False, 0),
        (None, False, 1),
    ]


def test_identifiers_keep_their_zeros_and_lose_what_a_double_added(spark):
    cases = [
        ("0012", "0012"),
        ("10E5", "10E5"),
        ("12345678901.0", "12345678901"),
        ("1.2345678901E10", "12345678901"),
        ("1e+05", "100000"),
        (f"F 1{NO_BREAK}", "F 1"),
        ("-9.0", None),
    ]
    check(spark, "firm_id", {"text": "a", "missing": ["-9"]}, cases)


@settings(max_examples=3, deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=50, max_size=50, unique=True))
def test_whole_numbers_meet_their_declared_code_in_every_disguise(spark, declared):
    disguises = ["{}", "{}.0", "{},00", "{:e}", "{:.12E}"]
    cases = [(form.format(code), float(place)) for place, code in enumerate(declared) for form in disguises]
    cases = [(text, place) for text, place in cases if "e" not in text or float(text) == declared[int(place)]]
    check(spark, "source_clients", {"scale": "a", "order": declared}, cases)


def test_a_firm_that_was_not_asked_has_no_answer(spark):
    firms = [{"co": "1", "p2": "2"}, {"co": "1"}, {"co": "0", "p2": "2"}]
    rules = {
        "cooperates": {"yes_no": "co"},
        "partners_foreign": {"ticked": ["p2", "p3"], "yes": ["2", "3"], "asked_of": "cooperates"},
    }
    assert [row["partners_foreign"] for row in survey(spark, firms, **rules)] == [True, False, None]


def test_rules_that_lean_on_each_other_are_taken_in_their_order(spark):
    """either of an either, asked of a column that is itself asked of another."""
    firms = [{"a": "1", "b": "0", "w": "3"}, {"a": "0", "b": "0", "w": "3"}, {"b": "1", "w": "3"}]
    rules = {
        "weight": {"number": "w", "asked_of": "cooperates"},
        "cooperates": {"either": ["innovator"], "asked_of": "exports"},
        "exports": {"either": ["innovator", "product_innovator"]},
        "innovator": {"either": ["product_innovator", "process_innovator"]},
        "product_innovator": {"yes_no": "a"},
        "process_innovator": {"yes_no": "b"},
    }
    rows = survey(spark, firms, **rules)
    assert [row["innovator"] for row in rows] == [True, False, True]
    assert [row["exports"] for row in rows] == [True, False, True]
    assert [row["cooperates"] for row in rows] == [True, None, True]
    assert [row["weight"] for row in rows] == [3.0, None, 3.0]


def test_columns_of_any_name_are_read(spark):
    names = ["total turnover", "a.b", "a`b", "cells", "cell 0", "answers", "región"]
    (row,) = survey(
        spark,
        [dict.fromkeys(names, "1")],
        turnover={"number": names},
        exports={"yes_no": names},
        source_clients={"scale": names[2], "order": ["0", "1"]},
    )
    assert (float(row["turnover"]), row["exports"], row["source_clients"]) == (7.0, True, 1.0)


def test_the_part_of_a_folder_stays_beside_the_row(spark):
    frame = local(
        spark,
        [("NL", "w", "part-1.csv", 2, {"id": "1", "t": "x"})],
        "country string, wave string, part string, row_number long, answers map<string, string>",
    )
    row = harmonise(frame, wave_map(turnover={"number": "t"}), CODES).first()
    assert (row["part"], row["row_number"], len(row["faults"])) == ("part-1.csv", 2, 1)


CONTRADICTIONS = [
    ("cooperates", {"yes_no": "a"}, {"yes_no": "b"}),
    ("cooperates", {"yes_no": "a"}, {"ticked": ["b"]}),
    ("source_clients", {"scale": "a", "order": ["0", "1"]}, {"scale": "b", "order": ["0", "1"]}),
    ("employees", {"number": "a"}, {"number": "b"}),
    ("firm_id", {"text": "a"}, {"text": "b"}),
]


@pytest.mark.parametrize(("column", "rule", "against"), CONTRADICTIONS)
def test_contradictions_are_counted_and_not_mended(spark, column, rule, against):
    pair = {"column": column, "against": against, "words": "a against b"}
    declared = wave_map(contradictions=[pair], **{column: rule})
    frame = answers(spark, [{"a": "1", "b": "0"}, {"a": "1", "b": "1"}, {"a": "1", "b": "1.0"}])
    rows = harmonise(frame, declared, CODES)
    ((words, differs),) = contradictions(frame, declared)
    assert words == "a against b" and rows.where(differs).count() == 1
    assert rows.where(f"{column} is not null").count() == 3


def test_columns_of_numbers_are_doubted_by_rule_and_column(spark):
    """`mkt` has thousands, `frm` a code for no answer; one is declared, one is meant as written."""
    firms = [{"mkt": f"{n}.125", "frm": "9999999" if n < 3 else str(n), "w": f"{n}.125"} for n in range(1, 9)]
    rules = {"innovative_share": {"number": ["mkt", "frm"]}, "weight": {"number": "w", "as_written": True}}

    def odd(**rules) -> list[tuple[str, str, bool, bool]]:
        frame, doubted = doubtful(answers(spark, firms), wave_map(**rules))
        tallies = frame.agg(*[of_column for *_, of_column in doubted]).first()
        verdicts = [doubts(of_column).values() for of_column in tallies]
        return [(rule, column, *said) for (rule, column, _), said in zip(doubted, verdicts, strict=True)]

    assert odd(**rules) == [
        ("innovative_share", "mkt", True, False),
        ("innovative_share", "frm", False, True),
    ]
    rules["innovative_share"]["missing"] = ["9999999"]
    assert odd(**rules) == [
        ("innovative_share", "mkt", True, False),
        ("innovative_share", "frm", False, False),
    ]


def test_texts_put_together(spark):
    cases = [({"a": "12", "b": "7.0"}, "12-7"), ({"a": "12"}, None), ({"a": " x ", "b": "y"}, "x-y")]
    check(spark, "firm_id", {"text": ["a", "b"]}, cases)
    check(spark, "firm_id", {"text": ["a", "b"], "join": ""}, [({"a": "1", "b": "2"}, "12")])


def test_one_number_less_another(spark):
    cases = [
        ({"a": "30", "b": "10"}, 20.0),
        ({"a": "30"}, 30.0),
        ({"b": "10"}, None),
        ({"a": "x", "b": "1"}, None, "a is no number"),
    ]
    check(spark, "turnover", {"number": "a", "minus": "b"}, cases)


def test_parts_of_a_whole(spark):
    cases = [("12 %", 0.12), ("100", 1.0), ("0", 0.0), ("101", None, "a is not between 0 and 100")]
    check(spark, "innovative_share", {"number": "a", "unit": "percent"}, cases)
    cases = [
        ("0.12", 0.12),
        ("12", None, "a is not between 0 and 1"),
        ("-0.1", None, "a is not between 0 and 1"),
    ]
    check(spark, "innovative_share", {"number": "a", "unit": "share"}, cases)


def test_numbers_above_a_bound(spark):
    cases = [("3", True), ("0", False), ("0,00", False), ("", None), ("x", None, "a is no number")]
    check(spark, "exports", {"greater": "a"}, cases, decimal=",")
    cases = [({"a": "1", "b": "9"}, True), ({"a": "1"}, False), ({"a": "5"}, False), ({"c": "9"}, None)]
    check(spark, "exports", {"greater": ["a", "b"], "than": 5}, cases)
    check(spark, "exports", {"greater": "a", "missing": ["-9"]}, [("-9.0", None), ("1", True)])


def test_size_classes(spark):
    rule = {"size_class": "a", "classes": {"1": 10, "2": 50}, "missing": ["9"]}
    check(
        spark,
        "employees",
        rule,
        [("1", 10), ("2.0", 50), ("9", None), ("", None), ("3", None, f"a {UNKNOWN}")],
    )


def test_the_higher_of_two_scales(spark):
    rule = {"scale": ["a", "b"], "order": ["4", "3", "2", "1"]}
    cases = [
        ({"a": "3", "b": "1"}, 3.0),
        ({"b": "4"}, 0.0),
        ({}, None),
        ({"a": "1", "b": "7"}, 3.0, f"b {UNKNOWN}"),
    ]
    check(spark, "source_fairs", rule, cases)


def test_all_other_codes_as_no(spark):
    cases = [("1", True), ("2", True), ("3", False), ("elsewhere", False), ("", None), ("9", None)]
    check(spark, "exports", {"yes_no": "a", "yes": ["1", "2"], "on_unknown": "no", "missing": ["9"]}, cases)
    cases = [({"a": "1"}, True), ({"a": "x"}, False), ({}, False)]
    check(spark, "exports", {"ticked": ["a"], "on_unknown": "no"}, cases)


def test_codes_by_their_leading_digits_and_from_two_columns(spark):
    rule = {"code": "a", "of": "sectors", "digits": 2}
    cases = [(text, "I") for text in ("15", "15.11", "1511", "C15", "C 15.1", "01.11", "1.11", "0111")]
    cases += [
        ("72.1", "S"),
        ("9", None, "a is no code of the sectors"),
        ("K", None, "a is no code of the sectors"),
    ]
    check(spark, "sector", rule, cases)
    check(spark, "sector", {**rule, "width": 4}, [("111", "I"), ("7210", "S")])
    two = {"code": ["a", "b"], "of": "regions"}
    cases = [
        ({"a": "1", "b": "2"}, "12"),
        ({"a": "1"}, None, "a, b is blank, which is no code of the regions"),
    ]
    check(spark, "region", two, cases)
