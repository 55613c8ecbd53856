"""Whatever a user writes into the files of settings, they are read, or refused in one sentence with code 2.

Draws change the run file, its wave map, its classifications, its model or a `--set` of the small study:
`pytest --hypothesis-profile=long` draws 2,000 of each kind, `make test` 100. Spark is not needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_study import write_settings

from jobs.errors import DiamantError, SettingsError
from jobs.output import folders
from jobs.settings import reading as settings

FILES = ("run.yaml", "map.yaml", "regions.yaml", "sectors.yaml")
MODEL = "results =~ innovative_share + competitive_contribution\nresults ~ rd_effort + commonality_within\n"
LONGEST = 1000  # characters of a sentence that a user still reads
PLACE = "a place that a draw writes to"

# What stands in the place of a value, as it is written in YAML.
ODD = st.sampled_from(
    [
        *(
            "",
            "~",
            "true",
            "0",
            "-1",
            "1",
            "2",
            "3.5",
            "1e23",
            ".nan",
            ".inf",
            "-.inf",
            "0x1F",
            "1_000",
            "05",
        ),
        *(
            "''",
            "' '",
            "a",
            "A b",
            "1:30",
            "2020-13-45",
            "2020-01-01",
            "'0'",
            "'1'",
            "'.'",
            "','",
            "';'",
            "tab",
        ),
        *("[]", "{}", "[[]]", "[~]", "['']", "['1', '1']", "[0.5, true]", "{a: 1}", "{1: 2}", "[1, [2]]"),
        *(
            "'../..'",
            "/",
            ".",
            "'~'",
            "'~nobody'",
            "/dev/null",
            "'a\\b'",
            '"a\\nb"',
            '"a\\0b"',
            "é",
            "'*'",
            "'a`b'",
        ),
        *("latin-1", "utf-7", "klingon", "csv", "long", "wide", "biregional", "zero", "regions", "sectors"),
        *("firm_id", "exports", "innovator", "cooperates", "turnover", "emp", "HU11", "REST", "'28'"),
        *("missing", "ml", "dwls", "fiml", "banana", "'bias_reduced:cell'", "'robust:'", "local[0]", "2g"),
        *(
            "!!python/name:os.system",
            "!!binary x",
            "!a b",
            "&a [*a]",
            "*a",
            "|\n x",
            "? a",
            "- a",
            "@a",
            "%a",
            "`",
        ),
        *("9" * 5000, "'" + "x" * 5000 + "'", "[" * 200, "[" * 50 + "]" * 50, "{a: " * 60, "'", '"', "}"),
    ]
)
KEYS = [
    "text",
    "number",
    "yes_no",
    "ticked",
    "scale",
    "code",
    "either",
    "absent",
    "factor",
    "yes",
    "no",
    "order",
]
KEYS += [
    "missing",
    "of",
    "asked_of",
    "on_unknown",
    "as_written",
    "round",
    "why",
    "thousands",
    "decimal",
    "drop",
]
KEYS += [
    "absent",
    "columns",
    "fit",
    "sample",
    "groups",
    "disclosure",
    "spark",
    "simulate",
    "indicators",
    "waves",
]
KEYS += [
    "estimator",
    "ordered",
    "primary_error",
    "threshold",
    "employees_min",
    "options",
    "",
    "a.b",
    "é",
    "0",
]


@dataclass(frozen=True)
class Change:
    """One change of a file of settings: what is done at the `place`-th value of it, and what is written."""

    file: str
    place: int
    kind: str
    written: str
    key: str


changes = st.builds(
    Change,
    file=st.sampled_from(FILES),
    place=st.integers(0, 400),
    kind=st.sampled_from(["value", "value", "value", "key", "without", "twice", "text", "cut"]),
    written=ODD,
    key=st.sampled_from(KEYS),
)


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Each value of a nested content, as what holds it and the key there."""
    entries = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(entries):
        yield content, key
        if isinstance(value, (dict, list)):
            yield from places(value)


def change_file(folder: Path, change: Change) -> None:
    file = folder / change.file
    text = file.read_text()
    try:
        content = json.loads(text)
    except ValueError:  # changed to something else by the change before
        content = None
    if change.kind in ("text", "cut") or not isinstance(content, dict):
        place = change.place * 7 % (len(text) + 1)
        file.write_text(text[:place] + ("" if change.kind == "cut" else change.written + text[place:]))
        return
    every = list(places(content))
    holder, key = every[change.place % len(every)]
    if change.kind == "value":
        holder[key] = PLACE
    elif change.kind == "without":
        del holder[key]
    elif change.kind == "twice" and isinstance(holder, list):
        holder.append(holder[key])
    elif isinstance(holder, dict):
        holder[change.key] = PLACE
    file.write_text(json.dumps(content, ensure_ascii=False).replace(json.dumps(PLACE), change.written))


SURVEY = {"path": "survey.csv", "map": "map.yaml"}


def write_study(folder: Path) -> Path:
    survey = {**SURVEY, "separator": ";", "decimal": "."}
    flows = {
        "layout": "long",
        "paths": {"flows": "flows.csv"},
        "drop": ["TOTAL"],
        "columns": {"value": "value"},
    }
    (folder / "model.lav").write_text(MODEL)
    run = {
        "waves": [{"wave": "w1", "survey": survey, "flows": flows}],
        "model": str(folder / "model.lav"),
        "fit": {"estimator": "ml", "clusters": ["cell"], "confidence": 0.9},
        "sample": {"exporting": True, "employees_min": 10},
        "groups": {"column": "cooperates", "when_true": "co", "when_false": "alone"},
        "size_classes": [10, 50],
        "disclosure": {"threshold": 10},
        "spark": {"master": "local[1]", "options": {}},
    }
    return write_settings(folder, run)


def read_or_refused(folder: Path, given: list[str]) -> None:
    """Read the settings as a run does before Spark starts; what is refused is refused in one sentence."""
    try:
        folders.checked(settings.read(str(folder / "run.yaml"), given), str(folder / "run.yaml"))
    except DiamantError as error:
        assert error.exit_code == 2, repr(error)
        assert str(error).strip() and "\n" not in str(error) and len(str(error)) < LONGEST, str(error)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_settings_that_draws_change_are_read(folder):
    conf = write_study(folder)
    assert settings.read(str(conf)).waves[0].wave == "w1"


def test_any_file_of_settings_is_read_or_refused(folder):
    @given(st.lists(changes, min_size=1, max_size=2))
    def check(drawn: list[Change]) -> None:
        write_study(folder)
        for change in drawn:
            change_file(folder, change)
        read_or_refused(folder, [])

    check()


@pytest.mark.parametrize(
    ("column", "rule", "words"),
    [
        ("innovative_share", {"factor": "0,0,1"}, "rules.innovative_share.factor"),
        ("innovative_share", {"factor": 0}, "rules.innovative_share.factor"),
        ("exports", {"yesno": "export"}, "rules.exports.yesno"),
        ("source_clients", {"scale": [], "order": ["0", "1"]}, "rules.source_clients.scale.*empty list"),
        ("source_clients", {"order": [0.0, 1.0]}, "rules.source_clients.order.*quote it"),
        ("source_clients", {"order": ["0", "1", "1"]}, "rules.source_clients.order.*twice"),
        ("firm_id", {"text": ["firm", "firm"]}, "rules.firm_id.text.*twice"),
        ("exports", {"yes": [True]}, "rules.exports.yes.*quote it"),
        ("exports", {"yes": ["0"], "no": ["0"]}, "rules.exports.*0 stands in both"),
        ("employees", {"text": "emp"}, "rules.employees.*int"),
        ("employees", {"yes": ["1"]}, "rules.employees.*yes means nothing"),
        ("innovator", {"either": ["innovator"]}, "rules.innovator.*circle"),
        ("innovator", {"either": ["turnover"]}, "rules.innovator.either: turnover is no yes-or-no column"),
        ("partners_foreign", {"asked_of": "employees"}, "rules.partners_foreign.asked_of: employees is no"),
        ("region", {"of": "sectors"}, "rules.region"),
    ],
)
def test_a_rule_that_can_mean_nothing_is_refused_by_its_key(folder, column, rule, words):
    """The key of the wave map is named, and what to do."""
    conf = write_settings(folder, {"waves": [{"wave": "w1", "survey": SURVEY}]}, rules={column: rule})
    with pytest.raises(SettingsError, match=rf"map\.yaml: {words}"):
        settings.read(str(conf))


TOKENS = [
    "results",
    "=~",
    "~",
    "~~",
    ":=",
    "+",
    "*",
    "NA*",
    "1e16*",
    "a*",
    "(",
    ")",
    "\n",
    "#",
    "|",
    "<",
    "==",
    "0",
]
TOKENS += [
    "innovative_share",
    "rd_effort",
    "commonality_within",
    "unknown",
    "é",
    "\0",
    "'",
    ";",
    "start(1)*",
    "^",
]
TOKENS += ["(" * 60, "a+" * 600, "c(1,2)*", "1e999*", "-", ".", "%", "$", "\t", "x" * 3000]


def test_any_model_is_read_or_refused(folder):
    @given(st.lists(st.sampled_from(TOKENS), max_size=12), st.booleans())
    def check(tokens: list[str], alone: bool) -> None:
        write_study(folder)
        (folder / "model.lav").write_text(("" if alone else MODEL) + " ".join(tokens))
        read_or_refused(folder, [])

    check()


@pytest.mark.parametrize("name", [*FILES, "model.lav"])
def test_any_bytes_are_read_or_refused(folder, name):
    """A file with bytes that are no text, or cut."""

    @given(st.binary(max_size=8), st.integers(0, 5000), st.booleans())
    def check(piece: bytes, place: int, rest: bool) -> None:
        write_study(folder)
        whole = (folder / name).read_bytes()
        place %= len(whole) + 1
        (folder / name).write_bytes(whole[:place] + piece + (whole[place:] if rest else b""))
        read_or_refused(folder, [])

    check()


PARTS = [
    "waves",
    "0",
    "1",
    "-1",
    "survey",
    "flows",
    "w1",
    "path",
    "drop",
    "fit",
    "estimator",
    "²",
    "",
    "_",
    "a b",
]


def test_any_set_is_read_or_refused(folder):
    write_study(folder)

    @given(st.lists(st.sampled_from(PARTS), max_size=5), st.sampled_from(["=", "==", "", " = "]), ODD)
    def check(parts: list[str], equals: str, written: str) -> None:
        read_or_refused(folder, [".".join(parts) + equals + written])

    check()
