"""The order of stages, what is up to date and why not, and that no row is lost; by stages that are idle."""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.errors import DiamantError, InputError, SliceHeld
from jobs.output import locks
from jobs.run import execute as pipeline
from jobs.run import fingerprints
from jobs.run.context import Context, Outcome
from jobs.run.outcomes import facts
from jobs.run.plan import plan
from jobs.run.sources import Sources
from jobs.settings import reading as settings
from jobs.stages.order import STAGES


@dataclass
class Commits:
    """The tables as the pipeline sees them: the fingerprint of each slice's last commit."""

    held: dict[Any, str] = field(default_factory=dict)
    commits: list[Any] = field(default_factory=list)

    damaged: dict[str, str] = field(default_factory=dict)  # tables
    spoilt: dict[str, str] = field(default_factory=dict)  # tables with a slice whose files are not whole
    aside: list[str] = field(default_factory=list)

    def last_commit(self, name, slice):
        mark = self.held.get((name, *sorted(slice.items())))
        return mark and SimpleNamespace(fingerprint=mark)

    def rows(self, name, slice):
        return [{"kind": "region", "code": "a", "number": 1}]

    def damage(self, name):
        return self.damaged.get(name)

    def slice_damage(self, name, slice, digests):
        assert digests == {"part": "a digest"}
        return self.spoilt.get(name)

    def digests(self, commit):
        return {"part": "a digest"}

    def move_aside(self, name):
        self.aside.append(name)
        self.held = {key: mark for key, mark in self.held.items() if key[0] != name}
        self.damaged.pop(name, None)
        self.spoilt.pop(name, None)
        return f"damaged/{name}-1"

    def replace(self, name, slice, mark):
        self.held[(name, *sorted(slice.items()))] = mark
        self.commits.append(SimpleNamespace(table=name, slice=slice, version=1, skipped=False))


@dataclass
class Idle:
    """A stage that only commits its table; `reads` is what its result depends on."""

    NAME: str
    ran: list[str]
    reads: list[str] = field(default_factory=lambda: ["a"])
    lost: int = 0

    @property
    def __name__(self):
        return f"jobs.stages.{self.NAME}"

    @property
    def READS(self):
        earlier = INNER[: INNER.index(self.NAME)] if self.NAME in INNER else []
        return tuple(f"of {name}" for name in earlier[-1:])

    @property
    def TABLES(self):
        return (f"first of {self.NAME}", f"of {self.NAME}")

    def inputs(self, context, wave):
        return list(self.reads)

    def run(self, context, wave, mark):
        self.ran.append(self.NAME)
        for name in self.TABLES:
            context.tables.replace(name, context.slice(wave), mark)
        return Outcome(10, 10 - self.lost)


class Session:
    """A session without Spark, whose frames in memory can be forgotten."""

    class catalog:
        @staticmethod
        def clearCache():
            pass


class Silent:
    """Progress that keeps what was skipped."""

    def __init__(self):
        self.skips, self.said = [], []

    def stage(self, name, wave):
        return nullcontext(lambda outcome: None)

    def skipped(self, name, wave):
        self.skips.append(name)

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A context of the demo without simulation, its stages idle, and what they ran."""
    changes = [f"work={tmp_path / 'work'}", f"out={tmp_path / 'out'}", "simulate=null"]
    known = SimpleNamespace(table=lambda name: SimpleNamespace(form=name))
    monkeypatch.setattr(fingerprints, "schemas", known)
    ran: list[str] = []
    stages = {name: Idle(name, ran) for name in STAGES}
    context = Context(Session(), settings.read("conf/runs/demo.yaml", changes), Commits(), stages)
    return SimpleNamespace(context=context, stages=stages, ran=ran, folder=tmp_path)


INNER = list(STAGES)[1:-1]


def reasons(run):
    return {step.stage: step.reason for step in plan(run.context)}


def test_a_new_run_plans_every_stage_and_writes_nothing(run):
    planned = reasons(run)
    assert list(planned) == [*INNER, "publish"], "no simulation without its section"
    assert planned["ingest"] == "it never ran"
    assert planned["harmonise"] == "ingest runs before it"
    assert list(run.folder.iterdir()) == [] and run.ran == []


def test_stages_run_in_order_up_to_the_one_asked_for(run):
    pipeline.run(run.context, Silent(), "validate")
    assert run.ran == ["ingest", "harmonise", "validate"]
    assert reasons(run)["validate"] is None and reasons(run)["indicators"] == "it never ran"


def test_a_second_run_does_nothing(run):
    pipeline.run(run.context, Silent(), "fit")
    run.ran.clear()
    progress = Silent()
    pipeline.run(run.context, progress, "fit")
    assert run.ran == [] and progress.skips == INNER


def test_a_changed_input_runs_its_stage_and_those_after_it(run):
    pipeline.run(run.context, Silent(), "fit")
    run.ran.clear()
    run.stages["indicators"].reads = ["b"]
    assert reasons(run)["indicators"] == "its input, its settings or the program changed"
    pipeline.run(run.context, Silent(), "fit")
    assert run.ran == ["indicators", "link", "fit"]


def test_a_table_that_another_run_replaced_is_made_again(run):
    pipeline.run(run.context, Silent(), "fit")
    run.context.tables.replace("of link", run.context.slice(run.context.settings.waves[0]), "another")
    assert reasons(run)["link"] == "its table was replaced by another run"


def test_a_stage_that_lost_rows_is_a_fault_of_the_program(run):
    run.stages["harmonise"].lost = 1
    with pytest.raises(DiamantError, match="harmonise of wave cis2 lost rows: 10 in, 9 out, 0 set aside"):
        pipeline.run(run.context, Silent(), "fit")
    assert reasons(run)["ingest"] is None and reasons(run)["harmonise"] == "it never ran"


def test_a_stage_of_its_own_asks_for_those_before_it(run):
    with pytest.raises(
        InputError, match="link of wave cis2 needs ingest, but it never ran; run ingest first"
    ):
        pipeline.run_one(run.context, Silent(), "link")
    pipeline.run(run.context, Silent(), "indicators")
    pipeline.run_one(run.context, Silent(), "link")
    pipeline.run_one(run.context, Silent(), "link")
    assert run.ran.count("link") == 2, "whether up to date or not"


def test_a_wave_is_held_by_one_run_at_a_time(run):
    with pipeline._held(run.context), pytest.raises(SliceHeld, match="another run works on NL cis2"):
        pipeline.run(run.context, Silent(), "ingest")
    pipeline.run(run.context, Silent(), "ingest")
    assert run.ran == ["ingest"]


@pytest.mark.parametrize(
    "spoilt",
    ["", "{", "{}", "[]", "null", "3", '"text"', "\x00", "[" * 100_000, '{"fingerprint": 3}'],
    ids=lambda text: repr(text[:20]),
)
def test_a_damaged_outcome_is_as_none(run, spoilt):
    pipeline.run(run.context, Silent(), "link")
    file = run.folder / "work" / "outcomes" / "NL" / "cis2" / "harmonise.json"
    whole = file.read_text()
    assert json.loads(whole)["outcome"]["rows_in"] == 10
    file.write_text(spoilt)
    assert reasons(run)["harmonise"] == f"{file} is damaged"
    run.ran.clear()
    pipeline.run(run.context, Silent(), "link")
    assert run.ran == ["harmonise"] and file.read_text() == whole


@pytest.mark.parametrize("key", ["fingerprint", "outcome", "tables", "slices"])
@pytest.mark.parametrize("value", [None, 3, "text", [], {"link": 3.5}])
def test_an_outcome_with_a_part_of_the_wrong_type_is_as_none(run, key, value):
    pipeline.run(run.context, Silent(), "link")
    file = run.folder / "work" / "outcomes" / "NL" / "cis2" / "link.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    run.ran.clear()
    pipeline.run(run.context, Silent(), "link")
    assert run.ran == ["link"]


@pytest.mark.parametrize("table", ["first of harmonise", "of harmonise"])
def test_a_deleted_table_is_made_again_by_its_stage_alone(run, table):
    pipeline.run(run.context, Silent(), "fit")
    run.ran.clear()
    run.context.tables.move_aside(table)
    assert reasons(run)["harmonise"] == f"its table {table} is gone"
    pipeline.run(run.context, Silent(), "fit")
    assert run.ran == ["harmonise"]


@pytest.mark.parametrize("table", ["first of link", "of link"])
@pytest.mark.parametrize("what", ["damaged", "spoilt"])
def test_a_damaged_table_is_named_moved_aside_and_made_again(run, table, what):
    pipeline.run(run.context, Silent(), "fit")
    run.ran.clear()
    getattr(run.context.tables, what)[table] = "a data file is gone"
    assert reasons(run)["link"] == f"its table {table} is damaged: a data file is gone"
    assert run.context.tables.aside == [], "plan moves nothing"
    progress = Silent()
    pipeline.run(run.context, progress, "fit")
    assert run.ran == ["link"] and run.context.tables.aside == [table]
    assert progress.said == [
        f"the table {table} is damaged: a data file is gone; "
        f"it was moved to damaged/{table}-1 and is made again"
    ]
    assert reasons(run)["link"] is None


def test_a_damaged_table_waits_for_the_runs_that_use_it(run):
    pipeline.run(run.context, Silent(), "fit")
    run.context.tables.damaged["of link"] = "its log is gone"
    handle = locks.opened(run.folder / "work" / "locks" / "tables.lock")
    assert locks.taken(handle, shared=True)
    words = r"of link is damaged \(its log is gone\), and another run uses the tables; run again"
    with pytest.raises(SliceHeld, match=words):
        pipeline.run(run.context, Silent(), "fit")
    assert run.context.tables.aside == []
    os.close(handle)
    pipeline.run(run.context, Silent(), "fit")
    assert run.context.tables.aside == ["of link"]


def test_a_stage_of_its_own_mends_its_own_tables_only(run):
    pipeline.run(run.context, Silent(), "fit")
    run.ran.clear()
    run.context.tables.damaged["of harmonise"] = "its log is gone"
    with pytest.raises(InputError, match=r"needs harmonise, but its table of harmonise is damaged: its log"):
        pipeline.run_one(run.context, Silent(), "link")
    pipeline.run_one(run.context, Silent(), "harmonise")
    pipeline.run_one(run.context, Silent(), "link")
    assert run.ran == ["harmonise", "link"]


def test_a_lock_leaves_what_a_file_of_its_name_holds(run):
    lock = run.folder / "work" / "locks" / "NL-cis2.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("notes of the user")
    pipeline.run(run.context, Silent(), "ingest")
    assert lock.read_text() == "notes of the user"


def test_facts_hold_no_time_and_no_folder(run):
    pipeline.run(run.context, Silent(), "fit")
    first = json.dumps(facts(run.context))
    pipeline.run(run.context, Silent(), "fit")
    assert json.dumps(facts(run.context)) == first and str(run.folder) not in first


def test_the_code_is_part_of_what_a_stage_depends_on(run, monkeypatch):
    pipeline.run(run.context, Silent(), "fit")
    monkeypatch.setattr(fingerprints.sources, "of_module", lambda name: Sources({name: "another program"}))
    assert reasons(run)["ingest"] == "its input, its settings or the program changed"


def test_frames_in_memory_are_released_when_a_stage_stops(run, spark):
    """In the middle of a stage an error ends it; what it kept in memory would stay for the whole run."""

    def stopping(context, wave, mark):
        assert context.spark.range(10).persist().count() == 10
        raise InputError("a file is gone")

    def in_memory() -> int:
        return spark.sparkContext._jsc.getPersistentRDDs().size()

    spark.catalog.clearCache()
    before = in_memory()
    run.stages["ingest"].run = stopping
    context = dataclasses.replace(run.context, spark=spark)
    with pytest.raises(InputError):
        pipeline.run(context, Silent(), "ingest")
    assert in_memory() == before
