"""Among other files, only those are replaced that the program wrote and nobody changed."""

from __future__ import annotations

import json

import pytest

from jobs.errors import SettingsError
from jobs.output import owned, rooms


def put(folder, name, content):
    """Write a file, or a folder of part files, as the simulation does."""
    with rooms.room(folder / name) as room:
        made = room / rooms.CONTENT
        if isinstance(content, dict):
            made.mkdir()
            for part, text in content.items():
                (made / part).write_text(text)
        else:
            made.write_text(content)
        owned.put(made, folder / name, "--out")


@pytest.mark.parametrize("first", ["1", {"part-0": "1", ".part-0.crc": "c"}], ids=["file", "folder"])
@pytest.mark.parametrize("second", ["2", {"part-0": "2"}], ids=["file", "folder"])
def test_its_own_file_is_replaced(tmp_path, first, second):
    (tmp_path / "thesis.docx").write_text("mine")
    for content in (first, first, second):
        put(tmp_path, "survey.csv", content)
    place = tmp_path / "survey.csv"
    if isinstance(second, dict):
        assert {part.name: part.read_text() for part in place.iterdir()} == second
    else:
        assert place.read_text() == second
    assert sorted(path.name for path in tmp_path.iterdir()) == [owned.MARK, "survey.csv", "thesis.docx"]
    assert list(json.loads((tmp_path / owned.MARK).read_text())["files"]) == ["survey.csv"]


def _edited(place):
    place.write_text("with my corrections")


def _another_part(place):
    place.unlink()
    place.mkdir()
    (place / "mine.csv").write_text("mine")


def _link(place):
    place.rename(place.with_name("elsewhere"))
    place.symlink_to("elsewhere")


@pytest.mark.parametrize("change", [_edited, _another_part, _link])
def test_a_file_that_was_changed_is_refused(tmp_path, change):
    put(tmp_path, "survey.csv", "1")
    change(tmp_path / "survey.csv")
    before = sorted((path.name, path.is_file() and path.read_bytes()) for path in tmp_path.rglob("*"))
    for attempt in (
        lambda: owned.check(tmp_path, ["survey.csv"], "--out"),
        lambda: put(tmp_path, "survey.csv", "2"),
    ):
        with pytest.raises(SettingsError, match=r"--out .* holds survey.csv, which was changed since"):
            attempt()
    assert sorted((path.name, path.is_file() and path.read_bytes()) for path in tmp_path.rglob("*")) == before


def test_a_file_that_is_not_its_own_is_refused(tmp_path):
    (tmp_path / "survey.csv").write_text("mine")
    with pytest.raises(SettingsError, match=r"holds survey.csv, which diamant did not write"):
        put(tmp_path, "survey.csv", "2")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_list_that_is_not_its_own_is_left(tmp_path):
    (tmp_path / owned.MARK).write_text("mine")
    with pytest.raises(SettingsError, match="is not the list that diamant wrote"):
        put(tmp_path, "survey.csv", "2")
    assert (tmp_path / owned.MARK).read_text() == "mine" and not (tmp_path / "survey.csv").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_run_killed_between_list_and_file_finds_its_own_again(tmp_path, monkeypatch, kind):
    contents = ["1", "2", "3"] if kind == "file" else [{"part": text} for text in "123"]
    put(tmp_path, "survey.csv", contents[0])
    keep = owned._list

    def once(folder, files):
        keep(folder, files)
        raise KeyboardInterrupt

    monkeypatch.setattr(owned, "_list", once)
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path, "survey.csv", contents[1])
    monkeypatch.undo()
    owned.check(tmp_path, ["survey.csv"], "--out")
    put(tmp_path, "survey.csv", contents[2])
    owned.check(tmp_path, ["survey.csv"], "--out")
