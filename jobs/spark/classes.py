"""The classes that Java loads to start Spark, kept in an archive that the first run makes.

To find, read and check some fifteen thousand classes takes Java a third of the time that a session needs to
start; from an archive of them it takes them ready (application class-data sharing, JEP 350). Java looks
whether the archive fits it and its JARs, and does without it where it does not.
"""

from __future__ import annotations

import sys
from pathlib import Path

NAME = "spark-classes.jsa"


def archive() -> Path:
    """Where the archive lies: beside the virtual environment's packages."""
    return Path(sys.prefix) / NAME


def use() -> str:
    """The options of Java that use the archive; none where there is no archive."""
    # Java would say on standard output that an archive does not fit.
    return f'"-XX:SharedArchiveFile={archive()}" -Xlog:disable' if archive().is_file() else ""


def make(file: Path) -> str:
    """The options of Java that write the archive when it ends."""
    return f'"-XX:ArchiveClassesAtExit={file}" -Xlog:disable'
