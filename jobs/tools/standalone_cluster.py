"""A Spark standalone cluster of one master and two workers on the loopback address, to try a job on.

    python -m jobs.tools.standalone_cluster start FOLDER     prints the master's address
    python -m jobs.tools.standalone_cluster stop FOLDER

It has no authentication and listens on 127.0.0.1 only: for tests and demonstrations, not for production.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pyspark

HOST = "127.0.0.1"
WORKERS = 2
PATIENCE = 60.0  # seconds until the cluster has to stand


def start(folder: Path, memory: str = "1g") -> str:
    """Start master and workers with their logs and process ids in `folder`; the master's address.

    Raises RuntimeError where they do not stand within a minute; what was started is stopped then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    address = f"spark://{HOST}:{port}"
    try:
        _daemon(folder, "master", "master.Master", "--host", HOST, "--port", str(port), "--webui-port", "0")
        _await(lambda: _listens(port), f"the master (see {folder / 'master.log'})")
        for number in range(1, WORKERS + 1):
            name = f"worker{number}"
            options = ["--host", HOST, "--webui-port", "0", "--cores", "1", "--memory", memory]
            _daemon(folder, name, "worker.Worker", *options, "--work-dir", str(folder / name), address)
        for number in range(1, WORKERS + 1):
            log = folder / f"worker{number}.log"
            _await(lambda log=log: "Successfully registered" in log.read_text(), f"a worker (see {log})")  # type: ignore[misc]
    except BaseException:
        stop(folder)
        raise
    return address


def stop(folder: Path) -> None:
    """End the processes that `start` left in `folder`, workers first; none is left behind."""
    files = sorted(folder.glob("*.pid"), reverse=True)
    for file in files:
        _signal(int(file.read_text()), signal.SIGTERM)
    for file in files:
        pid = int(file.read_text())
        ended = time.monotonic() + 10
        while _alive(pid) and time.monotonic() < ended:
            time.sleep(0.1)
        _signal(pid, signal.SIGKILL)
        file.unlink()


def _daemon(folder: Path, name: str, kind: str, *arguments: str) -> None:
    home = Path(pyspark.__file__).parent
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_DAEMON_MEMORY": "256m",
    }
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    (folder / f"{name}.pid").write_text(str(process.pid))


def _await(stands, what: str) -> None:
    ended = time.monotonic() + PATIENCE
    while not stands():
        if time.monotonic() > ended:
            raise RuntimeError(f"{what} did not start within {PATIENCE:.0f} s")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _listens(port: int) -> bool:
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


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop"):
        sys.exit("usage: python -m jobs.tools.standalone_cluster start|stop FOLDER")
    if sys.argv[1] == "start":
        print(start(Path(sys.argv[2])))
    else:
        stop(Path(sys.argv[2]))
