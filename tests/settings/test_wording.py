"""A fault in words: its place, what is wrong, and nothing of the value."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from jobs.settings.section import Section
from jobs.settings.wording import fault, shown


class Inner(Section):
    number: float = 1.0


class Outer(Section):
    text: str = ""
    listed: tuple[int, ...] = ()
    inner: Inner = Inner()
    many: dict[str, Inner] = Field({})


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"txet": "SECRET"}, "txet: is not a setting"),
        ({"inner": {"x": "SECRET"}}, "inner.x: is not a setting"),
        ({"text": 5}, "text: input should be a valid string; write it in quotes"),
        ({"text": None}, "text: input should be a valid string"),
        ({"listed": "SECRET"}, "listed: should be a list"),
        ({"listed": [1, "SECRET"]}, "listed.1: input should be a valid integer"),
        ({"listed": [True]}, "listed: is a number, not true or false"),
        ({"inner": ["SECRET"]}, "inner: should be a section with keys of its own"),
        ({"inner": {"number": float("nan")}}, "inner.number: should be a finite number"),
        ({"many": {"a": {"number": "SECRET"}}}, "many.a.number: input should be a valid number"),
        ({"text": "a\0b"}, "text: has a character that belongs in no text"),
        ({"text": b"SECRET"}, "text: is binary; write it as text"),
        ({"text": "\ud800"}, "text: has a character that belongs in no text"),
        ("SECRET", "the file: should be a section with keys of its own"),
        (None, "the file: should be a section with keys of its own"),
    ],
)
def test_the_first_fault_has_its_place_and_no_value(raw, words):
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(raw)
    assert fault(refused.value).startswith(words) and "SECRET" not in fault(refused.value)


def test_a_users_text_is_shown_on_one_short_line():
    assert shown("a\nb\x1b[31m\tc") == "a b [31m c"
    assert shown("x" * 200) == "x" * 79 + "…" and shown("x" * 80) == "x" * 80
    assert shown(3) == "3"
