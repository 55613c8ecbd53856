"""Do pooled paths hold what they promise? Slices with known truth, drawn and fitted on Spark, then pooled.

A data set is five countries with three waves each, by the demo's simulator: 4,630 firms a slice in the Dutch
provinces. 95 % intervals of the mean over all slices, of one model of all slices, and 5 % tests that slices
are equal; and the same of one country's waves.

    .venv/bin/python bench/pooled.py --data-sets 100

Writes bench/results/pooled_coverage.csv and pooled_tests.csv. A data set depends on its number alone.
"""

from __future__ import annotations

import argparse
import pickle
import time
from typing import Any

import numpy as np
import pandas as pd
from coverage import DEMO, RESULTS, sample
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from jobs.sem.cases.sums import Sums
from jobs.sem.groups.fit import fit_groups
from jobs.sem.groups.over_slices import SliceSums, fit_over_slices
from jobs.sem.groups.pooled_slices import pool_slices
from jobs.sem.groups.rows import FitReport
from jobs.sem.model.structure import Structure
from jobs.sem.routes.method import Method
from jobs.settings import classifications, resources
from jobs.settings.reading import read
from jobs.settings.sections import SparkSettings
from jobs.simulate.answers import truth
from jobs.simulate.files import with_indicators
from jobs.simulate.firms import Plan, firms
from jobs.simulate.flows import deliveries
from jobs.spark import session
from jobs.stages.simulate import PARAMETERS

COUNTRIES = ("AA", "BB", "CC", "DD", "EE")
WAVES, FIRMS = 3, 4630
AT_ONCE = 4  # data sets a Spark job
LEVEL = 0.05
FITS_TYPE = "country string, wave string, fits binary"
ERROR = "bias_reduced:cell"
KEYS = ["group", "lhs", "op", "rhs"]
Slices = dict[tuple[str, str], FitReport]  # by country and wave


def fitted(model: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The fits of one slice, pickled in one cell."""
    order = rows.sort_values("number", kind="stable")
    with threadpool_limits(1):
        report = fit_groups(model, order, "group", Method(clusters=("cell", "region")))
    key = {"country": [rows.country.iloc[0]], "wave": [rows.wave.iloc[0]]}
    return pd.DataFrame({**key, "fits": [pickle.dumps(report)]})


def data_sets(spark: SparkSession, count: int) -> list[Slices]:
    """The fits of all slices of each data set."""
    settings = read(DEMO)
    model, parameters = text(), resources.read_yaml(PARAMETERS)
    assert settings.simulate
    out: list[Slices] = []
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        plan = Plan(
            countries=COUNTRIES,
            waves=tuple(f"{number}:{wave}" for number in numbers for wave in range(WAVES)),
            regions=dict.fromkeys(COUNTRIES, classifications.read(settings.regions)),
            sectors=classifications.read(settings.sectors),
            firms=FIRMS,
            seed=settings.simulate.seed,
            parameters=parameters,
            nonresponse=settings.simulate.item_nonresponse,
        )
        population = with_indicators(firms(spark, plan), deliveries(spark, plan), plan).persist()
        cases = sample(population, plan, Structure(model).observed)
        by_slice = cases.repartition(8, "country", "wave").groupBy("country", "wave")
        rows = by_slice.applyInPandas(lambda rows: fitted(model, rows), FITS_TYPE).collect()
        population.unpersist()
        fits = {(row["country"], row["wave"]): pickle.loads(row["fits"]) for row in rows}
        for number in numbers:
            own = {key: fit for key, fit in sorted(fits.items()) if key[1].startswith(f"{number}:")}
            out.append(own)
        print(f"{len(out)} data sets", flush=True)
    return out


def text() -> str:
    return resources.find(read(DEMO).model or "").read_text(encoding="utf-8")


def pooled(slices: Slices) -> pd.DataFrame:
    """The means over slices: a row a path and group."""
    keyed = [fit.estimates.assign(country=country, wave=wave) for (country, wave), fit in slices.items()]
    estimates = pd.concat(keyed)
    influences = pd.concat(
        [fit.influences.assign(country=country, wave=wave) for (country, wave), fit in slices.items()]
    )
    return pool_slices(estimates[(estimates.op == "~") & (estimates.error == ERROR)], influences)


def one_model(model: str, slices: Slices) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One model of all slices a group: its paths, and the tests of equality."""
    paths, tests = [], []
    for group in ("co-operating", "stand-alone"):
        sums = []
        for (country, wave), fit in slices.items():
            status = fit.status[fit.status.group == group].status
            rows = fit.moments[fit.moments.group == group]
            if status.item() == "converged":
                first, second = (np.stack(rows[name].to_list()) for name in ("first", "second"))
                sums.append(
                    SliceSums(country, wave, list(rows.cluster), Sums(rows.weight.to_numpy(), first, second))
                )
        found = fit_over_slices(model, sums)
        paths.append(found[0].assign(group=group))
        tests.append(found[1].assign(group=group))
    return pd.concat(paths), pd.concat(tests)


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
            paths, equal = one_model(text(), some)
            intervals.append(pooled(some).assign(way="mean of slices", pool=pool, data_set=number))
            intervals.append(paths.assign(way="one model", pool=pool, data_set=number))
            tests.append(equal.assign(pool=pool, data_set=number))
    found = pd.concat(intervals, ignore_index=True)
    found["truth"] = [known[key] for key in zip(found.group, found.rhs, strict=True)]
    held = (found.ci_lower <= found.truth) & (found.truth <= found.ci_upper)
    found["held"] = held.astype(float).where(found.ci_lower.notna())
    write("pooled_coverage", found.groupby(["way", "pool", "group", "rhs"]).apply(_coverage).reset_index())
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
