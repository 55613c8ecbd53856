"""How often true invariance of ordered items is rejected at 5 %, step by step.

    python bench/invariance_size.py --data-sets 100        writes results/invariance_size.csv

One factor with six items in two groups of 500 cases each; loadings, thresholds and residual variances are the
same, the factor has another mean and twice the variance in the second group. Items have 2, 3 or 4
categories, or one each of these and three of five; "clusters": items of four categories in 50
clusters a group with effects of their own. "free thresholds" is the older way: equal loadings
with free thresholds, tested against the configural model.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.joint.hypotheses import difference_test
from jobs.sem.joint.invariance import invariance
from jobs.sem.routes.method import Method

RESULTS = Path(__file__).resolve().parent / "results" / "invariance_size.csv"
CASES, CLUSTERS, LEVEL = 500, 50, 0.05
NAMES = [f"y{place}" for place in range(1, 7)]
MODEL = "f =~ " + " + ".join(NAMES)
LOADINGS = np.array([1.0, 0.8, 1.2, 0.7, 1.0, 0.9])
CUTS = {2: [0.2], 3: [-0.5, 0.7], 4: [-0.8, 0.2, 1.0], 5: [-1.2, -0.4, 0.3, 1.2]}
DESIGNS = {  # categories of the items
    **{f"{count} categories": [count] * 6 for count in (4, 3, 2)},
    "2 to 5 categories": [2, 3, 4, 5, 5, 5],
    "4 categories, clusters": [4] * 6,
}


def draw(rng: np.random.Generator, design: str) -> pd.DataFrame:
    """A data set of two groups."""
    parts = []
    for side, level, spread in (("east", 0.0, 1.0), ("west", 0.4, np.sqrt(2.0))):
        cluster = rng.integers(0, CLUSTERS, CASES)
        effect = (
            0.4 * rng.normal(size=(CLUSTERS, 7))[cluster] if "clusters" in design else np.zeros((CASES, 7))
        )
        factor = level + spread * (rng.normal(size=CASES) + effect[:, 0])
        responses = factor[:, None] * LOADINGS + rng.normal(size=(CASES, 6)) + effect[:, 1:]
        frame = pd.DataFrame({"side": side, "cluster": [f"{side}{code}" for code in cluster]})
        for place, (name, count) in enumerate(zip(NAMES, DESIGNS[design], strict=True)):
            frame[name] = np.digitize(responses[:, place], CUTS[count])
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def tested(design: str, seed: int) -> list[tuple[str, float, bool]]:
    """Each step's p-value, and whether the model converged, in one data set."""
    rng = np.random.default_rng([seed, list(DESIGNS).index(design)])
    data = draw(rng, design)
    clusters = ("cluster",) if "clusters" in design else ()
    method = Method(estimator="dwls", ordered=tuple(NAMES), clusters=clusters)
    with threadpool_limits(1):
        table = invariance(MODEL, data, "side", method)
        older = [fit_multigroup(MODEL, data, "side", method, equal) for equal in ((), ("loadings",))]
        free = difference_test(*older)
    rows = [(row.model, row.delta_pvalue, row.status == "converged") for row in table[1:].itertuples()]
    return [*rows, ("free thresholds", free.pvalue, not free.detail)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-sets", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    rows = []
    with ProcessPoolExecutor(given.workers) as pool:
        for design in DESIGNS:
            every = pool.map(partial(tested, design), range(given.data_sets), chunksize=5)
            long = pd.DataFrame(
                [row for one in every for row in one], columns=["step", "pvalue", "converged"]
            )
            for step, part in long.groupby("step", sort=False):
                pvalues = part.pvalue.dropna()
                rejected = (pvalues < LEVEL).mean() if len(pvalues) else np.nan
                rows.append((design, step, len(part), int(part.converged.sum()), len(pvalues), rejected))
            columns = ["design", "step", "data_sets", "converged", "tested", "rejected"]
            pd.DataFrame(rows, columns=columns).round(4).to_csv(RESULTS, index=False)
            print(pd.DataFrame(rows, columns=columns).tail(5).to_string(), flush=True)


if __name__ == "__main__":
    main()
