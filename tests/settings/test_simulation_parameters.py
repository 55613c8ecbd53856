"""The parameters of the simulated study: the file that is there, and what a user may write into his own."""

from __future__ import annotations

import copy

import pytest
from ruamel.yaml import YAML

from jobs.errors import SettingsError
from jobs.settings import reading as settings
from jobs.settings import resources, simulation_parameters


def test_the_file_is_read_as_it_stands():
    assert simulation_parameters.read() == resources.read_yaml(simulation_parameters.PARAMETERS)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("survey.tilt", "much", "survey.tilt: input should be a valid number"),
        ("survey.industrial", 1.5, "survey.industrial"),
        ("survey.weights", [1, 2], "survey.weights"),
        (
            "survey.size_shares.both",
            [0.5, 0.5, 0.5],
            "survey.size_shares: both: the three shares do not add up",
        ),
        ("survey.quotas.both", 20_000, "survey: the quotas are more firms than there are"),
        ("model.paths.co-operating", None, "model.paths.co-operating"),
        ("model.loadings.effort.other_effort", float("nan"), "model.loadings.effort.other_effort"),
        ("model.factors.correlation", 1, "model.factors.correlation"),
        ("region_weights", [0.0], "region_weights.0"),
        ("model.new", 1, "model.new: is not a setting"),
    ],
)
def test_a_users_own_file_is_checked_with_the_run_file(tmp_path, monkeypatch, place, value, words):
    """A `conf/simulation.yaml` in the working directory goes before the package's."""
    raw = copy.deepcopy(simulation_parameters.read())
    *parents, last = place.split(".")
    inside = raw
    for part in parents:
        inside = inside[part]
    inside[last] = value
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    with (tmp_path / "conf" / "simulation.yaml").open("w") as stream:
        YAML(typ="safe", pure=True).dump(raw, stream)
    with pytest.raises(SettingsError, match=words):
        settings.read("conf/runs/demo.yaml")
    assert settings.read("conf/runs/demo.yaml", ["simulate=null"])
