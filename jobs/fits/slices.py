"""The fits of many slices: all groups of a slice together, so that their differences are tested.

Few slices are collected and fitted on the driver, many where their rows are; a slice whose cases are too
many to collect is summed on the executors. Neither the way nor the number of slices shows in a result.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import pandas as pd
from pyspark.sql import DataFrame

from jobs.fits import engine, groups
from jobs.fits.plan import FitPlan
from jobs.fits.results import Fits
from jobs.sem.bootstrap import in_turn
from jobs.sem.trouble import ModelError, Trouble
from jobs.settings.slices import Slice
from jobs.spark.spread import ship_code
from jobs.transforms.lookup import of_slices

FEW = 2  # slices that are fitted on the driver
KEYS = ["country", "wave"]
RESULT = "country string, wave string, fits binary"
Fitted = Fits | ModelError | Trouble  # the fits of a slice, or why there are none


def fit(cases: DataFrame, plan: FitPlan, sizes: Mapping[Slice, int], count: int) -> dict[Slice, Fitted]:
    """The fits of each slice of `cases`, which has `count` groups; `sizes` tells the cases of each.

    `cases` holds country and wave beside the columns of `engine.fit`. Where a slice cannot be fitted, the
    error stands in the place of its fits.
    """
    # A slice without cases has no rows on any executor.
    alone = [key for key, size in sizes.items() if plan.is_summed(size) or not size]
    others = [key for key in sizes if key not in alone]
    if len(others) <= FEW:
        alone, others = list(sizes), []
    fits: dict[Slice, Fitted] = {}
    for key in alone:
        own = cases.where(of_slices([key])) if len(sizes) > 1 else cases
        try:
            fits[key] = engine.fit(own.drop(*KEYS), plan, count, sizes[key])
        except (ModelError, Trouble) as error:
            fits[key] = error
    if others:
        chosen = cases.where(of_slices(others)) if alone else cases
        fits |= _on_executors(chosen, plan, len(others))
    return {key: fits[key] for key in sizes}


def _on_executors(cases: DataFrame, plan: FitPlan, slices: int) -> dict[Slice, Fitted]:
    ship_code(cases.sparkSession)
    # A number of partitions that is asked for stays as it is; adaptive execution would join them to one.
    by_slice = cases.repartition(slices, *KEYS).groupBy(*KEYS)
    rows = by_slice.applyInPandas(lambda rows: _fit_slice(rows, plan), RESULT).collect()
    return {Slice(row["country"], row["wave"]): pickle.loads(row["fits"]) for row in rows}


def _fit_slice(rows: pd.DataFrame, plan: FitPlan) -> pd.DataFrame:
    """One slice's fits, pickled in one cell; what cannot be fitted is told, and no failed task."""
    country, wave = rows.country.iloc[0], rows.wave.iloc[0]
    fitted: Fitted
    try:
        fitted = groups.together(rows.drop(columns=KEYS), plan, in_turn)
    except (ModelError, Trouble) as error:
        fitted = error
    return pd.DataFrame({"country": [country], "wave": [wave], "fits": [pickle.dumps(fitted)]})
