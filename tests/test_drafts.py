"""A folder that is written whole or not at all."""

from __future__ import annotations

import pytest

from jobs.drafts import replacing


def test_the_old_folder_is_replaced_as_a_whole(tmp_path):
    out = tmp_path / "out"
    for name in ("a", "b"):
        with replacing(out) as draft:
            (draft / name).touch()
            assert draft.parent == out.parent and draft != out
    assert [path.name for path in out.iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    with replacing(out) as draft:
        (draft / "a").touch()
    with pytest.raises(KeyboardInterrupt), replacing(out) as draft:
        (draft / "b").touch()
        raise KeyboardInterrupt
    assert [path.name for path in out.iterdir()] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_left_is_no_part_of_the_next(tmp_path):
    left = tmp_path / ".out.draft"
    left.mkdir()
    (left / "half").touch()
    with replacing(tmp_path / "out") as draft:
        (draft / "a").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
