"""Errors a user can act on, each with the exit code of the design.

A message is one sentence: what is wrong, where (file, row number, column, rule), what to do.
It never holds a value from the micro data.
"""

from __future__ import annotations

import re


class DiamantError(Exception):
    """Base of all expected errors; unexpected ones end with exit code 1 as well."""

    exit_code = 1


class SettingsError(DiamantError):
    """Settings, arguments or set-up are wrong."""

    exit_code = 2


class SparkNotStarted(SettingsError):
    """Spark does not start, or does not take an option: no slice can go on."""


class ExecutorsUnfit(SettingsError):
    """The executors lack the Python that a stage runs there: no slice can go on."""


class SparkEnded(DiamantError):
    """A process of Spark ended in the middle of its work, mostly for want of memory; another try may help."""


class InputError(DiamantError):
    """An input file or table is missing or unreadable."""

    exit_code = 3


class Unreachable(InputError):
    """A file system on other machines cannot be reached or written for now: no slice can go on."""


class ValidationStopped(DiamantError):
    """A table rule failed, or a rule could not be evaluated."""

    exit_code = 4


class SliceHeld(DiamantError):
    """Another run holds the slice."""

    exit_code = 5


class DisclosureStopped(DiamantError):
    """Disclosure control stopped the publication."""

    exit_code = 6


class FitsFailed(DiamantError):
    """More groups failed to fit than the settings allow."""

    exit_code = 7


class SlicesFailed(Exception):
    """Several slices failed, or one of several; the others are done. One sentence a slice.

    The exit code is that of the first one's error.
    """

    def __init__(self, sentences: list[str], exit_code: int) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences
        self.exit_code = exit_code


INTERRUPTED = 130

# Spark, Delta and the JVM quote data in their messages; what is quoted or looks like a number goes.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\([^()]*\)")
_NUMBER = re.compile(r"\d[\d.,]*")
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_.]+)\]")


def scrub(error: BaseException) -> str:
    """The kind of an unexpected error without any value it may quote.

    Spark's and Delta's error condition (an upper-case name in brackets) is kept, since it names the
    fault and never the data.
    """
    text = str(error)
    condition = _CONDITION.search(text)
    if condition:
        return f"{type(error).__name__} {condition.group(1)}"
    first = text.strip().splitlines()[0] if text.strip() else ""
    first = _NUMBER.sub("…", _QUOTED.sub("…", first))
    return f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__
