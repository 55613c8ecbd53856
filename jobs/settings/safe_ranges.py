"""The safe ranges of the disclosure rules, and the word that a laxer rule needs.

The ranges are those that output checkers use (ACRO; Ritchie, Green and Smith 2023); for magnitudes the rules
are told in Hundepool et al., "Statistical disclosure control", 2012.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.settings.sections import DisclosureSettings

# The least strict figure of each rule that is safe, and whether larger figures are the stricter ones.
SAFE: dict[str, tuple[float, bool]] = {
    "threshold": (10, True),
    "dominance_firms": (2, True),
    "dominance_share": (0.9, False),
    "p_percent": (10, True),
    "degrees_of_freedom": (10, True),
}
TOLD = ("threshold", "degrees_of_freedom")  # what a publication may tell: the others help to undo the rules
FEWEST_LETTERS = 10  # of a reason


def is_safe(name: str, figure: float) -> bool:
    """Whether a rule is as strict as its safe range asks."""
    safe, larger_is_stricter = SAFE[name]
    return figure >= safe if larger_is_stricter else figure <= safe


def demand(name: str, figure: float, word: str | None) -> None:
    """Raise ValueError for a rule that is laxer than its safe range and that `word` does not decide on.

    The word names the rule with its figure, as "threshold 5", so that it does not cover a laxer one later.
    """
    if is_safe(name, figure) or (word and _decided(name, figure).search(word)):
        return
    safe, larger_is_stricter = SAFE[name]
    side = "least" if larger_is_stricter else "most"
    raise ValueError(
        f"is laxer than its safe range (at {side} {safe:g}); mend it, or name it with its figure and the "
        "decision in disclosure.weaker"
    )


def demand_reason(rules: DisclosureSettings) -> None:
    """Raise ValueError for a word that nothing needs, or that gives no reason beside names and figures."""
    if rules.weaker is None:
        return
    laxer = _laxer(rules)
    if not laxer:
        raise ValueError("weaker: no rule is laxer than its safe range; leave it out")
    rest = rules.weaker
    for name, figure in laxer.items():
        rest = _decided(name, figure).sub("", rest)
    if sum(letter.isalpha() for letter in rest) < FEWEST_LETTERS:
        raise ValueError("weaker: gives no reason; say who decided so, when and why")


def weaker(rules: DisclosureSettings) -> list[str]:
    """What is laxer than its safe range, a sentence a rule, and the office's word for it.

    For the office's own notes and for the output checker, never for the publication. Empty where all is safe.
    """
    laxer = _laxer(rules)
    if not laxer:
        return []
    lines = [f"{name} is {figure:g}, laxer than the safe {SAFE[name][0]:g}" for name, figure in laxer.items()]
    return [*lines, f"the run file's word for it: {rules.weaker}"]


def published(rules: DisclosureSettings) -> dict[str, Any]:
    """What a publication may tell of its rules: no p and no dominance, and no figure of a laxer rule."""
    return {name: getattr(rules, name) for name in TOLD if is_safe(name, getattr(rules, name))}


def _laxer(rules: DisclosureSettings) -> dict[str, float]:
    return {name: getattr(rules, name) for name in SAFE if not is_safe(name, getattr(rules, name))}


def _decided(name: str, figure: float) -> re.Pattern[str]:
    """A rule's name and its figure, such as "threshold 5", "threshold: 5" or "threshold=5"."""
    return re.compile(rf"(?<!\w){name}\s*[:=]?\s*{re.escape(f'{figure:g}')}(?:\.0)?(?![\w.]?\d|\w)")
