"""A run of many slices on Spark standalone with one worker of one core, and with two.

The driver runs beside the workers on this machine and has no core of its own. Each run begins with an empty
work folder; all publish the same bytes, which is looked at.

    python bench/workers.py                           40 slices, three runs each in turn; writes
                                                      bench/results/workers.csv
    python bench/workers.py --countries 2 --waves 2 --firms 500 --runs 1    a trial
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jobs.tools import standalone_cluster

HERE = Path(__file__).resolve().parent
DIAMANT = Path(sys.executable).parent / "diamant"


def timed(conf: Path, folder: Path, workers: int) -> float:
    """The seconds of a run with so many workers, which stand when it starts."""
    master = standalone_cluster.start(folder / "cluster", workers)
    changes = [f"spark.master={master}", f"work={folder / 'work'}", f"out={folder / 'published'}"]
    command = ["run", "--conf", str(conf), *(part for change in changes for part in ("--set", change))]
    variables = {**os.environ, "SPARK_LOCAL_IP": standalone_cluster.HOST}
    began = time.monotonic()
    try:
        subprocess.run([str(DIAMANT), *command], check=True, env=variables)
        return round(time.monotonic() - began, 1)
    finally:
        standalone_cluster.stop(folder / "cluster")


def published(folder: Path) -> dict[str, bytes]:
    files = (file for file in (folder / "published").rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--countries", default="10")
    parser.add_argument("--waves", default="4")
    parser.add_argument("--firms", default="5000")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as own:
        study = Path(own) / "study"
        size = ["--countries", asked.countries, "--waves", asked.waves, "--firms", asked.firms]
        subprocess.run([str(DIAMANT), "simulate", "--out", str(study), *size], check=True)
        expected: dict[str, bytes] = {}
        for number in range(1, asked.runs + 1):
            for workers in (1, 2):
                folder = Path(own) / f"run{number}_{workers}"
                seconds = timed(study / "europe.yaml", folder, workers)
                row = {"run": number, "workers": workers, "seconds": seconds}
                print(row, flush=True)
                rows.append(row)
                expected = expected or published(folder)
                assert published(folder) == expected, "the number of workers shows in what is published"
    for number in range(1, asked.runs + 1):
        one, two = (row["seconds"] for row in rows if row["run"] == number)
        print(f"run {number}: two workers are {one / two:.2f} times faster than one")
    with (HERE / "results" / "workers.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
