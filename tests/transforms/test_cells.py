"""Cells of text as codes and numbers; one frame holds many cells."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from jobs import codes
from jobs.spark.frames import local
from jobs.transforms.cells import answered, bare, code, declared, number, trimmed, written_out

NO_BREAK, NARROW, THIN, FIGURE = "\u00a0", "\u202f", "\u2009", "\u2007"

few_frames = settings(max_examples=5, deadline=None)


def read(spark, texts: list[str | None], reader) -> list:
    """What a reader makes of each text."""
    rows = [(place, text) for place, text in enumerate(texts)]
    frame = local(spark, rows, "place int, text string")
    return [
        row["read"]
        for row in frame.select("place", reader(F.col("text")).alias("read")).sort("place").collect()
    ]


@few_frames
@given(
    st.lists(st.text(alphabet="0123456789.,+-eE", max_size=24), min_size=300, max_size=300),
    st.lists(st.integers(-(10**15), 10**15), min_size=100, max_size=100),
)
def test_columns_follow_the_rule_of_plain_python(spark, texts, numbers):
    texts = [
        *texts,
        *map(str, numbers),
        *[f"{number:e}" for number in numbers],
        *[f"{number}.0" for number in numbers],
    ]
    assert read(spark, texts, code) == [codes.canonical(text) for text in texts]
    assert read(spark, texts, written_out) == [codes.written_out(text) for text in texts]


def test_whole_doubles_cast_to_text_are_written_out(spark):
    numbers = [0.0, -9.0, 5.0, 12345678901.0, 1e15, 0.5, None]
    frame = local(spark, list(enumerate(numbers)), "place int, number double").sort("place")
    texts = [row[0] for row in frame.select(written_out(F.col("number").cast("string"))).collect()]
    assert texts == ["0", "-9", "5", "12345678901", "1000000000000000", "0.5", None]


@pytest.mark.parametrize("blank", [" ", "\t", NO_BREAK, NARROW, THIN, FIGURE, "\u3000", "\ufeff", "\u200b"])
def test_blanks_around_a_cell_are_no_part_of_it(spark, blank):
    texts = [f"{blank}5{blank}", f"{blank}a b{blank}{blank}", blank, ""]
    assert read(spark, texts, trimmed) == ["5", "a b", None, None]


def test_blank_cells_are_no_answers(spark):
    cells = F.create_map(
        F.lit("a"), F.lit(f"{NO_BREAK}x "), F.lit("b"), F.lit(NO_BREAK), F.lit("c"), F.lit("")
    )
    assert spark.range(1).select(answered(cells)).first()[0] == {"a": "x"}


def test_a_cell_is_the_declared_code_itself_before_it_is_one_in_disguise(spark):
    clear = declared_codes(spark, ["5", "05", "5.0", "6", "A"], {"05": "five", "A": "a"})
    assert clear == ["05", "05", "05", None, "A"]
    # Two codes of one number: a disguise of it could be either.
    doubtful = declared_codes(spark, ["5", "05", "5.0", "005"], {"05": "a", "5": "b"})
    assert doubtful == ["5", "05", None, None]
    # Unless both mean the same.
    same = declared_codes(spark, ["5", "05", "5.0"], {"05": "yes", "5": "yes"})
    assert same == ["5", "05", "05"]


def test_codes_that_are_no_numbers_are_matched_exactly(spark):
    assert declared_codes(spark, ["hu11", "HU11", "1.5", "1.50", None], {"HU11": 1, "1.5": 2}) == [
        *(None, "HU11", "1.5", None, None)
    ]


def declared_codes(spark, texts, meanings):
    return read(spark, texts, lambda text: declared(text, meanings))


NUMBERS = [
    # text, decimal mark, mark of thousands, the number
    ("12.5", ".", None, "12.5"),
    ("12,5", ".", None, None),
    ("12,5", ",", None, "12.5"),
    ("12.5", ",", None, None),
    ("1.000,50", ",", None, None),
    ("1.000,50", ",", ".", "1000.5"),
    ("1.234.567", ",", ".", "1234567"),
    ("-12.345,6", ",", ".", "-12345.6"),
    ("12345,6", ",", ".", "12345.6"),
    ("12.34", ",", ".", None),
    ("1.2345", ",", ".", None),
    ("1234.567", ",", ".", None),
    ("0.123", ",", ".", None),
    ("1.234,567.890", ",", ".", None),
    ("12,345.6", ".", ",", "12345.6"),
    ("12,34", ".", ",", None),
    ("12 345", ".", " ", "12345"),
    (f"12{NO_BREAK}345", ",", " ", "12345"),
    (f"12{NARROW}345,5", ",", " ", "12345.5"),
    (f"1{THIN}234{THIN}567", ",", " ", "1234567"),
    ("12 34", ",", " ", None),
    (f" 12345{NO_BREAK}", ",", " ", "12345"),
    ("12'345.5", ".", "'", "12345.5"),
    ("12\u2019345.5", ".", "'", "12345.5"),
    ("12'34", ".", "'", None),
    (f"{NO_BREAK}7 ", ".", None, "7"),
    ("1.5E3", ".", None, "1500"),
    ("NaN", ".", None, None),
    ("Infinity", ".", None, None),
    ("1e400", ".", None, None),
    ("", ".", None, None),
    ("12%", ".", None, None),
    # A typed file: a point in columns of numbers, the declared mark in columns of text.
    ("12.5", ".,", None, "12.5"),
    ("12,5", ".,", None, "12.5"),
    ("12345,6", ".,", ".", "12345.6"),
    ("12.345,6", ".,", ".", "12345.6"),
    ("12.345", ".,", ".", None),  # 12.345 or 12345: not guessed
    ("12.34", ".,", ".", "12.34"),
]


@pytest.mark.parametrize(("decimal", "thousands"), sorted({case[1:3] for case in NUMBERS}, key=str))
def test_numbers(spark, decimal, thousands):
    cases = [(text, amount) for text, *marks, amount in NUMBERS if marks == [decimal, thousands]]
    numbers = read(spark, [text for text, _ in cases], lambda text: number(bare(text), decimal, thousands))
    assert numbers == [None if amount is None else Decimal(amount) for _, amount in cases], cases


amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=3, allow_nan=False)


@few_frames
@given(st.lists(amounts, min_size=200, max_size=200), st.sampled_from([",. ", ".,", ", ", ".'", ",'", ". "]))
def test_numbers_read_back_as_they_were_written(spark, numbers, marks):
    decimal, thousands = marks[0], marks[1]
    plain = [f"{amount:f}".replace(".", decimal) for amount in numbers]
    assert read(spark, plain, lambda text: number(text, decimal)) == numbers
    written = [
        f"{amount:,f}".replace(",", "T").replace(".", decimal).replace("T", thousands) for amount in numbers
    ]
    assert read(spark, written, lambda text: number(text, decimal, thousands)) == numbers
    assert read(spark, plain, lambda text: number(text, decimal, thousands)) == numbers
