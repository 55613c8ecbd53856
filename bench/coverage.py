"""Do intervals hold what they promise? Data sets with known truth, drawn and fitted on Spark.

recovery  the demo's own simulator, one wave a data set, and the study's model: 95 % intervals of all
          structural paths, errors by cells
regions   the study's model in small, with 12 regions that have effects of their own and predictors that all
          firms of a region share: 95 % intervals, and 5 % tests that a path is the same in both groups, by
          kind of error. Every kind that `fit_groups` reports has its line
bootstrap the same data sets: intervals of the cluster bootstrap, of paths and of their differences

    .venv/bin/python bench/coverage.py recovery --data-sets 200
    .venv/bin/python bench/coverage.py regions --data-sets 2000
    .venv/bin/python bench/coverage.py bootstrap --data-sets 500

Writes bench/results/coverage_*.csv. A data set depends on its number alone, not on executors or cores.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from scipy import stats

from jobs.sem.bootstrap.replicates import Drawing, bootstrap
from jobs.sem.groups.fit import fit_groups
from jobs.sem.groups.rows import FitReport
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method
from jobs.settings import classifications, resources
from jobs.settings.reading import read
from jobs.settings.session import SparkSettings
from jobs.simulate.answers import GROUPS, truth
from jobs.simulate.firms import Plan
from jobs.simulate.survey import respondents
from jobs.spark import session
from jobs.spark.spread import spread
from jobs.stages.simulate import PARAMETERS

RESULTS = Path(__file__).parent / "results"
DEMO = "conf/runs/demo.yaml"
LEVEL = 0.05

SMALL_MODEL = """
results =~ innovative_share + competitive_contribution
effort =~ rd_effort + other_effort
results ~ effort + complementarity + commonality
"""
PATHS = {"effort": 0.5, "complementarity": 0.0, "commonality": 0.5}
REGION_SD = {"shared": 0.25, "own": 0.15}  # regions' effects on both groups, on each alone; the firms' is 1
# Firms of a group by region. The unequal ones are the weights of conf/simulation.yaml, stretched.
DESIGNS = {
    "balanced": [40] * 12,
    "unequal": [10, 12, 12, 15, 15, 20, 25, 30, 45, 60, 90, 146],
}
REPLICATES = 500
BOOTSTRAP_INTERVALS = {"percentile": ("ci_lower", "ci_upper"), "bca": ("bca_lower", "bca_upper")}
NUMBERS = ["est", "se", "df", "lower", "upper"]
ROW = ["data_set", "group", "path", "error", *NUMBERS]


def estimates(report: FitReport, data_set: str) -> pd.DataFrame:
    """The structural paths of a fit in the columns of ROW; and the normal law beside clusters' t."""
    rows = report.estimates[report.estimates.op == "~"]
    taken = rows[["group", "rhs", "error", "est", "se", "df", "ci_lower", "ci_upper"]].rename(
        columns={"rhs": "path", "ci_lower": "lower", "ci_upper": "upper"}
    )
    normal = taken[taken.error.str.startswith("cluster:")].astype({"se": float})
    width = stats.norm.ppf(1 - LEVEL / 2) * normal.se
    normal = normal.assign(
        error=normal.error + ", normal law", df=np.nan, lower=normal.est - width, upper=normal.est + width
    )
    every = pd.concat([taken, normal], ignore_index=True).assign(data_set=data_set)
    return every.astype(dict.fromkeys(NUMBERS, float))[ROW]


def drawn(design: str, number: int) -> pd.DataFrame:
    """Data set `number` of a design: two groups of firms in the same regions."""
    draw = np.random.default_rng([number, list(DESIGNS).index(design)])
    sizes = np.array(DESIGNS[design])
    region = np.tile(np.repeat(np.arange(len(sizes)), sizes), 2)
    n = len(region)
    side = np.repeat([0, 1], n // 2)
    shared = {name: draw.uniform(size=len(sizes))[region] for name in ("complementarity", "commonality")}
    effort = draw.normal(size=n)
    results = PATHS["effort"] * effort + sum(PATHS[name] * values for name, values in shared.items())
    results += REGION_SD["shared"] * draw.normal(size=len(sizes))[region]
    results += REGION_SD["own"] * draw.normal(size=(2, len(sizes)))[side, region] + draw.normal(size=n)
    items = {
        name: loading * factor + 0.6 * draw.normal(size=n)
        for name, loading, factor in (
            ("innovative_share", 1.0, results),
            ("competitive_contribution", 0.8, results),
            ("rd_effort", 1.0, effort),
            ("other_effort", 0.8, effort),
        )
    }
    return pd.DataFrame({**items, **shared, "region": region, "group": np.array(list(GROUPS))[side]})


def fitted(task: tuple[str, range]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Data sets of a design: estimates, and p-values of the differences between the groups."""
    design, numbers = task
    found, tests = [], []
    for number in numbers:
        report = fit_groups(SMALL_MODEL, drawn(design, number), "group", Method(clusters=("region",)))
        found.append(estimates(report, f"{design} {number}"))
        differences = report.differences[report.differences.op == "~"].rename(columns={"rhs": "path"})
        tests.append(differences[["path", "error", "pvalue"]].assign(data_set=f"{design} {number}"))
    return pd.concat(found), pd.concat(tests)


def regions(spark: SparkSession, data_sets: int) -> None:
    """Coverage and size with 12 regions: coverage_regions.csv and coverage_differences.csv."""
    parts = spread(spark, fitted, batches(data_sets))
    found = pd.concat([one for one, _ in parts]).assign(truth=lambda rows: rows.path.map(PATHS))
    found["design"] = found.data_set.str.split().str[0]
    _write("coverage_regions", summary(found, ["design", "path", "error"]))
    tests = pd.concat([one for _, one in parts])
    tests["design"] = tests.data_set.str.split().str[0]
    tests["rejected"] = (tests.pvalue < LEVEL).where(tests.pvalue.notna())
    by_error = tests.groupby(["design", "path", "error"], sort=True)
    sizes = by_error.rejected.agg(["count", "mean"]).set_axis(["data_sets", "rejected"], axis=1)
    _write("coverage_differences", sizes.reset_index())


def batches(data_sets: int, size: int = 25) -> list[tuple[str, range]]:
    """Numbers of data sets by design, so many a task."""
    return [
        (design, range(start, min(start + size, data_sets)))
        for design in DESIGNS
        for start in range(0, data_sets, size)
    ]


def resampled(task: tuple[str, range]) -> pd.DataFrame:
    """Data sets of a design: the bootstrap's intervals of each path by group, and of its difference."""
    design, numbers = task
    settings = Method(clusters=("region",))
    found = []
    for number in numbers:
        report = bootstrap(SMALL_MODEL, drawn(design, number), "group", settings, Drawing(REPLICATES, number))
        every = pd.concat([report.estimates, report.differences.assign(group="difference")])
        paths = every[(every.op == "~") & (every.quantity == "est")]
        for kind, (lower, upper) in BOOTSTRAP_INTERVALS.items():
            ends = paths[["group", "rhs", "est", "se", lower, upper]]
            named = ends.set_axis(["group", "path", "est", "se", "lower", "upper"], axis=1)
            found.append(named.assign(data_set=f"{design} {number}", error=f"bootstrap:{kind}", df=np.nan))
    return pd.concat(found).astype(dict.fromkeys(NUMBERS, float))[ROW]


def bootstrapped(spark: SparkSession, data_sets: int) -> None:
    """Coverage of the cluster bootstrap with 12 regions: coverage_bootstrap.csv."""
    found = pd.concat(spread(spark, resampled, batches(data_sets, 5)))
    apart = found.group == "difference"
    found["truth"] = found.path.map(PATHS).where(~apart, 0.0)
    found["design"] = found.data_set.str.split().str[0]
    found["of"] = np.where(apart, "difference", "group")
    _write("coverage_bootstrap", summary(found, ["design", "of", "path", "error"]).drop(columns="median_df"))


def recovery(spark: SparkSession, data_sets: int) -> None:
    """Coverage on the demo's design: coverage_recovery.csv."""
    settings = read(DEMO)
    assert settings.simulate
    model = resources.find(settings.model or "").read_text(encoding="utf-8")
    parameters = resources.read_yaml(PARAMETERS)
    of_demo = Plan(
        country=settings.country,
        wave="",
        regions=classifications.read(settings.regions),
        sectors=classifications.read(settings.sectors),
        firms=settings.simulate.firms,
        seed=settings.simulate.seed,
        parameters=parameters,
        nonresponse=settings.simulate.item_nonresponse,
    )

    def fit_wave(number: int) -> pd.DataFrame:
        return fitted_wave(model, replace(of_demo, wave=f"set{number}"))

    found = pd.concat(spread(spark, fit_wave, range(data_sets)))
    known = {(group, rhs): value for group, _, op, rhs, value in truth(parameters) if op == "~"}
    found["truth"] = [known[key] for key in zip(found.group, found.path, strict=True)]
    _write("coverage_recovery", summary(found, ["group", "path", "error"]))


def sample(plan: Plan, observed: list[str]) -> pd.DataFrame:
    """The study's sample among the plan's firms, as the demo has it after linking."""
    frame = pd.concat([pd.DataFrame(part) for part in respondents(plan, plan.firms)])
    frame = frame[frame.in_sample].reset_index(drop=True)
    together, alone = GROUPS
    region, sector = (
        pd.Series(np.array(codes)[places])
        for codes, places in ((plan.region_codes, frame.region), (plan.sector_codes, frame.sector))
    )
    keys = {"region": region, "group": np.where(frame.cooperates, together, alone)}
    return frame[observed].astype(float).assign(**keys, cell=region + ":" + sector)


def fitted_wave(model: str, plan: Plan) -> pd.DataFrame:
    """Estimates of one data set in the columns of ROW."""
    cases = sample(plan, structure_of(model).observed)
    report = fit_groups(model, cases, "group", Method(clusters=("cell", "region")))
    texts = [name for name in ROW if name not in NUMBERS]
    return estimates(report, plan.wave).astype(dict.fromkeys(texts, object))


def summary(found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Share of intervals that hold the truth, error over the spread of the estimates, median degrees."""
    held = (found.lower <= found.truth) & (found.truth <= found.upper)
    found = found.assign(held=held.where(found.lower.notna()))
    rows = []
    for names, part in found.groupby(keys, sort=True):
        rows.append(
            {
                **dict(zip(keys, names, strict=True)),
                "data_sets": part.data_set.nunique(),
                "intervals": int(part.held.notna().sum()),
                "coverage": part.held.mean(),
                "error_over_spread": part.se.mean() / part.groupby("group").est.std().mean(),
                "median_df": part.df.median(),
            }
        )
    return pd.DataFrame(rows)


def _write(name: str, table: pd.DataFrame) -> None:
    table.round(4).to_csv(RESULTS / f"{name}.csv", index=False)
    print(table.round(3).to_string(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("part", choices=["recovery", "regions", "bootstrap"])
    parser.add_argument("--data-sets", type=int, default=2000)
    parser.add_argument("--master", default="local[2]")
    asked = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    spark = session.start(SparkSettings(master=asked.master), "coverage")
    began = time.perf_counter()
    parts = {"recovery": recovery, "regions": regions, "bootstrap": bootstrapped}
    parts[asked.part](spark, asked.data_sets)
    print(f"{time.perf_counter() - began:.0f} s")
    spark.stop()


if __name__ == "__main__":
    main()
