"""`make package`: one file that holds the code, conf/, schemas/ and expectations/.

A zip archive with a `__main__`, named `.py` because spark-submit takes only that ending as a Python
application; Python runs it as it runs any archive. The same sources give the same bytes.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from jobs import __version__
from jobs.settings.resources import OF_THE_CHECKOUT

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


if __name__ == "__main__":
    print(build(ROOT / "dist").relative_to(ROOT))
