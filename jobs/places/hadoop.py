"""Hadoop's file systems as the driver sees them, through the JVM in which Spark runs.

Whatever Spark reads and writes by a URI can so be read and written here, with the same settings and rights.
The JVM starts with the first URI that is looked at; Spark's session, if one is needed, starts in it later.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from jobs.errors import SettingsError, Unreachable

UMASK = "fs.permissions.umask-mode"
CLOSED = "077"  # all for the user alone
PIECE = 6000  # bytes, which are 8,000 letters of an answer
NO_SYSTEM = ("UnsupportedFileSystemException", "No FileSystem for scheme", "ClassNotFoundException")
# Kinds of Java's exceptions that Python has too; the others are outages and faults of the file system.
KINDS = {
    "FileNotFoundException": errno.ENOENT,
    "PathIsNotEmptyDirectoryException": errno.ENOTEMPTY,
    "FileAlreadyExistsException": errno.EEXIST,
    "AlreadyBeingCreatedException": errno.EEXIST,
    "ParentNotDirectoryException": errno.ENOTDIR,
    "PathIsDirectoryException": errno.EISDIR,
    "AccessControlException": errno.EACCES,
    "AccessDeniedException": errno.EACCES,
    "NSQuotaExceededException": errno.EDQUOT,
    "DSQuotaExceededException": errno.EDQUOT,
}


class _Java:
    """The JVM, and how it is started; one a process."""

    start: Callable[[Any], None] | None = None
    settings: Any = None
    configuration: Any = None
    systems: ClassVar[dict[str, Any]] = {}  # by scheme and authority
    classes: ClassVar[dict[str, Any]] = {}  # each name of a class takes some calls to find


def started_by(start: Callable[[Any], None]) -> None:
    """Name what starts the JVM with the settings of Spark, once a URI is looked at."""
    _Java.start = start


def settled(settings: Any) -> None:
    """The settings of Spark with which the JVM starts; one that runs by others already is ended."""
    if _Java.configuration is not None and _Java.settings is None:
        _end()
    _Java.settings = settings


def _end() -> None:
    """End a JVM that was started to read the run file itself, unless Spark runs in it or started it."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    if gateway is None or process is None or SparkContext._active_spark_context is not None:
        return
    gateway.shutdown()
    process.stdin.close()
    process.wait(timeout=60)
    SparkContext._gateway, SparkContext._jvm, _Java.configuration = None, None, None
    _Java.systems.clear()
    _Java.classes.clear()


def jvm() -> Any:
    """The JVM, started where none runs. Raises SparkNotStarted."""
    from pyspark import SparkContext

    if SparkContext._gateway is None and _Java.start is not None:
        _Java.start(_Java.settings)
    SparkContext._ensure_initialized()
    return SparkContext._jvm


def configuration() -> Any:
    """Hadoop's configuration as Spark's options and the machine's own files give it."""
    if _Java.configuration is None:
        java = jvm()
        options = java.org.apache.spark.SparkConf()
        configured = java.org.apache.spark.deploy.SparkHadoopUtil.get().newConfiguration(options)
        configured.set(UMASK, CLOSED)
        _Java.configuration = configured
    return _Java.configuration


def of_class(name: str) -> Any:
    """A class of Java by its name below org.apache.hadoop.fs."""
    if name not in _Java.classes:
        found = jvm().org.apache.hadoop.fs
        for part in name.split("."):
            found = getattr(found, part)
        _Java.classes[name] = found
    return _Java.classes[name]


def path(uri: str) -> Any:
    return of_class("Path")(uri)


def read_bytes(stream: Any, size: int) -> bytes:
    """The next bytes of a stream of Java.

    In pieces: an answer of more than 8 KB comes in two packets, of which the second waits 40 ms for the
    system to say that the first has come.
    """
    utils = jvm().org.apache.commons.io.IOUtils
    pieces = [min(PIECE, size - start) for start in range(0, size, PIECE)]
    return b"".join(bytes(utils.toByteArray(stream, piece)) for piece in pieces)


def system(uri: str) -> Any:
    """The file system of a URI. Raises SettingsError where Spark knows none for it."""
    scheme, _, rest = uri.partition("://")
    name = f"{scheme}://{rest.partition('/')[0]}"
    if name not in _Java.systems:
        with errors(uri):
            _Java.systems[name] = path(uri).getFileSystem(configuration())
    return _Java.systems[name]


def rename(source: str, target: str, overwrite: bool) -> None:
    """In one step where the file system has one (HDFS). A folder with files is never overwritten."""
    from pyspark import SparkContext

    kinds = of_class("Options.Rename")
    assert SparkContext._gateway is not None
    options = SparkContext._gateway.new_array(kinds, 1)
    options[0] = kinds.OVERWRITE if overwrite else kinds.NONE
    # FileContext's renames are exact; those of FileSystem move into a folder that is there.
    with errors(source):
        context = of_class("FileContext").getFileContext(path(source).toUri(), configuration())
        context.rename(path(source), path(target), options)


@contextmanager
def errors(uri: str, **further: int) -> Iterator[None]:
    """Java's exceptions as Python's: what is absent or forbidden as an OSError that names the URI.

    `further` names exceptions that stand for such an error here only, with its number.
    Raises SettingsError for a file system that Spark does not know, Unreachable for an outage.
    """
    from py4j.protocol import Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        said = str(error.java_exception.toString())
        kind = str(error.java_exception.getClass().getSimpleName())
        if kind == "RemoteException":
            kind = str(error.java_exception.getClassName()).rpartition(".")[2]
        if any(words in said for words in NO_SYSTEM):
            raise SettingsError(
                f"Spark knows no file system for {uri}; mend the path, or bring its JARs (spark.jars)."
            ) from None
        number = {**KINDS, **further}.get(kind)
        if number is not None:
            raise OSError(number, _WORDS.get(number, kind), uri) from None
        raise Unreachable(unreachable(uri, kind)) from None


_WORDS = {
    errno.ENOENT: "No such file or directory",
    errno.EACCES: "Permission denied",
    errno.EEXIST: "File exists",
    errno.ENOTEMPTY: "Directory not empty",
    errno.ENOTDIR: "Not a directory",
    errno.EISDIR: "Is a directory",
    errno.EDQUOT: "Disk quota exceeded",
}


def unreachable(where: str, kind: str) -> str:
    """The sentence for an outage; the kind is the name of Java's exception, which quotes no data."""
    return (
        f"{where} cannot be reached or written now ({kind}); "
        "see that its file system runs, then run the same command again."
    )
