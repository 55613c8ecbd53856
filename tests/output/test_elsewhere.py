"""A folder of results on HDFS is replaced as a whole, or file by file with its manifest last."""

from __future__ import annotations

import pytest

from jobs.errors import SettingsError, Unreachable
from jobs.output import elsewhere, manifests
from jobs.output.publication import check, replacing, sweep
from jobs.places import place
from jobs.places.place import Place

OWN = {manifests.NAME, manifests.UNFINISHED}
FACTS = {"study": "s", "code": "c"}


@pytest.fixture(params=["renames", "file by file"])
def out(hdfs, request, tmp_path, monkeypatch):
    if request.param == "file by file":
        monkeypatch.setattr(place, "RENAMING", set())
    return hdfs / "publications" / tmp_path.name / "out"


def publish(out, **files):
    with replacing(out, manifests.PUBLICATION, "out") as draft:
        for name, text in files.items():
            (draft / name).write_text(text)
            (draft / name).chmod(0o644)
        (draft / "figures").mkdir()
        (draft / "figures" / "a.svg").write_text(files["a"])
        manifests.write(draft, FACTS)


def held(out) -> dict[str, str]:
    return {name: (out / name).read_text() for name, _ in out.walk() if name not in OWN}


def test_a_folder_is_replaced_as_a_whole(out):
    publish(out, a="1", b="2")
    publish(out, a="one", c="3")
    assert held(out) == {"a": "one", "c": "3", "figures/a.svg": "one"} and manifests.is_whole(out)
    beside = {name for name, _ in out.parent.listed() if not name.startswith(".diamant.lock")}
    assert beside == {"out"}
    assert str(out._system.getFileStatus((out / "a")._path).getPermission()) == "rw-r--r--"


def test_files_of_others_are_kept(out):
    publish(out, a="1")
    (out / "notes.txt").write_bytes(b"mine")
    with pytest.raises(SettingsError, match=rf"out {out} holds notes.txt, which diamant did not write"):
        publish(out, a="2")
    assert held(out)["a"] == "1"
    (out / "notes.txt").unlink()
    (out / "a").put_bytes(b"changed")
    with pytest.raises(SettingsError, match="holds a, which was changed since"):
        check(out, manifests.PUBLICATION, "out")


@pytest.mark.parametrize("after", range(5))
def test_a_kill_at_any_point_leaves_one_whole_folder_or_none_and_the_next_run_mends_it(
    out, after, monkeypatch
):
    """Each call that changes something on HDFS may be the last one."""
    publish(out, a="1", b="2")
    calls = 0

    def dying(method):
        def call(self, *arguments, **named):
            nonlocal calls
            if "lock" not in self.name:
                calls += 1
                if calls > after:
                    raise KeyboardInterrupt
            return method(self, *arguments, **named)

        return call

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        for name in ("send", "rename", "unlink", "remove"):
            patched.setattr(Place, name, dying(getattr(Place, name)))
        patched.setattr(elsewhere.leases.Lease, "_release", lambda lease: lease._ended.set())
        publish(out, a="one", b="2")
    if out.exists() and manifests.is_whole(out):
        assert held(out) in (
            {"a": "1", "b": "2", "figures/a.svg": "1"},
            {"a": "one", "b": "2", "figures/a.svg": "one"},
        )
    for above in (out.parent, *[room for room in out.parent.glob(".diamant-*")]):
        for lock in above.glob("*.lock"):  # its process has ended
            lock.put_bytes(lock.read_bytes().replace(b'"started": "', b'"started": "0'))
    sweep(out)
    publish(out, a="three", b="4")
    assert held(out) == {"a": "three", "b": "4", "figures/a.svg": "three"} and manifests.is_whole(out)
    assert [name for name, _ in out.parent.listed() if not name.startswith(".diamant.lock")] == ["out"]


def test_a_file_system_that_does_not_answer_is_named():
    with pytest.raises(Unreachable, match=r"hdfs://127.0.0.1:1/x"):
        check(Place.of("hdfs://127.0.0.1:1/x/out"), manifests.PUBLICATION, "out")
