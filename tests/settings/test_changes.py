"""`--set`: which part of the run file a key leads to, and every wrong spelling in one sentence."""

from __future__ import annotations

import re

import pytest

from jobs.errors import SettingsError
from jobs.settings.changes import lay_over


def changed(change: str) -> dict:
    raw = {
        "study": "s",
        "fit": {"level": 0.1},
        "spark": {"options": {}},
        "waves": [
            {"wave": "cis2", "survey": {"path": "a"}},
            {"wave": "0", "survey": {"path": "b"}},
            {"wave": 7},
        ],
    }
    lay_over(raw, change)
    return raw


def test_a_wave_is_told_by_its_name_or_its_place():
    assert changed("waves.cis2.survey.path=x")["waves"][0]["survey"] == {"path": "x"}
    assert changed("waves.1.survey.path=x")["waves"][1]["survey"] == {"path": "x"}
    named = changed("waves.0.survey.path=x")["waves"]
    assert [named[0]["survey"], named[1]["survey"]] == [{"path": "a"}, {"path": "x"}], (
        "a name goes before a place"
    )


def test_a_wave_can_be_replaced_whole_and_a_section_made():
    assert changed("waves.cis2={wave: new}")["waves"][0] == {"wave": "new"}
    assert changed("sample.exporting=false")["sample"] == {"exporting": False}


def test_the_keys_of_spark_keep_their_dots():
    assert changed("spark.options.spark.executor.memory=4g")["spark"]["options"] == {
        "spark.executor.memory": "4g"
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("=x", "write key=value"),
        ("no equals sign", "write key=value"),
        ("", "write key=value"),
        ("²=x", "write key=value"),
        ("waves.².x=1", "write key=value"),
        ("waves.٣.x=1", "write key=value"),
        ("a..b=1", "a part of the key is empty"),
        (".a=1", "a part of the key is empty"),
        ("waves.0.=", "a part of the key is empty"),
        ("waves.cis9.wave=x", "cis9 is not a part"),
        ("waves.-1.wave=x", "-1 is not a part"),
        ("waves.3.wave=x", "3 is not a part"),
        ("waves.99999999999999999999.wave=x", "99999999999999999999 is not a part"),
        (f"waves.{'9' * 5000}.wave=x", "is not a part"),
        ("waves.wave=x", "wave is not a part"),
        ("study.name=x", "study holds a value"),
        ("waves.cis2.survey.path.x=1", "path holds a value"),
        ("fit.level=[1", "--set fit.level: the value is not YAML"),
        (f"fit.level={'9' * 5000}", "--set fit.level: the value is not YAML"),
        ("fit.level=2020-13-45", "--set fit.level: the value is not YAML"),
        ("fit.level=!!python/name:os.system x", "--set fit.level: the value is not YAML"),
        ("fit.level=" + "[" * 100_000, "--set fit.level: the value is not YAML"),
        ("fit={1: x}", "--set fit: the value is not YAML"),
    ],
    ids=lambda text: text[:30],
)
def test_a_wrong_spelling_is_one_sentence(change, words):
    with pytest.raises(SettingsError, match=re.escape(words)) as refused:
        changed(change)
    assert len(str(refused.value)) < 400 and "\n" not in str(refused.value)
