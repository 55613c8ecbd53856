"""Countries and waves as `diamant simulate --out` takes them: so many of them, or their names."""

from __future__ import annotations

import re
from collections.abc import Callable

from jobs.errors import SettingsError

MOST = 999

# The member states of the European Union, in the two letters of Eurostat (EL is Greece).
MEMBERS = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU"),
    *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
)
# The Community Innovation Surveys in the order of time: from the fifth on, every second year.
SURVEYS = ("cis2", "cis3", "cis4", *[f"cis{year}" for year in range(2006, 2023, 2)])


def countries(text: str) -> list[str]:
    """The names in a text with commas between them, or as many member states as a whole number says.

    Beyond the 27 the names are made up: C28, C29, … A whole number alone is always a count, never a name.
    Raises SettingsError where the number is too small or too large.
    """
    return _listed("countries", text, MEMBERS, lambda number: f"C{number}")


def waves(text: str) -> list[str]:
    """The names in a text with commas between them, or as many surveys as a whole number says.

    Beyond cis2022, the twelfth, the names are made up: w13, w14, … A whole number alone is always a count.
    Raises SettingsError where the number is too small or too large.
    """
    return _listed("waves", text, SURVEYS, lambda number: f"w{number}")


def _listed(option: str, text: str, known: tuple[str, ...], made_up: Callable[[int], str]) -> list[str]:
    if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", text):
        return text.split(",")
    if len(text) > 20 or not 1 <= int(text) <= MOST:
        raise SettingsError(f"--{option}: a whole number says how many, from 1 to {MOST}.")
    count = int(text)
    return [*known[:count], *[made_up(number) for number in range(len(known) + 1, count + 1)]]
