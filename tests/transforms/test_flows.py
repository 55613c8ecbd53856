"""Labels into numbers; what is dropped, what is at fault, and in what words; what is doubtful."""

from __future__ import annotations

from decimal import Decimal

import pytest

from jobs.settings.classifications import Classification
from jobs.transforms import flows
from jobs.transforms.doubts import doubts
from jobs.transforms.flows import Notation, notes_on_values, numbered, odd_values

REGIONS = Classification(
    version="t", source="t", items=[{"code": "A", "name": "a"}, {"code": "B", "name": "b"}]
)
SECTORS = Classification(
    version="t",
    source="t",
    items=[{"code": "1", "name": "one", "industrial": True}, {"code": "2", "name": "two"}],
)
CELL = (
    "country string, wave string, part string, row_number long, origin_region string, origin_sector string, "
    "destination_region string, destination_sector string, value string, elsewhere boolean, _corrupt string"
)


CODES = [(None, REGIONS, SECTORS)]


def noted(cells, notation):
    """The notes on the cells of the one slice of a test."""
    (row,) = numbered(cells, CODES, notation).agg(*odd_values()).collect()
    return notes_on_values(row["vanished"], doubts(row["tallies"]), notation)


def number_all(spark, cells, regions=REGIONS, sectors=SECTORS, **notation):
    """Cells (four labels and a value) as rows, in their order."""
    rows = [("NL", "w", None, place, *cell, None, None) for place, cell in enumerate(cells)]
    frame = numbered(spark.createDataFrame(rows, CELL), [(None, regions, sectors)], Notation(**notation))
    return sorted(frame.collect(), key=lambda row: row["row_number"])


def number_cell(spark, *cell, **notation):
    return number_all(spark, [cell], **notation)[0]


def labels(row):
    return tuple(row[label] for label in flows.LABELS)


def classification(*codes):
    return Classification(version="t", source="t", items=[{"code": code, "name": code} for code in codes])


def test_labels_become_their_places(spark):
    row = number_cell(spark, "A", "1", "B", "2", "3,25", decimal=",")
    assert labels(row) == (1, 1, 2, 2) and row["value"] == Decimal("3.25")
    assert row["faults"] == [] and not row["dropped"]


def test_the_rest_of_the_country_is_region_0_and_its_unknown_buyer_sector_0(spark):
    rows = number_all(spark, [("A", "1", "REST", buyer, "1") for buyer in (None, "", "\u00a0")])
    assert [(*labels(row), row["faults"]) for row in rows] == [(1, 1, 0, 0, [])] * 3


def test_a_blank_sector_of_the_runs_own_regions_is_undeclared(spark):
    (fault,) = number_cell(spark, "A", "1", "B", "", "1")["faults"]
    assert fault["reason"].startswith("destination sector '' is in neither")


def test_final_demand_is_sector_0_where_it_buys_and_undeclared_where_it_delivers(spark):
    final = {"final": ("Households",)}
    assert number_cell(spark, "A", "1", "A", "Households", "1", **final)["destination_sector"] == 0
    assert number_cell(spark, "A", "Households", "A", "1", "1", **final)["faults"]


def test_faults_name_the_label_and_never_the_value(spark):
    unknown = "is in neither the run's"
    expected = {
        ("A", "1", "B", "Total", "1"): f"destination sector 'Total' {unknown} sectors nor its drop list",
        ("X", "1", "B", "2", "1"): f"origin region 'X' {unknown} regions nor its drop list",
        ("A", "1", "B", "2", None): "the value is no number",
    }
    for words, texts in {
        "no number": (
            "n/a",
            "NaN",
            "Infinity",
            "1e400",
            "5d",
            "0x1p3",
            "1.234.567",
            "1,5",
            "",
            "-",
            "c",
            "1 5",
        ),
        "negative": ("-1", "-0.001", "-0.000000001", "-1e20"),
        "too large": ("1e15", "1234567890123456.5", "1E+30", "9" * 40),
    }.items():
        expected |= {("A", "1", "B", "2", text): f"the value is {words}" for text in texts}
    for cell, row in zip(expected, number_all(spark, expected), strict=True):
        assert [fault["reason"] for fault in row["faults"]] == [expected[cell]], cell


def test_values_in_every_writing_are_rounded_to_nine_decimals(spark):
    expected = {
        **{"0": "0", "-0": "0", "-0.0": "0", "+1": "1", "1.0": "1", "1.": "1", ".5": "0.5", "007": "7"},
        **{"1.2345678901E10": "12345678901", "1e+05": "100000", "6.407499313354492e-07": "0.000000641"},
        **{"0.0000000005": "0.000000001", "0.00000000049": "0", "999999999999999": "999999999999999"},
        "\u00a012.5\u202f": "12.5",
    }
    rows = number_all(spark, [("A", "1", "B", "2", text) for text in expected])
    for text, row in zip(expected, rows, strict=True):
        assert (row["value"], row["faults"]) == (Decimal(expected[text]), []), text


@pytest.mark.parametrize(
    ("decimal", "thousands", "expected"),
    [
        (",", ".", {"12.345": "12345", "12.345,6": "12345.6", "1.234.567": "1234567", "-1.000,0": "-1000"}),
        (",", ".", {"345,5": "345.5", "12345": "12345", "1e3": "1000"}),
        (",", ".", dict.fromkeys(("12.34", "1234.567", "12.345.6", "12..345", ".345", "12.345e2"))),
        (".", ",", {"12,345.6": "12345.6", "1,5": None}),
        (".", "'", {"12'345": "12345", "12'34": None}),
        (",", " ", {f"12{blank}345,5": "12345.5" for blank in (" ", "\u00a0", "\u202f", "\u2009")}),
        (".", None, {"12.345": "12.345", "12 345": None, "12'345": None}),
    ],
)
def test_marks_of_thousands_part_groups_of_three_digits(spark, decimal, thousands, expected):
    cells = [("A", "1", "B", "2", text) for text in expected]
    rows = number_all(spark, cells, decimal=decimal, thousands=thousands)
    for (text, number), row in zip(expected.items(), rows, strict=True):
        assert row["value"] == (None if number is None else Decimal(number)), text
        assert number is not None or row["faults"][0]["reason"] == "the value is no number", text


def test_what_is_on_the_drop_list_is_dropped_without_fault(spark):
    row = number_cell(spark, "A", "1", "B", "Total", "not even a number", drop=("Total",))
    assert row["dropped"] and row["faults"] == []


def test_a_row_with_too_few_fields_has_that_fault_only(spark):
    frame = spark.createDataFrame([("NL", "w", None, 0, None, None, None, None, None, None, "A;1;B")], CELL)
    (row,) = numbered(frame, CODES, Notation(drop=("Total",))).collect()
    assert [fault["reason"] for fault in row["faults"]] == ["the row has too few or too many fields"]
    assert not row["dropped"]


@pytest.mark.parametrize("declared", ["1", "01", "001"])
def test_a_label_is_the_whole_number_that_it_writes(spark, declared):
    """Sectors 01 to 03 arrive as 1 to 3 from Excel, as 1.0 to 3.0 from pandas; blanks are no part of them."""
    written = ["1", "01", "1.0", "1,0", "1.", "+1", "1.0E0", "1e+00", "\u00a01 ", " 01\u2009"]
    sectors = classification("10-12", declared, "12")
    rows = number_all(spark, [("A", label, "B", "10-12", "1") for label in written], sectors=sectors)
    assert {label: labels(row) for label, row in zip(written, rows, strict=True)} == dict.fromkeys(
        written, (1, 2, 2, 1)
    )


def test_a_padded_label_is_the_label(spark):
    row = number_cell(spark, "A ", " 1", "\u00a0B", "2\u202f", "1")
    assert labels(row) == (1, 1, 2, 2)


def test_a_label_stands_for_itself_first_and_for_a_number_only_where_one_is_meant(spark):
    sectors = classification("5", "05", "7")
    cells = [("A", label, "A", "7", "1") for label in ("5", "05", "5.0", "005", "07")]
    rows = number_all(spark, cells, sectors=sectors)
    assert [row["origin_sector"] for row in rows] == [1, 2, None, None, 3]
    assert "origin sector '5.0' is in neither" in rows[2]["faults"][0]["reason"]


def test_a_code_with_letters_or_signs_is_no_number(spark):
    """Neither is the cell read as a number, nor the declared code that looks like one."""
    written = ["5E2", "50", "1e5", "1_0", "0x1", "１", "1 0", "1-0"]
    sectors = classification("10", "100000", "5E1", "500")
    rows = number_all(spark, [("A", label, "A", "10", "1") for label in written], sectors=sectors)
    assert [row["origin_sector"] for row in rows] == [None] * len(written)


def test_dropped_final_and_rest_labels_are_met_in_disguise_too(spark):
    notation = {"drop": ("99",), "final": ("090",), "rest": "0"}
    cells = [("A", "1", "A", "99.0", "x"), ("A", "1", "A", "90", "1"), ("0.0", "1", "A", "2", "1")]
    dropped, final, rest = number_all(spark, cells, **notation)
    assert dropped["dropped"] and final["destination_sector"] == 0 and rest["origin_region"] == 0


def test_regions_in_disguise(spark):
    row = number_all(spark, [("5", "1", "06.0", "2", "1")], regions=classification("05", "6"))[0]
    assert labels(row) == (1, 1, 2, 2)


GROUPS = ["12.345", "1.234", "999.001", "3.188", "5.305"]
LOOKS = [
    (GROUPS, ["warning: flows: every number with a mark has exactly three digits behind it"]),
    ([*GROUPS, "1000", "5.3"], []),
    (["3.5", "999999999", "17"], ["warning: flows: the largest number is written in nines only"]),
    (["998", "999", "1"], []),
    (
        ["1e-10", "0.0000000004", "-1e-12", "0", "0.0", "0e5", "-0", "1", "5e-10"],
        ["flows: 3 values are below 0.0000000005 and count as 0"],
    ),
]


@pytest.mark.parametrize(("texts", "words"), LOOKS)
def test_values_that_may_mean_something_else_are_reported(spark, texts, words):
    rows = [
        ("NL", "w", None, place, "A", "1", "B", "2", text, None, None) for place, text in enumerate(texts)
    ]
    notes = noted(spark.createDataFrame(rows, CELL), Notation())
    assert [note.startswith(start) for note, start in zip(notes, words, strict=True)] == [True] * len(words)


def test_declared_marks_of_thousands_are_not_reported(spark):
    rows = [("NL", "w", None, 0, "A", "1", "B", "2", text, None, None) for text in GROUPS]
    cells = spark.createDataFrame(rows, CELL)
    declared = Notation(decimal=",", thousands=".")
    assert noted(cells, declared) == []
    (note,) = noted(cells, Notation())
    assert note == (
        "warning: flows: every number with a mark has exactly three digits behind it, as thousands have; "
        "if it is a mark of thousands, set flows.thousands"
    )
