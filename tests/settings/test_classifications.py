"""Regions and sectors: what the files hold, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.settings import classifications, resources

FILES = sorted(Path(str(resources.root()), "conf", "classifications").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_reads(file):
    assert classifications.read(str(file)).items


def test_the_study_has_twelve_provinces_and_nineteen_industrial_sectors():
    provinces = classifications.read("conf/classifications/regions_nl.yaml")
    sectors = classifications.read("conf/classifications/sectors_sbi93_19.yaml")
    assert len(provinces.items) == 12 and len(sectors.industrial) == 19
    divisions = [division for item in sectors.items if item.industrial for division in item.divisions]
    assert sorted(map(int, divisions)) == list(range(15, 38)), "manufacturing is divisions 15 to 37 of SBI'93"


def test_finland_has_nineteen_regions_and_ecuador_twenty_four_provinces():
    assert len(classifications.read("conf/classifications/regions_fi.yaml").items) == 19
    assert len(classifications.read("conf/classifications/regions_ec.yaml").items) == 24


def test_numbers_follow_the_order_and_lead_back_to_the_codes():
    sectors = classifications.read("conf/classifications/sectors_sbi93_19.yaml")
    assert sectors.numbers["15-16"] == 1
    assert {sectors.codes[number]: number for number in sectors.codes} == sectors.numbers
    assert classifications.REST not in sectors.codes


def test_a_division_leads_to_its_sector_and_a_code_without_divisions_to_itself():
    sectors = classifications.read("conf/classifications/sectors_sbi93_19.yaml")
    assert sectors.by_division["16"] == "15-16" and "15-16" not in sectors.by_division
    regions = classifications.read("conf/classifications/regions_nl.yaml")
    assert regions.by_division["NL11"] == "NL11"


def test_an_items_own_code_may_be_its_division(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "version: v\nsource: s\nitems: [{code: '15', name: food, divisions: ['15', '16']}]\n"
    )
    assert classifications.read(str(tmp_path / "own.yaml")).by_division == {"15": "15", "16": "15"}


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ("[{code: A, name: a}, {code: A, name: b}]", "the code A stands there twice"),
        (
            "[{code: A, name: a, divisions: ['1']}, {code: B, name: b, divisions: ['1']}]",
            "the division 1 stands there twice",
        ),
        ("[{code: A}]", "items.0.name: field required"),
        ("[{code: 1, name: a}]", "items.0.code: input should be a valid string"),
        ("[{code: A, name: a, colour: red}]", "items.0.colour"),
        ("[]", "items: "),
        ("null", "items: should be a list"),
        ("[A, B]", "items.0: should be a section"),
        ("[{code: 05, name: a}]", "items.0.code: .*write it in quotes"),
        ("[{code: A, name: a, divisions: [05]}]", "items.0.divisions.0: .*write it in quotes"),
        ("[{code: '', name: a}]", "items.0.code"),
        ("[{code: 'A ', name: a}]", "items.0.code: begins or ends with a blank"),
        ("[{code: A, name: ' '}]", "items.0.name: is blank"),
        ("[{code: A, name: a, divisions: [' 1']}]", "items.0.divisions.0: begins or ends with a blank"),
        ("[{code: _all, name: a}]", "items.0.code: is _all"),
        (
            "[{code: A, name: a, divisions: ['1', B]}, {code: B, name: b}]",
            "the division B of A is the code of another item",
        ),
        ("[{code: A, name: a}]\nextra_regio: [A]", "A is a code and in extra_regio"),
        ("[{code: A, name: a}]\nextra_regio: [Z, Z]", "the extra-regio code Z stands there twice"),
        (f"[{', '.join(f'{{code: c{number}, name: n}}' for number in range(32_001))}]", "items: "),
    ],
    ids=lambda text: text[:60],
)
def test_a_wrong_file_is_refused_by_its_place(tmp_path, items, words):
    file = tmp_path / "own.yaml"
    file.write_text(f"version: v\nsource: s\nitems: {items}\n")
    with pytest.raises(SettingsError, match=words):
        classifications.read(str(file))
