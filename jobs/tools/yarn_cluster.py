"""YARN on the loopback address: a resource manager and a node manager, to try drivers on a cluster.

    python -m jobs.tools.hdfs_cluster start FOLDER
    python -m jobs.tools.yarn_cluster start FOLDER     prints the folder for HADOOP_CONF_DIR
    python -m jobs.tools.yarn_cluster stop FOLDER      HDFS, which has a command of its own, runs on

It works with the HDFS of the same folder, by the same JARs. It has no authentication and listens on 127.0.0.1
only: for tests and demonstrations, not for production.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from jobs.tools import daemons, hdfs_cluster
from jobs.tools.daemons import HOST

OF_THE_SERVER = "org.apache.hadoop.yarn.server"
MANAGERS = {
    "resource_manager": f"{OF_THE_SERVER}.resourcemanager.ResourceManager",
    "node_manager": f"{OF_THE_SERVER}.nodemanager.NodeManager",
}
PORTS = ("address", "scheduler.address", "resource-tracker.address", "admin.address")
SETTINGS = {
    "yarn.resourcemanager.hostname": HOST,
    "yarn.resourcemanager.webapp.address": f"{HOST}:0",
    "yarn.nodemanager.hostname": HOST,
    "yarn.nodemanager.address": f"{HOST}:0",
    "yarn.nodemanager.localizer.address": f"{HOST}:0",
    "yarn.nodemanager.webapp.address": f"{HOST}:0",
    "yarn.nodemanager.local-dirs": "{folder}/containers",
    "yarn.nodemanager.log-dirs": "{folder}/container_logs",
    # Else a disk that is full to nine tenths is given up, at the start even without later looks at it.
    "yarn.nodemanager.disk-health-checker.enable": "false",
    "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "100",
    "yarn.nodemanager.vmem-check-enabled": "false",
    "yarn.nodemanager.resource.memory-mb": "6144",
    "yarn.nodemanager.resource.cpu-vcores": "4",
    "yarn.scheduler.minimum-allocation-mb": "128",
}
QUEUES = {
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": "100",
    "yarn.scheduler.capacity.maximum-am-resource-percent": "1",
}
READY = "Registered with ResourceManager"
LOG = """logger.status.name=org.apache.hadoop.yarn.server.nodemanager.NodeStatusUpdaterImpl
logger.status.level=info
"""


def start(folder: Path) -> str:
    """Start both managers, with their files, logs and process ids in `folder`; the folder of their settings.

    HDFS has to run there. Raises RuntimeError where they do not stand in time; they are stopped then.
    """
    folder = folder.resolve()
    conf = folder / "conf"
    ports = {f"yarn.resourcemanager.{name}": f"{HOST}:{daemons.free_port()}" for name in PORTS}
    settings = {name: value.format(folder=folder) for name, value in SETTINGS.items()}
    hdfs_cluster.write_settings(conf / "yarn-site.xml", {**settings, **ports})
    hdfs_cluster.write_settings(conf / "capacity-scheduler.xml", QUEUES)
    (conf / "log4j2.properties").write_text(hdfs_cluster.LOG + LOG)
    java = Path(shutil.which("java") or "java").resolve()  # containers look for it in its home
    log = folder / "node_manager.log"
    try:
        for name, kind in MANAGERS.items():
            command = [*hdfs_cluster.java(folder), "--add-opens=java.base/java.lang=ALL-UNNAMED", kind]
            daemons.start(folder, name, command, {"JAVA_HOME": str(java.parents[1])})
        daemons.wait_for(lambda: READY in log.read_text(), f"YARN (see {log})")
    except BaseException:
        stop(folder)
        raise
    return str(conf)


def stop(folder: Path) -> None:
    """End both managers, and what they started."""
    for name in MANAGERS:
        daemons.stop(folder, name)


if __name__ == "__main__":
    daemons.command("yarn_cluster", start, stop)
