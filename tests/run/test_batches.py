"""Batches are bounded by number and by the size of their files, and keep the slices' order."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from jobs.run import batches
from jobs.settings.slices import Slice


def slices(folder, sizes):
    """Slices whose one file has so many bytes; None for a file that is not there."""
    given = {}
    for place, size in enumerate(sizes):
        file = folder / f"{place}.csv"
        if size is not None:
            file.write_bytes(b"x" * size)
        given[Slice("NL", str(place))] = SimpleNamespace(inputs={"survey": str(file)})
    return given


def test_a_large_slice_is_a_batch_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BYTES", 100)
    cut = batches.cut(slices(tmp_path, [40, 40, 40, 500, None, 60, 40]))
    assert [[slice.wave for slice in batch] for batch in cut] == [["0", "1"], ["2"], ["3"], ["4", "5", "6"]]


def test_a_folder_has_the_size_of_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BYTES", 100)
    (tmp_path / "parts").mkdir()
    for name in "ab":
        (tmp_path / "parts" / name).write_bytes(b"x" * 60)
    given = slices(tmp_path, [10])
    given[Slice("NL", "folder")] = SimpleNamespace(inputs={"survey": str(tmp_path / "parts")})
    assert [len(batch) for batch in batches.cut(given)] == [1, 1]


@given(number=st.integers(0, 300), most=st.integers(1, 70))
def test_no_slice_is_lost_and_none_comes_twice(number, most):
    known = {Slice("NL", str(place)): SimpleNamespace(inputs={}) for place in range(number)}
    before, batches.SLICES = batches.SLICES, most
    try:
        cut = list(batches.cut(known))
    finally:
        batches.SLICES = before
    assert [slice for batch in cut for slice in batch] == list(known)
    assert all(1 <= len(batch) <= most for batch in cut)


def test_little_is_told_by_the_files_of_what_has_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "LITTLE", 100)
    assert batches.are_little(slices(tmp_path, [40, 60]))
    assert not batches.are_little(slices(tmp_path, [40, 61]))
    assert not batches.are_little({}), "what is only published may read all slices again"
