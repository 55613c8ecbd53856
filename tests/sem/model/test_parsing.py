"""A model's text read the same way in every process: Python seeds its sets anew each time."""

from __future__ import annotations

import os
import subprocess
import sys

TEXT = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9\nspeed ~ w + visual\n"
PROGRAM = f"""
from jobs.sem.model.parsing import parsed
model = parsed({TEXT!r})
for entry in model.parameters:
    print(entry)
print(model.elements.free.tolist(), model.elements.row.tolist(), model.elements.column.tolist())
print(model.observed, model.inner, model.exogenous)
"""


def read(seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_order_of_parameters_does_not_depend_on_the_process():
    first = read(0)
    assert "lhs='visual', op='~~', rhs='textual'" in first or "lhs='textual', op='~~', rhs='visual'" in first
    assert {read(seed) for seed in (1, 2, 3, 4)} == {first}


def test_loadings_stand_as_the_text_has_them():
    loadings = [line.split("rhs='")[1].split("'")[0] for line in read(0).splitlines() if "op='=~'" in line]
    assert loadings == [f"x{number}" for number in range(1, 10)]
