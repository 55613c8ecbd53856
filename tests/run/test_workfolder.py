"""A work folder is known by its mark; another folder with files is not taken."""

from __future__ import annotations

import json
import threading

import pytest

from jobs.errors import SettingsError
from jobs.output import manifests
from jobs.run import workfolder
from jobs.settings.slices import Slice

A, B = Slice("NL", "a"), Slice("NL", "b")


def test_an_absent_and_an_empty_folder_are_taken_for_the_user_alone(tmp_path):
    for work in (tmp_path / "deep" / "absent", tmp_path / "empty"):
        if work.name == "empty":
            work.mkdir(mode=0o700)
        workfolder.check(work, [A])
        workfolder.claim(work)
        workfolder.claim(work)
        assert [path.name for path in work.iterdir()] == ["diamant-work.json"]
        assert json.loads((work / "diamant-work.json").read_text())["diamant"] == "work folder"
        assert (work / "diamant-work.json").stat().st_mode & 0o777 == 0o600
        assert work.stat().st_mode & 0o777 == 0o700


def test_a_run_killed_while_it_set_the_mark_is_taken_up(tmp_path):
    (tmp_path / "diamant-work.json").touch()
    workfolder.claim(tmp_path)
    assert (tmp_path / "diamant-work.json").stat().st_size > 0


@pytest.mark.parametrize(
    "name",
    ["thesis.docx", "tables/survey/photo.png", "tables/thesis/_delta_log/0.json", "locks/x", "data_docs/x"],
)
def test_a_folder_with_other_files_is_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    for take in (lambda: workfolder.check(tmp_path, []), lambda: workfolder.claim(tmp_path)):
        with pytest.raises(SettingsError, match=f"work .* holds {name.split('/')[0]} and is no work folder"):
            take()
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]


@pytest.mark.parametrize("text", ["mine", "{}", "[]", '{"diamant": 3}'])
def test_a_file_of_the_marks_name_is_no_mark(tmp_path, text):
    (tmp_path / "diamant-work.json").write_text(text)
    with pytest.raises(SettingsError, match="is no work folder"):
        workfolder.claim(tmp_path)
    assert (tmp_path / "diamant-work.json").read_text() == text


def former(work):
    """A work folder as versions left it that set no mark."""
    for name in (
        "tables/survey/_delta_log",
        "tables/flows/_delta_log",
        "outcomes/NL",
        "locks",
        "data_docs/NL/a",
    ):
        (work / name).mkdir(parents=True)
    (work / "data_docs" / "NL" / "a" / "index.html").write_text("a page")


def test_a_former_versions_work_folder_is_adopted_with_its_pages(tmp_path):
    former(tmp_path)
    workfolder.check(tmp_path, [A])
    workfolder.claim(tmp_path)
    workfolder.check(tmp_path, [A])
    assert (tmp_path / "data_docs" / "NL" / "a" / manifests.NAME).is_file()


@pytest.mark.parametrize("name", ["thesis.docx", "tables/thesis", "tables/survey.txt"])
def test_a_former_work_folder_with_other_files_is_not_adopted(tmp_path, name):
    former(tmp_path)
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match="is no work folder"):
        workfolder.check(tmp_path, [A])


def test_a_file_among_the_pages_is_refused_by_name(tmp_path):
    former(tmp_path)
    workfolder.claim(tmp_path)
    (tmp_path / "data_docs" / "NL" / "a" / "remarks.txt").write_text("mine")
    workfolder.check(tmp_path, [B])
    with pytest.raises(SettingsError, match=r"holds remarks.txt, which diamant did not write"):
        workfolder.check(tmp_path, [B, A])


def test_a_users_file_beside_the_tables_does_not_matter(tmp_path):
    workfolder.claim(tmp_path)
    (tmp_path / "remarks.txt").write_text("mine")
    workfolder.check(tmp_path, [A])


def test_many_runs_take_a_folder_at_once(tmp_path):
    faults: list[Exception] = []

    def claim():
        try:
            workfolder.claim(tmp_path / "work")
        except Exception as error:
            faults.append(error)

    runs = [threading.Thread(target=claim) for _ in range(20)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert faults == []


@pytest.mark.parametrize("name", ["tables", "pages", "locks", "data_docs", "damaged"])
def test_a_file_in_the_place_of_a_folder_is_refused_by_name(tmp_path, name):
    workfolder.claim(tmp_path)
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match=f"work .* holds {name}, which is no folder"):
        workfolder.check(tmp_path, [A])
    assert (tmp_path / name).read_text() == "mine"


def test_the_pages_of_two_countries_lie_apart():
    waves = {workfolder.pages("work", Slice(country, wave)) for country in ("BE", "NL") for wave in "ab"}
    assert len(waves) == 4


def test_a_folder_that_the_program_made_and_somebody_opened_is_closed(tmp_path):
    mine, office = tmp_path / "mine", tmp_path / "office"
    office.mkdir(mode=0o755)
    for work in (mine, office):
        workfolder.claim(work)
        work.chmod(0o755)
        (work / "ledger.json").write_text("{}")
        (work / "ledger.json").chmod(0o644)
        workfolder.claim(work)
        assert (work / "ledger.json").stat().st_mode & 0o777 == 0o600
    assert mine.stat().st_mode & 0o777 == 0o700
    assert office.stat().st_mode & 0o777 == 0o755
