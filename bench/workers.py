"""A run of many slices on Spark standalone with one worker of one core, and with two.

Each worker gets a share of a core (`--share`) and the driver that of one or more cores (`--driver-cores`),
as on machines that are that much slower: without it they take each other's cores where there are few, and
it tells nothing of a cluster. Linux's control groups see to it, which asks for root. Driver and workers
take turns, so that two cores stand for a driver of two and two workers of one; what they still take from
each other makes two workers slower than they would be. Each run begins with an empty work folder; all
publish the same bytes, which is looked at. Rows of other designs in bench/results/workers.csv stay.

    python bench/workers.py --share 0.66              on two cores: 40 slices, three runs each in turn;
                                                      writes bench/results/workers.csv
    python bench/workers.py --share 1 --driver-cores 2 --countries 27 --waves 12 --runs 1     half an hour
    python bench/workers.py                           on three cores or more
    python bench/workers.py --countries 2 --waves 2 --firms 500 --runs 1    a trial
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jobs.tools import standalone_cluster

DESIGN = ("share", "driver_cores", "slices")  # the columns of a result that say what was run
HERE = Path(__file__).resolve().parent
DIAMANT = Path(sys.executable).parent / "diamant"


@contextlib.contextmanager
def share_of_a_core(name: str, share: float | None) -> Iterator[Path | None]:
    """A control group whose processes, and what they start, get no more than `share` cores.

    Gives the file that takes the ids of its processes; None where `share` is.
    """
    if share is None:
        yield None
        return
    root, period = Path("/sys/fs/cgroup"), 20_000
    newer = (root / "cgroup.controllers").is_file()
    group = root / ("" if newer else "cpu") / f"diamant-bench-{name}"
    group.mkdir(exist_ok=True)
    if newer:
        (group / "cpu.max").write_text(f"{round(share * period)} {period}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(period))
        (group / "cpu.cfs_quota_us").write_text(str(round(share * period)))
    try:
        yield group / "cgroup.procs"
    finally:
        with contextlib.suppress(OSError):  # a process of it has not quite ended
            group.rmdir()


def timed(conf: Path, folder: Path, workers: int, share: float | None, driver_cores: int) -> float:
    """The seconds of a run with so many workers, which stand when it starts."""
    master = standalone_cluster.start(folder / "cluster", workers)
    changes = [f"spark.master={master}", f"work={folder / 'work'}", f"out={folder / 'published'}"]
    command = ["run", "--conf", str(conf), *(part for change in changes for part in ("--set", change))]
    variables = {**os.environ, "SPARK_LOCAL_IP": standalone_cluster.HOST}
    names = ["driver", *(f"worker{number}" for number in range(1, workers + 1))]
    with contextlib.ExitStack() as groups:
        try:
            shares = {name: share for name in names}
            if share:
                shares["driver"] = share * driver_cores
            members = {name: groups.enter_context(share_of_a_core(name, shares[name])) for name in names}
            for name, file in members.items():
                if file and name != "driver":
                    file.write_text((folder / "cluster" / f"{name}.pid").read_text())

            def join() -> None:
                if members["driver"]:
                    members["driver"].write_text(str(os.getpid()))

            began = time.monotonic()
            subprocess.run([str(DIAMANT), *command], check=True, env=variables, preexec_fn=join)
            return round(time.monotonic() - began, 1)
        finally:
            standalone_cluster.stop(folder / "cluster")


def published(folder: Path) -> dict[str, bytes]:
    files = (file for file in (folder / "published").rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def write(rows: list[dict[str, float]]) -> None:
    """Put the rows in the place of earlier ones of their design."""
    path = HERE / "results" / "workers.csv"
    with path.open(newline="") as file:
        design = [str(rows[0][column]) for column in DESIGN]
        others = [row for row in csv.DictReader(file) if [row[column] for column in DESIGN] != design]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([*others, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--countries", default="10")
    parser.add_argument("--waves", default="4")
    parser.add_argument("--firms", default="5000")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--share", type=float, help="of a core, for each worker and core of the driver")
    parser.add_argument("--driver-cores", type=int, default=1)
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
                seconds = timed(study / "europe.yaml", folder, workers, asked.share, asked.driver_cores)
                row = {
                    "run": number,
                    "workers": workers,
                    "share": asked.share or 1,
                    "driver_cores": asked.driver_cores,
                    "slices": int(asked.countries) * int(asked.waves),
                    "seconds": seconds,
                }
                print(row, flush=True)
                rows.append(row)
                expected = expected or published(folder)
                assert published(folder) == expected, "the number of workers shows in what is published"
    for number in range(1, asked.runs + 1):
        one, two = (row["seconds"] for row in rows if row["run"] == number)
        print(f"run {number}: two workers are {one / two:.2f} times faster than one")
    write(rows)


if __name__ == "__main__":
    main()
