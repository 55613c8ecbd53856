"""Whatever stands at whatever key of a run file, it is read, or refused in one sentence."""

from __future__ import annotations

import copy
import datetime
import random
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.errors import SettingsError
from jobs.settings import reading as settings
from jobs.settings import resources

DEMO = "conf/runs/demo.yaml"
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**70, 1e23, -0.5, float("nan"), float("inf"), datetime.date(2020, 1, 31)),
    *(
        "",
        " ",
        "x",
        "0",
        "Ä",
        "a\0b",
        "\ud800",
        "../..",
        "a/b",
        "~nobody/x",
        "x" * 5000,
        "[",
        "{}",
        "'",
        '"',
        "\n",
    ),
    *(
        [],
        [None],
        ["x"],
        ["x", "x"],
        [[]],
        [1, 2],
        [True],
        {},
        {"x": "y"},
        {"": None},
        {"x": {"y": []}},
        b"x",
    ),
    *("conf/models/cluster_within.lav", "conf/waves/cis2_simulated.yaml", "/dev/zero", "conf"),
]


def written_out() -> dict[str, Any]:
    """The demo's run file with every key that it leaves to its default."""
    return settings.read(DEMO).model_dump(mode="json")


def places(raw: Any, path: tuple = ()) -> Iterator[tuple]:
    """The path of every part of a file, sections included."""
    if path:
        yield path
    inside = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    for key, part in inside:
        yield from places(part, (*path, key))


PLACES = list(places(written_out()))


def test_the_file_written_out_is_the_file(monkeypatch):
    whole = written_out()
    assert len(PLACES) > 70
    original = settings.read(DEMO)
    monkeypatch.setattr(resources, "read_yaml", reading(whole))
    assert settings.read(DEMO) == original


def reading(raw: Any):
    """The reader of YAML, with `raw` in the place of the demo's file."""
    read = resources.read_yaml
    return lambda name: copy.deepcopy(raw) if name == DEMO else read(name)


@pytest.mark.parametrize("seed", range(4))
def test_an_odd_value_anywhere_is_read_or_refused(monkeypatch, seed):
    draw = random.Random(seed)
    whole = written_out()
    for _ in range(150):
        raw = copy.deepcopy(whole)
        *parents, last = draw.choice(PLACES)
        inside: Any = raw
        for part in parents:
            inside = inside[part]
        value = draw.choice(ODD)
        kind = draw.randrange(4)
        if kind == 0 and isinstance(inside, dict):
            inside[draw.choice(["new", "", "x" * 3000, "a\nb"])] = value
        elif kind == 1 and isinstance(inside, dict):
            del inside[last]
        else:
            inside[last] = value
        with monkeypatch.context() as patched:
            patched.setattr(resources, "read_yaml", reading(raw))
            try:
                settings.read(DEMO)
            except SettingsError as error:
                assert "\n" not in str(error) and len(str(error)) < 2500, (last, value)
