"""Run files: typed, unknown keys refused, changes laid over, no code in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import resources, settings
from jobs.errors import SettingsError

RUNS = sorted(Path(resources.root(), "conf", "runs").glob("*.yaml"))
DEMO = "conf/runs/demo.yaml"


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.stem)
def test_every_run_file_is_valid(run):
    assert settings.read(str(run)).waves


def test_a_change_is_laid_over_the_file():
    changed = settings.read(DEMO, ["indicators.direction=both", "waves.0.survey.decimal=.", "fit.level=0.1"])
    assert changed.indicators.direction == "both"
    assert changed.waves[0].survey.decimal == "."
    assert changed.fit.level == 0.1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("indicators.directoin=both", "indicators.directoin: is not a setting"),
        ("indicators.direction=sideways", "indicators.direction"),
        ("fit.level=2", "fit.level"),
        ("study=../../etc", "study"),
        ("waves.7.wave=x", "7 is not a part"),
        ("no equals sign", "write key=value"),
        ("study.name=x", "study holds a value"),
        ("fit.level=[1", "not YAML"),
    ],
)
def test_a_wrong_change_names_its_key(change, words):
    with pytest.raises(SettingsError, match=words.replace(".", r"\.")):
        settings.read(DEMO, [change])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ([], "bias_reduced:cell"),
        (["fit.clusters=[region]"], "bias_reduced:region"),
        (["fit.estimator=dwls"], "cluster:cell"),
        (["fit.clusters=[]"], "robust"),
        (["fit.primary_error=expected"], "expected"),
    ],
)
def test_the_primary_error_follows_the_estimator_and_its_clusters(changes, error):
    assert settings.read(DEMO, changes).fit.primary_error == error


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["fit.clusters=[region]", "fit.primary_error=cluster:cell"], "names cell, which is not one"),
        (["fit.estimator=dwls", "fit.primary_error=bias_reduced:cell"], "dwls has no bias-reduced errors"),
    ],
)
def test_a_primary_error_that_is_not_computed_is_refused(changes, words):
    with pytest.raises(SettingsError, match=words):
        settings.read(DEMO, changes)


def test_an_unknown_wave_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="no wave cis9; it has cis2"):
        settings.read(DEMO, waves=["cis9"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study: a\nstudy: b\n", "line"),
        ("study: !!python/object/apply:os.system ['true']\n", "run.yaml"),
        ("- a list\n", "holds no settings"),
        ("study: [\n", "line"),
    ],
)
def test_what_is_no_plain_settings_file_is_refused(tmp_path, text, words):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        settings.read(str(file))


def test_a_missing_file_says_where_it_was_looked_for():
    with pytest.raises(SettingsError, match=r"nowhere\.yaml does not exist here or in the package"):
        settings.read("conf/runs/nowhere.yaml")


def test_a_fingerprint_follows_the_settings_and_nothing_else():
    one, same = settings.read(DEMO), settings.read(DEMO)
    other = settings.read(DEMO, ["indicators.direction=both"])
    assert settings.fingerprint(one.indicators) == settings.fingerprint(same.indicators)
    assert settings.fingerprint(one.indicators) != settings.fingerprint(other.indicators)
