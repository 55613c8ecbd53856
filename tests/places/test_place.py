"""Paths and places by their text alone, and files on a real HDFS through the same few words as pathlib's."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import InputError, SettingsError, Unreachable
from jobs.places import copies, hadoop, place
from jobs.places.place import Place, is_address, located


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("in/a.csv", "in/a.csv"),
        ("~/a.csv", "~/a.csv"),
        ("a:b/c", "a:b/c"),
        ("file:/data/a.csv", "/data/a.csv"),
        ("file:///data/a%20b.csv", "/data/a b.csv"),
        ("FILE:///data/a.csv", "/data/a.csv"),
    ],
)
def test_what_is_of_this_machine_is_a_path(text, path):
    assert located(text) == Path(path) and not is_address(text)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("hdfs://node:8020/a/b/", "hdfs://node:8020/a/b"),
        ("HDFS://node//a/./b/../c", "hdfs://node/a/c"),
        ("hdfs:///a", "hdfs:///a"),
        ("abfss://box@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
        ("s3a://bucket", "s3a://bucket/"),
    ],
)
def test_an_address_is_a_place(text, uri):
    assert is_address(text) and located(text) == Place(uri)


def test_parts_of_a_place():
    there = Place.of("hdfs://node:8020/a/b.csv.gz")
    assert (there.name, there.suffix, str(there.parent)) == ("b.csv.gz", ".gz", "hdfs://node:8020/a")
    assert [str(above) for above in there.parents] == ["hdfs://node:8020/a", "hdfs://node:8020/"]
    assert there.parent / "c" == there.with_name("c") and there.parents[-1].parents == []


def test_files_are_written_once_replaced_listed_and_removed(hdfs):
    folder = hdfs / "files"
    folder.mkdir()
    with pytest.raises(FileExistsError):
        folder.mkdir()
    file = folder / "a b.txt"
    file.write_bytes(b"first", exclusive=True)
    with pytest.raises(FileExistsError, match=r"a b.txt"):
        file.write_bytes(b"second", exclusive=True)
    assert file.read_text() == "first"
    before = file.checksum()
    file.put_bytes(b"third!")
    assert file.read_bytes() == b"third!" and file.stat().st_size == 6 and file.checksum() != before
    assert [name for name, _ in folder.listed()] == ["a b.txt"]
    with pytest.raises(OSError, match="not empty"):
        folder.unlink()
    (folder / "deep" / "empty").mkdir()
    assert [name for name, _ in folder.walk()] == ["a b.txt", "deep/empty"]
    with pytest.raises(FileExistsError):
        (folder / "deep").rename(folder)  # never into a folder that is there
    folder.remove()
    assert not folder.exists() and list(folder.glob("*")) == []
    with pytest.raises(FileNotFoundError, match=r"a b.txt"):
        file.read_bytes()


def test_a_file_is_sent_first_or_not_at_all_and_its_end_is_read(hdfs, tmp_path):
    folder, content = hdfs / "sent first", bytes(range(256)) * 100
    (tmp_path / "own").write_bytes(content)
    (folder / "file").send_first(tmp_path / "own")
    (tmp_path / "own").write_bytes(b"later")
    with pytest.raises(FileExistsError, match="sent first/file"):
        (folder / "file").send_first(tmp_path / "own")
    assert [name for name, _ in folder.listed()] == ["file"], "no draft is left"
    for size in (1, 300, 20_000, 100_000):
        assert (folder / "file").read_end(size) == content[-size:]


def test_files_at_rest_are_looked_at_once(hdfs):
    file = hdfs / "at rest.csv"
    file.write_bytes(b"1")
    with copies.at_rest():
        here = copies.local(file)
        file.put_bytes(b"22")
        with copies.at_rest():
            assert copies.local(file) == here and here.read_bytes() == b"1"
        assert copies.local(file).read_bytes() == b"1"
    assert copies.local(file).read_bytes() == b"22"


def test_what_spark_does_not_know_and_what_does_not_answer(hdfs):
    with pytest.raises(SettingsError, match="no file system for nosuch://x/y"):
        Place.of("nosuch://x/y").exists()
    with pytest.raises(Unreachable, match=r"hdfs://127.0.0.1:1/y cannot be reached"):
        Place.of("hdfs://127.0.0.1:1/y").exists()


def test_a_copy_follows_its_file_and_knows_its_place(hdfs):
    folder = hdfs / "copied"
    (folder / "a.csv").write_bytes(b"1")
    (folder / "b.csv").write_bytes(b"2")
    here = copies.local(str(folder))
    untouched = (here / "a.csv").stat()[:2], (here / "a.csv").stat().st_mtime_ns
    (folder / "b.csv").put_bytes(b"22")
    (folder / "c.csv").write_bytes(b"3")
    assert copies.local(folder) == here
    assert {file.name: file.read_bytes() for file in here.iterdir()} == {
        "a.csv": b"1",
        "b.csv": b"22",
        "c.csv": b"3",
    }
    again = (here / "a.csv").stat()[:2], (here / "a.csv").stat().st_mtime_ns
    assert again == untouched, "what did not change is not copied again"
    assert copies.origin(here / "a.csv") == folder / "a.csv" and copies.origin(Path("/a")) is None
    folder.remove()
    assert not copies.local(folder).exists()


def test_what_is_written_to_a_copy_is_put_back(hdfs):
    folder = hdfs / "put back"
    (folder / "old").write_bytes(b"1")
    (folder / "same").write_bytes(b"2")
    here = copies.local(folder)
    (here / "old").unlink()
    (here / "deep").mkdir()
    (here / "deep" / "new").write_bytes(b"3")
    written = (folder / "same").stat()
    copies.put_back(folder)
    assert [name for name, _ in folder.walk()] == ["deep/new", "same"]
    assert (folder / "deep" / "new").read_bytes() == b"3" and (folder / "same").stat() == written


def test_a_draft_that_a_killed_writer_left_open_is_in_nobodys_way(hdfs):
    folder = hdfs / "drafts"
    (folder / "0.json").write_bytes(b"1")
    left = hadoop.system(folder.uri).create(hadoop.path((folder / ".1.json.tmp").uri), True)
    for part in (b"1", b"2"):
        left.write(bytearray(part))
        left.hflush()  # the second byte can be read, but the file's size tells the first alone
    with pytest.raises(InputError, match=r"\.1\.json\.tmp changes while it is read"):
        copies.local(folder)
    here = copies.local(folder, drafts=False)
    assert [file.name for file in here.iterdir()] == ["0.json"]
    (here / "0.json").write_bytes(b"22")
    copies.put_back(folder)
    assert [name for name, _ in folder.walk()] == ["0.json"]
    assert (folder / "0.json").read_bytes() == b"22"


def test_a_file_that_keeps_changing_is_no_input(hdfs, monkeypatch):
    file = hdfs / "changing.csv"
    file.write_bytes(b"1")
    fetch = Place.fetch

    def growing(self, target):
        fetch(self, target)
        self.write_bytes(target.read_bytes() + b"1")

    monkeypatch.setattr(place.Place, "fetch", growing)
    with pytest.raises(Exception, match=r"changing.csv changes while it is read"):
        copies.local(file)
