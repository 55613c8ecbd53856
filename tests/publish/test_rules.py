"""Primary rules by hand."""

from __future__ import annotations

import pytest

from jobs.publish import rules
from jobs.settings.sections import DisclosureSettings

RULES = DisclosureSettings()


@pytest.mark.parametrize(("count", "few"), [(0, False), (1, True), (9, True), (10, False), (None, False)])
def test_threshold(count, few):
    assert rules.too_few(count, RULES) is few


@pytest.mark.parametrize(
    ("total", "largest", "broken"),
    [
        (100, [60, 30], False),  # two firms hold 90 %, which is allowed; 10 are left, 10 % of 60 are 6
        (100, [60, 31], True),  # 91 %
        (100, [91], True),
        (0, [], False),  # nobody
    ],
)
def test_dominance_of_two_firms(total, largest, broken):
    assert rules.dominated(total, largest, RULES) is broken


@pytest.mark.parametrize(("p", "broken"), [(25, False), (26, True)])
def test_p_percent(p, broken):
    """100 = 60 + 25 + 15: who holds 25 knows the largest to 15 / 60 = 25 %."""
    given = RULES.model_copy(update={"p_percent": p, "dominance_share": 1.0})
    assert rules.dominated(100, [60, 25, 15], given) is broken


@pytest.mark.parametrize(
    ("firms", "share", "broken"), [(1, 0.8, True), (1, 0.81, False), (3, 0.98, True), (3, 0.99, False)]
)
def test_dominance_of_other_numbers_of_firms(firms, share, broken):
    """100 = 81 + 9 + 9 + 1."""
    given = RULES.model_copy(update={"dominance_firms": firms, "dominance_share": share, "p_percent": 0})
    assert rules.dominated(100, [81, 9, 9, 1], given) is broken


@pytest.mark.parametrize(
    ("share", "tells_all"), [(0.0, True), (0.0004, True), (0.001, False), (0.9996, True), (0.5, False)]
)
def test_a_share_that_is_shown_as_none_or_all_tells_of_every_firm(share, tells_all):
    assert rules.extreme(share) is tells_all
