"""Spark on one machine, closed to the others who use it: its ports, and its files outside memory.

In local mode nothing listens beyond the loopback address, and who connects there has to know a secret that
Spark draws at its start and keeps in memory. What does not fit in memory (shuffle and spill, which are micro
data) lies in a folder of the run, which is cleared when the run ends, and by the next run after a kill. On a
cluster all of this is the cluster's own matter.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import SettingsError
from jobs.output import rooms

if TYPE_CHECKING:  # the settings take as long to load as a small table to fit
    from jobs.settings.session import SparkSettings

LOOPBACK = "127.0.0.1"
LOCAL_DIR = "spark.local.dir"
LOCAL_DIRS = "SPARK_LOCAL_DIRS"  # a variable that wins over the option
TARGET = "spark"  # what the rooms of Spark's files are for


def submitted() -> bool:
    """True under spark-submit, which has started the JVM already."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def is_alone(settings: SparkSettings) -> bool:
    """Whether Spark runs on this machine only; the master of spark-submit wins over that of the settings."""
    return _master(settings).startswith("local")


def ports(settings: SparkSettings) -> dict[str, str]:
    """The options that keep others off Spark's ports; none on a cluster, none that spark-submit gives.

    The secret is drawn by Spark itself and never written, where driver and executor are one process. The
    workers of a local cluster would be given it on a command line that everybody can read: they have none.
    """
    if not is_alone(settings):
        return {}
    options = {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK}
    if not _master(settings).startswith("local-cluster"):
        options["spark.authenticate"] = "true"
    return {key: value for key, value in options.items() if key not in _given()}


def _master(settings: SparkSettings) -> str:
    return _given().get("spark.master", settings.master)


def _given() -> dict[str, str]:
    """The options of spark-submit; none where Spark is started from here."""
    if not submitted():
        return {}
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()  # else the options of the JVM that waits are not asked for
    return dict(SparkConf().getAll())


@contextmanager
def on_loopback(settings: SparkSettings) -> Iterator[None]:
    """While this holds, a JVM that is started takes the loopback address for the machine's own.

    Its parts that do not ask the options listen there: the pages of Spark, and a local cluster's workers.
    """
    if submitted() or not is_alone(settings) or "spark.driver.bindAddress" in settings.options:
        yield
        return
    with _variables({"SPARK_LOCAL_IP": LOOPBACK, "SPARK_LOCAL_HOSTNAME": LOOPBACK}):
        yield


def sweep(settings: SparkSettings, folder: Path) -> None:
    """Clear what killed runs left of Spark's files, wherever these settings would put them."""
    for place in _places(settings, folder) if is_alone(settings) else []:
        rooms.sweep(place / TARGET)


@contextmanager
def local_folders(settings: SparkSettings, folder: Path) -> Iterator[SparkSettings]:
    """The settings with folders of this run for Spark's files, which are cleared when the block ends.

    They lie in `folder`, or in those that the option spark.local.dir or the variable SPARK_LOCAL_DIRS names.
    Raises SettingsError where one of them cannot be written.
    """
    if not is_alone(settings):
        yield settings
        return
    with ExitStack() as kept:
        drafts = []
        for place in _places(settings, folder):
            try:
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
                room = kept.enter_context(rooms.room(place / TARGET))
                (room / rooms.CONTENT).mkdir(mode=0o700)
            except OSError as error:
                reason = (error.strerror or "unknown").lower()
                raise SettingsError(
                    f"Spark's own files cannot be kept in {place} ({reason}); mend spark.options.{LOCAL_DIR}."
                ) from None
            drafts.append(str(room / rooms.CONTENT))
        named = ",".join(drafts)
        if LOCAL_DIRS in os.environ:
            kept.enter_context(_variables({LOCAL_DIRS: named}))
        yield settings.model_copy(update={"options": {**settings.options, LOCAL_DIR: named}})


def _places(settings: SparkSettings, folder: Path) -> list[Path]:
    """Where the rooms lie: as the user chose, else in `folder`.

    Spark parts its folders at commas. With one in its path, `folder` gives way to the system's for temporary
    files, where rooms are known by their marks and closed to others too.
    """
    option = settings.options.get(LOCAL_DIR) or _given().get(LOCAL_DIR, "")
    chosen = os.environ.get(LOCAL_DIRS) or option
    given = [Path(part.strip()).expanduser().absolute() for part in chosen.split(",") if part.strip()]
    return given or [Path(tempfile.gettempdir()) if "," in str(folder) else folder]


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """While this holds, variables of the environment have these values."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
