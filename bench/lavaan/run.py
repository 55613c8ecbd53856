"""Diamant beside lavaan on the same data, one core each, in turn: medians and ratios of processor time.

    python bench/lavaan/run.py [REPETITIONS]      writes bench/results/lavaan.csv

Each task runs in lavaan, then here, and so on, so that both meet the machine as it is. A program's start and
reading of files are left out; but the last task is the whole command, from the shell to its files.
"""

from __future__ import annotations

import os
import resource

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy is imported

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import survey

from jobs.sem.bootstrap.replicates import Drawing, bootstrap
from jobs.sem.cases.moments import moments
from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method
from jobs.sem.routes.routes import route

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "lavaan.csv"
REPLICATES = 1000
ROWS = 5_000  # of the table that the whole command reads
SHELL_MODEL = "f =~ y1 + y2 + y3\nf ~ x1 + x2\n"


def fitted(data: pd.DataFrame, settings: Method) -> None:
    """A fit with errors and measures."""
    way = route(structure_of(survey.model()), data, settings)
    way.fit()
    way.inference()


def tasks(folder: Path) -> dict[str, tuple[Callable[[], object], str, float]]:
    """By name: what is timed here, lavaan's task, and the ratio that is wanted."""
    complete, incomplete, ordered = (pd.read_csv(folder / f"{name}.csv") for name in survey.FILES)
    model = survey.model()
    clustered = Method(clusters=("cell",), weights="weight")
    items = tuple(survey.ITEMS[:10])

    def point() -> None:
        structure = structure_of(model)
        ml.fit(structure, moments(complete, structure.observed).covariance)

    return {
        "point fit": (point, "point", 2),
        "fit with errors and measures": (lambda: fitted(complete, Method()), "fit", 1),
        "weighted, cluster-robust errors": (lambda: fitted(complete, clustered), "cluster", 1),
        "full information with errors": (lambda: fitted(incomplete, Method(missing="fiml")), "fiml", 2),
        f"cluster bootstrap, {REPLICATES} replicates": (
            lambda: bootstrap(model, complete, None, Method(clusters=("cell",)), Drawing(REPLICATES)),
            "bootstrap",
            10,
        ),
        f"bootstrap of cases, {REPLICATES} replicates": (
            lambda: bootstrap(model, complete, None, Method(), Drawing(REPLICATES)),
            "bootstrap_cases",
            10,
        ),
        "DWLS, ten ordered items": (
            lambda: fitted(ordered, Method(estimator="dwls", ordered=items)),
            "dwls",
            1,
        ),
    }


def ours(task: Callable[[], object]) -> float:
    started = time.process_time()
    task()
    return time.process_time() - started


def lavaan(folder: Path, task: str) -> float:
    command = ["Rscript", "--vanilla", str(HERE / "time.R"), str(folder), task]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def from_the_shell(folder: Path) -> tuple[float, float]:
    """Seconds of `Rscript` with lavaan and of `diamant fit`, each from its start to its end."""
    command = [str(Path(sys.executable).parent / "diamant"), "fit", "--data", str(folder / "firms.csv")]
    command += ["--model", str(folder / "shell.lav"), "--out", str(folder / "out")]
    return (
        _seconds(["Rscript", "--vanilla", str(HERE / "shell.R"), str(folder)], dict(os.environ)),
        # What the command sets itself is not set for it.
        _seconds(command, {name: text for name, text in os.environ.items() if "_NUM_THREADS" not in name}),
    )


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_table(folder: Path) -> None:
    """The table and the model of the whole command."""
    draw = np.random.default_rng(1).normal(size=(ROWS, 6))
    factor = 0.5 * draw[:, 0] + 0.3 * draw[:, 1] + draw[:, 2]
    table = {f"y{k}": factor + draw[:, 2 + k] for k in (1, 2, 3)} | {"x1": draw[:, 0], "x2": draw[:, 1]}
    pd.DataFrame(table).round(5).to_csv(folder / "firms.csv", index=False)
    (folder / "shell.lav").write_text(SHELL_MODEL)


def measured(title: str, pairs: list[tuple[float, float]], wanted: float) -> dict[str, object]:
    """A row of the results; `pairs` holds the seconds of lavaan and ours."""
    theirs, own = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = sorted(a / b for a, b in pairs)
    row = {
        "task": title,
        "lavaan_seconds": round(theirs, 4),
        "diamant_seconds": round(own, 4),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_least": round(ratios[0], 2),
        "ratio_wanted": wanted,
        "repetitions": len(pairs),
        "machine": f"{os.cpu_count()} cores {platform.machine()}, one used; "
        f"Python {platform.python_version()}, lavaan 0.6-14",
    }
    print(pd.DataFrame([row]).drop(columns="machine").to_string(index=False), flush=True)
    return row


def main(repetitions: int) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        survey.write(folder)
        for title, (task, in_lavaan, wanted) in tasks(folder).items():
            task()  # once to warm up
            pairs = [(lavaan(folder, in_lavaan), ours(task)) for _ in range(repetitions)]
            rows.append(measured(title, pairs, wanted))
        write_table(folder)
        from_the_shell(folder)  # once to warm up
        shell = [from_the_shell(folder) for _ in range(2 * repetitions)]
        rows.append(measured(f"the whole command, {ROWS:,} rows", shell, 0.67))
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
