"""Wave maps: what the files hold, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from jobs import resources, wavemaps
from jobs.errors import SettingsError

FILES = sorted(Path(str(resources.root()), "conf", "waves").glob("*.yaml"))
DEMO = "conf/waves/cis2_simulated.yaml"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_map_reads_and_says_where_it_is_from(file):
    wave_map = wavemaps.read(str(file))
    assert wave_map.columns and wave_map.title and wave_map.source


def test_columns_are_those_the_rules_read_each_once():
    wave_map = wavemaps.read(DEMO)
    assert len(set(wave_map.columns)) == len(wave_map.columns)
    assert {"firm", "province", "co_uni_ot", "weight"} <= set(wave_map.columns)
    assert "product_innovator" not in wave_map.columns, "a canonical column is no column of the file"


def test_a_second_question_is_read_too():
    assert "coop" in wavemaps.read("conf/waves/enai_2012_2014.yaml").columns


@pytest.mark.parametrize(
    ("rule", "kind", "sources"),
    [
        ({"text": "a"}, "text", ("a",)),
        ({"number": "a"}, "number", ("a",)),
        ({"number": ["a", "b"]}, "number", ("a", "b")),
        ({"yes_no": "a"}, "yes_no", ("a",)),
        ({"ticked": ["a", "b"]}, "ticked", ("a", "b")),
        ({"scale": "a", "order": ["1", "2"]}, "scale", ("a",)),
        ({"code": "a", "of": "regions"}, "code", ("a",)),
        ({"either": ["x", "y"]}, "either", ()),
        ({"absent": "why"}, "absent", ()),
    ],
)
def test_kinds_of_rule(rule, kind, sources):
    made = wavemaps.Rule.model_validate(rule)
    assert (made.kind, made.sources) == (kind, sources)


def written(tmp_path, change) -> str:
    """The demo's map with a change, as a file."""
    yaml = YAML(typ="safe", pure=True)
    raw = copy.deepcopy(resources.read_yaml(DEMO))
    change(raw)
    with (tmp_path / "own.yaml").open("w") as stream:
        yaml.dump(raw, stream)
    return str(tmp_path / "own.yaml")


@pytest.mark.parametrize(
    ("column", "rule", "words"),
    [
        ("exports", None, "exports has no rule; give one, or 'absent' with the reason"),
        ("colour", {"text": "a"}, "colour is no column of the survey"),
        ("exports", {}, r"rules.exports: .*needs exactly one of text, number"),
        ("exports", {"yes_no": "a", "text": "b"}, "needs exactly one of"),
        ("source_fairs", {"scale": "a", "order": ["1"]}, "a scale needs its codes in order"),
        ("region", {"code": "a"}, "a code needs 'of: regions' or 'of: sectors'"),
        ("exports", {"yes_no": "a", "sql": "1=1"}, "rules.exports.sql"),
        ("exports", {"yes_no": "a", "on_unknown": "guess"}, "rules.exports.on_unknown"),
        ("innovator", {"either": ["product_innovator", "luck"]}, "luck is no column of the survey"),
        ("weight", {"number": "w", "asked_of": "luck"}, "luck is no column of the survey"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_column(tmp_path, column, rule, words):
    def change(raw):
        if rule is None:
            del raw["rules"][column]
        else:
            raw["rules"][column] = rule

    with pytest.raises(SettingsError, match=words):
        wavemaps.read(written(tmp_path, change))


def test_a_map_that_says_nothing_of_its_population_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="population: field required"):
        wavemaps.read(written(tmp_path, lambda raw: raw.pop("population")))
