"""HDFS on the loopback address: one name node, one data node, to try a job on.

    python -m jobs.tools.hdfs_cluster start FOLDER     prints the address, such as hdfs://127.0.0.1:40123
    python -m jobs.tools.hdfs_cluster stop FOLDER

The daemons are Hadoop's own, from the JARs that set-up puts into .venv/hdfs and those that Spark brings. They
have no authentication and listen on 127.0.0.1 only: for tests and demonstrations, not for production.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pyspark

from jobs.tools import daemons
from jobs.tools.daemons import HOST

JARS = Path(sys.prefix) / "hdfs"
NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
SETTINGS = {
    "fs.defaultFS": "hdfs://{host}:{port}",
    "dfs.namenode.rpc-address": "{host}:{port}",
    "dfs.namenode.http-address": "{host}:0",
    "dfs.namenode.name.dir": "{folder}/name",
    "dfs.namenode.safemode.extension": "0",
    "dfs.datanode.data.dir": "{folder}/data",
    "dfs.datanode.address": "{host}:0",
    "dfs.datanode.ipc.address": "{host}:0",
    "dfs.datanode.http.address": "{host}:0",
    "dfs.replication": "1",
}
LOG = """rootLogger.level=warn
rootLogger.appenderRef.o.ref=o
appender.o.name=o
appender.o.type=Console
logger.node.name=org.apache.hadoop.hdfs.server.datanode.DataNode
logger.node.level=info
"""
READY = "Successfully sent block report"  # the name node counts a node that has gone for minutes after


def available() -> bool:
    """Whether set-up could get Hadoop's JARs."""
    return any(JARS.glob("*.jar"))


def start(folder: Path) -> str:
    """Start both nodes with their files, logs and process ids in `folder`; the address of the file system.

    Raises RuntimeError where they do not stand in time; what was started is stopped then.
    """
    folder = folder.resolve()
    (folder / "conf").mkdir(parents=True, exist_ok=True)
    port = daemons.free_port()
    places = {"host": HOST, "port": port, "folder": folder}
    settings = {name: value.format(**places) for name, value in SETTINGS.items()}
    for name in ("core-site.xml", "hdfs-site.xml"):
        write_settings(folder / "conf" / name, settings)
    (folder / "conf" / "log4j2.properties").write_text(LOG)
    with (folder / "format.log").open("w") as log:
        format_ = [*java(folder), NAME_NODE, "-format", "-nonInteractive"]
        subprocess.run(format_, stdout=log, stderr=subprocess.STDOUT, check=True)
    try:
        daemons.start(folder, "name_node", [*java(folder), NAME_NODE], {})
        daemons.wait_for(lambda: daemons.listens(port), f"the name node (see {folder / 'name_node.log'})")
        start_data_node(folder)
    except BaseException:
        stop(folder)
        raise
    return f"hdfs://{HOST}:{port}"


def start_data_node(folder: Path) -> None:
    """Start the data node of a cluster whose name node runs; once it answers, it can be written to."""
    folder = folder.resolve()
    daemons.start(folder, "data_node", [*java(folder), DATA_NODE], {})
    log = folder / "data_node.log"
    daemons.wait_for(lambda: READY in log.read_text(), f"the data node (see {log})")


def stop_data_node(folder: Path) -> None:
    """End the data node alone: files can be listed, and neither read nor written."""
    daemons.stop(folder, "data_node")


def stop(folder: Path) -> None:
    """End both nodes."""
    daemons.stop(folder)


def write_settings(file: Path, settings: Mapping[str, str]) -> None:
    """A file of settings as Hadoop reads them."""
    lines = (
        f"<property><name>{name}</name><value>{value}</value></property>\n"
        for name, value in settings.items()
    )
    file.write_text(f"<configuration>\n{''.join(lines)}</configuration>\n")


def java(folder: Path) -> list[str]:
    """The command that starts a class of Hadoop's with the settings in `folder`, without the class."""
    jars = Path(pyspark.__file__).parent / "jars"
    classes = f"{folder / 'conf'}:{JARS}/*:{jars}/*"
    return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classes]


if __name__ == "__main__":
    daemons.command("hdfs_cluster", start, stop)
