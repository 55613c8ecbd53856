"""A file delivered again, and a corrected one: one transaction each, the older state stays readable."""

from __future__ import annotations

from study_runs import context

from jobs.run import execute as pipeline
from jobs.run.progress import Progress


def delivered(spark, demo, tmp_path):
    source, own = demo.folder / "input", tmp_path / "input"
    own.mkdir(exist_ok=True)
    for name in ("survey_cis2.csv", "flows_cis2.csv"):
        if not (own / name).exists():
            (own / name).write_bytes((source / name).read_bytes())
    return context(
        spark,
        "conf/runs/demo.yaml",
        f"work={tmp_path / 'work'}",
        f"waves.0.survey.path={own / 'survey_cis2.csv'}",
        f"waves.0.flows.paths.flows={own / 'flows_cis2.csv'}",
        "simulate=null",
    )


def test_the_same_again_is_a_no_op_and_a_correction_replaces_the_wave(spark, demo, tmp_path, capfd):
    slice, keys = {"country": "NL", "wave": "cis2"}, ("NL", "cis2")
    first = delivered(spark, demo, tmp_path)
    pipeline.run(first, Progress(), "ingest")
    before = first.tables.latest("answers")[keys][0]
    assert first.tables.counted("answers", [keys]) == {keys: 9012}

    pipeline.run(delivered(spark, demo, tmp_path), Progress(), "ingest")
    assert "up to date, skipped" in capfd.readouterr().err
    assert first.tables.latest("answers")[keys][0] == before

    # Forced, as a stage job of its own, it is written again.
    pipeline.run_one(delivered(spark, demo, tmp_path), Progress(), "ingest")
    assert first.tables.latest("answers")[keys][0] == before + 1

    survey = tmp_path / "input" / "survey_cis2.csv"
    survey.write_bytes(b"".join(survey.read_bytes().splitlines(keepends=True)[:-100]))
    pipeline.run(delivered(spark, demo, tmp_path), Progress(), "ingest")
    assert first.tables.latest("answers")[keys][0] == before + 2
    assert first.tables.read("answers", [slice]).count() == 8912
    assert first.tables.read("answers", [slice], version=before).count() == 9012
