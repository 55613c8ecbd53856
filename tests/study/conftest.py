"""The demo, run once for all tests of the study."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_runs import Run, changes, diamant


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("demo")
    code, said = diamant("run", "--conf", "conf/runs/demo.yaml", *changes(folder))
    assert code == 0, said
    return Run(folder, code, said)
