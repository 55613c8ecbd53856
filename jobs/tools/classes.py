"""The archive of classes that Java starts Spark from (see jobs.spark.classes): what the demo loads.

`make run` and `make test` make it, once for each environment and Java, and not again where Java writes
none: all works without it, at a slower pace. `python -m jobs.tools.classes`, with the system's Python;
standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from jobs.errors import SettingsError
from jobs.spark import classes, java
from jobs.tools import setup


def main() -> int:
    """Make the archive where there is none for this environment and Java; 2 with one line without Java."""
    try:
        made_for = setup.state() + java.check()
    except SettingsError as error:
        print(f"diamant: {error}", file=sys.stderr)
        return error.exit_code
    stamp = setup.ENVIRONMENT / "spark-classes.txt"
    if not stamp.is_file() or stamp.read_text() != made_for:
        print("diamant: making Java's classes ready, for faster starts (once; a minute) ...", flush=True)
        try:
            _make(setup.ENVIRONMENT / classes.NAME)
        except KeyboardInterrupt:
            return 130
        stamp.write_text(made_for)
    return 0


def _make(archive: Path) -> None:
    """Run the demo in a folder of its own, and keep the archive that its Java writes in the end."""
    archive.unlink(missing_ok=True)  # Java writes none while it uses one
    with tempfile.TemporaryDirectory(dir=setup.ENVIRONMENT) as folder:
        draft, study = Path(folder) / classes.NAME, Path(folder) / "study"
        study.mkdir()  # PySpark would take the environment for Spark's home, were it the folder above
        options = f"spark.options={{spark.driver.extraJavaOptions: '{classes.make(draft)}'}}"
        demo = str(setup.ROOT / "conf" / "runs" / "demo.yaml")  # its paths begin in the working directory
        command = [str(setup.ENVIRONMENT / "bin" / "diamant"), "run", "--conf", demo, "--set", options]
        # Java holds the pipe until it has written the archive, when the command itself has long ended.
        with (setup.ENVIRONMENT / "setup.log").open("ab") as log:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, cwd=study, check=False)
        if done.returncode == 0 and draft.is_file():
            draft.chmod(0o644)
            os.replace(draft, archive)


if __name__ == "__main__":
    sys.exit(main())
