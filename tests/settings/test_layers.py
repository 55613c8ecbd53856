"""A run file of several countries: what is laid over what, where a fault stands, what a slice came to."""

from __future__ import annotations

import json
import re

import pytest

from jobs.errors import SettingsError
from jobs.run import opening
from jobs.settings import reading
from jobs.settings.slices import Slice

DEFAULTS = {
    "regions": "conf/classifications/regions_nl.yaml",
    "sectors": "conf/classifications/sectors_sbi93_19.yaml",
    "survey": {"path": "in/{country}/{wave}.csv", "map": "conf/waves/cis2_simulated.yaml", "decimal": ","},
    "model": "conf/models/without_clusters.lav",
}


@pytest.fixture
def written(tmp_path):
    """A function that writes a run file and gives its path."""

    def write(**changed) -> str:
        content = {
            **{"study": "s", "title": "t", "work": "work", "out": "out", "defaults": DEFAULTS},
            **{"waves": {"cis2": {}, "cis3": {}}, "countries": {"AT": {}, "BE": {}}},
            **changed,
        }
        file = tmp_path / "run.yaml"
        file.write_text(json.dumps(content))
        return str(file)

    return write


def test_every_country_has_every_wave_in_their_order(written):
    slices = reading.read(written()).slices
    assert [str(slice) for slice in slices] == ["AT cis2", "AT cis3", "BE cis2", "BE cis3"]
    assert slices[Slice("BE", "cis3")].survey.path == "in/BE/cis3.csv"
    assert slices[Slice("BE", "cis3")].inputs == {"survey": "in/BE/cis3.csv"}


def test_later_layers_win_key_by_key(written):
    """Defaults, wave, country, the country's wave: each gives the separator anew, one more key stays."""
    file = written(
        defaults={**DEFAULTS, "survey": {**DEFAULTS["survey"], "separator": ";"}},
        waves={"cis2": {}, "cis3": {"survey": {"separator": "|", "encoding": "latin-1"}}},
        countries={
            "AT": {},
            "BE": {"survey": {"separator": "tab"}, "waves": {"cis3": {"survey": {"separator": "#"}}}},
        },
    )
    slices = reading.read(file).slices
    assert {str(slice): own.survey.separator for slice, own in slices.items()} == {
        **{"AT cis2": ";", "AT cis3": "|", "BE cis2": "\t", "BE cis3": "#"}
    }
    assert slices[Slice("BE", "cis3")].survey.encoding == "latin-1"
    assert slices[Slice("BE", "cis3")].survey.decimal == ","


def test_a_list_is_replaced_and_null_takes_a_section_or_a_slice_out(written):
    flows = {"layout": "long", "paths": {"flows": "f.csv"}, "drop": ["A", "B"]}
    file = written(
        defaults={**DEFAULTS, "flows": flows},
        countries={"AT": {"flows": {"drop": ["C"]}}, "BE": {"flows": None, "waves": {"cis2": None}}},
    )
    slices = reading.read(file).slices
    assert [str(slice) for slice in slices] == ["AT cis2", "AT cis3", "BE cis3"]
    assert slices[Slice("AT", "cis2")].flows.drop == ("C",)
    assert slices[Slice("BE", "cis3")].flows is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"countries": {"BE": {"survey": {"encoding": "klingon"}}}},
            "countries.BE.survey.encoding: 'klingon'",
        ),
        ({"waves": {"cis2": {"survey": {"colour": 1}}}}, "waves.cis2.survey.colour: is not a setting"),
        ({"countries": {"BE": {"waves": {"cis9": {}}}}}, "countries.BE.waves: cis9 is no wave of this run"),
        ({"countries": {"BE": {"waves": [1]}}}, "countries.BE.waves: should be a section"),
        ({"countries": {"BE": {"country": "DE"}}}, "countries.BE.country: is not a setting here"),
        ({"countries": {"B/E": {}}}, "countries.B/E: is no name"),
        ({"countries": {}}, "countries"),
        ({"sample": {}}, "sample: is not a setting"),
        ({"defaults": {}}, "regions: field required"),
        ({"defaults": {**DEFAULTS, "model": "{land}.lav"}}, "{land} is no placeholder"),
        ({"defaults": {**DEFAULTS, "survey": None}}, "has neither survey nor flows"),
        ({"defaults": {**DEFAULTS, "groups": {"column": "employees"}}}, "AT cis2: groups.column: employees"),
        ({"countries": {"AT": {"waves": {"cis2": None, "cis3": None}}}}, "no country has a wave"),
        ({"pool": {"over": []}}, "pool.over"),
    ],
)
def test_a_fault_is_named_where_it_stands(written, changed, words):
    with pytest.raises(SettingsError, match=re.escape(words)) as refused:
        reading.read(written(**changed))
    assert refused.value.exit_code == 2 and "\n" not in str(refused.value)


def test_braces_stand_for_names_in_names_of_files_only(written):
    drop = {"layout": "long", "paths": {"flows": "{wave}/{country}.csv"}, "drop": ["{country}"]}
    slices = reading.read(written(defaults={**DEFAULTS, "flows": drop})).slices
    assert slices[Slice("AT", "cis2")].flows.paths == {"flows": "cis2/AT.csv"}
    assert slices[Slice("AT", "cis2")].flows.drop == ("{country}",)


def test_a_run_is_cut_to_countries_and_waves(written):
    file = written()
    assert [str(slice) for slice in reading.read(file, None, ["cis3"], ["BE"]).slices] == ["BE cis3"]
    with pytest.raises(SettingsError, match="has no country DE; it has AT, BE"):
        reading.read(file, None, None, ["DE"])
    with pytest.raises(SettingsError, match="has one country, NL; leave --country out"):
        reading.read("conf/runs/demo.yaml", None, None, ["BE"])


def test_changes_are_laid_over_every_layer(written):
    changed = reading.read(
        written(), ["countries.BE.survey.decimal=.", "waves.cis3.fit.confidence=0.9"]
    ).slices
    assert changed[Slice("BE", "cis2")].survey.decimal == "."
    assert changed[Slice("AT", "cis3")].fit.confidence == 0.9
    assert changed[Slice("AT", "cis2")].fit.confidence == 0.95


def test_what_a_slice_came_to_is_shown_with_its_layers(written):
    file = written(countries={"AT": {}, "BE": {"waves": {"cis3": {"survey": {"encoding": "latin-1"}}}}})
    lines = opening.settings_of(opening.Chosen(file), "BE/cis3")
    assert 'country: "BE"  (the slice itself)' in lines
    assert 'survey.path: "in/BE/cis3.csv"  (defaults)' in lines
    assert 'survey.encoding: "latin-1"  (countries.BE.waves.cis3)' in lines
    assert "fit.confidence: 0.95  (a default)" in lines
    with pytest.raises(SettingsError, match=r"--show DE/cis3: .* has no such slice; it has AT/cis2"):
        opening.settings_of(opening.Chosen(file), "DE/cis3")
