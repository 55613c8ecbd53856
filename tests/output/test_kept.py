"""What is kept between runs: taken as it was written, or not at all."""

from __future__ import annotations

import pytest

from jobs.output.kept import Kept


@pytest.fixture
def folder(tmp_path):
    kept = Kept(tmp_path / "kept")
    kept.put("mark", ".json", b"[true]")
    kept.put("mark", ".svg", b"<svg/>")
    return kept.folder


def test_it_is_there_in_the_next_run_under_its_mark_and_ending(folder):
    kept = Kept(folder)
    assert kept.get("mark", ".json") == b"[true]" and kept.get("mark", ".svg") == b"<svg/>"
    assert kept.get("mark", ".png") is None and kept.get("other", ".json") is None


@pytest.mark.parametrize("content", [b"", b"[true", b"[fals]"])
def test_a_damaged_file_counts_as_absent_and_is_made_again(folder, content):
    (file,) = folder.glob("*.json")
    file.write_bytes(content)
    kept = Kept(folder)
    assert kept.get("mark", ".json") is None
    kept.put("mark", ".json", b"[true]")
    assert Kept(folder).get("mark", ".json") == b"[true]"


def test_another_content_in_its_place_takes_the_place_of_a_damaged_one(folder):
    (file,) = folder.glob("*.json")
    file.write_bytes(b"damaged")
    kept = Kept(folder)
    kept.put("mark", ".json", b"[false]")
    kept.forget_others()
    assert [own.read_bytes() for own in folder.iterdir()] == [b"[false]"]
    assert Kept(folder).get("mark", ".json") == b"[false]"


def test_a_file_that_went_during_the_run_is_absent(folder):
    kept = Kept(folder)
    for file in folder.iterdir():
        file.unlink()
    assert kept.get("mark", ".json") is None


def test_what_was_not_asked_for_goes(folder):
    (folder / ".mark.abc.json").write_bytes(b"half a file of a killed run")
    kept = Kept(folder)
    kept.get("mark", ".svg")
    kept.forget_others()
    assert [file.suffix for file in folder.iterdir()] == [".svg"]
