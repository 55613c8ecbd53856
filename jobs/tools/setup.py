"""Set-up: the virtual environment from the hash-locked file, the command, and JARs.

Run by `make setup` with the system's Python; standard library only. Says nothing but one line when all
is there, and one line with what to do when something is missing (exit code 2).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import SettingsError
from jobs.spark import java

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
JAR_SUMS = ROOT / "conf" / "spark" / "jars.sha256"
HDFS_SUMS = ROOT / "jobs" / "tools" / "hdfs.sha256"
DELTA = "io.delta:delta-spark_4.1_2.13:4.4.0"
# The daemons of HDFS and YARN, which need these libraries of tests even where they test nothing.
HDFS = (
    *("org.apache.hadoop:hadoop-client-minicluster:3.4.2", "junit:junit:4.13.2"),
    *("org.bouncycastle:bcpkix-jdk18on:1.78.1", "javax.xml.bind:jaxb-api:2.3.1"),
    *("com.sun.xml.bind:jaxb-impl:2.3.1", "com.sun.xml.bind:jaxb-core:2.3.0.1"),
)
# Spark brings these itself; leaving them out spares 75 MB.
BROUGHT_BY_SPARK = (
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
    "org.apache.parquet:parquet-hadoop",
    "com.fasterxml.jackson.core:jackson-databind",
    "org.slf4j:slf4j-api",
)
# Where pip and uv call the same setting by different names.
UV_OPTIONS = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "no-index": "--no-index",
    "trusted-host": "--allow-insecure-host",
}


def main() -> int:
    """Make what is missing; 0 when all is there, 2 with one line when something cannot be had."""
    try:
        if sys.version_info < (3, 10):  # noqa: UP036  (the system's Python may be older than the project's)
            raise SettingsError(
                "Python 3.10 or newer is needed; name one with 'make PYTHON=python3.11 setup'."
            )
        java.check()
        if not _ready():
            _environment()
            with _compiled(), ThreadPoolExecutor() as side_by_side:
                for_tests = side_by_side.submit(_hdfs)
                _jars()
                for_tests.result()
            shutil.rmtree(ENVIRONMENT / "ivy", ignore_errors=True)
            (ENVIRONMENT / "ready").write_text(state())
    except SettingsError as error:
        print(f"diamant: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("diamant: set-up was interrupted; run it again.", file=sys.stderr)
        return 130
    return 0


def state() -> str:
    """What the environment is made from."""
    text = LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    text += JAR_SUMS.read_bytes() + HDFS_SUMS.read_bytes()
    return hashlib.sha256(text + sys.version.encode() + str(ROOT).encode()).hexdigest()


def _ready() -> bool:
    stamp = ENVIRONMENT / "ready"
    return stamp.is_file() and stamp.read_text() == state()


def _environment() -> None:
    """The virtual environment, exactly the locked packages, and the command `diamant`."""
    print("diamant: setting up .venv (once; a few minutes) ...", flush=True)
    if not (ENVIRONMENT / "bin" / "python").exists():
        try:
            venv.create(ENVIRONMENT, with_pip=True, clear=ENVIRONMENT.exists())
        except (OSError, subprocess.CalledProcessError):
            raise SettingsError(
                "Python's venv module cannot make .venv; install it (Debian: python3-venv), "
                "then run 'make setup' again."
            ) from None
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    if not _quickly(pip):
        _call(
            [*pip, "--require-hashes", "-r", str(LOCK)],
            "the locked packages could not be installed; check the network or pip's index setting",
        )
    _call(
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT)],
        "the command could not be installed",
    )


def _quickly(pip: list[str]) -> bool:
    """Install the lock by uv, which takes a fraction of pip's time; False where that does not work here.

    uv itself is installed by pip, from the lock as well. It reads no settings of pip, so it is told where
    pip looks for packages; where it finds them in no other way, pip installs them.
    """
    lines = LOCK.read_text(encoding="utf-8").splitlines(keepends=True)
    begin = next(place for place, line in enumerate(lines) if line.startswith("uv=="))
    end = next(place for place in range(begin + 1, len(lines)) if not lines[place].startswith(" "))
    only_uv = ENVIRONMENT / "uv.lock"
    only_uv.write_text("".join(lines[begin:end]), encoding="utf-8")
    if not _worked([*pip, "--require-hashes", "-r", str(only_uv)]):
        return False
    python, uv = str(ENVIRONMENT / "bin" / "python"), str(ENVIRONMENT / "bin" / "uv")
    options, environment = sources_of_pip(pip[:-1])
    command = [uv, "pip", "install", "--python", python, "--require-hashes", "-r", str(LOCK), *options]
    return _worked(command, UV_SYSTEM_CERTS="1", UV_NATIVE_TLS="1", **environment)


@contextmanager
def _compiled() -> Iterator[None]:
    """Python's bytecode of all packages is made on the side while this holds, and there when it ends.

    uv makes none, and Python itself keeps none where PYTHONDONTWRITEBYTECODE is set, as in most images of
    containers: each start of the command would compile its libraries again, which takes some seconds.
    """
    # Tests that packages bring are a third of all modules, and nobody starts them.
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", "compileall", "-q", "-j", "0", "-x", "/tests/"]
    folders = [str(ENVIRONMENT / "lib"), str(ROOT / "jobs")]
    # Some packages hold templates that are no Python yet, so the exit code says nothing.
    with subprocess.Popen([*command, *folders], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        yield


def sources_of_pip(pip: list[str]) -> tuple[list[str], dict[str, str]]:
    """Where pip looks for packages, from its files and variables, as options and variables of uv."""
    done = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False)
    options: list[str] = []
    environment: dict[str, str] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        words = value.strip("'\"").split()
        key = name.rpartition(".")[2]
        if key in UV_OPTIONS:
            values = [[word] for word in words] if key != "no-index" else [[]]
            options += [part for value in values for part in (UV_OPTIONS[key], *value)]
        elif key == "cert" and "SSL_CERT_FILE" not in os.environ:
            environment["SSL_CERT_FILE"] = " ".join(words)
    return options, environment


def _jars() -> None:
    """Delta's JARs in .venv/jars. Raises SettingsError where they cannot be had."""
    files = _found(
        "delta",
        [DELTA],
        "Delta's JARs could not be downloaded; check the network, "
        "or set DIAMANT_JARS to a folder that holds them",
    )
    _put(files, JAR_SUMS, ENVIRONMENT / "jars")


def _hdfs() -> None:
    """The JARs of HDFS in .venv/hdfs, for tests only: these are left out where the JARs cannot be had."""
    target = ENVIRONMENT / "hdfs"
    try:
        _put(_found("hdfs", HDFS, "the JARs of HDFS could not be downloaded"), HDFS_SUMS, target)
    except SettingsError as error:
        shutil.rmtree(target, ignore_errors=True)
        with (ENVIRONMENT / "setup.log").open("a", encoding="utf-8") as log:
            log.write(f"The tests on HDFS will be left out: {error}\n")


def _found(
    name: str, packages: Sequence[str], otherwise: str, left_out: Sequence[str] = BROUGHT_BY_SPARK
) -> list[Path]:
    """JARs from the folder that DIAMANT_JARS names (machines without a network), else from Maven.

    The latter through Spark's own resolver, which follows the machine's Ivy and Maven settings. It has a
    folder of its own for each name, for two resolvers at work in one spoil each other's files.
    """
    source = os.environ.get("DIAMANT_JARS")
    if source:
        return sorted(Path(source).glob("*.jar"))
    cache = ENVIRONMENT / "ivy" / name
    _call(
        [
            str(ENVIRONMENT / "bin" / "spark-submit"),
            *("--master", "local[1]", "--packages", ",".join(packages)),
            *("--exclude-packages", ",".join(left_out)),
            *("--conf", f"spark.jars.ivy={cache}", "--conf", "spark.ui.enabled=false"),
            str(ROOT / "jobs" / "__init__.py"),
        ],
        otherwise,
        PATH=f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        SPARK_LOCAL_HOSTNAME="localhost",
    )
    return sorted((cache / "jars").glob("*.jar"))


def _put(files: Sequence[Path], sums: Path, target: Path) -> None:
    """Copy the JARs that a list of sha256 names, each of which must be as listed.

    The resolver puts the name of the group before that of the file.
    """
    target.mkdir(exist_ok=True)
    for sum_, name in (line.split() for line in sums.read_text().splitlines() if line.strip()):
        file = next((file for file in files if file.name == name or file.name.endswith(f"_{name}")), None)
        if file is None:
            raise SettingsError(f"{name} is missing; set DIAMANT_JARS to a folder that holds it.")
        if hashlib.sha256(file.read_bytes()).hexdigest() != sum_:
            raise SettingsError(
                f"{name} is damaged (its sha256 differs); delete .venv and run 'make setup' again."
            )
        shutil.copyfile(file, target / name)


def _worked(command: list[str], **environment: str) -> bool:
    """Run a command with its output in .venv/setup.log; whether it went well."""
    log = ENVIRONMENT / "setup.log"
    with log.open("a", encoding="utf-8") as output:
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}, check=False
        )
    return done.returncode == 0


def _call(command: list[str], otherwise: str, **environment: str) -> None:
    """Run a command; raise one sentence when it fails."""
    if not _worked(command, **environment):
        raise SettingsError(f"{otherwise}, then run 'make setup' again (details in .venv/setup.log).")


if __name__ == "__main__":
    sys.exit(main())
