"""The small study by the pipeline itself, with Delta tables: what the cases see without them."""

from __future__ import annotations

from small_runs import Delivered, differences, run, tables_of
from small_study import answers, csv, deliveries, firms, long, write_settings

from jobs.run import execute as pipeline
from jobs.run.context import Context
from jobs.run.progress import Progress
from jobs.settings import reading as settings
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES


def test_a_run_of_the_pipeline_gives_the_known_values(spark, tmp_path):
    survey, flows = csv(answers(firms())), csv(long(deliveries()))
    (tmp_path / "survey.csv").write_text(survey)
    (tmp_path / "flows.csv").write_text(flows)
    wave = {
        "wave": "w1",
        "survey": {"path": str(tmp_path / "survey.csv"), "map": str(tmp_path / "map.yaml")},
        "flows": {"layout": "long", "paths": {"flows": str(tmp_path / "flows.csv")}},
    }
    chosen = settings.read(str(write_settings(tmp_path, {"waves": [wave]})))
    context = Context(lambda: spark, chosen, Tables(lambda: spark, f"{chosen.work}/tables"), STAGES)
    pipeline.run(context, Progress(), "validate")
    by_firm, by_cell = tables_of(context, "survey")
    assert differences(by_firm, firms()) == []
    assert differences(by_cell, deliveries()) == []

    (tmp_path / "in memory").mkdir()
    came = run(spark, tmp_path / "in memory", Delivered(survey), Delivered(flows, "flows.csv"))
    assert (came.survey, came.flows) == (by_firm, by_cell)
