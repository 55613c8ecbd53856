"""Which Java is there, found without Spark. Standard library only: set-up runs it first of all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from jobs.errors import SettingsError

FITTING = (17, 21)
ADVICE = "install a Java 17 or 21 runtime (Debian: openjdk-17-jre-headless) or point JAVA_HOME to one."


def check() -> str:
    """What the Java that Spark would use says of its version. Raises SettingsError where it does not fit."""
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if command is None:
        raise SettingsError(f"Java is missing; {ADVICE}")
    try:
        answer = subprocess.run([command, "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        where = "JAVA_HOME does not lead to a Java that starts" if home else "Java does not start"
        raise SettingsError(f"{where}; {ADVICE}") from None
    said = answer.stderr + answer.stdout
    version = re.search(r'version "(\d+)(?:\.(\d+))?', said)
    major = int(version.group(1)) if version else 0
    if major == 1 and version and version.group(2):  # Java 8 calls itself 1.8
        major = int(version.group(2))
    if major not in FITTING:
        raise SettingsError(f"Java {major or 'of an unknown version'} does not fit Spark 4.1; {ADVICE}")
    return said
