"""Locks end with their process, and leave what a file holds."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

import pytest

from jobs.errors import SettingsError, SliceHeld
from jobs.output import locks


def test_a_lock_file_is_made_for_the_user_alone_and_one_that_is_there_keeps_its_content(tmp_path):
    os.close(locks.opened(tmp_path / "new.lock"))
    assert (tmp_path / "new.lock").stat().st_mode & 0o777 == 0o600
    (tmp_path / "old.lock").write_text("mine")
    os.close(locks.opened(tmp_path / "old.lock"))
    assert (tmp_path / "old.lock").read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "link", "link that leads nowhere", "missing folder"])
def test_what_can_be_no_lock_file_is_named(tmp_path, kind):
    file = tmp_path / "a.lock"
    if kind == "folder":
        file.mkdir()
    elif kind == "missing folder":
        file = tmp_path / "nowhere" / "a.lock"
    else:
        (tmp_path / "target").write_text("mine")
        file.symlink_to("target" if kind == "link" else "nowhere")
    with pytest.raises(SettingsError, match=r"a\.lock (is a link|cannot be a lock file)"):
        locks.opened(file)
    assert not (tmp_path / "nowhere").exists()


def test_a_lock_is_taken_once_and_shared_by_many(tmp_path):
    first, second = (locks.opened(tmp_path / "a.lock") for _ in range(2))
    assert locks.taken(first) and not locks.taken(second) and not locks.taken(second, shared=True)
    assert locks.taken(first, shared=True) and locks.taken(second, shared=True) and not locks.taken(first)
    os.close(second)
    assert locks.taken(first)
    os.close(first)


def test_waiting_is_bounded(tmp_path):
    first, second = (locks.opened(tmp_path / "a.lock") for _ in range(2))
    locks.wait(first, 0, "busy")
    with pytest.raises(SliceHeld, match="another run"):
        locks.wait(second, 0.1, "another run")
    os.close(first)
    locks.wait(second, 0, "busy")
    os.close(second)


def test_a_folder_is_held_without_leaving_a_trace(tmp_path):
    with locks.on_folder(tmp_path, 0, "busy"):
        with pytest.raises(SliceHeld, match="busy"), locks.on_folder(tmp_path, 0.1, "busy"):
            pass
        assert list(tmp_path.iterdir()) == []
    with locks.on_folder(tmp_path, 0, "busy"):
        pass


@pytest.mark.parametrize("number", sorted(locks.NO_LOCK_ON_FOLDERS))
def test_a_file_takes_the_lock_where_folders_cannot(tmp_path, monkeypatch, number):
    usual = fcntl.flock

    def flock(handle, how):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        usual(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with locks.on_folder(tmp_path, 0, "busy"):
        assert [path.name for path in tmp_path.iterdir()] == [".diamant.lock"]
        with pytest.raises(SliceHeld, match="busy"), locks.on_folder(tmp_path, 0.1, "busy"):
            pass
    assert errno.EACCES not in locks.NO_LOCK_ON_FOLDERS
