"""Diamant beside lavaan on the same data, one core each, in turn: medians and ratios.

    python bench/lavaan/run.py [REPETITIONS]      writes bench/results/lavaan.csv

Each task runs in lavaan, then here, and so on, so that both meet the machine as it is. A program's
start and reading of files are left out.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy is imported

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import survey

from jobs.sem.bootstrap.replicates import Drawing, bootstrap
from jobs.sem.cases.moments import moments
from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import Structure
from jobs.sem.routes.method import Method
from jobs.sem.routes.routes import route

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "lavaan.csv"
REPLICATES = 1000


def fitted(data: pd.DataFrame, settings: Method) -> None:
    """A fit with errors and measures."""
    way = route(Structure(survey.model()), data, settings)
    way.fit()
    way.inference()


def tasks(folder: Path) -> dict[str, tuple[Callable[[], object], str, float]]:
    """By name: what is timed here, lavaan's task, and the ratio that is wanted."""
    complete, incomplete, ordered = (pd.read_csv(folder / f"{name}.csv") for name in survey.FILES)
    model = survey.model()
    clustered = Method(clusters=("cell",), weights="weight")
    items = tuple(survey.ITEMS[:10])

    def point() -> None:
        structure = Structure(model)
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
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def lavaan(folder: Path, task: str) -> float:
    command = ["Rscript", "--vanilla", str(HERE / "time.R"), str(folder), task]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def main(repetitions: int) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        survey.write(folder)
        for title, (task, in_lavaan, wanted) in tasks(folder).items():
            task()  # once to warm up
            pairs = [(lavaan(folder, in_lavaan), ours(task)) for _ in range(repetitions)]
            theirs, own = (statistics.median(side) for side in zip(*pairs, strict=True))
            ratios = sorted(a / b for a, b in pairs)
            rows.append(
                {
                    "task": title,
                    "lavaan_seconds": round(theirs, 4),
                    "diamant_seconds": round(own, 4),
                    "ratio": round(statistics.median(ratios), 2),
                    "ratio_least": round(ratios[0], 2),
                    "ratio_wanted": wanted,
                    "repetitions": repetitions,
                    "machine": f"{os.cpu_count()} cores {platform.machine()}, one used; "
                    f"Python {platform.python_version()}, lavaan 0.6-14",
                }
            )
            print(
                pd.DataFrame(rows[-1:]).drop(columns="machine").to_string(index=False, header=len(rows) == 1)
            )
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
