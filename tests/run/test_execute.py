"""The order of stages, what is up to date and why not, what a killed or a failed run leaves; idle stages."""

from __future__ import annotations

import dataclasses
import json
import os
from types import SimpleNamespace

import pytest
from idle import INNER, Idle, Kept, Session, Silent

from jobs.errors import DiamantError, InputError, SliceHeld, SlicesFailed, ValidationStopped
from jobs.output import locks
from jobs.places import place
from jobs.run import batches, execute, fingerprints, ledger, published
from jobs.run import execute as pipeline
from jobs.run.context import Context
from jobs.run.ledger import Ledger
from jobs.run.plan import opened, plan, reason
from jobs.run.sources import Sources
from jobs.settings import reading as settings
from jobs.settings.slices import Slice
from jobs.stages.order import STAGES

NL = Slice("NL", "cis2")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A context of the demo without simulation, its stages idle, and what they ran."""
    return made(tmp_path, monkeypatch, "conf/runs/demo.yaml", ["simulate=null"])


@pytest.fixture
def several(tmp_path, monkeypatch):
    """The same for two countries with three waves each."""
    demo = settings.read("conf/runs/demo.yaml")
    survey = demo.waves[0].survey.model_dump() | {"path": "{country}/{wave}.csv"}
    content = {
        **{"study": "s", "title": "t", "work": "work", "out": "out"},
        "defaults": {"regions": demo.regions, "sectors": demo.sectors, "survey": survey},
        "waves": {"cis2": {}, "cis3": {}, "cis4": {}},
        "countries": {"AT": {}, "BE": {}},
    }
    (tmp_path / "run.yaml").write_text(json.dumps(content))
    return made(tmp_path, monkeypatch, str(tmp_path / "run.yaml"), [])


def made(folder, monkeypatch, conf, changes):
    changes = [*changes, f"work={folder / 'work'}", f"out={folder / 'out'}"]
    (folder / "work").mkdir()
    known = SimpleNamespace(table=lambda name: SimpleNamespace(form=name, slices=("country", "wave")))
    for module in (fingerprints, ledger, execute):
        monkeypatch.setattr(module, "schemas", known)
    monkeypatch.setattr(execute, "rows_of_slices", lambda rows, slices: rows)
    ran: list[str] = []
    of_batches: list[tuple[str, list[str]]] = []
    stages = {name: Idle(name, ran, of_batches) for name in STAGES}
    context = Context(Session, settings.read(conf, changes), Kept(), stages)
    return SimpleNamespace(context=context, stages=stages, ran=ran, batches=of_batches, folder=folder)


def kept(run) -> Ledger:
    return Ledger.read(run.context.settings.work)


def reasons(run):
    ledger, _ = opened(run.context)
    return {step.stage: step.reason for step in plan(run.context, ledger)}


def until(run, name="fit", progress=None):
    pipeline.run(run.context, progress or Silent(), name)


def test_a_new_run_plans_every_stage_and_writes_nothing(run):
    planned = reasons(run)
    assert list(planned) == [*INNER, "publish"], "no simulation without its section"
    assert planned["ingest"] == "it never ran"
    assert planned["harmonise"] == "ingest runs before it"
    assert list((run.folder / "work").iterdir()) == [] and run.ran == []


def test_stages_run_in_order_up_to_the_one_asked_for(run):
    until(run, "validate")
    assert run.ran == ["ingest", "harmonise", "validate"]
    assert reasons(run)["validate"] is None and reasons(run)["indicators"] == "it never ran"


def test_a_second_run_does_nothing(run):
    until(run)
    run.ran.clear()
    progress = Silent()
    until(run, progress=progress)
    assert run.ran == [] and progress.skips == INNER


def test_a_changed_input_runs_its_stage_and_those_after_it(run):
    until(run)
    run.ran.clear()
    run.stages["indicators"].reads = ["b"]
    assert reasons(run)["indicators"] == "its input, its settings or the program changed"
    until(run)
    assert run.ran == ["indicators", "link", "fit"]


def test_a_table_that_another_run_replaced_is_made_again(run):
    until(run)
    run.context.tables.replace("of link", None, [NL.keys], {})
    assert reasons(run)["link"] == "its table was replaced by another run"


def test_a_stage_that_lost_rows_is_a_fault_of_the_program(run):
    run.context.tables.lost["of harmonise"] = 1
    with pytest.raises(DiamantError, match="harmonise of wave cis2 lost rows: 10 in, 9 out, 0 set aside"):
        until(run)
    assert reasons(run)["ingest"] is None and reasons(run)["harmonise"] == "it never ran"


def test_a_stage_of_its_own_asks_for_those_before_it(run):
    with pytest.raises(
        InputError, match="link of wave cis2 needs ingest, but it never ran; run ingest first"
    ):
        pipeline.run_one(run.context, Silent(), "link")
    until(run, "indicators")
    pipeline.run_one(run.context, Silent(), "link")
    pipeline.run_one(run.context, Silent(), "link")
    assert run.ran.count("link") == 2, "whether up to date or not"


def test_a_work_folder_is_held_by_one_run_at_a_time(run):
    with pipeline._held(run.context), pytest.raises(SliceHeld, match="another run works in") as held:
        until(run, "ingest")
    assert held.value.exit_code == 5
    until(run, "ingest")
    assert run.ran == ["ingest"]


def test_a_ledger_that_another_machine_wrote_meanwhile_ends_the_run(run):
    """Where the file system knows no locks, the number in the ledger tells."""

    def write(batch):
        other = kept(run)
        other.save()

    run.stages["harmonise"].meanwhile = write
    with pytest.raises(SliceHeld, match="another run wrote to"):
        until(run)
    assert run.ran == ["ingest", "harmonise"]


@pytest.mark.parametrize(
    "spoilt",
    ["", "{", "[]", "null", "3", '"text"', "\x00", "[" * 100_000, '{"number": "3"}', '{"slices": 3}'],
    ids=lambda text: repr(text[:20]),
)
def test_a_damaged_ledger_is_made_again_from_the_tables(run, spoilt):
    until(run, "link")
    file = run.folder / "work" / "ledger.json"
    whole = json.loads(file.read_text())["slices"]
    assert whole["NL cis2"]["harmonise"]["outcome"]["rows_in"] == 10
    file.write_text(spoilt)
    assert reason(run.context, kept(run), "ingest", NL, "") == f"{file} is damaged"
    assert reasons(run)["harmonise"] is None, "all of it stands in the tables, too"
    run.ran.clear()
    until(run, "link")
    assert run.ran == [] and json.loads(file.read_text())["slices"] == whole


def test_a_ledger_is_replaced_as_a_whole(run, monkeypatch):
    until(run, "ingest")
    file = run.folder / "work" / "ledger.json"
    before = file.read_bytes()

    def failing(*paths):
        raise OSError("no space")

    monkeypatch.setattr(place.os, "replace", failing)
    with pytest.raises(OSError, match="no space"):
        until(run, "harmonise")
    assert file.read_bytes() == before


@pytest.mark.parametrize("table", ["first of harmonise", "of harmonise"])
def test_a_deleted_table_is_made_again_by_its_stage_alone(run, table):
    until(run)
    run.ran.clear()
    run.context.tables.move_aside(table)
    assert reasons(run)["harmonise"] == f"its table {table} is gone"
    until(run)
    assert run.ran == ["harmonise"]


@pytest.mark.parametrize("table", ["first of link", "of link"])
def test_a_table_with_a_damaged_log_is_named_moved_aside_and_made_again(run, table):
    until(run)
    run.ran.clear()
    run.context.tables.damaged[table] = "its log is gone"
    assert reasons(run)["link"] == f"its table {table} is damaged: its log is gone"
    assert run.context.tables.aside == [], "plan moves nothing"
    progress = Silent()
    until(run, progress=progress)
    assert run.ran == ["link"] and run.context.tables.aside == [table]
    assert progress.said == [
        f"the table {table} is damaged: its log is gone; it was moved to damaged/{table}-1 and is made again"
    ]
    assert reasons(run)["link"] is None


@pytest.mark.parametrize("table", ["first of link", "of link"])
def test_a_damaged_slice_is_made_again_where_it_is(run, table):
    until(run)
    run.ran.clear()
    run.context.tables.spoilt[table] = "a data file is gone"
    assert reasons(run)["link"] == f"its table {table} is damaged: a data file is gone"
    until(run)
    assert run.ran == ["link"] and run.context.tables.aside == [] and reasons(run)["link"] is None


def test_a_stage_of_its_own_mends_its_own_tables_only(run):
    until(run)
    run.ran.clear()
    run.context.tables.damaged["of harmonise"] = "its log is gone"
    with pytest.raises(InputError, match=r"needs harmonise, but its table of harmonise is damaged: its log"):
        pipeline.run_one(run.context, Silent(), "link")
    pipeline.run_one(run.context, Silent(), "harmonise")
    pipeline.run_one(run.context, Silent(), "link")
    assert run.ran == ["harmonise", "link"]


def test_a_lock_leaves_what_a_file_of_its_name_holds(run):
    lock = run.folder / "work" / "locks" / "run.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("notes of the user")
    until(run, "ingest")
    assert lock.read_text() == "notes of the user"
    handle = locks.opened(lock)
    assert locks.taken(handle)
    os.close(handle)


def test_facts_hold_no_time_no_folder_and_no_version(run):
    until(run)
    first = json.dumps(facts(run))
    run.stages["link"].reads = ["b"]
    until(run)
    assert json.dumps(facts(run)) == first and str(run.folder) not in first


def facts(run):
    return published.facts(run.context, published.chosen(run.context, kept(run), []))


def test_the_code_is_part_of_what_a_stage_depends_on(run, monkeypatch):
    until(run)
    monkeypatch.setattr(fingerprints.sources, "of_module", lambda name: Sources({name: "another program"}))
    assert reasons(run)["ingest"] == "its input, its settings or the program changed"


def test_frames_in_memory_are_released_when_a_stage_stops(run, spark):
    """In the middle of a stage an error ends it; what it kept in memory would stay for the whole run."""

    def stopping(batch):
        assert batch.spark.range(10).persist().count() == 10
        raise InputError("a file is gone")

    def in_memory() -> int:
        return spark.sparkContext._jsc.getPersistentRDDs().size()

    spark.catalog.clearCache()
    before = in_memory()
    run.stages["ingest"].meanwhile = stopping
    run.context = dataclasses.replace(run.context, session=lambda: spark)
    with pytest.raises(InputError):
        until(run, "ingest")
    assert in_memory() == before


def test_a_file_that_changes_while_it_is_read_is_read_again_by_the_next_run(run, monkeypatch):
    def delivered_meanwhile(batch):
        run.stages["ingest"].reads = ["b"]

    monkeypatch.setattr(execute, "rows_of", lambda table: None)
    run.stages["ingest"].meanwhile = delivered_meanwhile
    with pytest.raises(InputError, match="a file changed while ingest read it; wait until it is delivered"):
        until(run)
    assert run.ran == ["ingest"] and not kept(run).entries(NL)
    # Even where the file is again what it was, what was read of it meanwhile is not taken over.
    run.stages["ingest"].reads, run.stages["ingest"].meanwhile = ["a"], lambda batch: None
    progress = Silent()
    until(run, progress=progress)
    assert run.ran == ["ingest", *INNER] and progress.said == []


# Several slices.

ALL = [f"{country} {wave}" for country in ("AT", "BE") for wave in ("cis2", "cis3", "cis4")]


def test_slices_go_through_the_stages_in_batches(several, monkeypatch):
    monkeypatch.setattr(batches, "SLICES", 4)
    until(several, "harmonise")
    assert several.batches == [
        ("ingest", ALL[:4]),
        ("harmonise", ALL[:4]),
        ("ingest", ALL[4:]),
        ("harmonise", ALL[4:]),
    ]


def test_a_stage_takes_its_stale_slices_only(several):
    until(several)
    several.batches.clear()
    several.context.tables.spoilt["of link"] = "a data file is gone"
    spoilt = several.context.tables.slice_damage
    several.context.tables.slice_damage = lambda name, keys, digests: (
        spoilt(name, keys, digests) if keys == ("BE", "cis3") else None
    )
    until(several)
    assert several.batches == [("link", ["BE cis3"])]


def test_a_slice_that_fails_leaves_the_run_and_the_others_go_on(several):
    several.stages["validate"].fails = {"BE cis3": ValidationStopped("a rule failed.")}
    progress = Silent()
    with pytest.raises(SlicesFailed) as failed:
        until(several, progress=progress)
    assert failed.value.sentences == ["BE cis3: a rule failed."] and failed.value.exit_code == 4
    assert progress.failures == ["BE cis3"]
    others = [slice for slice in ALL if slice != "BE cis3"]
    assert dict(several.batches)["fit"] == others and dict(several.batches)["validate"] == ALL
    several.batches.clear()
    several.stages["validate"].fails = {}
    until(several)
    assert several.batches == [(name, ["BE cis3"]) for name in INNER[INNER.index("validate") :]]


def test_a_batch_that_fails_as_a_whole_is_tried_slice_by_slice(several):
    """A file breaks the reading of all: the others are sound, and which one it is comes out."""

    def stopping(batch):
        if any(slice.wave == "cis3" for slice in batch.slices):
            raise InputError("a file cannot be read.")

    several.stages["ingest"].meanwhile = stopping
    with pytest.raises(SlicesFailed) as failed:
        until(several, "harmonise")
    assert failed.value.sentences == [f"{c} cis3: a file cannot be read." for c in ("AT", "BE")]
    assert failed.value.exit_code == 3
    assert dict(several.batches)["harmonise"] == [slice for slice in ALL if "cis3" not in slice]


def test_a_slice_whose_file_is_not_there_fails_alone(several):
    def inputs(settings, tables):
        if settings.wave == "cis4":
            raise InputError("cis4.csv does not exist.")
        return ["a"]

    several.stages["ingest"].inputs = inputs
    with pytest.raises(SlicesFailed) as failed:
        until(several)
    assert len(failed.value.sentences) == 2 and failed.value.exit_code == 3
    assert dict(several.batches)["fit"] == [slice for slice in ALL if "cis4" not in slice]


def test_what_a_killed_run_had_committed_is_taken_over(several):
    """It was killed between the last table of ingest and the ledger."""
    until(several, "harmonise")
    (several.folder / "work" / "ledger.json").unlink()
    several.context.tables.replace("first of harmonise", None, [Slice("AT", "cis2").keys], {"marks": {}})
    several.batches.clear()
    progress = Silent()
    until(several, "harmonise", progress)
    assert several.batches == [("harmonise", ["AT cis2"])], "half of its tables were written by another run"
    assert progress.said == [
        "ingest: 6 committed by a run that was ended before, taken over",
        "harmonise: 5 committed by a run that was ended before, taken over",
    ]


def test_a_country_with_a_failed_slice_is_published_as_it_was(several):
    until(several)
    state = kept(several)
    state.publish(published.chosen(several.context, state, []).entries, "mark")
    state.save()
    several.stages["link"].reads = ["b"]
    several.stages["fit"].fails = {"BE cis3": ValidationStopped("no fit.")}
    with pytest.raises(SlicesFailed):
        until(several)
    now = published.chosen(several.context, kept(several), [Slice("BE", "cis3")])
    assert {str(slice): word for slice, word in now.states.items()} == {
        slice: published.NOW if slice.startswith("AT") else published.AS_BEFORE for slice in ALL
    }
    assert [now.version(Slice("AT", "cis2"), "of link"), now.version(Slice("BE", "cis2"), "of link")] == [
        2,
        1,
    ]


def test_a_country_that_never_was_published_is_published_without_its_failed_slice(several):
    several.stages["fit"].fails = {"BE cis3": ValidationStopped("no fit.")}
    with pytest.raises(SlicesFailed):
        until(several)
    now = published.chosen(several.context, kept(several), [Slice("BE", "cis3")])
    assert now.states[Slice("BE", "cis3")] == published.FAILED
    assert [str(slice) for slice in now.entries] == [slice for slice in ALL if slice != "BE cis3"]


@pytest.mark.parametrize("is_little", [True, False])
def test_that_little_has_to_run_is_said_before_a_session_starts(several, monkeypatch, is_little):
    asked: list[int] = []
    monkeypatch.setattr(batches, "are_little", lambda slices: asked.append(len(slices)) or is_little)
    said: list[list[str]] = []
    context = dataclasses.replace(several.context, expect_little=lambda: said.append(list(several.ran)))
    pipeline.run(context, Silent(), "fit")
    assert asked == [6] and said == ([[]] if is_little else []), "before any stage ran"
