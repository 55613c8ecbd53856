"""A folder of parts: what is a part, what stands beside them, and what is refused."""

from __future__ import annotations

import os

import pytest

from jobs.errors import InputError
from jobs.readers import files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.csv").write_text("b")
    (tmp_path / "a.csv").write_text("a")
    return tmp_path


def test_parts_come_in_the_order_of_their_names(folder):
    assert [part.name for part in files.parts(str(folder))] == ["a.csv", "b.csv"]


def test_what_systems_leave_beside_parts_is_no_part(folder):
    for name in ("_SUCCESS", ".a.csv.crc", ".DS_Store", "_committed_123", "~$a.xlsx", "._a.csv"):
        (folder / name).write_text("")
    assert len(files.parts(str(folder))) == 2


@pytest.mark.parametrize("name", ["_c.csv", ".c.csv"])
def test_a_hidden_name_is_not_left_out_in_silence(folder, name):
    (folder / name).write_text("c")
    with pytest.raises(InputError, match=f"holds {name}; names with"):
        files.parts(str(folder))


def test_folders_dangling_links_and_pipes_among_the_parts_are_refused(folder):
    (folder / "2016").mkdir()
    with pytest.raises(InputError, match="holds a folder, 2016; parts are files"):
        files.parts(str(folder))
    (folder / "2016").rmdir()
    (folder / "c.csv").symlink_to(folder / "nowhere.csv")
    with pytest.raises(InputError, match=r"holds c\.csv, which is no file that can be read"):
        files.parts(str(folder))
    (folder / "c.csv").unlink()
    os.mkfifo(folder / "c.csv")
    with pytest.raises(InputError, match=r"holds c\.csv, which is no file that can be read"):
        files.parts(str(folder))


def test_a_link_to_a_file_is_that_file(folder):
    (folder / "c.csv").symlink_to(folder / "a.csv")
    assert len(files.parts(str(folder))) == 3


def test_the_same_part_twice_is_refused(folder):
    (folder / "c.csv").write_text("a")
    with pytest.raises(InputError, match=r"the parts a\.csv and c\.csv are the same file; take one out"):
        files.sha256(str(folder))


def test_a_folder_has_another_sum_when_a_part_changes_or_is_renamed(folder):
    sums = {files.sha256(str(folder))}
    (folder / "b.csv").write_text("bb")
    sums.add(files.sha256(str(folder)))
    (folder / "b.csv").rename(folder / "c.csv")
    sums.add(files.sha256(str(folder)))
    assert len(sums) == 3


@pytest.mark.parametrize("path", ["none.csv", "x" * 5000, "a\0b", "/dev/null/x"])
def test_a_path_that_is_no_file_is_refused(path):
    with pytest.raises(InputError, match="check the path"):
        files.parts(path)


def test_an_empty_folder_and_a_device_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no file"):
        files.parts(str(tmp_path))
    with pytest.raises(InputError, match="does not exist or is no file"):
        files.parts("/dev/null")
