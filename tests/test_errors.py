"""What an unexpected error says must not hold what it quotes."""

from __future__ import annotations

import pytest

from jobs.errors import scrub


@pytest.mark.parametrize(
    "message",
    [
        "[CAST_INVALID_INPUT] The value 'F-CANARY' of the type STRING cannot be cast to INT",
        "CHECK constraint violated by row with values: (firm F-CANARY, turnover 987654321)",
        'could not convert string to float: "F-CANARY"',
        "turnover 987654321 is out of range",
        "",
    ],
)
def test_no_value_survives(message):
    said = scrub(ValueError(message))
    assert "CANARY" not in said and "987654321" not in said
    assert said.startswith("ValueError")


def test_sparks_error_condition_is_kept():
    assert scrub(ValueError("[CAST_INVALID_INPUT] The value 'x'")) == "ValueError CAST_INVALID_INPUT"
