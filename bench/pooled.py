"""Do pooled paths hold what they promise? Slices with known truth, drawn, fitted on Spark, then pooled.

A data set is five countries with three waves each, by the demo's simulator: 4,630 firms a slice in the Dutch
provinces. 95 % intervals of the mean over all slices, of one model of all slices, and 5 % tests that slices
are equal; and the same of one country's waves.

    .venv/bin/python bench/pooled.py --data-sets 100

Writes bench/results/pooled_coverage.csv and pooled_tests.csv. A data set depends on its number alone.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import pandas as pd
from coverage import DEMO, RESULTS, sample
from pyspark.sql import SparkSession

from jobs.publish import pooled
from jobs.sem.groups.fit import fit_groups
from jobs.sem.groups.rows import FitReport
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method
from jobs.settings import classifications, resources
from jobs.settings.reading import read
from jobs.settings.session import SparkSettings
from jobs.simulate.answers import truth
from jobs.simulate.firms import Plan
from jobs.spark import session
from jobs.spark.spread import spread
from jobs.stages.simulate import PARAMETERS

COUNTRIES = ("AA", "BB", "CC", "DD", "EE")
WAVES, FIRMS = 3, 4630
LEVEL = 0.05
ERROR = "bias_reduced:cell"
OVER, CONFIDENCE = ("country", "wave"), 0.95
Slices = dict[tuple[str, str], FitReport]  # by country and wave


def data_sets(spark: SparkSession, count: int) -> list[Slices]:
    """The fits of all slices of each data set."""
    settings = read(DEMO)
    model, parameters = text(), resources.read_yaml(PARAMETERS)
    assert settings.simulate
    of_demo = Plan(
        country="",
        wave="",
        regions=classifications.read(settings.regions),
        sectors=classifications.read(settings.sectors),
        firms=FIRMS,
        seed=settings.simulate.seed,
        parameters=parameters,
        nonresponse=settings.simulate.item_nonresponse,
    )

    observed = structure_of(model).observed

    def fitted(cases: pd.DataFrame) -> FitReport:
        return fit_groups(model, cases, "group", Method(clusters=("cell", "region")))

    out: list[Slices] = []
    for number in range(count):
        own = [(country, f"{number}:{wave}") for country in COUNTRIES for wave in range(WAVES)]
        cases = [sample(replace(of_demo, country=country, wave=wave), observed) for country, wave in own]
        out.append(dict(zip(own, spread(spark, fitted, cases), strict=True)))
        print(f"{len(out)} data sets", flush=True)
    return out


def text() -> str:
    return resources.find(read(DEMO).model or "").read_text(encoding="utf-8")


def stacked(slices: Slices, name: str) -> pd.DataFrame:
    """A table of all slices' fits below each other."""
    return pd.concat(
        [getattr(fit, name).assign(country=country, wave=wave) for (country, wave), fit in slices.items()],
        ignore_index=True,
    )


def published(slices: Slices) -> dict[str, pd.DataFrame]:
    """Pooled paths, the paths of one model and its tests, as a run publishes them."""
    shown = {"estimates": stacked(slices, "estimates"), "fit_status": stacked(slices, "status")}
    names = [f"{country} {wave}" for country, wave in slices]
    means = pooled.pooled(
        shown, stacked(slices, "influences"), {"all": OVER}, dict.fromkeys(names, ERROR), CONFIDENCE
    )
    models = dict.fromkeys(names, text())
    return means | pooled.one_model(shown, stacked(slices, "moments"), models, OVER, CONFIDENCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data-sets", type=int, default=100)
    parser.add_argument("--master", default="local[2]")
    asked = parser.parse_args()
    spark = session.start(SparkSettings(master=asked.master), "pooled")
    began = time.perf_counter()
    known = {
        (group, rhs): value
        for group, _, op, rhs, value in truth(resources.read_yaml(PARAMETERS))
        if op == "~"
    }
    intervals: list[pd.DataFrame] = []
    tests: list[pd.DataFrame] = []
    for number, slices in enumerate(data_sets(spark, asked.data_sets)):
        of_one = {key: fit for key, fit in slices.items() if key[0] == COUNTRIES[0]}
        for pool, some in (("five countries", slices), ("one country", of_one)):
            found = published(some)
            intervals.append(found["all"].assign(way="mean of slices", pool=pool, data_set=number))
            intervals.append(found["equal_paths"].assign(way="one model", pool=pool, data_set=number))
            tests.append(found["equality_tests"].assign(pool=pool, data_set=number))
    every_path = pd.concat(intervals, ignore_index=True)
    every_path["truth"] = [known[key] for key in zip(every_path.group, every_path.rhs, strict=True)]
    held = (every_path.ci_lower <= every_path.truth) & (every_path.truth <= every_path.ci_upper)
    every_path["held"] = held.astype(float).where(every_path.ci_lower.notna())
    write(
        "pooled_coverage", every_path.groupby(["way", "pool", "group", "rhs"]).apply(_coverage).reset_index()
    )
    every = pd.concat(tests, ignore_index=True)
    every["rejected"] = (every.pvalue < LEVEL).astype(float).where(every.pvalue.notna())
    sizes = every.groupby(["pool", "group", "equal"]).rejected.agg(["count", "mean"]).reset_index()
    write("pooled_tests", sizes.rename(columns={"count": "data_sets", "mean": "rejected"}))
    print(f"{time.perf_counter() - began:.0f} s")
    spark.stop()


def _coverage(rows: pd.DataFrame) -> pd.Series[Any]:
    return pd.Series(
        {
            "intervals": int(rows.held.notna().sum()),
            "coverage": rows.held.mean(),
            "bias": (rows.est - rows.truth).mean(),
            "error_over_spread": rows.se.mean() / rows.est.std(),
            "median_df": rows.df.median(),
        }
    )


def write(name: str, table: pd.DataFrame) -> None:
    table.round(4).to_csv(RESULTS / f"{name}.csv", index=False)
    print(table.round(4).to_string(), flush=True)


if __name__ == "__main__":
    main()
