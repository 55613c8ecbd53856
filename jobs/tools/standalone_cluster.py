"""A Spark standalone cluster of one master and two workers on the loopback address, to try a job on.

    python -m jobs.tools.standalone_cluster start FOLDER     prints the master's address
    python -m jobs.tools.standalone_cluster stop FOLDER

It has no authentication and listens on 127.0.0.1 only: for tests and demonstrations, not for production.
"""

from __future__ import annotations

from pathlib import Path

import pyspark

from jobs.tools import daemons
from jobs.tools.daemons import HOST

WORKERS = 2


def start(folder: Path, workers: int = WORKERS) -> str:
    """Start master and workers with their logs and process ids in `folder`; the master's address.

    Raises RuntimeError where they do not stand in time; what was started is stopped then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = daemons.free_port()
    address = f"spark://{HOST}:{port}"
    try:
        _daemon(folder, "master", "master.Master", "--host", HOST, "--port", str(port), "--webui-port", "0")
        daemons.wait_for(lambda: daemons.listens(port), f"the master (see {folder / 'master.log'})")
        for number in range(1, workers + 1):
            _worker(folder, number, address)
        for number in range(1, workers + 1):
            _demand_registered(folder, number)
    except BaseException:
        stop(folder)
        raise
    return address


def start_worker(folder: Path, number: int, address: str) -> None:
    """Start a worker again that was killed; once it has told the master, it is given work."""
    _worker(folder, number, address)
    _demand_registered(folder, number)


def stop(folder: Path) -> None:
    """End the processes that `start` left in `folder`, workers first; none is left behind."""
    daemons.stop(folder)


def _worker(folder: Path, number: int, address: str) -> None:
    """A worker of one core, with room for one executor of Spark's usual size."""
    options = ["--host", HOST, "--webui-port", "0", "--cores", "1", "--memory", "1g"]
    name = f"worker{number}"
    _daemon(folder, name, "worker.Worker", *options, "--work-dir", str(folder / name), address)


def _demand_registered(folder: Path, number: int) -> None:
    log = folder / f"worker{number}.log"
    daemons.wait_for(lambda: "Successfully registered" in log.read_text(), f"a worker (see {log})")


def _daemon(folder: Path, name: str, kind: str, *arguments: str) -> None:
    home = Path(pyspark.__file__).parent
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", *arguments]
    environment = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": HOST, "SPARK_DAEMON_MEMORY": "256m"}
    daemons.start(folder, name, command, environment)


if __name__ == "__main__":
    daemons.command("standalone_cluster", start, stop)
