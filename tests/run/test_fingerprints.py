"""What makes a stage run again, and what does not: shown on the demo's stages, without Spark."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil

import pytest

from jobs.run import fingerprints, sources
from jobs.run.context import Context
from jobs.settings import reading, resources, schemas
from jobs.stages.order import STAGES

REWRITTEN = ("conf", "schemas", "expectations", "jobs")  # a copy of these is changed by the tests


class NoTables:
    """A work folder without any table yet."""

    def rows(self, name: str, slice: dict[str, str]) -> list[dict]:
        return []

    def version(self, name: str) -> None:
        return None


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the checkout that the program takes for its own, with its input delivered."""
    root = resources.root()
    for name in REWRITTEN:
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "survey.csv").write_text("firm;size\n1;10\n")
    (tmp_path / "flows.csv").write_text("from;to;value\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(resources, "root", lambda: tmp_path)
    return tmp_path


def marks(**changes: str) -> dict[str, str]:
    """The mark of each stage but publish, as a program that is started now would find it."""
    for cached in (schemas.table, sources.of_module, sources._module, sources._version):
        cached.cache_clear()
    given = [f"{key.replace('__', '.')}={value}" for key, value in changes.items()]
    given += [
        "simulate=null",
        "waves.0.survey.path=survey.csv",
        "waves.0.flows.paths.flows=flows.csv",
    ]
    context = Context(None, reading.read("conf/runs/demo.yaml", given), NoTables(), STAGES)
    (slice,) = context.slices
    by_stage: dict[str, str] = {}
    for name in list(STAGES)[1:-1]:
        by_stage[name] = fingerprints.of_stage(context, name, slice, by_stage)
    return by_stage


@pytest.fixture(autouse=True)
def _forget():
    yield
    for cached in (schemas.table, sources.of_module, sources._module, sources._version):
        cached.cache_clear()


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [name for name in before if before[name] != after[name]]


def rewrite(file, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file.name} holds no {old!r}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_nothing_changed_gives_the_same_marks(checkout):
    assert marks() == marks()


def test_the_type_of_a_column_makes_its_writer_and_its_readers_run_again(checkout):
    before = marks()
    rewrite(checkout / "schemas" / "linked.yaml", "type: double", "type: float")
    assert changed(before, marks()) == ["link", "fit"]


def test_words_of_a_schema_make_nothing_run_again(checkout):
    before = marks()
    rewrite(checkout / "schemas" / "linked.yaml", "meaning: ", "meaning: In other words, ")
    assert changed(before, marks()) == []


def test_a_rule_of_the_expectations_makes_validation_run_again(checkout):
    before = marks()
    rewrite(checkout / "expectations" / "survey.yaml", "severity: error", "severity: warning")
    assert changed(before, marks()) == ["validate", "indicators", "link", "fit"]


def test_a_word_in_the_report_reads_no_input_again(checkout):
    before = marks()
    rewrite(checkout / "jobs" / "publish" / "report.py", '"""', '"""In other words: ')
    assert changed(before, marks()) == []


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("transforms/cells.py", ["ingest", "harmonise", "validate", "indicators", "link", "fit"]),
        ("transforms/link.py", ["link", "fit"]),
        ("sem/groups/fit.py", ["fit"]),
        ("tools/package.py", []),
    ],
)
def test_a_changed_module_makes_those_run_again_that_import_it(checkout, module, stages):
    before = marks()
    rewrite(checkout / "jobs" / module, "from __future__", "# another program\nfrom __future__")
    assert changed(before, marks()) == stages


@pytest.mark.parametrize(
    ("library", "stages"),
    [
        ("scipy", ["fit"]),
        ("great_expectations", ["validate", "indicators", "link", "fit"]),
        ("matplotlib", []),
    ],
)
def test_another_version_of_a_library_makes_those_run_again_that_use_it(
    checkout, monkeypatch, library, stages
):
    before = marks()
    installed = sources.version
    monkeypatch.setattr(sources, "version", lambda name: "999" if name == library else installed(name))
    assert changed(before, marks()) == stages


def test_files_are_known_by_their_content(checkout):
    """The same size and the same time: nothing but the content tells that another file was delivered."""
    before, file = marks(), checkout / "survey.csv"
    state = file.stat()
    file.write_text("firm;size\n1;99\n")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file.stat().st_size == state.st_size
    assert changed(before, marks()) == ["ingest", "harmonise", "validate", "indicators", "link", "fit"]


def test_a_setting_makes_those_run_again_that_use_it(checkout):
    before = marks()
    assert changed(before, marks(fit__confidence="0.9")) == ["fit"]
    assert changed(before, marks(sample__employees_max="150")) == ["link", "fit"]


def test_every_library_of_a_stage_has_a_version(checkout):
    for name in STAGES:
        program = sources.of_module(f"jobs.stages.{name}")
        assert "pyspark" in program.versions() and f"jobs.stages.{name}" in program.modules


def test_a_stage_names_every_table_that_it_reads():
    """A table that a stage reads but does not name would change without the stage running again."""
    written = {table for name in list(STAGES)[:-1] for table in STAGES[name].TABLES}
    for name in list(STAGES)[:-1]:
        source = resources.root() / "jobs" / "stages" / f"{name}.py"
        text = source.read_text(encoding="utf-8")
        read = {table for table in written if re.search(rf'(?<!rules)\.read\("{table}"', text)}
        assert read - set(STAGES[name].TABLES) == set(STAGES[name].READS), name
    assert all(dataclasses.is_dataclass(schemas.table(table)) for table in written)
