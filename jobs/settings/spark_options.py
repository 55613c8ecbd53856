"""What a run file may say to Spark: a master, a memory, and options that leave figures and secrets alone."""

from __future__ import annotations

import re

from jobs.settings.wording import shown

MASTER = re.compile(
    r"local(\[([1-9][0-9]{0,2}|\*)(, ?[1-9][0-9]?)?\])?"
    r"|local-cluster\[[1-9][0-9]?,[1-9][0-9]?,[1-9][0-9]{2,5}\]"
    r"|yarn|spark://[^\s/]+:[0-9]+(,[^\s/]+:[0-9]+)*|k8s://\S+"
)
MEMORY = re.compile(r"([1-9][0-9]{0,6})([mgt])", re.IGNORECASE)
MEBIBYTES = {"m": 1, "g": 1024, "t": 1024**2}
LEAST, MOST = 512, 4 * 1024**2  # mebibytes; below it Spark refuses to start, above it Java does
KEY = re.compile(r"spark\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")

# Options that have a key of their own in the section `spark`.
OWN_KEYS = {
    "spark.master": "master",
    "spark.driver.memory": "driver_memory",
    "spark.jars": "jars",
    "spark.log.level": "log_level",
}
# Options, and beginnings of options, that would change figures, lose rows in silence, quote data in messages
# or part Spark from Delta.
FIXED = (
    "spark.sql.extensions",
    "spark.sql.catalog.spark_catalog",
    "spark.sql.session.",
    "spark.sql.ansi.",
    "spark.sql.caseSensitive",
    "spark.sql.legacy.",
    "spark.sql.files.ignore",
    "spark.files.ignore",
    "spark.sql.csv.",
    "spark.sql.columnNameOfCorruptRecord",
    "spark.sql.decimalOperations.",
    "spark.sql.storeAssignmentPolicy",
    "spark.sql.debug.",
)


def master(given: str) -> str:
    """A master's address that Spark can parse. Raises ValueError."""
    if not MASTER.fullmatch(given):
        raise ValueError("is no master of Spark; write local[2], yarn, spark://host:port or k8s://address")
    return given


def memory(given: str) -> str:
    """A size that Spark starts with. Raises ValueError."""
    size = MEMORY.fullmatch(given)
    if not size or not LEAST <= int(size[1]) * MEBIBYTES[size[2].lower()] <= MOST:
        raise ValueError("is no memory; write a whole number and m, g or t, from 512m to 4t, such as 2g")
    return given


def text(given: object) -> object:
    """A number, true or false of YAML as Spark writes it; anything else as it is."""
    return str(given).lower() if isinstance(given, bool | int | float) else given


def options(given: dict[str, str]) -> dict[str, str]:
    """Options by their keys, none of which Diamant has to set itself. Raises ValueError naming the key."""
    for key in given:
        if not KEY.fullmatch(key):
            raise ValueError(f"{shown(key)} is no option of Spark; their names begin with spark.")
        if key in OWN_KEYS:
            raise ValueError(f"{key} has a key of its own; set spark.{OWN_KEYS[key]}")
        if key.startswith(FIXED):
            raise ValueError(f"{key} is fixed, since figures or confidentiality depend on it; leave it out")
    return given
