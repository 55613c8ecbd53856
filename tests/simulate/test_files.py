"""The files of a slice: bytes that are known, marks of a file within codes, and what a run does with them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import pyarrow as pa
import pytest

from jobs.run import execute
from jobs.run.context import Context
from jobs.run.progress import Progress
from jobs.settings import reading as settings
from jobs.settings import simulation_parameters
from jobs.settings.classifications import Classification, Item
from jobs.simulate import files
from jobs.simulate.firms import Plan
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES

CODES = ["A;B", 'C"D', "E,F", "G H", "#1", "\\", "Zoë", "Ω", "I'J", "K\nL"]


def test_texts_are_quoted_and_encoded_as_spark_writes_them(spark, tmp_path):
    frame = spark.createDataFrame([("x", code) for code in CODES], "other string, code string").coalesce(1)
    text = {"sep": files.SEPARATOR, "encoding": files.ENCODING}
    frame.write.csv(str(tmp_path / "known"), **text)
    (known,) = (tmp_path / "known").glob("part-*.csv")
    quoted = files._quoted(pa.array(CODES))
    lines = pa.array([f"x;{code}" for code in quoted.to_pylist()])
    assert files._encoded(lines) == known.read_bytes()


@pytest.fixture
def slice() -> Plan:
    regions = Classification(version="t", source="t", items=tuple(Item(code=c, name=c) for c in ("R", "S;T")))
    items = (Item(code="a", name="a", industrial=True, divisions=("1", "2")), Item(code="b", name="b"))
    sectors = Classification(version="t", source="t", items=items)
    return Plan("NL", "w", regions, sectors, 100, 7, simulation_parameters.read())


def test_the_bytes_are_those_that_spark_once_wrote(slice, tmp_path):
    """Recorded before the simulation was drawn without Spark; the codes hold a mark of the file."""
    files.write(slice, tmp_path, "biregional", "out")
    known = {
        "survey_w.csv": "bfc667993b0e595a53e46e63fed3d2d6dc645c0ae1a22b5f04bd3fbf22c774b4",
        "flows_w.csv": "5e48863a17b21653e47239ca7d6aec4ff4498e3dcbe24bac2e8a3dc1c1a369ea",
        "truth.csv": "f7be9fb07b0a0d7244179b7b3a7d538e5da4f492a76ba16125e48693f830d31f",
    }
    assert {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in known} == known


@pytest.mark.parametrize("layout", ["long", "biregional"])
def test_without_industrial_sectors_the_table_is_a_header(slice, tmp_path, layout):
    services = Classification(version="t", source="t", items=(Item(code="b", name="b"),))
    _, rows = files.write(replace(slice, sectors=services), tmp_path, layout, "out")
    header = b"origin_region;origin_sector;destination_region;destination_sector;value\n"
    assert (tmp_path / "flows_w.csv").read_bytes() == header
    assert 1 < len((tmp_path / "survey_w.csv").read_bytes().splitlines()) < rows, "some are left out"


def test_the_stage_of_a_run_starts_no_spark(tmp_path):
    run = settings.read(
        "conf/runs/demo.yaml",
        [
            *(f"{name}={tmp_path / name}" for name in ("work", "out")),
            *(f"simulate.path={tmp_path / 'input'}", "simulate.firms=100"),
        ],
    )
    (tmp_path / "work").mkdir()

    def session():
        pytest.fail("a session was asked for")

    context = Context(session, run, Tables(session, f"{run.work}/tables"), STAGES)
    execute.run(context, Progress(), "simulate")
    assert {path.name for path in (tmp_path / "input").iterdir()} == {
        *("survey_cis2.csv", "flows_cis2.csv", "truth.csv", "diamant-files.json")
    }


def test_studies_load_no_spark():
    code = "import sys, jobs.simulate.studies; sys.exit(int('pyspark' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
