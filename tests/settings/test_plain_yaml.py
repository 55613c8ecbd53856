"""YAML as plain data: what people write by mistake, and what is written to harm, is refused by its line."""

from __future__ import annotations

import pytest

from jobs.settings import plain_yaml
from jobs.settings.plain_yaml import NotPlain

LAUGHS = "a: &a [x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2020-13-45", 2, "no date or number"),
        ("a: " + "9" * 5000, 1, "no date or number"),
        ("a: 0x" + "f" * 6000, 1, "more digits"),
        ("a: !!int ''", 1, "no date or number"),
        ("a: !!bool maybe", 1, "no date or number"),
        ("a: !!float x", 1, "no date or number"),
        ("a: !!python/object/apply:os.system [x]", 1, "tag"),
        ("a: !mine 3", 1, "tag"),
        ("a: b\0c", None, "a character that YAML does not take"),
        ("a: " + "[" * 100_000, None, "nested deeper"),
        ("a: " + "[" * 60 + "]" * 60, 1, "nested deeper"),
        ("- " * 5000 + "a", None, "nested deeper"),
        (LAUGHS, None, "aliases stand for more"),
        (MERGED, None, "aliases stand for more"),
        ("a: 1\nb: &b [*b]", 2, "inside what it stands for"),
        ("a: *missing", 1, "undefined alias"),
        ("a: 1\n1: x", 2, "a key is no text"),
        ("null: x", 1, "a key is no text"),
        ("[a]: x", 1, "a key is no text"),
        ("true: x", 1, "a key is no text"),
        ("? [a, {b: c}]\n: d", 1, "a key is no text"),
        ("a: 1\na: 2", 2, "duplicate key"),
        ("a: 1\n---\nb: 2", None, "another document"),
        ("a:\n\t- b", 2, "cannot start any token"),
        ("a: b: c", 1, "not allowed here"),
        ("a: 'b", None, "unexpected end"),
        ("%YAML 9.9\n---\na: 1", None, "incompatible"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_what_is_not_plain_is_refused_by_its_line(text, line, words):
    with pytest.raises(NotPlain, match=words) as refused:
        plain_yaml.load(text)
    assert line is None or refused.value.line == line
    assert len(str(refused.value)) < 200


def test_plain_data_and_sections_that_are_taken_over():
    text = "text: &text {separator: ';', decimal: ','}\nsurvey: {<<: *text, path: a}\nwhen: 2020-01-31\n"
    read = plain_yaml.load(text)
    assert read["survey"] == {"separator": ";", "decimal": ",", "path": "a"}
    assert str(read["when"]) == "2020-01-31" and plain_yaml.load("") is None
    assert plain_yaml.load("[" * 49 + "x" + "]" * 49)
