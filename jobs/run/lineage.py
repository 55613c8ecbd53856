"""What a run reads and writes, as events of OpenLineage in a file: a line of JSON each.

A job for the run and one for each stage, with START and COMPLETE, FAIL or ABORT (specification 2-0-2,
https://openlineage.io/spec/2-0-2/OpenLineage.json). Events name files and tables, and hold no count and no
value of the micro data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jobs import __version__
from jobs.errors import DiamantError, SettingsError
from jobs.places.place import Place, located
from jobs.run.progress import Progress

if TYPE_CHECKING:
    from jobs.run.context import Context, Outcome

SPECIFICATION = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
PARENT = "https://openlineage.io/spec/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet"
ERROR = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
PRODUCER = f"urn:diamant:{__version__}"
NAMESPACE = "diamant"
INTERRUPTED = "the run was interrupted"
UNEXPECTED = "an internal error"


def checked(path: str) -> Path:
    """The file for events. Raises SettingsError where it cannot be written."""
    file = Path(path)
    try:
        file.open("a", encoding="utf-8").close()
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise SettingsError(f"--lineage {path} cannot be written ({reason}); name another file.") from None
    return file


@dataclass(frozen=True)
class _Job:
    """A job with its run, and the data sets that it reads and writes."""

    name: str
    run: str
    inputs: list[dict[str, str]]
    outputs: list[dict[str, str]]


class Lineage(Progress):
    """As the progress that it is given, and each event of the run and its stages as a line in a file."""

    def __init__(self, progress: Progress, context: Context, file: Path) -> None:
        super().__init__(progress.console)
        self._progress, self._context, self._file = progress, context, file
        self._run = str(uuid4())
        self._parent: dict[str, Any] = {}

    @contextmanager
    def run(self) -> Iterator[None]:
        """The events of the whole run around what happens while this holds."""
        settings = self._context.settings
        inputs = [path for own in self._context.slices.values() for path in own.inputs.values()]
        whole = _Job(settings.study, self._run, _files(inputs), _files([settings.out]))
        with self._told(whole):
            self._parent = {
                "parent": {
                    **_facet(PARENT),
                    "run": {"runId": self._run},
                    "job": {"namespace": NAMESPACE, "name": settings.study},
                }
            }
            yield

    @contextmanager
    def stage(self, name: str, wave: str) -> Iterator[Callable[[Outcome], None]]:
        own = _Job(f"{self._context.settings.study}.{name}", str(uuid4()), *self._sets(name))
        with self._told(own), self._progress.stage(name, wave) as report:
            yield report

    def counted(self, what: str, every: int = 4) -> Any:
        return self._progress.counted(what, every)

    def slices(self, number: int) -> Callable[[int], None]:
        return self._progress.slices(number)

    def failed(self, slice: str, error: Exception) -> None:
        self._progress.failed(slice, error)

    def skipped(self, name: str, wave: str) -> None:
        self._progress.skipped(name, wave)

    def say(self, text: str) -> None:
        self._progress.say(text)

    def _sets(self, name: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """What a stage reads and what it writes; what writes no table publishes what all others wrote."""
        settings, stages = self._context.settings, self._context.stages

        def of(tables: Iterable[str]) -> list[dict[str, str]]:
            return _files(f"{settings.work}/tables/{table}" for table in tables)

        if hasattr(stages[name], "TABLES"):
            return of(stages[name].READS), of(stages[name].TABLES)
        every = of(table for module in stages.values() for table in getattr(module, "TABLES", ()))
        return every, _files([settings.out])

    @contextmanager
    def _told(self, job: _Job) -> Iterator[None]:
        """START, and at the end what became of it."""
        self._write("START", job)
        try:
            yield
        except KeyboardInterrupt:
            self._write("ABORT", job, INTERRUPTED)
            raise
        except DiamantError as error:
            self._write("FAIL", job, str(error))
            raise
        except BaseException:
            self._write("FAIL", job, UNEXPECTED)
            raise
        self._write("COMPLETE", job)

    def _write(self, kind: str, job: _Job, message: str = "") -> None:
        facets = self._parent if job.run != self._run else {}
        if message:
            words = {**_facet(ERROR), "message": message, "programmingLanguage": "Python"}
            facets = {**facets, "errorMessage": words}
        event = {
            "eventTime": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "producer": PRODUCER,
            "schemaURL": SPECIFICATION,
            "eventType": kind,
            "run": {"runId": job.run, "facets": facets},
            "job": {"namespace": NAMESPACE, "name": job.name},
            "inputs": job.inputs,
            "outputs": job.outputs,
        }
        with self._file.open("a", encoding="utf-8") as written:
            written.write(json.dumps(event) + "\n")


def _facet(schema: str) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": schema}


def _files(paths: Iterable[str]) -> list[dict[str, str]]:
    """Data sets by the names that OpenLineage has for files: of this machine, or below an authority."""
    sets = []
    for path in dict.fromkeys(paths):
        place = located(path)
        if isinstance(place, Place):
            sets.append({"namespace": place.uri.removesuffix(place.path), "name": place.path})
        else:
            sets.append({"namespace": "file", "name": str(place.absolute())})
    return sets
