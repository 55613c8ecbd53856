"""Daemons of Java on the loopback address, known by the files that name their processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE = 90.0  # seconds until a daemon has to stand


def start(folder: Path, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Start a daemon with its log and its process id in `folder`."""
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    (folder / f"{name}.pid").write_text(str(process.pid))


def stop(folder: Path, pattern: str = "*") -> None:
    """End the daemons whose process ids lie in `folder`, the last names first; none is left behind."""
    files = sorted(folder.glob(f"{pattern}.pid"), reverse=True)
    for file in files:
        _signal(int(file.read_text()), signal.SIGTERM)
    for file in files:
        pid = int(file.read_text())
        ended = time.monotonic() + 10
        while _alive(pid) and time.monotonic() < ended:
            time.sleep(0.1)
        _signal(pid, signal.SIGKILL)
        file.unlink()


def wait_for(stands: Callable[[], bool], what: str) -> None:
    """Raises RuntimeError where something does not stand in time."""
    ended = time.monotonic() + PATIENCE
    while not stands():
        if time.monotonic() > ended:
            raise RuntimeError(f"{what} did not start within {PATIENCE:.0f} s")
        time.sleep(0.2)


def command(module: str, start: Callable[[Path], str], stop: Callable[[Path], None]) -> None:
    """Start a cluster in a folder, and print its address, or stop it, as the command line asks."""
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop"):
        sys.exit(f"usage: python -m jobs.tools.{module} start|stop FOLDER")
    if sys.argv[1] == "start":
        print(start(Path(sys.argv[2])))
    else:
        stop(Path(sys.argv[2]))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
