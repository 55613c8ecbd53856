"""Whether a converged fit is the optimum: random models, each beside the best of ten random starts.

    python bench/optimum.py --models 2000        writes bench/results/optimum.csv

Models have up to four factors with loadings of either sign, markers fixed at any value or variances fixed
instead, cross loadings, correlated residuals, equal loadings, paths and predictors; the data come from a
model of the same kind with other values, and every third time from one that the text leaves out something
of. A fit counts as beaten where a random start ends lower by more than 1e-6 at a solution that is admissible.
"""

from __future__ import annotations

import argparse
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from jobs.sem.checks import check_admissible, check_estimate
from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import Structure, structure_of
from jobs.sem.trouble import TROUBLES, Trouble

RESULTS = Path(__file__).resolve().parent / "results" / "optimum.csv"
STARTS = 10
BEATEN = 1e-6


def text(rng: np.random.Generator) -> str:
    """A random model in lavaan's syntax."""
    lines, items = [], 0
    factors = [f"f{number}" for number in range(rng.integers(1, 5))]
    for factor in factors:
        names = [f"y{items + place}" for place in range(rng.integers(3, 6))]
        items += len(names)
        terms = list(names)
        way = rng.integers(5)
        if way == 1:  # a marker at another value, of either sign
            terms[0] = f"{rng.choice([-2, -1, -0.5, 0.5, 3])}*{names[0]}"
        if way in (2, 3):  # the variance is fixed instead, or beside a fixed loading
            terms[0] = f"NA*{names[0]}"
            lines.append(f"{factor} ~~ {rng.choice([1, 2])}*{factor}")
        if way == 3:
            terms[1] = f"{rng.choice([-1, -0.5, 0.7])}*{names[1]}"
        if rng.random() < 0.2:
            terms[-1], terms[-2] = f"e{factor}*{names[-1]}", f"e{factor}*{names[-2]}"
        lines.append(f"{factor} =~ {' + '.join(terms)}")
        if rng.random() < 0.2:
            lines.append(f"{names[-1]} ~~ {names[-3]}")
    if len(factors) > 1 and rng.random() < 0.3:
        lines.append(f"{factors[0]} =~ y{items - 1}")
    predictors = [f"x{number}" for number in range(rng.integers(0, 3))]
    for place, factor in enumerate(factors):
        known = [*factors[:place], *predictors]
        causes = [name for name in known if rng.random() < 0.4]
        if causes:
            lines.append(f"{factor} ~ {' + '.join(causes)}")
    return "\n".join(lines)


def covariance(structure: Structure, rng: np.random.Generator) -> np.ndarray:
    """A sample's covariance matrix from the model at random values; every third model lacks something."""
    x = structure.start() * rng.choice([-1, 1], structure.q) * rng.uniform(0.3, 1.3, structure.q)
    for parameter in structure.parameters:
        if parameter.free is None:
            continue
        if parameter.op == "~":
            x[parameter.free] = rng.uniform(-0.6, 0.6)
        elif parameter.op == "~~":
            own = parameter.lhs == parameter.rhs
            x[parameter.free] = rng.uniform(0.4, 1.5) if own else rng.uniform(-0.2, 0.2)
    true = structure.with_exogenous(np.eye(structure.p) * 0.8 + 0.2).sigma(x)
    if rng.integers(3) == 0:
        left_out = rng.normal(size=structure.p) * 0.5
        true = true + np.outer(left_out, left_out)
    true = true + max(0.0, 0.05 - np.linalg.eigvalsh(true)[0]) * np.eye(structure.p)
    unit = rng.choice([0.01, 1.0, 50.0], structure.p) if rng.random() < 0.3 else np.ones(structure.p)
    cases = rng.integers(60, 600)
    data = rng.multivariate_normal(np.zeros(structure.p), true, cases) * unit
    return np.cov(data.T, bias=True)


def compared(seed: int) -> dict[str, Any]:
    """A random model: its status, its discrepancy, and the least that ten random starts end at."""
    rng = np.random.default_rng(seed)
    model = text(rng)
    structure = structure_of(model)
    sample = covariance(structure, rng)
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
    found = rows[(rows.status != "converged") & np.isfinite(rows.best)]
    print(f"no fit, though a random start ends at an admissible solution: {len(found)}")


if __name__ == "__main__":
    main()
