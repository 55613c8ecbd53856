"""Input-output tables of millions of cells: from a long CSV file to committed indicators, beside DuckDB.

Both read the same file: labels to numbers, values to exact decimals, faults and double cells looked for,
cells written as Parquet, and summed on both sides of each region and sector. Each runs in a process of its
own, in turn; CPU is that of the process and all it started, memory the highest resident of any of them.

    python bench/flows.py --cells 5 50       millions; writes bench/results/flows.csv; needs duckdb installed
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SECTORS = 15
HERE = Path(__file__).resolve().parent
HEADER = "origin_region,origin_sector,destination_region,destination_sector,value"


def written(folder: Path, millions: float) -> Path:
    """A table of about so many cells, with its classifications and its run file, which is returned."""
    regions = [f"R{number:03d}" for number in range(round(math.sqrt(millions * 1e6) / SECTORS))]
    sectors = [str(number + 10) for number in range(SECTORS)]
    buyers = [f"{region},{sector}" for region in regions for sector in sectors]
    random = np.random.default_rng(1)
    with (folder / "flows.csv").open("w") as file:
        file.write(HEADER + "\n")
        for seller in buyers:
            values = random.lognormal(0, 2, len(buyers)).tolist()
            file.write(
                "".join(
                    f"{seller},{buyer},{value:.6f}\n" for buyer, value in zip(buyers, values, strict=True)
                )
            )
    for name, codes in (("regions", regions), ("sectors", sectors)):
        items = [{"code": code, "name": code, "industrial": name == "sectors"} for code in codes]
        content = {"version": "bench", "source": "bench", "items": items}
        (folder / f"{name}.yaml").write_text(json.dumps(content))
    of_wave = {"layout": "long", "separator": ",", "paths": {"flows": str(folder / "flows.csv")}}
    run_file = {
        "study": "flows",
        "title": "flows",
        "country": "NL",
        "regions": str(folder / "regions.yaml"),
        "sectors": str(folder / "sectors.yaml"),
        "work": str(folder / "work"),
        "out": str(folder / "out"),
        "waves": [{"wave": "w1", "flows": of_wave}],
        "spark": {"driver_memory": "3g"},
    }
    (folder / "run.yaml").write_text(json.dumps(run_file))
    return folder / "run.yaml"


def by_diamant(run_file: str) -> None:
    """The stages up to the indicators."""
    from jobs.run import execute, opening
    from jobs.run.progress import Progress
    from jobs.stages.order import STAGES

    with opening.opened(opening.Chosen(run_file), STAGES) as context:
        execute.run(context, Progress(), "indicators")
        report()


def by_duckdb(run_file: str) -> None:
    """The same work as queries."""
    import duckdb

    given = json.loads(Path(run_file).read_text())
    link = duckdb.connect()
    link.execute("set threads = 2; set memory_limit = '3GB'")
    for name in ("regions", "sectors"):
        codes = [item["code"] for item in json.loads(Path(given[name]).read_text())["items"]]
        link.execute(f"create table {name} (code varchar, number smallint)")
        link.executemany(f"insert into {name} values (?, ?)", list(zip(codes, itertools.count(1))))
    source = given["waves"][0]["flows"]["paths"]["flows"]
    cells = f"read_csv('{source}', all_varchar = true, header = true) as cells"
    table = f"'{Path(run_file).parent / 'duckdb.parquet'}'"
    keys = HEADER.split(",")[:4]
    for place, key in enumerate(keys):
        cells += f" left join {key.split('_')[1]}s as t{place} on t{place}.code = cells.{key}"
    numbers = ", ".join(f"t{place}.number as {key}" for place, key in enumerate(keys))
    value = "try_cast(value as decimal(24, 9)) as value"
    link.execute(f"copy (select {numbers}, {value} from {cells}) to {table} (format parquet)")
    absent = " or ".join(f"{key} is null" for key in [*keys, "value"])
    faults = link.execute(f"select count(*) from {table} where {absent} or value < 0").fetchone()
    double = f"select 1 from {table} group by {', '.join(keys)} having count(*) > 1"
    assert faults == link.execute(f"select count(*) from ({double})").fetchone() == (0,)
    home, same = "origin_region = destination_region", "origin_sector = destination_sector"
    conditions = ("true", home, same, f"{home} and {same}")
    sums = ", ".join(f"sum(case when {condition} then value end)" for condition in conditions)
    for side in ("origin", "destination"):
        pair = f"{side}_region, {side}_sector"
        link.execute(f"select {pair}, {sums} from {table} group by all").fetchall()
    report()


def report() -> None:
    """Print CPU seconds of this process and those below it, and the highest resident memory of one, in GB."""
    parents, ticks, peak = {}, {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                status = (folder / "status").read_text()
            except OSError:
                continue
            own = int(folder.name)
            parents[own], ticks[own] = int(fields[1]), sum(map(int, fields[11:15]))
            peak[own] = next((int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line), 0)
    mine = {os.getpid()}
    while more := {own for own, parent in parents.items() if parent in mine} - mine:
        mine |= more
    seconds = sum(ticks[own] for own in mine) / os.sysconf("SC_CLK_TCK")
    print(json.dumps({"cpu": seconds, "peak": max(peak[own] for own in mine) / 1e6}), flush=True)


def timed(engine: str, run_file: Path) -> dict[str, float]:
    """Wall and CPU seconds and peak memory of one engine. Raises CalledProcessError where it fails."""
    began = time.monotonic()
    command = [sys.executable, __file__, "--engine", engine, "--run-file", str(run_file)]
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )
    said = json.loads([line for line in done.stdout.splitlines() if line.startswith('{"cpu"')][-1])
    return {"wall": time.monotonic() - began, **said}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=float, nargs="+", default=[5, 50], help="millions")
    parser.add_argument("--engine", choices=["diamant", "duckdb"])
    parser.add_argument("--run-file")
    given = parser.parse_args()
    if given.engine:
        {"diamant": by_diamant, "duckdb": by_duckdb}[given.engine](given.run_file)
        return
    rows = []
    for millions in given.cells:
        with tempfile.TemporaryDirectory() as place:
            run_file = written(Path(place), millions)
            engines = {engine: timed(engine, run_file) for engine in ("duckdb", "diamant")}
        ratio = engines["diamant"]["cpu"] / engines["duckdb"]["cpu"]
        for engine, measured in engines.items():
            shown = {name: round(value, 2) for name, value in measured.items()}
            rows.append({"cells_millions": millions, "engine": engine, **shown, "cpu_ratio": round(ratio, 1)})
            print(rows[-1], flush=True)
    with (HERE / "results" / "flows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
