"""The statistics run where there is no Spark: a laptop with numpy, scipy and pandas."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = """
import importlib, importlib.abc, pkgutil, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pyspark", "delta", "py4j"):
            raise ImportError("refused: " + name)

sys.meta_path.insert(0, Refuse())
EXTRA
import jobs.sem
for module in pkgutil.walk_packages(jobs.sem.__path__, "jobs.sem."):
    importlib.import_module(module.name)

import numpy, pandas
x = numpy.linspace(-1, 1, 50)
frame = pandas.DataFrame({"x": x, "y": 2 * x + numpy.sin(40 * x)})
from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method
report = fit_groups("y ~ x", frame, None, Method())
print(report.status.status[0], len([name for name in sys.modules if name.startswith("jobs.sem.")]))
"""


def run(extra: str = "") -> subprocess.CompletedProcess[str]:
    script = SCRIPT.replace("EXTRA", extra)
    return subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )


def test_every_module_imports_and_one_model_is_fitted():
    done = run()
    assert done.returncode == 0, done.stderr
    status, modules = done.stdout.split()
    assert status == "converged"
    assert int(modules) >= len(list((REPOSITORY / "jobs" / "sem").glob("*.py"))) - 1


@pytest.mark.parametrize("name", ["pyspark", "delta"])
def test_the_hook_refuses(name):
    assert f"refused: {name}" in run(f"import {name}").stderr
