"""How often the test of fit rejects a true model at 5 %: the plain, the scaled and the adjusted test.

    python bench/fit_size.py --data-sets 1000        writes results/fit_size.csv

One factor with six indicators and two predictors, 600 firms, independent; weighted (lognormal, of a spread of
1, and not related to anything); and in 12 to 240 clusters of equal or of very unequal size (Zipf), with
effects of the clusters on predictors, factor and each indicator. The model is true in all of them.

By three routes (`--routes`): ml; fiml, a tenth of four indicators' answers missing; groups, firms in two
groups by chance that share their clusters, fitted at once with equal loadings. Rows of other routes stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.routes.method import Method

RESULTS = Path(__file__).resolve().parent / "results" / "fit_size.csv"
MODEL = "f =~ y0 + y1 + y2 + y3 + y4 + y5\nf ~ x0 + x1"
FIRMS = 600
LEVEL = 0.05
CLUSTERS = (12, 40, 100, 240)
ROUTES = ("ml", "fiml", "groups")


def designs() -> Iterator[tuple[str, int, bool, bool]]:
    """Name, clusters (0: none), whether their sizes are unequal, whether firms are weighted."""
    yield "independent", 0, False, False
    yield "weighted", 0, False, True
    for count in CLUSTERS:
        yield f"{count} equal clusters", count, False, False
        yield f"{count} unequal clusters", count, True, False
    yield "100 equal clusters, weighted", 100, False, True


def clusters(rng: np.random.Generator, count: int, unequal: bool) -> np.ndarray:
    """The cluster of each firm: as likely as any other, or by Zipf's law."""
    share = 1 / np.arange(1, count + 1) if unequal else np.ones(count)
    return rng.choice(count, FIRMS, p=share / share.sum())


def draw(rng: np.random.Generator, count: int, unequal: bool) -> pd.DataFrame:
    """A data set of the true model, with the cluster of each firm."""
    cluster = clusters(rng, max(count, 1), unequal)
    effect = 0.7 * rng.normal(size=(count, 9)) if count else np.zeros((1, 9))
    own = effect[cluster]
    x = rng.normal(size=(FIRMS, 2)) + own[:, :2]
    f = x @ [0.4, 0.2] + rng.normal(size=FIRMS) + own[:, 2]
    y = f[:, None] * [1.0, 0.8, 1.2, 0.7, 0.9, 1.1] + rng.normal(size=(FIRMS, 6)) + own[:, 3:]
    columns = {f"x{k}": x[:, k] for k in range(2)} | {f"y{k}": y[:, k] for k in range(6)}
    return pd.DataFrame({**columns, "cluster": cluster, "w": np.exp(rng.normal(size=FIRMS))})


def p_values(seed: int, design: tuple[str, int, bool, bool], route: str) -> tuple[float, ...]:
    """The p-values of the plain, scaled and adjusted test of one data set; NaN where there is none."""
    name, count, unequal, weighted = design
    rng = np.random.default_rng([seed, *name.encode()])
    method = Method(
        clusters=("cluster",) if count else (),
        weights="w" if weighted else None,
        missing="fiml" if route == "fiml" else "listwise",
    )
    data = draw(rng, count, unequal)
    if route == "fiml":
        data = data.mask((rng.random(data.shape) < 0.1) & data.columns.isin([f"y{k}" for k in range(4)]))
    with threadpool_limits(1):
        if route == "groups":
            data["half"] = rng.integers(0, 2, FIRMS)
            measures = pd.Series(
                fit_multigroup(MODEL, data, "half", method, ("loadings",)).measures, dtype=float
            )
        else:
            measures = fit_groups(MODEL, data, None, method).fit_measures.set_index("measure").value
    return tuple(float(measures.get(name, np.nan)) for name in ("pvalue", "pvalue_scaled", "pvalue_adjusted"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data-sets", type=int, default=1000)
    options.add_argument("--routes", nargs="+", choices=ROUTES, default=ROUTES)
    chosen = options.parse_args()
    count, before = chosen.data_sets, pd.read_csv(RESULTS)
    rows = before[~before.route.isin(chosen.routes)].to_dict("records")
    with ProcessPoolExecutor() as pool:
        for route, design in product(chosen.routes, designs()):
            fitted = partial(p_values, design=design, route=route)
            drawn = np.array(list(pool.map(fitted, range(count), chunksize=20)))
            known = ~np.isnan(drawn)
            rejected = (np.where(known, drawn, 1.0) < LEVEL).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
            shares = np.where(known.any(axis=0), rejected, np.nan)
            named = dict(zip(("plain", "scaled", "adjusted"), shares, strict=True))
            rows.append({"route": route, "design": design[0], "data_sets": count, **named})
            print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(RESULTS, index=False, float_format="%.3f")


if __name__ == "__main__":
    main()
