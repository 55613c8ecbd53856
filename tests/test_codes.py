"""Codes that programs wrote as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.codes import canonical, written_out


@pytest.mark.parametrize(
    ("text", "code", "identifier"),
    [
        ("5", "5", "5"),
        ("05", "5", "05"),
        ("+1", "1", "+1"),
        ("1.", "1", "1."),
        ("1.0", "1", "1"),
        ("0,0", "0", "0"),
        ("-0.0", "0", "-0"),
        ("-9.00", "-9", "-9"),
        ("007.0", "7", "007"),
        ("12.000", "12", "12.000"),  # of an identifier this may be twelve thousand
        ("1234.000", "1234", "1234"),
        ("1.2345678901E10", "12345678901", "12345678901"),
        ("1,2345678901E10", "12345678901", "12345678901"),
        ("1e+05", "100000", "100000"),
        ("0.0E0", "0", "0"),
        ("10E5", "10E5", "10E5"),  # the letter belongs to the code
        ("1.5E-3", "1.5E-3", "1.5E-3"),
        ("1.5", "1.5", "1.5"),
        ("1.5E0", "1.5E0", "1.5E0"),
        ("1.0E30", "1.0E30", "1.0E30"),
        ("C10", "C10", "C10"),
        ("15-16", "15-16", "15-16"),
        ("", "", ""),
    ],
)
def test_a_whole_number_in_disguise_is_that_number(text, code, identifier):
    assert (canonical(text), written_out(text)) == (code, identifier)


@st.composite
def disguises(draw) -> tuple[int, str]:
    """A whole number, and a text in which some program writes it."""
    number = draw(st.integers(-(10**14), 10**14))
    size, mark = abs(number), draw(st.sampled_from(".,"))
    if draw(st.booleans()):
        digits = str(size)
        fraction = digits[1:] or "0"
        text = f"{digits[0]}{mark}{fraction}{draw(st.sampled_from(['E', 'e', 'E+', 'e+']))}{len(digits) - 1}"
    else:
        zeros = "0" * draw(st.integers(0, 4))
        text = f"{zeros}{size}" + draw(st.sampled_from(["", mark, f"{mark}0", f"{mark}00000"]))
    sign = "-" if number < 0 else draw(st.sampled_from(["", "+"]))
    return number, sign + text


@given(disguises())
def test_every_disguise_of_a_whole_number_is_its_code(disguise):
    number, text = disguise
    assert canonical(text) == str(number)


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9 _-]*", fullmatch=True))
def test_a_code_that_begins_with_a_letter_stays_as_it_is(text):
    assert canonical(text) == written_out(text) == text


@given(st.text(alphabet="0123456789.,+-eE", max_size=30))
def test_a_form_is_its_own_form(text):
    assert canonical(canonical(text)) == canonical(text)
    assert written_out(written_out(text)) == written_out(text)
