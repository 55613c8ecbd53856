"""Events of OpenLineage: what the specification asks of each, and no count of the micro data."""

from __future__ import annotations

import io
import json
from datetime import datetime
from types import SimpleNamespace
from uuid import UUID

import pytest
from rich.console import Console

from jobs.errors import InputError, SettingsError
from jobs.run import lineage
from jobs.run.context import Outcome
from jobs.run.lineage import Lineage
from jobs.run.progress import Progress


@pytest.fixture
def told(tmp_path):
    """Progress of a study whose survey is here and whose tables are on HDFS."""
    context = SimpleNamespace(
        settings=SimpleNamespace(study="nl", work="hdfs://node:8020/work", out=str(tmp_path / "out")),
        slices={("NL", "w1"): SimpleNamespace(inputs={"survey": str(tmp_path / "survey.csv")})},
        stages={"link": SimpleNamespace(READS=("survey",), TABLES=("linked",)), "publish": SimpleNamespace()},
    )
    progress = Progress(Console(file=io.StringIO(), soft_wrap=True))
    return Lineage(progress, context, lineage.checked(str(tmp_path / "events.jsonl")))


def events(tmp_path):
    return [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]


def test_a_run_and_its_stages_start_and_complete(told, tmp_path):
    with told.run():
        with told.stage("link", "w1") as report:
            report(Outcome(4711, 4711, 0))
        with told.stage("publish", "all"):
            pass
    said = events(tmp_path)
    assert [(event["job"]["name"], event["eventType"]) for event in said] == [
        *(("nl", "START"), ("nl.link", "START"), ("nl.link", "COMPLETE")),
        *(("nl.publish", "START"), ("nl.publish", "COMPLETE"), ("nl", "COMPLETE")),
    ]
    for event in said:
        assert {"eventTime", "producer", "schemaURL", "eventType", "run", "job"} <= event.keys()
        assert datetime.fromisoformat(event["eventTime"]).utcoffset() is not None
        UUID(event["run"]["runId"])
    whole, link = said[0], said[1]
    assert whole["inputs"] == [{"namespace": "file", "name": str(tmp_path / "survey.csv")}]
    assert whole["outputs"] == [{"namespace": "file", "name": str(tmp_path / "out")}]
    assert link["inputs"] == [{"namespace": "hdfs://node:8020", "name": "/work/tables/survey"}]
    assert link["outputs"] == [{"namespace": "hdfs://node:8020", "name": "/work/tables/linked"}]
    assert (said[3]["inputs"], said[3]["outputs"]) == (link["outputs"], whole["outputs"]), "what is published"
    parent = link["run"]["facets"]["parent"]
    assert (parent["run"]["runId"], parent["job"]["name"]) == (whole["run"]["runId"], "nl")
    assert len({event["run"]["runId"] for event in said}) == 3
    assert "4711" not in (tmp_path / "events.jsonl").read_text()
    assert "4,711 in" in told.console.file.getvalue(), "people still read the counts"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (InputError("survey.csv is empty; deliver it again."), "FAIL", "survey.csv is empty"),
        (ValueError("cannot cast 4711"), "FAIL", "an internal error"),
        (KeyboardInterrupt(), "ABORT", "interrupted"),
    ],
)
def test_what_ends_a_stage_ends_the_run(told, tmp_path, error, kind, message):
    with pytest.raises(type(error)), told.run(), told.stage("link", "w1"):
        raise error
    ends = events(tmp_path)[2:]
    assert [(event["job"]["name"], event["eventType"]) for event in ends] == [("nl.link", kind), ("nl", kind)]
    assert all(message in event["run"]["facets"]["errorMessage"]["message"] for event in ends)
    assert "4711" not in json.dumps(ends)


def test_events_are_added_to_those_of_earlier_runs(told, tmp_path):
    for _ in range(2):
        with told.run():
            pass
    assert len(events(tmp_path)) == 4


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"--lineage .* cannot be written .*; name another file"):
        lineage.checked(str(tmp_path / "absent" / "events.jsonl"))
