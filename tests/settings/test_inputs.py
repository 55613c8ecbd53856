"""Tables of the year that goes with a wave, by a declared rule."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from jobs.settings.inputs import FlowsInput

YEARS = [2000, 2005, 2010]


def flows(**given: object) -> FlowsInput:
    raw = {"layout": "long", "paths": {"flows": "tables_{year}.csv"}, "years": YEARS, **given}
    return FlowsInput.model_validate(raw)


@pytest.mark.parametrize(
    ("year", "match", "chosen"),
    [
        (2004, "nearest_earlier", 2000),
        (2005, "nearest_earlier", 2005),
        (2022, "nearest_earlier", 2010),
        (2004, "nearest", 2005),
        (1990, "nearest", 2000),
        (2010, "same", 2010),
    ],
)
def test_the_year_by_each_rule(year, match, chosen):
    settings = flows(year=year, match=match)
    assert settings.paths == {"flows": f"tables_{chosen}.csv"} and settings.table_year == chosen


def test_of_two_years_as_near_the_earlier_is_taken():
    assert flows(year=2005, years=[2004, 2006], match="nearest").table_year == 2004


def test_one_file_of_many_years_is_filtered_by_the_year():
    settings = flows(paths={"flows": "all.csv"}, where={"year": "{year}"}, year=2004)
    assert settings.where == {"year": ("2000",)}


def test_what_was_read_can_be_read_again():
    settings = flows(year=2004)
    assert FlowsInput.model_validate(settings.model_dump()) == settings


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"year": 1999}, "none of the years .2000, 2005, 2010. goes with 1999 by the rule nearest_earlier"),
        ({"year": 2004, "match": "same"}, "goes with 2004 by the rule same"),
        ({}, "needs the keys year and years"),
        ({"year": 2004, "years": []}, "needs the keys year and years"),
        ({"year": 2004, "years": ["2000"]}, "years are whole numbers"),
    ],
)
def test_a_year_that_cannot_be_chosen_is_refused(given, words):
    with pytest.raises(ValidationError, match=words):
        flows(**given)
