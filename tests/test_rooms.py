"""The rooms of jobs/: what each may import (pyproject.toml); the page for newcomers names them all."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"


def test_every_room_imports_only_what_it_may(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


def test_an_import_upwards_is_noticed(tmp_path, monkeypatch, capsys):
    """The rules see an import within a function too, where a circle would hide."""
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    rules = config[
        config.index("[tool.importlinter]") : config.index('[[tool.importlinter.contracts]]\nid = "sta')
    ]
    (tmp_path / "setup.toml").write_text(rules.replace('"jobs"', '"house"'))
    for room in (
        "cli",
        "stages",
        "anytable",
        "describe",
        "tools",
        "run",
        "fits",
        "checks",
        "readers",
        "simulate",
    ):
        (tmp_path / "house" / room).mkdir(parents=True)
        (tmp_path / "house" / room / "__init__.py").touch()
    for room in ("publish", "spark", "output", "transforms", "settings", "sem", "places", "amounts"):
        (tmp_path / "house" / room).mkdir()
        (tmp_path / "house" / room / "__init__.py").touch()
    for room in ("errors", "codes"):
        (tmp_path / "house" / room).mkdir()
        (tmp_path / "house" / room / "__init__.py").touch()
    (tmp_path / "house" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert lint_imports(config_filename="setup.toml", no_cache=True) == EXIT_STATUS_SUCCESS
    (tmp_path / "house" / "run" / "plan.py").write_text("def f():\n    import house.stages\n")
    assert lint_imports(config_filename="setup.toml", no_cache=True) != EXIT_STATUS_SUCCESS
    assert "house.run.plan -> house.stages" in capsys.readouterr().out


def test_the_page_names_every_room_and_every_family():
    text = PAGE.read_text(encoding="utf-8")
    for folder in ("jobs", "jobs/sem"):
        rooms = {
            entry.name
            for entry in (ROOT / folder).iterdir()
            if entry.is_dir() and (entry / "__init__.py").exists()
        }
        named = set(re.findall(rf"(?m)^\| `{folder}/(\w+)/` \|", text))
        assert named == rooms, folder


def test_every_path_on_the_page_exists():
    for path in re.findall(
        r"`((?:jobs|tests|docs|conf|schemas|expectations)/[\w./]*)`", PAGE.read_text(encoding="utf-8")
    ):
        assert (ROOT / path).exists(), path


# Modules that make paths of this machine from a text, each with what for. Every other path of a run file
# comes through jobs/places, which takes URIs too.
OF_THIS_MACHINE = {
    "anytable": "diamant fit --data names files of this machine; Spark reads its URIs itself",
    "describe": "diamant describe reads and drafts files of this machine",
    "output/folders.py": "checks of folders of this machine",
    "output/manifests.py": "names of a folder's files",
    "output/painting.py": "a draft's files",
    "output/region_map.py": "an outline of matplotlib's",
    "output/rooms.py": "folders of this machine",
    "places": "where paths are made",
    "publish/figures.py": "a temporary folder",
    "run/lineage.py": "the file of events, which stays on this machine",
    "run/opening.py": "the folder for temporary files, and records of releases, which stay on this machine",
    "run/plan.py": "simulated files, which are written to this machine",
    "run/workfolder.py": "the folder for temporary files",
    "settings/resources.py": "the program's own files",
    "spark/alone.py": "Spark's files on this machine",
    "spark/classes.py": "the archive of Java's classes",
    "spark/delta_log.py": "checksum files, of this machine only",
    "spark/java.py": "Java's command",
    "spark/session.py": "JARs",
    "spark/spread.py": "the program's own archive",
    "stages/protection.py": "records of releases, which stay on this machine",
    "tools": "a checkout's own files",
}


def test_paths_of_a_run_file_come_through_one_room():
    making = set()
    for file in sorted((ROOT / "jobs").rglob("*.py")):
        name = file.relative_to(ROOT / "jobs").as_posix()
        tree = ast.parse(file.read_text(encoding="utf-8"))
        # Path(text).name and the like look at a text and open nothing.
        looked_at = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in ("name", "parts", "is_absolute")
        }
        for node in ast.walk(tree):
            of_name = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if of_name and node.func.id in ("Path", "open") and node not in looked_at:
                making.add(name if name in OF_THIS_MACHINE else name.split("/")[0])
    assert making == OF_THIS_MACHINE.keys()
