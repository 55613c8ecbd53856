"""Tables that were deleted or damaged are named and made again by the same command, to the same bytes."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console
from study_runs import Run, changes, context

from jobs.run import execute as pipeline
from jobs.run.plan import opened, plan
from jobs.run.progress import Progress
from jobs.stages.order import STAGES

# What names the simulation differs where the run has none.
OF_THE_SIMULATION = {"manifest.json", "report.html"}


@pytest.fixture
def study(spark, demo, tmp_path):
    """The finished demo in a folder of its own, all of it up to date; a function that gives its context."""
    for name in ("work", "published"):
        shutil.copytree(demo.folder / name, tmp_path / name)

    def given():
        return context(spark, "conf/runs/demo.yaml", *changes(tmp_path, demo.folder)[1::2], "simulate=null")

    assert reasons(given) == {}
    return given


def reasons(given) -> dict[str, str]:
    context = given()
    ledger, _ = opened(context)
    return {step.stage: step.reason for step in plan(context, ledger)[:-1] if step.reason}


def run(given) -> list[str]:
    """Run all that is needed; what was said."""
    said = io.StringIO()
    pipeline.run(given(), Progress(Console(file=said, width=1000)))
    return said.getvalue().splitlines()


def ran(said: list[str]) -> list[str]:
    stages = [line.split()[0] for line in said if line and "skipped" not in line and line[0] != " "]
    return [stage for stage in stages if stage in STAGES]


def demand_the_same(demo, folder: Path) -> None:
    again = Run(folder, 0, "").published
    assert {name for name in demo.published if again[name] != demo.published[name]} <= OF_THE_SIMULATION


def table(folder: Path, name: str) -> Path:
    return folder / "work" / "tables" / name


def data_file(folder: Path, name: str) -> Path:
    return min(table(folder, name).rglob("*.parquet"))


def test_every_deleted_table_is_missed_by_its_stage(study, tmp_path):
    writers = {name: stage for stage in list(STAGES)[1:-1] for name in STAGES[stage].TABLES}
    writers["code_numbers"] = "ingest"
    writers["quarantine"] = "ingest"  # the first of those that write it
    names = sorted(path.name for path in (tmp_path / "work" / "tables").iterdir())
    assert len(names) == 17
    for name in names:
        table(tmp_path, name).rename(tmp_path / "away")
        found = reasons(study)
        assert found[writers[name]] == f"its table {name} is gone", name
        (tmp_path / "away").rename(table(tmp_path, name))
    assert reasons(study) == {}


def test_deleted_tables_are_made_again(study, demo, tmp_path):
    for name in ("flows", "quarantine", "sample_waterfall", "estimates", "fit_measures"):
        shutil.rmtree(table(tmp_path, name))
    assert ran(run(study)) == ["ingest", "harmonise", "validate", "link", "fit", "publish"]
    assert reasons(study) == {}
    demand_the_same(demo, tmp_path)


def test_damaged_tables_are_named_moved_aside_and_made_again(study, demo, tmp_path):
    shutil.rmtree(table(tmp_path, "flows") / "_delta_log")
    commit = max((table(tmp_path, "estimates") / "_delta_log").glob("*.json"))
    commit.write_bytes(commit.read_bytes()[:100])
    data_file(tmp_path, "fit_measures").unlink()
    flipped = data_file(tmp_path, "survey")
    flipped.with_name(f".{flipped.name}.crc").unlink()
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 0xFF
    flipped.write_bytes(content)
    (table(tmp_path, "linked") / "_delta_log" / "_last_checkpoint").write_text("{")
    damaged = ["estimates", "flows", "linked"]  # their logs; of the others data files are

    planned = reasons(study)
    assert planned["ingest"] == "its table flows is damaged: its log is gone"
    assert (
        sorted(path.name for path in (tmp_path / "work" / "tables").iterdir())
        and not (tmp_path / "work" / "damaged").exists()
    ), "plan moves nothing"

    said = run(study)
    assert [line.split()[2] for line in said if "was moved to" in line] == damaged
    assert ran(said) == ["ingest", "validate", "link", "fit", "publish"]
    assert sorted(path.name for path in (tmp_path / "work" / "damaged").iterdir()) == [
        f"{name}-1" for name in damaged
    ]
    assert flipped.exists(), "a damaged file stays, as one of an older state"
    assert reasons(study) == {}
    demand_the_same(demo, tmp_path)


def test_a_stage_of_its_own_names_what_is_damaged_before_it(study, tmp_path):
    shutil.rmtree(table(tmp_path, "flows") / "_delta_log")
    with pytest.raises(
        Exception, match="needs ingest, but its table flows is damaged: its log is gone; run"
    ) as error:
        pipeline.run_one(study(), Progress(Console(file=io.StringIO())), "indicators")
    assert error.value.exit_code == 3


@pytest.mark.parametrize("spoilt", ["", "{", '{"number": "1"}', "null", None])
def test_a_damaged_or_deleted_ledger_is_made_again_from_the_tables(study, demo, tmp_path, spoilt):
    ledger = tmp_path / "work" / "ledger.json"
    whole = json.loads(ledger.read_text())["slices"]["NL cis2"]
    ledger.unlink() if spoilt is None else ledger.write_text(spoilt)
    assert reasons(study) == {}
    assert ran(run(study)) == ["publish"], "nothing is read or fitted again"
    again = json.loads(ledger.read_text())["slices"]["NL cis2"]
    assert again == {name: entry for name, entry in whole.items() if name != "simulate"}
    demand_the_same(demo, tmp_path)


def test_a_table_of_another_version_is_moved_aside(study, spark, demo, tmp_path):
    frame = spark.read.format("delta").load(str(table(tmp_path, "linked"))).drop("weight")
    shutil.rmtree(table(tmp_path, "linked"))
    frame = spark.createDataFrame([], frame.schema)
    frame.write.format("delta").partitionBy("country", "wave").save(str(table(tmp_path, "linked")))
    assert reasons(study)["link"] == "its table linked is damaged: another version of the program wrote it"
    assert ran(run(study)) == ["link", "publish"]
    demand_the_same(demo, tmp_path)
