"""A disclosure rule laxer than its safe range needs a word of its own, which is not published."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from jobs.settings import safe_ranges
from jobs.settings.sections import DisclosureSettings
from jobs.settings.wording import fault

DECISION = "decision of the office of 2026-03-01"
LAXER = {
    "threshold": 5,
    "dominance_firms": 1,
    "dominance_share": 0.95,
    "p_percent": 5,
    "degrees_of_freedom": 4,
}


def refused(**given) -> str:
    with pytest.raises(ValidationError) as error:
        DisclosureSettings(**given)
    return fault(error.value)


@pytest.mark.parametrize(("name", "figure"), LAXER.items())
def test_a_laxer_rule_needs_a_word_that_names_it_with_its_figure(name, figure):
    assert refused(**{name: figure}).startswith(f"{name}: is laxer than its safe range (at ")
    other = next(key for key in LAXER if key != name)
    for word in (
        f"{DECISION}",
        f"{other} {figure}: {DECISION}",
        f"{name}: {DECISION}",
        f"{name} 0.123: {DECISION}",
        f"{name} {figure}1: {DECISION}",
        f"{name} {figure}.5: {DECISION}" if isinstance(figure, int) else f"my_{name} {figure}: {DECISION}",
    ):
        assert refused(**{name: figure, "weaker": word}).startswith(f"{name}: is laxer"), word
    for word in (
        f"{name} {figure}: {DECISION}",
        f"By {DECISION} {name} = {figure}",
        f"{name}: {figure}. {DECISION}",
    ):
        assert getattr(DisclosureSettings(**{name: figure, "weaker": word}), name) == figure


def test_each_laxer_rule_needs_its_own():
    word = "threshold 5, p_percent 5: " + DECISION
    assert DisclosureSettings(threshold=5, p_percent=5, weaker=word)
    assert refused(threshold=5, p_percent=5, dominance_share=0.95, weaker=word).startswith("dominance_share")
    assert refused(threshold=4, p_percent=5, weaker=word).startswith("threshold"), (
        "the word was for another figure"
    )


@pytest.mark.parametrize("word", ["threshold 5", "threshold 5: ok", "threshold 5; threshold=5: threshold 5"])
def test_a_word_without_a_reason_is_none(word):
    assert "gives no reason" in refused(threshold=5, weaker=word)


def test_a_word_that_nothing_needs_is_refused():
    """Else it would stand ready for whoever lowers a bound later."""
    assert "no rule is laxer" in refused(threshold=10, weaker=f"threshold 5: {DECISION}")


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("threshold", 2),
        ("dominance_firms", 0),
        ("dominance_firms", 6),
        ("dominance_share", 1.0),
        ("dominance_share", 0.0),
        ("p_percent", 0),
        ("p_percent", 101),
        ("degrees_of_freedom", 0),
    ],
)
def test_no_word_allows_what_is_no_rule(name, figure):
    assert refused(**{name: figure, "weaker": f"{name} {figure}: {DECISION}"}).startswith(name)


def test_the_note_for_the_office_tells_what_the_publication_does_not():
    word = f"threshold 5, p_percent 7.5: {DECISION}"
    rules = DisclosureSettings(threshold=5, p_percent=7.5, weaker=word)
    assert safe_ranges.weaker(rules) == [
        "threshold is 5, laxer than the safe 10",
        "p_percent is 7.5, laxer than the safe 10",
        f"the run file's word for it: {word}",
    ]
    assert safe_ranges.published(rules) == {"degrees_of_freedom": 10}
    assert safe_ranges.weaker(DisclosureSettings(threshold=30)) == []
    assert safe_ranges.published(DisclosureSettings(threshold=30)) == {
        "threshold": 30,
        "degrees_of_freedom": 10,
    }
