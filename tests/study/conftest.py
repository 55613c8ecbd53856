"""The demo, run once for all tests of the study."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_runs import Run, changes, watched


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Run:
    """Its folders were there before, open to all, as many an office's are; and so is what the user makes."""
    folder = tmp_path_factory.mktemp("demo")
    for name in ("work", "input"):
        (folder / name).mkdir(mode=0o755)
    run = watched(folder, "run", "--conf", "conf/runs/demo.yaml", *changes(folder))
    assert run.code == 0, run.said
    return run
