"""A table of cases with known paths, as a user has it, and the job on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.anytable import job
from jobs.anytable.in_process import NotHere, TableInProcess
from jobs.anytable.on_spark import SparkTable
from jobs.anytable.request import Request
from jobs.errors import DiamantError
from jobs.output import manifests
from jobs.run.progress import Progress

MODEL = "f =~ y1 + y2 + y3\nf ~ x1 + x2\n"


@pytest.fixture(scope="session")
def firms():
    """A function that makes a table of cases."""
    return _firms


def _firms(groups: dict[str, float], cases: int = 120, seed: int = 3) -> pd.DataFrame:
    """Cases of a factor with three indicators; a group's path from x1 is given, that from x2 is 0.3."""
    random = np.random.default_rng(seed)
    parts = []
    for name, path in groups.items():
        region = random.integers(0, 15, cases)
        x = random.normal(size=(cases, 2))
        f = path * x[:, 0] + 0.3 * x[:, 1] + random.normal(size=cases)
        y = f[:, None] * [1.0, 0.8, 1.2] + random.normal(scale=0.7, size=(cases, 3))
        country, _, wave = name.partition(" ")
        columns = {f"y{k + 1}": y[:, k] for k in range(3)} | {f"x{k + 1}": x[:, k] for k in range(2)}
        weight = random.uniform(0.5, 2, cases)
        part = pd.DataFrame(
            {"country": country, "wave": wave or "1", "region": region, "w": weight, **columns}
        )
        part["region"] = country + " " + part.region.astype(str)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _outcome(request: Request, table, limits) -> tuple[dict[str, bytes], Exception | None]:
    """The files that a fit wrote by their name, and the error that it ended with."""
    raised = None
    try:
        job.run(request, table(), Progress(), **limits)
    except (DiamantError, NotHere) as error:
        raised = error
    files = sorted(Path(request.out).glob("*"))
    return {file.name: file.read_bytes() for file in files if file.name != manifests.NAME}, raised


@pytest.fixture
def fit(spark, tmp_path):
    """Fit MODEL (or `text`) to a frame written as CSV, or to `data`; gives the written tables by name.

    `bytes` keeps the files as they were written, but for the manifest, which only lists the others. What is
    small enough is fitted without Spark as well: the files, or the error, have to be the same.
    """

    def run(frame: pd.DataFrame | None = None, text: str = MODEL, few: int | None = None, **options):
        model = tmp_path / "model.lav"
        model.write_text(text, encoding="utf-8")
        data = options.pop("data", None)
        if data is None:
            data = tmp_path / "firms.csv"
            frame.to_csv(data, index=False)
        out = Path(options.pop("out", tmp_path / "out"))
        request = Request(data=str(data), model=str(model), out=str(out), **options).checked()
        limits = {} if few is None else {"few": few}
        run.bytes, raised = _outcome(request, lambda: SparkTable(spark, request), limits)
        apart = replace(request, out=str(tmp_path / "without_spark"))
        without_spark = _outcome(apart, lambda: TableInProcess(apart), limits)
        if not isinstance(without_spark[1], NotHere):
            words = [str(error).replace(apart.out, request.out) for error in (raised, without_spark[1])]
            assert words[0] == words[1]
            assert without_spark[0] == run.bytes
        if raised is not None:
            raise raised
        above = 0 if request.publish else 1  # the line that says that nothing was controlled
        return {
            file.stem: pd.read_csv(file, keep_default_na=False, na_values=[""], skiprows=above)
            for file in out.glob("*.csv")
        }

    return run
