"""Spark on one machine is closed to others: where it listens, and where its own files lie."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.output import rooms
from jobs.settings.session import SparkSettings
from jobs.spark import alone

REPOSITORY = Path(__file__).resolve().parents[2]
SESSION = """
import json, os, sys
sys.path.insert(0, "tests/study")
from processes import listening
from jobs.settings.session import SparkSettings
from jobs.spark import session
spark = session.start(SparkSettings.model_validate(json.loads(sys.argv[1])), "ports")
spark.range(100).repartition(3).mapInArrow(lambda batches: batches, "id bigint").count()
told = ("spark.authenticate", "spark.driver.host", "spark.driver.bindAddress", "spark.local.dir")
print(json.dumps([sorted(listening(os.getpid())), {key: spark.conf.get(key, None) for key in told}]))
"""


def started(**settings) -> tuple[list[str], dict[str, str]]:
    """The addresses on which a session in a process of its own listens, and options that it runs with."""
    done = subprocess.run(
        [sys.executable, "-c", SESSION, json.dumps(settings)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr
    addresses, options = json.loads(done.stdout.splitlines()[-1])
    return addresses, options


def test_nothing_listens_beyond_the_loopback_address_not_even_sparks_pages():
    addresses, options = started(options={"spark.ui.enabled": "true"})
    assert addresses == ["127.0.0.1"]
    assert options["spark.authenticate"] == "true"


def test_the_run_files_own_options_win():
    addresses, options = started(
        options={
            "spark.driver.bindAddress": "0.0.0.0",
            "spark.driver.host": "localhost",
            "spark.authenticate": "false",
        }
    )
    assert "::" in addresses  # Java's way of listening everywhere
    assert (options["spark.authenticate"], options["spark.driver.host"]) == ("false", "localhost")


def test_under_spark_submit_its_master_and_options_are_asked(tmp_path):
    """Its local master counts as one, and what it sets itself stays."""
    code = """
import json
from jobs.settings.session import SparkSettings
from jobs.spark import alone
of_a_cluster = SparkSettings(master="yarn")
print(json.dumps([alone.is_alone(of_a_cluster), alone.ports(of_a_cluster)]))
"""
    (tmp_path / "asked.py").write_text(code)
    submit = [str(Path(sys.executable).parent / "spark-submit"), "--master", "local[1]"]
    done = subprocess.run(
        [*submit, "--conf", "spark.authenticate=false", str(tmp_path / "asked.py")],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYSPARK_PYTHON": sys.executable},
    )
    ports = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    assert json.loads(done.stdout.splitlines()[-1]) == [True, ports], done.stderr


@pytest.mark.parametrize("master", ["yarn", "spark://master:7077", "k8s://https://master:6443"])
def test_on_a_cluster_nothing_is_set(tmp_path, master):
    settings = SparkSettings(master=master)
    assert alone.ports(settings) == {}
    with alone.on_loopback(settings), alone.local_folders(settings, tmp_path / "tmp") as chosen:
        assert chosen == settings and "SPARK_LOCAL_IP" not in os.environ
    assert list(tmp_path.iterdir()) == []


def test_sparks_files_lie_in_a_folder_of_the_run_that_is_gone_afterwards(tmp_path):
    place = tmp_path / "work" / "tmp"
    with alone.local_folders(SparkSettings(), place) as chosen:
        folder = Path(chosen.options["spark.local.dir"])
        assert folder.is_relative_to(place)
        assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        (folder / "blockmgr-1" / "0a").mkdir(parents=True)
        (folder / "blockmgr-1" / "0a" / "shuffle_0_0_0.data").write_text("a firm")
        alone.sweep(SparkSettings(), place)
        assert (folder / "blockmgr-1").is_dir(), "a run that lives keeps its own"
    assert list(place.iterdir()) == []


def test_folders_of_the_users_choice_are_used_and_swept(tmp_path, monkeypatch):
    disks = [tmp_path / "disk 1", tmp_path / "disk2"]
    settings = SparkSettings(options={"spark.local.dir": ",".join(map(str, disks))})
    for variable in (None, ",".join(map(str, reversed(disks)))):
        if variable:
            monkeypatch.setenv("SPARK_LOCAL_DIRS", variable)
        with alone.local_folders(settings, tmp_path / "tmp") as chosen:
            folders = [Path(part) for part in chosen.options["spark.local.dir"].split(",")]
            assert {folder.parent.parent for folder in folders} == set(disks)
            if variable:
                assert os.environ["SPARK_LOCAL_DIRS"] == chosen.options["spark.local.dir"]
        assert os.environ.get("SPARK_LOCAL_DIRS") == variable
    left = killed(disks[1])
    alone.sweep(settings, tmp_path / "tmp")
    assert not left.exists() and not (tmp_path / "tmp").exists()


def test_nothing_but_what_the_program_left_is_swept(tmp_path):
    others = [tmp_path / "blockmgr-1", tmp_path / ".diamant-mine", tmp_path / "spark-1"]
    for folder in others:
        folder.mkdir()
        (folder / "file").write_text("mine")
    alone.sweep(SparkSettings(), tmp_path)
    assert all((folder / "file").exists() for folder in others)


def test_a_folder_with_a_comma_gives_way_to_one_that_spark_can_name(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "system"))
    (tmp_path / "system").mkdir()
    with alone.local_folders(SparkSettings(), tmp_path / "a, b" / "tmp") as chosen:
        assert "," not in chosen.options["spark.local.dir"]
    left = killed(tmp_path / "system")
    alone.sweep(SparkSettings(), tmp_path / "a, b" / "tmp")
    assert not left.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the rights of folders do not bind this user")
def test_a_folder_that_cannot_be_written_is_a_fault_of_the_settings(tmp_path):
    tmp_path.chmod(0o500)
    settings = SparkSettings(options={"spark.local.dir": str(tmp_path / "disk")})
    refused = pytest.raises(SettingsError, match=r"cannot be kept in .*disk \(permission denied\)")
    with refused, alone.local_folders(settings, tmp_path):
        pass


def killed(place: Path) -> Path:
    """What a run leaves in a folder that is killed while Spark spills: the run is a process of its own."""
    code = f"""
import os, signal
from pathlib import Path
from jobs.settings.session import SparkSettings
from jobs.spark import alone
os.environ.pop("SPARK_LOCAL_DIRS", None)
options = {{"spark.local.dir": {str(place)!r}}}
with alone.local_folders(SparkSettings(options=options), Path("unused")) as chosen:
    Path(chosen.options["spark.local.dir"], "spill").write_text("a firm")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment)
    assert done.returncode == -9
    (left,) = place.glob(f"{rooms.PREFIX}*")
    assert (left / rooms.CONTENT / "spill").read_text() == "a firm"
    return left
