"""Locks of drivers on several machines, on a real HDFS."""

from __future__ import annotations

import json
import threading
import time

import pytest

from jobs.errors import SliceHeld
from jobs.places import leases

WORDS = "another run works there"


@pytest.fixture
def folder(hdfs, tmp_path):
    place = hdfs / "locks" / tmp_path.name
    place.mkdir()
    return place


def of_another_machine(monkeypatch):
    """From now on this process passes for one of another machine, whose processes cannot be looked at."""
    own = leases._identity()
    monkeypatch.setattr(leases, "_identity", lambda: {**own, "system": "another"})


def test_one_driver_holds_a_lock_and_the_next_has_it_after(folder):
    with leases.held(folder, "run", WORDS) as first:
        with pytest.raises(SliceHeld, match=WORDS), leases.held(folder, "run", WORDS):
            pass
        first.demand()
        assert not leases.is_free(folder, "run")
    assert leases.is_free(folder, "run")
    with leases.held(folder, "run", WORDS):
        names = [name for name, _ in folder.listed()]
        assert names == ["run-000002.lock"], "nothing is left of the first"


def test_of_drivers_that_come_at_once_one_has_the_lock(folder):
    entered, refused, gate = [], [], threading.Barrier(6)

    def drive():
        gate.wait()
        try:
            with leases.held(folder, "run", WORDS):
                entered.append(1)
                time.sleep(1.5)
        except SliceHeld:
            refused.append(1)

    drivers = [threading.Thread(target=drive) for _ in range(6)]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert (len(entered), len(refused)) == (1, 5)


def test_a_lock_is_refreshed_and_one_that_is_not_is_taken_and_its_holder_stops(folder, monkeypatch):
    monkeypatch.setenv(leases.STALE, "1.5")
    with leases.held(folder, "run", WORDS) as silent:
        of_another_machine(monkeypatch)
        time.sleep(2.5)
        assert not leases.is_free(folder, "run"), "its signs of life are younger"
        silent._ended.set()  # as a machine that stands still
        time.sleep(2)
        with leases.held(folder, "run", WORDS) as second:
            with pytest.raises(SliceHeld, match=WORDS):
                silent.demand()
            second.demand()


def test_the_lock_of_a_process_of_this_machine_that_ended_is_free_at_once(folder):
    words = {**leases._identity(), "started": "1", "seconds": 600}
    (folder / "run-000001.lock").write_bytes(json.dumps(words).encode())
    assert leases.is_free(folder, "run")
    (folder / "run-000002.lock").write_bytes(json.dumps({**words, "system": "another"}).encode())
    assert not leases.is_free(folder, "run"), "of another machine only the time tells"
    (folder / "run-000003.lock").write_bytes(b"no JSON")
    assert not leases.is_free(folder, "run")
