"""A publication is held against earlier releases, by whole runs of the demo."""

from __future__ import annotations

import io
import json
import shutil

import pytest
from rich.console import Console
from study_runs import Run, changes, context, diamant

from jobs.errors import DiamantError
from jobs.run import execute
from jobs.run.progress import Progress


@pytest.fixture(scope="module")
def again(demo, tmp_path_factory):
    """The demo's folders once more, and a first release; runs into them leave the demo as it is."""
    folder = tmp_path_factory.mktemp("again")
    for name in ("work", "input"):
        shutil.copytree(demo.folder / name, folder / name)
    code, said = diamant("run", "--conf", "conf/runs/demo.yaml", *changes(folder), *named(folder))
    assert code == 0, said
    assert "earlier releases: there are none." in (folder / "work" / "checker" / "note.md").read_text()
    return folder


def again_with(spark, folder, *settings):
    """Exit code and words of a run with other settings, in the session of the tests."""
    given = context(spark, "conf/runs/demo.yaml", *changes(folder)[1::2], *named(folder)[1:], *settings)
    said = io.StringIO()
    try:
        execute.run(given, Progress(Console(file=said, width=1000)))
    except DiamantError as error:
        return error.exit_code, str(error)
    return 0, said.getvalue()


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


def test_a_sample_that_ends_one_employee_earlier_is_stopped_until_the_release_is_withdrawn(spark, again):
    code, said = again_with(spark, again, "sample.employees_max=199")
    assert code == 6, said
    assert "release 1 and this publication differ by few firms in estimates of NL cis2" in said, said
    assert len(records(again)) == 1
    code, said = diamant(
        *("releases", "--conf", "conf/runs/demo.yaml", *changes(again), *named(again)),
        *("--withdraw", "1", "--reason", "a draft"),
    )
    assert code == 0 and "draft" in said
    code, said = again_with(spark, again, "sample.employees_max=199")
    assert code == 0, said
    assert [record["withdrawn"] for record in records(again)] == ["a draft", ""]
    assert "releases" not in Run(again, 0, "").published["manifest.json"].decode()


def test_other_size_classes_are_stopped_where_few_firms_lie_between(spark, again):
    code, said = again_with(spark, again, "sample.employees_max=199", "size_classes=[10, 51, 250]")
    assert code == 6, said
    assert "in partner_origin of NL cis2" in said, said


def test_a_release_that_is_not_there_cannot_be_withdrawn(again):
    given = ("releases", "--conf", "conf/runs/demo.yaml", *changes(again), *named(again), "--withdraw", "9")
    assert diamant(*given, "--reason", "none")[0] == 2
