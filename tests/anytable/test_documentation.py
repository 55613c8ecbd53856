"""docs/fit.md: its examples run as they stand, and it has every option and column."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from jobs import cli
from jobs.anytable import job
from jobs.anytable.on_spark import SparkTable
from jobs.run.progress import Progress

PAGE = (Path(__file__).parents[2] / "docs" / "fit.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(diamant fit .*)\n```", PAGE)
MODEL = re.search(r"```\n(f =~ .*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.rpartition(" ")[2])
def test_the_examples_run(spark, firms, tmp_path, monkeypatch, example):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        cli, "_with_table", lambda request, _: job.run(request, SparkTable(spark, request), Progress())
    )
    assert MODEL
    Path("model.lav").write_text(MODEL.group(1), encoding="utf-8")
    firms({"NL 2012": 0.5, "NL 2014": 0.5, "BE 2012": 0.2}).to_csv("firms.csv", index=False)
    done = CliRunner().invoke(cli.app, shlex.split(example)[1:])
    assert done.exit_code == 0, done.exception
    out = tmp_path / example.rpartition(" ")[2]
    for file in out.iterdir():
        name = file.name if file.suffix in (".csv", ".json") else f"{file.name.partition('_')[0]}_"
        assert f"`{name}" in PAGE, name
    for file in out.glob("*.csv"):
        for column in pd.read_csv(file, comment="#").columns:
            assert re.search(rf"\b{re.escape(column)}\b", PAGE) or column.startswith("group"), column


def test_there_are_examples():
    assert len(EXAMPLES) == 6


def test_every_option_is_explained():
    command = typer.main.get_command(cli.app).commands["fit"]
    options = {name for parameter in command.params for name in parameter.opts}
    ours = options - {"--conf", "--wave", "--set", "--help"}
    assert len(ours) > 20
    assert {name for name in ours if f"`{name}` |" not in PAGE} == set()
