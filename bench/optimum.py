"""Whether a converged fit is the optimum: random models, each beside the best of ten random starts.

    python bench/optimum.py --models 2000        writes bench/results/optimum.csv

Models and data are those of random_models. A fit counts as beaten where a random start ends lower by more
than 1e-6 at a solution that is admissible.
"""

from __future__ import annotations

import argparse
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import random_models
from threadpoolctl import threadpool_limits

from jobs.sem.checks import check_admissible, check_estimate
from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import Structure, structure_of
from jobs.sem.trouble import TROUBLES, Trouble

RESULTS = Path(__file__).resolve().parent / "results" / "optimum.csv"
STARTS = 10
BEATEN = 1e-6


def compared(seed: int) -> dict[str, Any]:
    """A random model: its status, its discrepancy, and the least that ten random starts end at."""
    rng = np.random.default_rng(seed)
    structure = structure_of(random_models.text(rng))
    sample = np.cov(random_models.data(structure, rng, int(rng.integers(60, 600))).to_numpy().T, bias=True)
    row: dict[str, Any] = {"seed": seed, "parameters": structure.q, "status": "converged"}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimate = ml.fit(structure, sample)
            row["discrepancy"] = estimate.objective
            check_estimate(estimate)
            check_admissible(structure, estimate.x)
        except Trouble as trouble:
            row["status"] = trouble.status
        except TROUBLES:
            row["status"] = "not converged"
        row["best"] = min((_end(structure, sample, rng) for _ in range(STARTS)), default=np.inf)
    row["beaten"] = bool(
        row["status"] == "converged" and row["best"] < row["discrepancy"] * (1 - BEATEN) - BEATEN
    )
    return row


def _end(structure: Structure, sample: np.ndarray, rng: np.random.Generator) -> float:
    """Where a search from a random start ends; infinite where it is no admissible solution."""
    start = structure.start() + rng.normal(scale=0.7, size=structure.q)
    try:
        estimate = ml.search(structure, sample, start)
        check_estimate(estimate)
        check_admissible(structure, estimate.x)
    except TROUBLES:
        return np.inf
    return float(estimate.objective)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=int, default=2000)
    models = options.parse_args().models
    with ProcessPoolExecutor() as pool:
        rows = pd.DataFrame(pool.map(compared, range(models), chunksize=20))
    rows.to_csv(RESULTS, index=False, float_format="%.9g")
    print(rows.status.value_counts().to_string())
    print(f"beaten by a random start: {rows.beaten.sum()} of {(rows.status == 'converged').sum()}")
    missed = rows[(rows.status != "converged") & np.isfinite(rows.best)]
    print(f"no fit, though a random start ends at an admissible solution: {len(missed)}")


if __name__ == "__main__":
    main()
