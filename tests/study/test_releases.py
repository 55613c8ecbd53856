"""A publication is held against earlier releases, by whole runs of the demo."""

from __future__ import annotations

import json
import shutil

import pytest
from study_runs import Run, changes, diamant


@pytest.fixture(scope="module")
def again(demo, tmp_path_factory):
    """The demo's folders once more, and a first release; runs into them leave the demo as it is."""
    folder = tmp_path_factory.mktemp("again")
    for name in ("work", "input"):
        shutil.copytree(demo.folder / name, folder / name)
    code, said = run(folder)
    assert code == 0, said
    assert "earlier releases: there are none." in (folder / "work" / "checker" / "note.md").read_text()
    return folder


def run(folder, *settings):
    every = [f"releases={folder / 'releases'}", *settings]
    given = [part for setting in every for part in ("--set", setting)]
    return diamant("run", "--conf", "conf/runs/demo.yaml", *changes(folder), *given)


def named(folder):
    return "--set", f"releases={folder / 'releases'}"


def records(folder):
    kept = folder / "releases"
    return [json.loads(file.read_text()) for file in sorted(kept.glob("release-*.json"))]


def test_a_release_is_recorded_for_the_office_alone(again):
    (record,) = records(again)
    assert (record["number"], record["slices"], record["threshold"]) == (1, ["NL cis2"], 10)
    kept = again / "releases"
    assert all(file.stat().st_mode & 0o077 == 0 for file in [kept, *kept.iterdir()])
    survey = (again / "input" / "survey_cis2.csv").read_text("latin-1")
    firm = survey.splitlines()[1].split(";")[0]
    assert not any(firm.encode() in file.read_bytes() for file in kept.iterdir())


def test_a_sample_that_ends_one_employee_earlier_is_stopped_until_the_release_is_withdrawn(again):
    code, said = run(again, "sample.employees_max=199")
    assert code == 6, said
    assert "release 1 and this publication differ by few firms in estimates of NL cis2" in said, said
    assert len(records(again)) == 1
    code, said = diamant(
        *("releases", "--conf", "conf/runs/demo.yaml", *changes(again), *named(again)),
        *("--withdraw", "1", "--reason", "a draft"),
    )
    assert code == 0 and "draft" in said
    code, said = run(again, "sample.employees_max=199")
    assert code == 0, said
    assert [record["withdrawn"] for record in records(again)] == ["a draft", ""]
    assert "releases" not in Run(again, 0, "").published["manifest.json"].decode()


def test_other_size_classes_are_stopped_where_few_firms_lie_between(again):
    code, said = run(again, "sample.employees_max=199", "size_classes=[10, 51, 250]")
    assert code == 6, said
    assert "in partner_origin of NL cis2" in said, said


def test_a_release_that_is_not_there_cannot_be_withdrawn(again):
    given = ("releases", "--conf", "conf/runs/demo.yaml", *changes(again), *named(again), "--withdraw", "9")
    assert diamant(*given, "--reason", "none")[0] == 2
