"""`make package`: one file that holds the code, conf/, schemas/ and expectations/, and the packages it needs.

The first is a zip archive with a `__main__`, named `.py` because spark-submit takes only that ending as a
Python application; Python runs it as it runs any archive. The same sources give the same bytes. The other is
an environment for machines that have none (`spark-submit --archives`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from jobs import __version__
from jobs.settings.resources import OF_THE_CHECKOUT
from jobs.tools import setup

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("jobs", "conf", "schemas", "expectations")
MAIN = "from jobs.cli import main\n\nmain()\n"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip can hold


def build(target: Path) -> Path:
    """Write the artefact into the folder `target`; its path."""
    target.mkdir(parents=True, exist_ok=True)
    artefact = target / f"diamant-{__version__}.py"
    files = {"__main__.py": MAIN.encode()}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not OF_THE_CHECKOUT & set(path.parts):
                files[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    with zipfile.ZipFile(artefact, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return artefact


def environment(target: Path) -> Path:
    """Write an archive of the packages that a run needs, as the lock has them, into `target`; its path.

    uv makes environments that can be moved. Python itself is not in it: every machine needs the same version
    at the same place. Raises CalledProcessError where packages cannot be had.
    """
    folder, archive = target / "environment", target / f"environment-{__version__}.tar.gz"
    shutil.rmtree(folder, ignore_errors=True)
    commands = Path(sys.prefix) / "bin"
    options, variables = setup.sources_of_pip([sys.executable, "-m", "pip"])
    needed = target / "environment.lock"  # what pyproject.toml asks for without its tools, as it is locked

    def uv(*arguments: str) -> None:
        command = [str(commands / "uv"), *arguments]
        subprocess.run(command, env={**os.environ, **variables}, check=True, stdout=subprocess.DEVNULL)

    locked = ["--constraint", str(setup.LOCK), "--generate-hashes", "--quiet", *options]
    uv("pip", "compile", str(ROOT / "pyproject.toml"), *locked, "--output-file", str(needed))
    uv("venv", "--quiet", "--relocatable", "--python", sys.executable, str(folder))
    into = ["--python", str(folder / "bin" / "python"), "--require-hashes", "--quiet", *options]
    uv("pip", "install", *into, "-r", str(needed))
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        packed.add(folder, ".")
    shutil.rmtree(folder)
    needed.unlink()
    return archive


if __name__ == "__main__":
    print(build(ROOT / "dist").relative_to(ROOT))
    print(environment(ROOT / "dist").relative_to(ROOT))
