"""Do 95 % intervals hold the truth where clusters are few, unequal, or few of them are treated?

    python bench/coverage_designs.py --data-sets 500       writes results/coverage_designs.csv

One factor with four indicators, 600 firms, effects of the regions on the factor; its paths from a predictor
of firms and from one of regions. Regions: 12 to 240, of equal size or by Zipf's law; the regional predictor
is normal, lognormal, or tells three treated regions from all others; firms may be weighted (lognormal). By
path and kind of error: the share of intervals that hold the truth, and the median degrees of freedom.
"effects": bias-reduced with common effects of a region as the working model.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from fit_size import FIRMS, clusters
from threadpoolctl import threadpool_limits

from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method

RESULTS = Path(__file__).resolve().parent / "results" / "coverage_designs.csv"
MODEL = "f =~ y0 + y1 + y2 + y3\nf ~ x + r"
TRUTH = {"x": 0.4, "r": 0.3}


@dataclass(frozen=True)
class Design:
    """`regions` of equal or `unequal` size, the regional predictor's `law`, whether firms are `weighted`."""

    regions: int
    unequal: bool
    law: str
    weighted: bool


def designs() -> Iterator[Design]:
    for regions in (12, 40, 100, 240):
        for unequal in (False, True):
            yield Design(regions, unequal, "normal", False)
    yield Design(40, False, "lognormal", False)
    yield Design(40, False, "three treated", False)
    yield Design(100, True, "three treated", False)
    yield Design(40, False, "normal", True)


def draw(rng: np.random.Generator, design: Design) -> pd.DataFrame:
    """A data set of the design."""
    count = design.regions
    region = clusters(rng, count, design.unequal)
    if design.law == "three treated":
        of_region = np.isin(np.arange(count), rng.choice(count, 3, replace=False)).astype(float)
    else:
        of_region = rng.normal(size=count)
        of_region = np.exp(of_region) if design.law == "lognormal" else of_region
    x, r = rng.normal(size=FIRMS), of_region[region]
    f = TRUTH["x"] * x + TRUTH["r"] * r + 0.4 * rng.normal(size=count)[region] + rng.normal(size=FIRMS)
    items = {f"y{k}": f * loading + rng.normal(size=FIRMS) for k, loading in enumerate((1, 0.8, 1.2, 0.7))}
    return pd.DataFrame({**items, "x": x, "r": r, "region": region, "w": np.exp(rng.normal(size=FIRMS))})


def covered(seed: int, design: Design) -> pd.DataFrame:
    """By path and kind of error whether the interval holds the truth, and its degrees of freedom."""
    rng = np.random.default_rng([seed, *str(astuple(design)).encode()])
    data, parts = draw(rng, design), []
    for working in ("independent", "effects"):
        weights = "w" if design.weighted else None
        method = Method(clusters=("region",), weights=weights, working=working)
        with threadpool_limits(1):
            report = fit_groups(MODEL, data, None, method)
        rows = report.estimates[(report.estimates.op == "~") & (report.status.status[0] == "converged")]
        if working == "effects":  # all other errors are the same
            reduced = rows[rows.error == "bias_reduced:region"]
            rows = reduced.assign(error="bias_reduced:region (effects)")
        parts.append(rows)
    paths = pd.concat(parts)
    truth = paths.rhs.map(TRUTH)
    holds = (paths.ci_lower <= truth) & (truth <= paths.ci_upper)
    return pd.DataFrame({"path": paths.rhs, "error": paths.error, "holds": holds, "df": paths.df})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data-sets", type=int, default=500)
    options.add_argument("--regions", type=int, nargs="*", help="of the designs; others keep their rows")
    given = options.parse_args()
    count = given.data_sets
    chosen = [design for design in designs() if not given.regions or design.regions in given.regions]
    parts = []
    with ProcessPoolExecutor() as pool:
        for design in chosen:
            drawn = pd.concat(pool.map(partial(covered, design=design), range(count), chunksize=20))
            part = drawn.groupby(["path", "error"]).agg(
                data_sets=("holds", "size"), coverage=("holds", "mean"), df=("df", "median")
            )
            parts.append(part.reset_index().assign(**vars(design)))
            print(design, part.coverage.round(3).to_dict(), flush=True)
    table = pd.concat(parts)[[*vars(chosen[0]), *parts[0].columns[:5]]]
    if given.regions:
        before = pd.read_csv(RESULTS)
        table = pd.concat([before[~before.regions.isin(given.regions)], table])
    table.to_csv(RESULTS, index=False, float_format="%.3f")


if __name__ == "__main__":
    main()
