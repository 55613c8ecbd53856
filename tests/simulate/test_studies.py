"""Studies of any size: made-up regions and sectors, and run files that run as they are."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from jobs import cli
from jobs.errors import SettingsError
from jobs.run import execute as pipeline
from jobs.run.context import Context
from jobs.run.progress import Progress
from jobs.settings import reading as settings
from jobs.simulate import studies as simulated
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES

SMALL = {"countries": ["AA", "BB"], "waves": ["w1"], "regions": 3, "sectors": 4, "firms": 400, "seed": 3}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"regions": 0}, "--regions: .*greater than or equal to 1"),
        ({"firms": 3}, "--firms: "),
        ({"countries": ["A/B"]}, "--countries: "),
        ({"waves": ["a", "a"]}, "--waves: a name stands there twice"),
        ({"layout": "wide"}, "--layout: "),
    ],
)
def test_an_option_that_is_wrong_is_named(change, words):
    with pytest.raises(SettingsError, match=words):
        simulated.wanted({**SMALL, **change})


@pytest.mark.parametrize(
    "arguments",
    [[], ["--seed", "3"], ["--conf", "x.yaml", "--seed", "3"], ["--out", "x", "--wave", "w"]],
    ids=" ".join,
)
def test_a_run_file_or_a_folder_not_both(arguments):
    done = CliRunner().invoke(cli.app, ["simulate", *arguments])
    assert isinstance(done.exception, SettingsError)
    assert re.search("takes --conf .*, or --out", str(done.exception))


def test_every_country_gets_its_files_and_a_run_file_that_runs(spark, tmp_path):
    said: list[str] = []
    asked = simulated.wanted(SMALL)
    made = simulated.studies(spark, asked, tmp_path, said.append)
    assert [path.name for path in made] == ["AA.yaml", "BB.yaml"] and len(said) == 2
    surveys = {
        name: pd.read_csv(tmp_path / name / "survey_w1.csv", sep=";", decimal=",", encoding="latin-1")
        for name in ("AA", "BB")
    }
    whole = surveys["AA"][surveys["AA"].firm.str.startswith("F")]
    assert len(whole) == 400 and set(whole.province) == {"AA001", "AA002", "AA003"}
    assert not surveys["AA"].emp96.equals(surveys["BB"].emp96)

    run = settings.read(str(made[0]))
    context = Context(lambda: spark, run, Tables(lambda: spark, f"{run.work}/tables"), STAGES)
    pipeline.run(context, Progress(), "indicators")
    cells = context.tables.read("cluster_indicators", {"country": "AA", "wave": "w1"}).toPandas()
    assert sorted(cells[cells.sector == "_all"].region) == ["AA001", "AA002", "AA003"]
    assert cells.complementarity_within.between(0, 1).all()

    again = simulated.studies(spark, asked, tmp_path / "again")
    assert len(again) == 2
    for name in ("survey_w1.csv", "flows_w1.csv", "truth.csv", "regions.yaml", "sectors.yaml"):
        assert (tmp_path / "again" / "AA" / name).read_bytes() == (tmp_path / "AA" / name).read_bytes()
