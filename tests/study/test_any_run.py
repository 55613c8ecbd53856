"""Any survey and any tables, however damaged: a run counts each row, or ends in one sentence with its code.

Draws change the small study's files (cells, lines, bytes, quotes, header, encoding), what the run file says
of them, and the wave map. `pytest --hypothesis-profile=long` draws 1,000 runs, `make test` 15.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st
from small_runs import IN_MEMORY, Came, Delivered, assert_no_answers, run
from small_study import Row, answers, csv, deliveries, firms, long, wide

from jobs.spark import session

FIRMS = firms(30)
ROWS = answers(FIRMS)
TABLE = deliveries()
SURVEY, FLOWS, MATRIX = csv(ROWS), csv(long(TABLE)), csv(wide(TABLE))
OF_CODES = ["region", "nace", "export", "inpdt", "contrib", "s1", "coop", "cdom1", "cfor2"]
OF_NUMBERS = ["emp", "turn", "mkt", "frm", "rd", "oth", "w"]

TOKENS = st.sampled_from(
    [
        *(
            "",
            " ",
            "\u00a0",
            "NA",
            "c",
            "-",
            ".",
            "-9",
            "-9.0",
            "99",
            "9999",
            "999999999",
            "1e400",
            "1E10",
            "NaN",
        ),
        *(
            "0",
            "0.0",
            "0,0",
            "1.",
            "05",
            "+1",
            "1,5",
            "12.345",
            "12,345.6",
            "1 234",
            "0x1F",
            "1_000",
            "-0",
            "inf",
        ),
        *(
            '"',
            'a"b',
            '""',
            "'",
            ";",
            ";;;",
            "\t",
            "\\",
            "`",
            "é",
            "\u0661",
            "x" * 300,
            "=1+1",
            "HU11",
            "F001",
        ),
        *(
            "10",
            "28",
            "HU99",
            "REST",
            "TOTAL",
            "two\nlines",
            "true",
            "\u200b1",
            "1" * 40,
            "0." + "0" * 12 + "1",
        ),
    ]
)


@dataclass(frozen=True)
class Damage:
    """One change of a file's text: its kind, where (a part of the whole), and the text that comes there."""

    kind: str
    place: float
    other: float
    token: str


damages = st.builds(
    Damage,
    kind=st.sampled_from(
        ["cell", "cell", "column", "insert", "cut", "end", "without", "twice", "swap", "name", "mark", "ends"]
    ),
    place=st.floats(0, 1, exclude_max=True),
    other=st.floats(0, 1, exclude_max=True),
    token=TOKENS,
)


def damaged(text: str, damage: Damage) -> str:
    """The text of a file with a change."""
    lines = text.split("\n")
    row, other = int(damage.place * len(lines)), int(damage.other * len(lines))
    place = int(damage.place * len(text))
    cells = lines[row].split(";")
    column = int(damage.other * len(cells))
    if damage.kind == "cell":
        cells[column] = damage.token
        lines[row] = ";".join(cells)
    elif damage.kind in ("column", "name"):
        last = 1 if damage.kind == "name" else len(lines)
        column = int(damage.other * len(lines[0].split(";")))
        for number in range(0 if damage.kind == "name" else 1, last):
            parts = lines[number].split(";")
            if column < len(parts):
                lines[number] = ";".join([*parts[:column], damage.token, *parts[column + 1 :]])
    elif damage.kind == "insert":
        return text[:place] + damage.token + text[place:]
    elif damage.kind == "cut":
        return text[:place] + text[place + 1 + int(damage.other * 40) :]
    elif damage.kind == "end":
        return text[:place]
    elif damage.kind == "without":
        del lines[row]
    elif damage.kind == "twice":
        lines.insert(other, lines[row])
    elif damage.kind == "swap":
        lines[row], lines[other] = lines[other], lines[row]
    elif damage.kind == "mark":
        return text.replace(".", ",") if damage.place < 0.5 else text.replace(";", ",")
    elif damage.kind == "ends":
        return "".join(line + ("\n" if number % 2 else "\r\n") for number, line in enumerate(lines))
    return "\n".join(lines)


ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1250"])
READING = {
    "separator": st.sampled_from([";", ";", ";", ";", ",", "tab"]),
    "decimal": st.sampled_from([".", ".", ".", ","]),
    "thousands": st.sampled_from([None, None, ".", ",", " ", "'"]),
    "encoding": ENCODINGS,
}
ALLOWED = st.sampled_from([0, 0.05, 0.5, 1, 1])  # rows set aside: often many, so that later stages are met
SELDOM = st.integers(0, 5).map(lambda drawn: drawn == 5)
OF_TABLES = {
    "drop": st.sampled_from([[], ["TOTAL"], ["28"], ["HU99"]]),
    "final": st.sampled_from([[], ["c"], ["TOTAL"]]),
    "absent": st.sampled_from(["stop", "zero"]),
    "rest": st.sampled_from(["REST", "HU99"]),
    "layout": st.sampled_from(["long", "biregional", "wide"]),
}
KEYS = {
    "on_unknown": st.sampled_from(["missing", "quarantine"]),
    "missing": st.sampled_from([["-9"], ["99", "9999"], ["NA", "."], ["0.0"]]),
    "no": st.sampled_from([["0", "NA"], ["2", "-9"]]),
    "yes": st.sampled_from([["1", "x"], [1]]),
    "as_written": st.just(True),
    "round": st.just(True),
    "factor": st.sampled_from([1, 0.5, 1000, 1e-12, 1e30]),
}
RULES = ["employees", "turnover", "innovative_share", "exports", "source_clients", "cooperates"]
RULES += ["partners_domestic", "region", "firm_id", "innovator"]


@dataclass(frozen=True)
class Draw:
    """A whole run: the files as they are delivered, and what the settings say."""

    survey: Delivered | None
    flows: Delivered | None
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)


def delivered(text: str, name: str, reading: dict[str, st.SearchStrategy]) -> st.SearchStrategy[Delivered]:
    """The text with changes, in an encoding, whole or in two parts, and settings that may not fit it."""

    @st.composite
    def draw_file(draw: Callable[[st.SearchStrategy], Any]) -> Delivered:
        changed = text
        for damage in draw(st.lists(damages, max_size=3)):
            changed = damaged(changed, damage)
        chosen = draw(st.fixed_dictionaries({"max_quarantined": ALLOWED}, optional=reading))
        encoding = draw(ENCODINGS) if draw(SELDOM) else chosen.get("encoding", "utf-8")
        content = changed.encode(encoding, errors="replace")
        if draw(SELDOM) and content:
            place = draw(st.integers(0, len(content) - 1))
            content = content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]
        if draw(SELDOM):
            head, _, rest = content.partition(b"\n")
            half = rest.find(b"\n", len(rest) // 2) + 1
            parts = {"a.csv": head + b"\n" + rest[:half], "b.csv": head + b"\n" + rest[half:]}
            return Delivered(parts, name, chosen)
        return Delivered(content, name, chosen)

    return draw_file()


def runs() -> st.SearchStrategy[Draw]:
    survey = delivered(SURVEY, "survey.csv", READING)
    flows = delivered(FLOWS, "flows.csv", {**READING, **OF_TABLES}) | delivered(
        MATRIX, "flows.csv", {**READING, **OF_TABLES, "layout": st.just("wide")}
    )
    keys = st.fixed_dictionaries({}, optional=KEYS)
    rules = st.dictionaries(st.sampled_from(RULES), keys, max_size=1)
    of_survey = st.builds(Draw, survey, st.none(), rules | st.just({}))
    return of_survey | st.builds(Draw, st.none(), flows) | st.builds(Draw, survey, flows)


@pytest.fixture
def places(spark, tmp_path):
    """A function that gives a new folder for each draw and forgets the one before.

    A stage that stops leaves its frame in memory; a file of the same name would be read from there.
    """
    numbers = count()

    def empty() -> Path:
        session.release(spark)
        shutil.rmtree(tmp_path / "draws", ignore_errors=True)
        folder = tmp_path / "draws" / str(next(numbers))
        folder.mkdir(parents=True)
        return folder

    return empty


def test_the_files_that_draws_change_are_whole(spark, places):
    came = run(spark, places(), Delivered(SURVEY), Delivered(FLOWS, "flows.csv"))
    assert came.error is None and len(came.survey) == 30 and came.flows == TABLE


def test_any_run_counts_each_row_or_ends_in_words(spark, places):
    long_profile = drawing().max_examples >= 2000

    @drawing(max_examples=1000 if long_profile else 15)
    @given(runs())
    def check(draw: Draw) -> None:
        came = run(spark, places(), draw.survey, draw.flows, rules=draw.rules)
        private = apart_from_labels(ROWS, draw.flows)
        if came.error:
            assert came.error.exit_code in (2, 3, 4), repr(came.error)
            assert str(came.error).strip() and "report this" not in str(came.error), str(came.error)
            assert_no_answers(str(came.error), private)
        else:
            assert set(came.outcomes) == set(IN_MEMORY)
        assert_no_answers(came.notes.replace("\n", " "), private)
        assert_rows_add_up(came, ROWS if draw.survey else [])

    check()


def apart_from_labels(rows: list[Row], flows: Delivered | None) -> list[Row]:
    """The answers without those that a draw has put into the table of flows: its labels are public."""
    content = flows.content if flows else b""
    parts = content.values() if isinstance(content, dict) else [content]
    written = [bytes(part) for part in parts if isinstance(part, bytes)]
    labels = "\n".join(part.replace(b"\0", b"").decode("utf-8", "replace") for part in written)  # UTF-16 too
    return [{column: text for column, text in row.items() if text not in labels} for row in rows]


def assert_rows_add_up(came: Came, rows: list[Row]) -> None:
    """Each stage takes what the one before it gave; what is missing at the end was set aside."""
    outcomes = came.outcomes
    if "harmonise" in outcomes:
        assert outcomes["harmonise"].rows_in == outcomes["ingest"].detail["rows"]["survey"]
    if "validate" in outcomes:
        assert outcomes["validate"].rows_in == outcomes["harmonise"].rows_out
        assert len(came.survey) == outcomes["validate"].rows_out
        assert bool(rows) == bool(came.survey)
