"""From a run file to a run: read the settings, look at the folders, start Spark; stop Spark at the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.run.guard import interrupt
from jobs.spark import java

if TYPE_CHECKING:
    from jobs.run.context import Context
    from jobs.settings.run_file import RunSettings


@contextmanager
def opened(
    conf: str,
    waves: list[str] | None,
    changes: list[str] | None,
    stages: Mapping[str, Any],
    *,
    writing: bool = True,
    publishing: bool = False,
) -> Iterator[Context]:
    """The context of a run file while this holds. Raises SettingsError, InputError, SliceHeld."""
    # Imported late: what is wrong in a run file is said before the heavy libraries are loaded.
    from jobs.settings import reading

    settings = _with_folders(reading.read(conf, changes, waves), conf, writing, publishing)
    with session(settings.spark, settings.study) as spark:
        from jobs.run.context import Context
        from jobs.spark.tables import Tables

        yield Context(spark, settings, Tables(spark, f"{settings.work}/tables"), stages)


@contextmanager
def session(settings: Any, name: str) -> Iterator[Any]:
    """Spark while this holds; files written in that time are for the user alone."""
    os.umask(0o077)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        java.check()
    from jobs.spark import session as sessions

    spark = sessions.start(settings, name)
    # PySpark's own handler asks the JVM for something while its last answer is still being read.
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield spark
    finally:
        spark.stop()
        signal.signal(signal.SIGINT, before)


def _with_folders(settings: RunSettings, conf: str, writing: bool, publishing: bool) -> RunSettings:
    """The settings with whole paths, once it is certain that the run can lose no file but its own.

    A publication that a killed run left halfway is put back, whatever becomes of this run.
    """
    from jobs.output import folders, manifests, publication, rooms
    from jobs.run import workfolder

    settings = folders.checked(settings, conf)
    out, work = Path(settings.out), Path(settings.work)
    if writing:
        rooms.sweep(out)
    if publishing:
        publication.check(out, manifests.PUBLICATION, "out")
    workfolder.check(work, settings.country, [wave.wave for wave in settings.waves])
    if writing:
        workfolder.claim(work)
    return settings
