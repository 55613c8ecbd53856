"""What the system refuses or takes away, in one sentence: a full disk, missing rights, a process that ended.

Python says so as an OSError, Spark and Delta in the text of a Java exception somewhere down its causes, and
Py4J by an error of its own where the JVM does not answer.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from typing import Any

from jobs.errors import (
    DiamantError,
    ExecutorsUnfit,
    InputError,
    SettingsError,
    SparkEnded,
    Unreachable,
)
from jobs.places.hadoop import unreachable

FULL = {errno.ENOSPC, errno.EDQUOT}
LIMITS = {errno.EMFILE, errno.ENFILE}
# What a folder or its neighbours can be the cause of; anything else is no matter of the user's.
PLACES = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP, errno.EBUSY, errno.EXDEV, errno.EIO, errno.ESTALE),
    *(errno.ENOLCK, errno.EFBIG, errno.ETXTBSY, errno.ENODEV, errno.ENXIO, errno.ENOSYS, errno.EOPNOTSUPP),
}
# What Py4J, which alone opens connections in this process, meets where the JVM has ended.
ENDED = {errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE}
JAVA_FULL = re.compile(r"No space left on device|Disk quota exceeded")
JAVA_LIMITS = re.compile(r"Too many open files")
JAVA_OUTAGES = re.compile(
    r"(ConnectException|BlockMissingException|SafeModeException|StandbyException|NoRouteToHostException"
    r"|UnknownHostException|SocketTimeoutException|ConnectTimeoutException|RetriableException"
    r"|could only be written to 0 of|All datanodes|Could not obtain block)"
)
JAVA_PLACES = re.compile(
    r"\(?(Permission denied|[Nn]ot a directory|Read-only file system|Operation not permitted"
    r"|File name too long|Mkdirs failed to create|Cannot create directory|Unable to create)"
)
JAVA_PYTHON = (
    (re.compile(r'Cannot run program "([^"]+)"'), "find no Python at {} (PYSPARK_PYTHON)"),
    (re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'"), "have a Python without the package {}"),
    (re.compile(r"\[PYTHON_VERSION_MISMATCH\]"), "have another version of Python than the driver"),
)
JAVA_MEMORY = re.compile(r"OutOfMemoryError|GC overhead limit exceeded|UNABLE_TO_ACQUIRE_MEMORY")
JAVA_ENDED = re.compile(
    r"(Python worker exited unexpectedly|ExecutorLostFailure|SparkContext was shut down"
    r"|stopped SparkContext)"
)


def explained(error: BaseException, place: str = "") -> DiamantError | None:
    """The sentence for what the system refused; None where the error is of another kind.

    `place` is what was being written, where the error itself does not name it.
    """
    if isinstance(error, DiamantError):
        return error
    if isinstance(error, OSError):
        return _of_system(error, place)
    text = "\n".join(_texts(error))
    if of_spark := _of_spark(error, text):
        return of_spark
    where = place or "Spark's files (the folder work, or spark.local.dir)"
    if JAVA_FULL.search(text):
        return _full(f"{where} or in Spark's own folder (spark.local.dir)" if place else where)
    if JAVA_LIMITS.search(text):
        return _limit()
    if outage := JAVA_OUTAGES.search(text):
        return Unreachable(unreachable(place or "a file system of the run", outage.group(1)))
    refused = JAVA_PLACES.search(text)
    return _refused(where, refused.group(1)) if refused else None


def _of_system(error: OSError, place: str) -> DiamantError | None:
    names = [
        os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))
    ]
    where = " and ".join(names) or place
    if error.errno in FULL:
        return _full(where or "one of the folders of the run")
    if error.errno in LIMITS:
        return _limit()
    if error.errno in ENDED:
        return _ended("the Java process of Spark")
    if error.errno in PLACES:
        return _refused(where or "a folder of the run", os.strerror(error.errno))
    return None


def _of_spark(error: BaseException, text: str) -> DiamantError | None:
    """What the processes of Spark lack, or which of them ended."""
    from py4j.protocol import Py4JError, Py4JJavaError  # `diamant fit` of few rows does without

    if JAVA_MEMORY.search(text):
        return SparkEnded(
            "Spark has too little memory for this input; raise spark.driver_memory (on a cluster the memory "
            "of the executors, spark.executor.memory) and run the same command again."
        )
    if isinstance(error, Py4JError) and not isinstance(error, Py4JJavaError) and "Trace:" not in str(error):
        return _ended("the Java process of Spark")  # it gave no answer, not even that it has no such method
    for pattern, words in JAVA_PYTHON:
        if lacking := pattern.search(text):
            return ExecutorsUnfit(
                f"Spark's executors {words.format(*lacking.groups())}; give every worker the driver's Python "
                "and packages, or send them along (docs/cluster.md), and run the same command again."
            )
    return _ended("a process of Spark's executors") if JAVA_ENDED.search(text) else None


def _ended(process: str) -> DiamantError:
    return SparkEnded(
        f"{process} ended in the middle of its work, mostly for want of memory or because somebody ended it; "
        "see that the machine has memory for all that runs, and run the same command again."
    )


def _full(where: str) -> DiamantError:
    return InputError(f"no space is left on the disk for {where}; make room and run again.")


def _limit() -> DiamantError:
    return SettingsError("too many files are open; raise the limit (ulimit -n) and run again.")


def _refused(where: str, reason: str) -> DiamantError:
    return SettingsError(
        f"{where} cannot be used: {reason.lower()}; get the right to read and write there, "
        "or name another place."
    )


def _texts(error: BaseException) -> Iterator[str]:
    """What the JVM said, down to the first of its causes; nothing for an error of Python's own."""
    cause: BaseException | None = error
    while cause is not None:
        origin: Any = getattr(cause, "java_exception", None) or getattr(cause, "_origin", None)
        while origin is not None:
            yield str(origin.toString())
            origin = origin.getCause()
        cause = cause.__cause__ or cause.__context__
