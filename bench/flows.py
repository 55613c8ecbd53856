"""Input-output tables of millions of cells: from a file to committed indicators, beside DuckDB and Polars.

All read the same file, a long table as text or in Parquet, or a matrix: labels to numbers, values to exact
decimals, faults and double cells looked for, cells written as Parquet, and summed on both sides of each
region and sector. Each runs in a process of its own, in turn; CPU is that of the process and all it started,
memory the highest resident of any of them.

    python bench/flows.py --cells 5 50           millions; writes bench/results/flows.csv
    python bench/flows.py --forms wide --cells 14
    python bench/flows.py --cells 300            takes its time

Needs duckdb and polars, which the program itself does not: `uv pip install duckdb polars`.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SECTORS = 15
HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "flows.csv"
KEYS = ["origin_region", "origin_sector", "destination_region", "destination_sector"]
FORMS = {
    "long": {"layout": "long", "separator": ","},
    "parquet": {"layout": "long", "format": "parquet"},
    "wide": {"layout": "wide", "separator": ","},
}


def written(folder: Path, form: str, millions: float) -> Path:
    """A table of about so many cells, with its classifications and its run file, which is returned."""
    regions = [f"R{number:03d}" for number in range(round(math.sqrt(millions * 1e6) / SECTORS))]
    sectors = [str(number + 10) for number in range(SECTORS)]
    buyers = [(region, sector) for region in regions for sector in sectors]
    random = np.random.default_rng(1)
    rows = ((seller, random.lognormal(0, 2, len(buyers)).round(6)) for seller in buyers)
    file = folder / f"flows.{'parquet' if form == 'parquet' else 'csv'}"
    {"long": _long, "parquet": _parquet, "wide": _wide}[form](file, buyers, rows)
    for name, codes in (("regions", regions), ("sectors", sectors)):
        items = [{"code": code, "name": code, "industrial": name == "sectors"} for code in codes]
        content = {"version": "bench", "source": "bench", "items": items}
        (folder / f"{name}.yaml").write_text(json.dumps(content))
    run_file = {
        "study": "flows",
        "title": "flows",
        "country": "NL",
        "regions": str(folder / "regions.yaml"),
        "sectors": str(folder / "sectors.yaml"),
        "work": str(folder / "work"),
        "out": str(folder / "out"),
        "waves": [{"wave": "w1", "flows": {**FORMS[form], "paths": {"flows": str(file)}}}],
        "spark": {"driver_memory": "3g"},
    }
    (folder / "run.yaml").write_text(json.dumps(run_file))
    return folder / "run.yaml"


Buyers = list[tuple[str, str]]
Rows = Iterator[tuple[tuple[str, str], np.ndarray]]


def _long(file: Path, buyers: Buyers, rows: Rows) -> None:
    with file.open("w") as stream:
        stream.write(",".join([*KEYS, "value"]) + "\n")
        for seller, values in rows:
            cells = zip(buyers, values.tolist(), strict=True)
            stream.write("".join(f"{','.join(seller + buyer)},{value:.6f}\n" for buyer, value in cells))


def _parquet(file: Path, buyers: Buyers, rows: Rows) -> None:
    columns = [pa.array([label[place] for label in buyers]).dictionary_encode() for place in (0, 1)]
    schema = pa.schema([*((key, pa.string()) for key in KEYS), ("value", pa.float64())])
    with pq.ParquetWriter(file, schema) as writer:
        for block in _blocks(rows, 50):
            sellers = [pa.array([seller[place] for seller, _ in block for _ in buyers]) for place in (0, 1)]
            own = [pa.chunked_array([column.cast(pa.string())] * len(block)) for column in columns]
            values = pa.array(np.concatenate([values for _, values in block]))
            writer.write_table(pa.table([*sellers, *own, values], schema=schema))


def _blocks(rows: Rows, size: int) -> Iterator[list[Any]]:
    while block := list(itertools.islice(rows, size)):
        yield block


def _wide(file: Path, buyers: Buyers, rows: Rows) -> None:
    with file.open("w") as stream:
        for place in (0, 1):
            stream.write(",".join(["", "", *(buyer[place] for buyer in buyers)]) + "\n")
        for seller, values in rows:
            stream.write(",".join([*seller, *(f"{value:.6f}" for value in values.tolist())]) + "\n")


def by_diamant(run_file: str) -> None:
    """The stages up to the indicators."""
    from jobs.run import execute, opening
    from jobs.run.progress import Progress
    from jobs.stages.order import STAGES

    with opening.opened(opening.Chosen(run_file), STAGES) as context:
        execute.run(context, Progress(), "indicators")


def _given(run_file: str) -> tuple[str, str, list[str], list[str]]:
    """The form and the file of the table, the codes of regions and of sectors."""
    given = json.loads(Path(run_file).read_text())
    settings = given["waves"][0]["flows"]
    form = next(name for name, known in FORMS.items() if known.items() <= settings.items())
    codes = [
        [item["code"] for item in json.loads(Path(given[name]).read_text())["items"]]
        for name in ("regions", "sectors")
    ]
    return form, settings["paths"]["flows"], *codes


def by_duckdb(run_file: str) -> None:
    """The same work as queries."""
    import duckdb

    form, source, regions, sectors = _given(run_file)
    link = duckdb.connect()
    link.execute("set threads = 2; set memory_limit = '3GB'")
    for name, codes in (("region", regions), ("sector", sectors)):
        link.execute(f"create table {name} (code varchar, number smallint)")
        link.executemany(f"insert into {name} values (?, ?)", list(zip(codes, itertools.count(1))))
    if form == "wide":
        link.execute(
            "create table buyer (place varchar, destination_region varchar, destination_sector varchar)"
        )
        buyers = itertools.product(regions, sectors)
        width = len(str(len(regions) * len(sectors) + 1))
        places = [(f"column{place:0{width}d}", *buyer) for place, buyer in enumerate(buyers, start=2)]
        link.execute(
            "insert into buyer select unnest($1), unnest($2), unnest($3)",
            list(map(list, zip(*places, strict=True))),
        )
        first, second = (f"column{place:0{width}d}" for place in (0, 1))
        lines = (
            f"read_csv('{source}', all_varchar = true, header = false, skip = 2, max_line_size = 10000000)"
        )
        cells = (
            f"(select {first} as origin_region, {second} as origin_sector, destination_region, "
            f"destination_sector, value from (unpivot (from {lines}) on columns(* exclude ({first}, "
            f"{second})) into name place value value) join buyer using (place)) as cells"
        )
    else:
        read = f"read_csv('{source}', all_varchar = true, header = true)" if form == "long" else f"'{source}'"
        cells = f"{read} as cells"
    table = f"'{Path(run_file).parent / 'duckdb.parquet'}'"
    for place, key in enumerate(KEYS):
        cells += f" left join {key.split('_')[1]} as t{place} on t{place}.code = cells.{key}"
    numbers = ", ".join(f"t{place}.number as {key}" for place, key in enumerate(KEYS))
    value = "try_cast(value as decimal(24, 9)) as value"
    link.execute(f"copy (select {numbers}, {value} from {cells}) to {table} (format parquet)")
    absent = " or ".join(f"{key} is null" for key in [*KEYS, "value"])
    faults = link.execute(f"select count(*) from {table} where {absent} or value < 0").fetchone()
    double = f"select 1 from {table} group by {', '.join(KEYS)} having count(*) > 1"
    assert faults == link.execute(f"select count(*) from ({double})").fetchone() == (0,)
    home, same = "origin_region = destination_region", "origin_sector = destination_sector"
    conditions = ("true", home, same, f"{home} and {same}")
    sums = ", ".join(f"sum(case when {condition} then value end)" for condition in conditions)
    for side in ("origin", "destination"):
        pair = f"{side}_region, {side}_sector"
        link.execute(f"select {pair}, {sums} from {table} group by all").fetchall()


def by_polars(run_file: str) -> None:
    """The same work as lazy frames, streamed."""
    import polars as pl

    form, source, regions, sectors = _given(run_file)
    if form == "wide":
        lines = pl.read_csv(source, has_header=False, skip_rows=2, infer_schema=False)
        first, second, *others = lines.columns
        buyers = pl.DataFrame(
            [
                (place, *buyer)
                for place, buyer in zip(others, itertools.product(regions, sectors), strict=True)
            ],
            ["place", *KEYS[2:]],
            orient="row",
        )
        cells = (
            lines.lazy()
            .unpivot(others, index=[first, second], variable_name="place", value_name="value")
            .rename({first: KEYS[0], second: KEYS[1]})
            .join(buyers.lazy(), on="place")
        )
    else:
        cells = pl.scan_csv(source, infer_schema=False) if form == "long" else pl.scan_parquet(source)
    table = Path(run_file).parent / "polars.parquet"
    numbered = [
        pl.col(key).replace_strict(
            {code: place for place, code in enumerate(regions if "region" in key else sectors, start=1)},
            default=None,
            return_dtype=pl.Int16,
        )
        for key in KEYS
    ]
    cells.select(*numbered, pl.col("value").cast(pl.Decimal(24, 9), strict=False)).sink_parquet(table)
    kept = pl.scan_parquet(table)
    absent = pl.any_horizontal(pl.all().is_null()) | (pl.col("value") < 0)
    double = kept.group_by(KEYS).len().filter(pl.col("len") > 1)
    for faults in (kept.filter(absent), double):
        assert faults.select(pl.len()).collect(engine="streaming").item() == 0
    home = pl.col("origin_region") == pl.col("destination_region")
    same = pl.col("origin_sector") == pl.col("destination_sector")
    conditions = (pl.lit(True), home, same, home & same)
    sums = [
        pl.when(condition).then("value").sum().alias(str(place)) for place, condition in enumerate(conditions)
    ]
    for side in ("origin", "destination"):
        kept.group_by(f"{side}_region", f"{side}_sector").agg(*sums).collect(engine="streaming")


ENGINES: dict[str, Callable[[str], None]] = {"duckdb": by_duckdb, "polars": by_polars, "diamant": by_diamant}


def below(root: int) -> dict[int, tuple[float, float]]:
    """CPU seconds so far and highest resident GB of a process and of each below it, by process."""
    parents, seen = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                status = (folder / "status").read_text()
            except OSError:
                continue
            peak = next((int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line), 0)
            seconds = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
            parents[int(folder.name)], seen[int(folder.name)] = int(fields[1]), (seconds, peak / 1e6)
    mine = {root}
    while more := {own for own, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return {own: seen[own] for own in mine if own in seen}


def timed(engine: str, run_file: Path) -> dict[str, float]:
    """Wall and CPU seconds and peak memory of one engine. Raises CalledProcessError where it fails.

    CPU is that of all processes below the engine's, looked at ten times a second: some end on the way.
    """
    began = time.monotonic()
    command = [sys.executable, __file__, "--engine", engine, "--run-file", str(run_file)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "POLARS_MAX_THREADS": "2"}
    cpu: dict[int, float] = {}
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        while process.poll() is None:
            for own, (seconds, highest) in below(process.pid).items():
                cpu[own], peak = seconds, max(peak, highest)
            time.sleep(0.1)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {"wall": time.monotonic() - began, "cpu": sum(cpu.values()), "peak": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=float, nargs="+", default=[5, 50], help="millions")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=["long"])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--run-file")
    given = parser.parse_args()
    if given.engine:
        ENGINES[given.engine](given.run_file)
        return
    asked = set(itertools.product(given.forms, given.cells))
    with RESULTS.open(newline="") as file:
        before = list(csv.DictReader(file))
    rows = [row for row in before if (row["form"], float(row["cells_millions"])) not in asked]
    for form, millions in itertools.product(given.forms, given.cells):
        with tempfile.TemporaryDirectory() as place:
            run_file = written(Path(place), form, millions)
            measured = {engine: timed(engine, run_file) for engine in given.engines}
        for engine, of_engine in measured.items():
            shown = {name: round(value, 2) for name, value in of_engine.items()}
            ratio = round(of_engine["cpu"] / measured["duckdb"]["cpu"], 1) if "duckdb" in measured else ""
            rows.append(
                {"form": form, "cells_millions": millions, "engine": engine, **shown, "cpu_ratio": ratio}
            )
            print(rows[-1], flush=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[-1].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
