"""The events that `--lineage` writes, read by OpenLineage's own classes; run by `make test-airflow`.

Its client has them made from the published specification: they refuse a field that they do not know and a
value that has no such form, and tell which version of the specification each part follows.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from openlineage.client.generated import error_message_run, parent_run
from openlineage.client.generated.base import EventType, InputDataset, Job, OutputDataset, Run, RunEvent
from openlineage.client.serde import Serde

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from jobs.errors import InputError
from jobs.run import lineage
from jobs.run.progress import Progress


def main() -> None:
    events = written()
    assert {event["eventType"] for event in events} == {"START", "COMPLETE", "FAIL", "ABORT"}
    for event in events:
        assert_within(event, Serde.to_dict(as_published(event)))
    print(f"OpenLineage's own classes read all {len(events)} events as they are written.")


def written() -> list[dict[str, Any]]:
    """The events of a run with a stage that is done, and of others that end in an error and by Ctrl-C."""
    context = SimpleNamespace(
        settings=SimpleNamespace(study="nl", work="hdfs://node:8020/work", out="/srv/published"),
        slices={("NL", "w1"): SimpleNamespace(inputs={"survey": "s3a://office/survey.csv"})},
        stages={"link": SimpleNamespace(READS=("survey",), TABLES=("linked",)), "publish": SimpleNamespace()},
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        for end in (None, InputError("survey.csv is empty; deliver it again."), KeyboardInterrupt()):
            told = lineage.Lineage(Progress(), context, file)
            with suppress(InputError, KeyboardInterrupt), told.run():
                for stage in ("link", "publish"):
                    with told.stage(stage, "w1"):
                        if end is not None:
                            raise end
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def as_published(event: dict[str, Any]) -> RunEvent:
    """The event as an object of their class. Raises TypeError or ValueError for what it does not take."""
    fields = {name: value for name, value in event.items() if name != "schemaURL"}
    facets = {name: facet(name, dict(value)) for name, value in event["run"]["facets"].items()}
    own = {
        "eventType": EventType(event["eventType"]),
        "run": Run(**{**event["run"], "facets": facets}),
        "job": Job(**event["job"]),
        "inputs": [InputDataset(**data) for data in event["inputs"]],
        "outputs": [OutputDataset(**data) for data in event["outputs"]],
    }
    return RunEvent(**{**fields, **own})


def facet(name: str, fields: dict[str, Any]) -> Any:
    producer, _ = fields.pop("_producer"), fields.pop("_schemaURL")
    if name == "errorMessage":
        return error_message_run.ErrorMessageRunFacet(producer=producer, **fields)
    run, job = parent_run.Run(**fields.pop("run")), parent_run.Job(**fields.pop("job"))
    assert name == "parent"
    return parent_run.ParentRunFacet(producer=producer, run=run, job=job, **fields)


def assert_within(own: Any, theirs: Any) -> None:
    """All that is written is there and the same; their classes add empty parts."""
    if isinstance(own, dict):
        for name, value in own.items():
            assert_within(value, theirs[name])
    elif isinstance(own, list):
        assert len(own) == len(theirs)
        for mine, other in zip(own, theirs, strict=True):
            assert_within(mine, other)
    else:
        assert own == theirs, (own, theirs)


if __name__ == "__main__":
    main()
