"""Progress for programs: a line of JSON for each event, beside the lines for people."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console

from jobs.errors import DiamantError
from jobs.run.progress import Progress

if TYPE_CHECKING:
    from jobs.run.context import Outcome


class JsonLines(Progress):
    """As Progress, and each event as a line of JSON on standard output.

    `event` is done, skipped (a stage is up to date) or failed (a slice leaves the run); `time` is UTC. Like
    the lines for people it holds counts and sentences, and no value of the micro data.
    """

    def __init__(self, console: Console | None = None, stream: IO[str] | None = None) -> None:
        super().__init__(console)
        self.stream = stream or sys.stdout

    def done(self, name: str, wave: str, outcome: Outcome, seconds: float) -> None:
        super().done(name, wave, outcome, seconds)
        self._write(
            "done",
            stage=name,
            slices=wave,
            rows_in=outcome.rows_in,
            rows_out=outcome.rows_out,
            rows_set_aside=outcome.rows_set_aside,
            seconds=round(seconds, 1),
            notes=list(outcome.notes),
        )

    def skipped(self, name: str, wave: str) -> None:
        super().skipped(name, wave)
        self._write("skipped", stage=name, slices=wave)

    def failed(self, slice: str, error: Exception) -> None:
        super().failed(slice, error)
        code = error.exit_code if isinstance(error, DiamantError) else DiamantError.exit_code
        self._write("failed", slice=slice, code=code, message=str(error))

    def _write(self, event: str, **fields: Any) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        print(json.dumps({"time": now, "event": event, **fields}), file=self.stream, flush=True)
