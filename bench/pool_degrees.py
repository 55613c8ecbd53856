"""Does a pool hold what it promises where the errors of its groups have few degrees of freedom?

Estimates of independent groups with known truth, their squared errors drawn from chi-square laws of few
degrees; pooled with all groups of two degrees and more, and with those of ten and more alone.

    .venv/bin/python bench/pool_degrees.py --pools 800

Writes bench/results/pool_degrees.csv: how often 95 % intervals hold the truth, and their median width. A
design depends on its number alone.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.sem.arrays import Array
from jobs.sem.groups.pooling import pool

RESULTS = Path(__file__).parent / "results"
GROUPS = (3, 6, 20, 40)
DEGREES = ((2.0, 4.0), (3.0, 6.0), (2.0, 30.0))  # the least and the most of a pool's errors
UNLIKE = (1.0, 4.0)  # how many times as large the largest error is as one in the middle
SPREAD = (0.0, 0.5, 2.0)  # variance between groups, in units of the squared error in the middle
FEWEST = (2.0, 10.0)
TRUTH = 0.0


def drawn(
    random: np.random.Generator, groups: int, degrees: tuple[float, float], unlike: float, spread: float
) -> tuple[Array, Array, Array]:
    """Estimates, squared errors and their degrees of freedom of the groups of one pool (k each)."""
    df = random.uniform(*degrees, groups)
    variance = unlike ** (2 * random.uniform(-1, 1, groups))
    estimates = TRUTH + random.normal(size=groups) * np.sqrt(variance + spread)
    return estimates, variance * random.chisquare(df) / df, df


def interval(estimates: Array, squared: Array) -> tuple[bool, float] | None:
    """Whether the interval of the mean holds the truth, and its width; none of fewer than two groups."""
    if len(estimates) < 2:
        return None
    pooled = pool(estimates, np.diag(squared))
    return pooled.ci_lower < TRUTH < pooled.ci_upper, pooled.ci_upper - pooled.ci_lower


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--pools", type=int, default=800)
    pools = options.parse_args().pools
    rows = []
    for number, design in enumerate(itertools.product(GROUPS, DEGREES, UNLIKE, SPREAD)):
        random = np.random.default_rng(number)
        intervals: dict[float, list[tuple[bool, float]]] = {fewest: [] for fewest in FEWEST}
        for _ in range(pools):
            estimates, squared, df = drawn(random, *design)
            for fewest, known in intervals.items():
                own = interval(estimates[df >= fewest], squared[df >= fewest])
                known += [] if own is None else [own]
        groups, (least, most), unlike, spread = design
        for fewest, known in intervals.items():
            if known:
                held, widths = zip(*known, strict=True)
                figures = {"pools": len(known), "coverage": np.mean(held), "width": np.median(widths)}
                sizes = {"groups": groups, "least_df": least, "most_df": most, "unlike": unlike}
                rows.append({**sizes, "spread": spread, "fewest_df": fewest, **figures})
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS / "pool_degrees.csv", index=False, float_format="%.4g", lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
