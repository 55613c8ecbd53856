"""The order of stages, what is up to date and why not, and that no row is lost; by stages that are idle."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import pipeline, settings
from jobs.context import Context, Outcome
from jobs.errors import DiamantError, InputError, SliceHeld


@dataclass
class Commits:
    """The tables as the pipeline sees them: the fingerprint of each slice's last commit."""

    held: dict[Any, str] = field(default_factory=dict)
    commits: list[Any] = field(default_factory=list)

    def last_commit(self, name, slice):
        mark = self.held.get((name, *sorted(slice.items())))
        return mark and SimpleNamespace(fingerprint=mark)

    def replace(self, name, slice, mark):
        self.held[(name, *sorted(slice.items()))] = mark
        self.commits.append(SimpleNamespace(table=name, version=1, skipped=False))


@dataclass
class Idle:
    """A stage that only commits its table; `reads` is what its result depends on."""

    NAME: str
    ran: list[str]
    reads: list[str] = field(default_factory=lambda: ["a"])
    lost: int = 0

    @property
    def TABLES(self):
        return (f"of {self.NAME}",)

    def inputs(self, context, wave):
        return list(self.reads)

    def run(self, context, wave, mark):
        self.ran.append(self.NAME)
        context.tables.replace(self.TABLES[0], context.slice(wave), mark)
        return Outcome(10, 10 - self.lost)


class Silent:
    """Progress that keeps what was skipped."""

    def __init__(self):
        self.skips = []

    def stage(self, name, wave):
        return nullcontext(lambda outcome: None)

    def skipped(self, name, wave):
        self.skips.append(name)

    def say(self, text):
        raise AssertionError(text)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A context of the demo without simulation, its stages idle, and what they ran."""
    changes = [f"work={tmp_path}", f"out={tmp_path / 'out'}", "simulate=null"]
    context = Context(None, settings.read("conf/runs/demo.yaml", changes), Commits())
    ran: list[str] = []
    stages = {name: Idle(name, ran) for name in pipeline.ORDER[:-1]}
    monkeypatch.setattr(pipeline, "stage", stages.__getitem__)
    return SimpleNamespace(context=context, stages=stages, ran=ran, folder=tmp_path)


INNER = list(pipeline.ORDER[1:-1])


def reasons(run):
    return {step.stage: step.reason for step in pipeline.plan(run.context)}


def test_a_new_run_plans_every_stage_and_writes_nothing(run):
    planned = reasons(run)
    assert list(planned) == [*INNER, "publish"], "no simulation without its section"
    assert planned["ingest"] == "it never ran"
    assert planned["harmonise"] == "ingest runs before it"
    assert list(run.folder.iterdir()) == [] and run.ran == []


def test_stages_run_in_order_up_to_the_one_asked_for(run):
    assert pipeline.run(run.context, Silent(), "validate") is None
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


def test_a_damaged_outcome_is_named(run):
    pipeline.run(run.context, Silent(), "ingest")
    file = run.folder / "outcomes" / "NL" / "cis2" / "ingest.json"
    assert json.loads(file.read_text())["outcome"]["rows_in"] == 10
    file.write_text("{")
    with pytest.raises(InputError, match=r"ingest\.json is damaged; delete it and run again"):
        pipeline.plan(run.context)


def test_facts_hold_no_time_and_no_folder(run):
    pipeline.run(run.context, Silent(), "fit")
    first = json.dumps(pipeline.facts(run.context))
    pipeline.run(run.context, Silent(), "fit")
    assert json.dumps(pipeline.facts(run.context)) == first and str(run.folder) not in first


def test_the_code_is_part_of_what_a_stage_depends_on(run, monkeypatch):
    pipeline.run(run.context, Silent(), "fit")
    monkeypatch.setattr(pipeline, "code_digest", lambda: "another program")
    assert reasons(run)["ingest"] == "its input, its settings or the program changed"
