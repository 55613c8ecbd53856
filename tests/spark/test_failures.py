"""A full disk, missing rights, too many open files: one sentence with the place, never an internal error."""

from __future__ import annotations

import errno
import os
import re
import signal
from types import SimpleNamespace

import pytest
from py4j.protocol import Py4JError, Py4JNetworkError

from jobs.errors import ExecutorsUnfit, InputError, SettingsError, SparkEnded
from jobs.output import manifests
from jobs.output.publication import replacing
from jobs.run.guard import guarded
from jobs.settings import schemas
from jobs.spark import failures

FULL = [errno.ENOSPC, errno.EDQUOT]
REFUSED = [
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
]


@pytest.mark.parametrize("number", FULL)
def test_a_full_disk_is_named_with_its_place(number):
    error = failures.explained(OSError(number, os.strerror(number), "/srv/out/report.html"))
    assert type(error) is InputError and error.exit_code == 3
    assert str(error) == "no space is left on the disk for /srv/out/report.html; make room and run again."


@pytest.mark.parametrize("number", REFUSED)
def test_what_may_not_be_written_is_named(number):
    error = failures.explained(OSError(number, os.strerror(number), "/srv/out"))
    assert type(error) is SettingsError and error.exit_code == 2
    assert str(error).startswith(f"/srv/out cannot be used: {os.strerror(number).lower()}; ")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_name_the_limit(number):
    error = failures.explained(OSError(number, os.strerror(number), "/srv/out"))
    assert error.exit_code == 2 and "ulimit -n" in str(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Permission denied"),
        OSError("no number"),
        OSError(errno.EBADF, "Bad"),
        KeyError("x"),
        Py4JError("An error occurred while calling o1.x. Trace:\npy4j.Py4JException: no method x of o1"),
    ],
)
def test_other_errors_stay_what_they_are(error):
    assert failures.explained(error) is None


def java(*texts):
    """A Java exception with its causes, as Py4J shows it."""
    cause = None
    for text in reversed(texts):
        cause = SimpleNamespace(toString=lambda text=text: text, getCause=lambda cause=cause: cause)
    error = RuntimeError("An error occurred while calling o1.save.")
    error.java_exception = cause
    return error


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("java.io.IOException: No space left on device", 3, "no space is left on the disk for the table x"),
        ("java.io.IOException: Disk quota exceeded", 3, "no space is left on the disk for the table x"),
        ("java.io.FileNotFoundException: /a/b (Permission denied)", 2, "the table x .*permission denied"),
        ("java.io.FileNotFoundException: /a (Read-only file system)", 2, "the table x .*read-only file"),
        ("java.io.IOException: Mkdirs failed to create file:/a", 2, "the table x .*mkdirs failed"),
        ("java.net.SocketException: Too many open files", 2, "ulimit -n"),
    ],
)
def test_what_the_jvm_says_far_down_is_found(text, code, words):
    error = failures.explained(java("org.apache.spark.SparkException: Job aborted", text), "the table x")
    assert error.exit_code == code
    assert re.search(words, str(error))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('java.io.IOException: Cannot run program "/opt/p": error=2, No such file', "no Python at /opt/p "),
        ("PythonException: ModuleNotFoundError: No module named 'scipy.linalg'", "without the package scipy"),
        ("PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker has", "another version of Python"),
    ],
)
def test_executors_without_the_drivers_python_are_no_fault_of_the_program(text, words):
    error = failures.explained(java("org.apache.spark.SparkException: Job aborted", text), "the table x")
    assert type(error) is ExecutorsUnfit and error.exit_code == 2
    assert words in str(error) and "docs/cluster.md" in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "raise spark.driver_memory"),
        ("[UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 65536 bytes of memory", "raise spark.driver_memory"),
        ("SparkException: Python worker exited unexpectedly (crashed)", "executors ended"),
        ("ExecutorLostFailure (executor 1 exited unrelated to the running tasks)", "executors ended"),
    ],
)
def test_a_process_that_ended_may_be_tried_again(text, words):
    error = failures.explained(java("org.apache.spark.SparkException: Job aborted", text), "the table x")
    assert type(error) is SparkEnded and error.exit_code == 1
    assert words in str(error) and str(error).endswith("run the same command again.")


@pytest.mark.parametrize(
    "error",
    [
        Py4JNetworkError("Answer from Java side is empty"),
        Py4JError("An error occurred while calling o86.sc"),  # the connection was reset
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    ],
)
def test_a_jvm_that_does_not_answer_has_ended(error):
    said = failures.explained(error, "the table x")
    assert type(said) is SparkEnded and str(said).startswith("the Java process of Spark ended")


def test_without_a_place_sparks_folders_are_named():
    error = failures.explained(java("java.io.IOException: No space left on device"))
    assert "spark.local.dir" in str(error)


def test_a_sentence_holds_no_value_of_the_data():
    error = failures.explained(java("F-CANARY 987654321 java.io.IOException: No space left on device"), "x")
    assert "CANARY" not in str(error) and "987654321" not in str(error)


def test_the_command_ends_with_the_sentence(capsys):
    def command():
        raise PermissionError(errno.EACCES, "Permission denied", "/srv/out")

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as left:
            guarded(command)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("diamant: /srv/out cannot be used: permission denied") and said.count("\n") == 1


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or os.system(f"mount -t tmpfs -o size=1m tmpfs {disk} 2>/dev/null"):
        pytest.skip("a small disk can only be mounted as root, and where that is allowed")
    yield disk
    os.system(f"umount -l {disk}")


def test_a_full_disk_leaves_the_former_publication(small_disk):
    out = small_disk / "out"

    def publish(size):
        with replacing(out, manifests.PUBLICATION, "out") as draft:
            (draft / "report.html").write_bytes(b"x" * size)
            manifests.write(draft, {"study": "a", "code": "b"})

    publish(1000)
    with pytest.raises(OSError, match="No space left") as error:
        publish(2_000_000)
    assert failures.explained(error.value, "out").exit_code == 3
    assert (out / "report.html").stat().st_size == 1000
    assert [path.name for path in small_disk.iterdir()] == ["out"]


def test_a_full_disk_leaves_the_former_state_of_a_table(spark, small_disk):
    from jobs.spark.tables import Tables

    tables = Tables(lambda: spark, str(small_disk / "tables"))
    slice = {"country": "NL", "wave": "a"}

    def answers(count):
        rows = [("NL", "a", None, number, {"firm": f"F{number * 7919 % 104729}"}) for number in range(count)]
        return spark.createDataFrame(rows, schemas.table("answers").struct)

    tables.replace("answers", answers(10), [slice], {"mark": "first"})
    (small_disk / "filler").write_bytes(b"x" * 800_000)
    with pytest.raises(InputError, match=r"no space is left on the disk for the table answers \(.*answers\)"):
        tables.replace("answers", answers(60_000), [slice], {"mark": "second"})
    with pytest.raises(InputError, match="no space is left on the disk for the table survey"):
        (small_disk / "more").write_bytes(b"x" * os.statvfs(small_disk).f_bavail * 4096)
        tables.replace("survey", spark.createDataFrame([], schemas.table("survey").struct), [slice], {})
    assert tables.latest("answers")["NL", "a"][1]["mark"] == "first"
    assert tables.read("answers", [slice]).count() == 10
