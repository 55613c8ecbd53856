"""Java is checked before anything else, with one line on how to get one that fits."""

from __future__ import annotations

import pytest

from jobs.errors import SettingsError
from jobs.spark import java


def pretend(tmp_path, monkeypatch, answer: str, code: int = 0) -> None:
    binary = tmp_path / "bin" / "java"
    binary.parent.mkdir()
    binary.write_text(f"#!/bin/sh\necho '{answer}' >&2\nexit {code}\n")
    binary.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))


@pytest.mark.parametrize(
    "answer", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "21" 2023-09-19']
)
def test_a_fitting_java_is_taken(tmp_path, monkeypatch, answer):
    pretend(tmp_path, monkeypatch, answer)
    assert java.check().strip() == answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ('java version "1.8.0_392"', "Java 8 does not fit"),
        ('openjdk version "11.0.20"', "Java 11 does not fit"),
        ("gibberish", "of an unknown version"),
    ],
)
def test_another_java_is_refused_with_advice(tmp_path, monkeypatch, answer, words):
    pretend(tmp_path, monkeypatch, answer)
    with pytest.raises(SettingsError, match=f"{words}.*install a Java 17 or 21"):
        java.check()


def test_a_java_that_does_not_start_is_refused(tmp_path, monkeypatch):
    pretend(tmp_path, monkeypatch, "broken", code=1)
    with pytest.raises(SettingsError, match="JAVA_HOME does not lead"):
        java.check()


def test_no_java_at_all_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="Java is missing"):
        java.check()
