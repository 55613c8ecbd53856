"""Progress for programs: one line of JSON an event, beside the lines for people."""

from __future__ import annotations

import io
import json
from datetime import datetime, timezone

from rich.console import Console

from jobs.errors import InputError
from jobs.run.context import Outcome
from jobs.run.json_lines import JsonLines


def test_each_event_is_a_line_of_json_and_a_line_for_people():
    people, lines = io.StringIO(), io.StringIO()
    progress = JsonLines(Console(file=people, soft_wrap=True), lines)
    with progress.stage("ingest", "3 slices") as report:
        report(Outcome(12, 10, 2, ("2 rows are set aside",)))
    progress.skipped("link", "NL w1")
    progress.failed("BE w1", InputError("survey.csv is empty; deliver it again."))

    done, skipped, failed = (json.loads(line) for line in lines.getvalue().splitlines())
    seconds = done.pop("seconds")
    for event in (done, skipped, failed):
        assert (
            abs((datetime.now(timezone.utc) - datetime.fromisoformat(event.pop("time"))).total_seconds()) < 60
        )
    assert done == {
        **{"event": "done", "stage": "ingest", "slices": "3 slices"},
        **{"rows_in": 12, "rows_out": 10, "rows_set_aside": 2, "notes": ["2 rows are set aside"]},
    }
    assert 0 <= seconds < 60
    assert skipped == {"event": "skipped", "stage": "link", "slices": "NL w1"}
    assert failed == {
        **{"event": "failed", "slice": "BE w1", "code": 3},
        "message": "survey.csv is empty; deliver it again.",
    }
    assert "12 in, 10 out, 2 set aside" in people.getvalue() and "BE w1 leaves" in people.getvalue()
