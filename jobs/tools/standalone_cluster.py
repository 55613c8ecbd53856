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


def start(folder: Path, memory: str = "1g") -> str:
    """Start master and workers with their logs and process ids in `folder`; the master's address.

    Raises RuntimeError where they do not stand in time; what was started is stopped then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = daemons.free_port()
    address = f"spark://{HOST}:{port}"
    try:
        _daemon(folder, "master", "master.Master", "--host", HOST, "--port", str(port), "--webui-port", "0")
        daemons.wait_for(lambda: daemons.listens(port), f"the master (see {folder / 'master.log'})")
        for number in range(1, WORKERS + 1):
            name = f"worker{number}"
            options = ["--host", HOST, "--webui-port", "0", "--cores", "1", "--memory", memory]
            _daemon(folder, name, "worker.Worker", *options, "--work-dir", str(folder / name), address)
        for number in range(1, WORKERS + 1):
            log = folder / f"worker{number}.log"
            daemons.wait_for(
                lambda log=log: "Successfully registered" in log.read_text(),  # type: ignore[misc]
                f"a worker (see {log})",
            )
    except BaseException:
        stop(folder)
        raise
    return address


def stop(folder: Path) -> None:
    """End the processes that `start` left in `folder`, workers first; none is left behind."""
    daemons.stop(folder)


def _daemon(folder: Path, name: str, kind: str, *arguments: str) -> None:
    home = Path(pyspark.__file__).parent
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", *arguments]
    environment = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": HOST, "SPARK_DAEMON_MEMORY": "256m"}
    daemons.start(folder, name, command, environment)


if __name__ == "__main__":
    daemons.command("standalone_cluster", start, stop)
