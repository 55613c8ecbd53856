"""What was searched for a slice is searched again wherever what it depends on changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from jobs.publish.commonality import OF_SHARES, Shares, withheld
from jobs.run.sources import Sources
from jobs.stages.protection import Answers

FIRMS = {"17": (40, 20, False), "18": (4, 1, True), "19": (23, 4, False), "_all": (67, 25, False)}
CELLS = pd.DataFrame([["R", sector, *own] for sector, own in FIRMS.items()], columns=OF_SHARES)
SHARES = Shares(CELLS, 10)


def no_session():
    raise AssertionError("Spark was asked for")


@pytest.fixture
def answers(tmp_path):
    return Answers(no_session, Sources({"module": "digest"}), tmp_path / "kept", 9)


@pytest.fixture
def searched():
    return []


@pytest.fixture
def asked(searched):
    """Asks for some shares; tells the answers, and how many were searched."""

    def search(shares: Shares) -> str:
        searched.append(shares)
        return json.dumps(withheld(shares))

    def ask(answers: Answers, *shares: Shares) -> tuple[list[list[bool]], int]:
        searched.clear()
        return [json.loads(text) for text in answers.of(search, shares)], len(searched)

    return ask


def test_the_same_is_searched_once(answers, asked):
    first, count = asked(answers, SHARES)
    assert (count == 1 and first == [[True, True, False, False]]) or first == [[False, True, True, False]]
    assert asked(answers, SHARES) == (first, 0)


def test_what_changed_is_searched_again_and_no_more(answers, asked):
    other = Shares(CELLS.assign(protected=[False, False, False, False]), 10)
    asked(answers, SHARES, other)
    more = Shares(CELLS.assign(commonality_within_firms=[40, 4, 24, 68]), 10)
    assert asked(answers, SHARES, more, other)[1] == 1
    assert asked(answers, more)[1] == 0
    assert asked(answers, SHARES)[1] == 1, "a slice that left the run was forgotten"


def test_other_rules_and_another_program_ask_again(answers, asked):
    asked(answers, SHARES)
    assert asked(answers, Shares(CELLS, 20))[1] == 1
    changed = replace(answers, program=Sources({"module": "another digest"}))
    assert asked(changed, Shares(CELLS, 20))[1] == 1
    assert asked(replace(changed, program=Sources({}, frozenset({"numpy"}))), Shares(CELLS, 20))[1] == 1


def test_a_kept_answer_that_was_damaged_withholds_no_less(answers, asked):
    right, _ = asked(answers, SHARES)
    (file,) = answers.folder.iterdir()
    file.write_text(json.dumps([False] * 4))
    assert asked(answers, SHARES) == (right, 1)
    file.unlink()
    assert asked(answers, SHARES) == (right, 1)
