"""From a run file to a run: read the settings, look at the folders, start Spark when it is needed."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import SettingsError
from jobs.run.guard import interrupt
from jobs.spark import java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.run.context import Context
    from jobs.run.records import Records
    from jobs.settings.run_file import RunFile
    from jobs.settings.session import SparkSettings


COPIES = "copies"  # what the room of copies of files elsewhere is for


@dataclass(frozen=True)
class Chosen:
    """What a command says of a run: its file, changes of it, and which of its waves and countries."""

    conf: str
    waves: list[str] | None = None
    countries: list[str] | None = None
    changes: list[str] | None = None


@contextmanager
def opened(
    chosen: Chosen, stages: Mapping[str, Any], *, writing: bool = True, publishing: bool = False
) -> Iterator[Context]:
    """The context of a run file while this holds. Raises SettingsError, InputError, SliceHeld.

    Spark starts when a stage needs it: a run with nothing to do starts none.
    """
    # Imported late: what is wrong in a run file is said before the heavy libraries are loaded.
    from jobs.run import workfolder
    from jobs.settings import reading

    with files_elsewhere():
        given = reading.read(chosen.conf, chosen.changes, chosen.waves, chosen.countries)
        settings = _with_folders(given, chosen.conf, writing, publishing)
        os.umask(0o077)
        if "PYSPARK_GATEWAY_PORT" not in os.environ:
            java.check()
        temporary = workfolder.temporary(settings.work)
        with _session(settings.spark, settings.study, temporary, stages) as session:
            from jobs.run.context import Context
            from jobs.spark.tables import Tables

            tables = Tables(session, f"{settings.work}/tables")
            yield Context(session, settings, tables, stages, session.expect_little)


@contextmanager
def files_elsewhere() -> Iterator[None]:
    """While this holds, files that the settings name by URIs can be looked at.

    The JVM for that starts with the first of them, and so does the folder of this machine for their copies,
    which is cleared at the end, and after a kill by the next run that needs one.
    """
    from jobs.output import rooms
    from jobs.places import copies, hadoop
    from jobs.settings.session import SparkSettings

    rooms_of_copies: list[Path] = []
    with ExitStack() as kept:

        def scratch() -> Path:
            if not rooms_of_copies:
                target = Path(tempfile.gettempdir()) / COPIES
                rooms.sweep(target)
                content = kept.enter_context(rooms.room(target)) / rooms.CONTENT
                content.mkdir(mode=0o700)
                rooms_of_copies.append(content)
            return rooms_of_copies[0]

        def start(settings: SparkSettings | None) -> None:
            from jobs.spark import session as sessions

            sessions.start_java(settings or SparkSettings())

        copies.kept_in(scratch)
        hadoop.started_by(start)
        try:
            yield
        finally:
            copies.kept_in(None)


@contextmanager
def session(settings: SparkSettings, name: str, out: Path) -> Iterator[SparkSession]:
    """Spark while this holds; files written in that time are for the user alone.

    Spark's own files lie beside `out`, the folder that is going to be written.
    """
    from jobs.spark import alone

    os.umask(0o077)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        java.check()
    alone.sweep(settings, out.parent)
    with _session(settings, name, out.parent, {}) as start:
        yield start()


@contextmanager
def _session(
    settings: SparkSettings, name: str, temporary: Path, stages: Mapping[str, Any]
) -> Iterator[_Session]:
    """A function that gives the session, which it starts when it is called for the first time.

    In local mode Spark's own files lie in the folder `temporary`, and are gone when the block ends.
    """
    # PySpark's own handler asks the JVM for something while its last answer is still being read.
    before = signal.getsignal(signal.SIGINT)
    with ExitStack() as kept:
        session = _Session(settings, name, temporary, stages, kept)
        try:
            yield session
        finally:
            if session.started is not None:
                session.started.stop()
                signal.signal(signal.SIGINT, before)


@dataclass
class _Session:
    """Gives the session, and starts it at the first call."""

    settings: SparkSettings
    name: str
    temporary: Path
    stages: Mapping[str, Any]
    kept: ExitStack
    started: SparkSession | None = None
    little: bool = False

    def expect_little(self) -> None:
        """What the session will do is little, so far as it has yet to start."""
        self.little = True

    def __call__(self) -> SparkSession:
        if self.started is None:
            # While one core starts the JVM, another imports what the stages need: some seconds less.
            threading.Thread(target=_import, args=(self.stages,), daemon=True).start()
            from jobs.spark import alone
            from jobs.spark import session as sessions

            chosen = self.kept.enter_context(alone.local_folders(self.settings, self.temporary))
            self.started = sessions.start(chosen, self.name, little=self.little)
            signal.signal(signal.SIGINT, interrupt)
        return self.started


def _import(stages: Mapping[str, Any]) -> None:
    for name in stages:
        stages[name]
    if stages:
        import_module("great_expectations")


def settings_of(chosen: Chosen, slice: str) -> list[str]:
    """The settings of a slice, such as DE/cis3, a line a setting with the place where it was given.

    Raises SettingsError where the run has no such slice.
    """
    from jobs.settings import layers, reading
    from jobs.settings.run_file import CountriesSettings
    from jobs.settings.slices import Slice

    with files_elsewhere():
        settings = reading.read(chosen.conf, chosen.changes)
    wanted = Slice(*(slice.split("/") if slice.count("/") == 1 else ("", slice)))
    if wanted not in settings.slices:
        known = ", ".join("/".join(other) for other in list(settings.slices)[:5])
        raise SettingsError(f"--show {slice}: {chosen.conf} has no such slice; it has {known} …")
    given = {}
    if isinstance(settings, CountriesSettings):
        given = layers.origins(settings, wanted, chosen.conf)
    return layers.listed(settings.slices[wanted], given)


def records(chosen: Chosen) -> Records:
    """The records of releases of a run file. Raises SettingsError where the folder holds other files."""
    from jobs.output import folders
    from jobs.run.records import Records
    from jobs.settings import reading

    with files_elsewhere():
        settings = folders.checked(reading.read(chosen.conf, chosen.changes), chosen.conf)
    if settings.releases is None:
        raise SettingsError(f"{chosen.conf} names no folder of records; set releases to one of the office.")
    kept = Records(Path(settings.releases))
    kept.open()
    return kept


def _with_folders(settings: RunFile, conf: str, writing: bool, publishing: bool) -> RunFile:
    """The settings with whole paths, once it is certain that the run can lose no file but its own.

    A publication that a killed run left halfway is put back, whatever becomes of this run.
    """
    from jobs.output import folders, manifests, publication
    from jobs.places.place import located
    from jobs.run import workfolder
    from jobs.spark import alone

    settings = folders.checked(settings, conf)
    out, work = located(settings.out), located(settings.work)
    if writing:
        publication.sweep(out)
    if publishing:
        publication.check(out, manifests.PUBLICATION, "out")
    workfolder.check(work, list(settings.slices))
    if writing:
        workfolder.claim(work)
        alone.sweep(settings.spark, workfolder.temporary(settings.work))
        out.parent.mkdir(parents=True, exist_ok=True)  # by the user's own umask: it is there to be read
    return settings
