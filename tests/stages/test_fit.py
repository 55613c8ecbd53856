"""Fits of slices: alike wherever they are made, summed above the limit, refused where sums cannot do."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.errors import SettingsError
from jobs.fits import slices
from jobs.fits.plan import FitPlan
from jobs.run.context import Batch
from jobs.sem.bootstrap.replicates import TABLES as BOOTSTRAP
from jobs.sem.groups.rows import DIAGNOSIS
from jobs.sem.routes.method import Method
from jobs.settings import sections
from jobs.settings.slices import Slice, SliceSettings
from jobs.stages import fit

MODEL = "y ~ x"
SLICE = Slice("NL", "w")
WAVES = {"a": 1.0, "b": -2.0, "c": 0.5}


def plan(limit: int, **settings) -> FitPlan:
    method = Method(**settings)
    return FitPlan(MODEL, method, "expected", group="group", key="firm_id", collect_limit=limit)


@pytest.fixture(scope="module")
def cases(spark):
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(60, 2)), columns=["x", "y"])
    return spark.createDataFrame(frame.assign(firm_id=range(60), group="all", **SLICE.keys))


def test_the_limit_decides_the_way_and_not_the_result(cases):
    at, above = (slices.fit(cases, plan(limit), {SLICE: 60}, 1)[SLICE] for limit in (60, 59))
    assert fit._way(60, plan(60)) == "60 firms were collected"
    assert fit._way(60, plan(59)) == "60 firms were summed on the executors"
    pd.testing.assert_frame_equal(at.estimates, above.estimates, rtol=1e-8)


def test_a_slice_is_fitted_alike_on_the_driver_and_on_the_executors(cases, monkeypatch):
    """All groups of a slice together: their difference is tested wherever that is done."""
    several = reduce(
        DataFrame.unionByName,
        [
            cases.withColumns({"wave": F.lit(wave), "x": F.col("x") * factor})
            for wave, factor in WAVES.items()
        ],
    ).withColumn("group", F.when(F.col("firm_id") % 2 == 0, "a").otherwise("b"))
    sizes = {Slice("NL", wave): 60 for wave in WAVES}
    on_executors = slices.fit(several, plan(100), sizes, 2)
    monkeypatch.setattr(slices, "FEW", 9)
    on_driver = slices.fit(several, plan(100), sizes, 2)
    assert list(on_executors) == list(sizes)
    for slice in sizes:
        assert len(on_driver[slice].differences)
        for table in ("estimates", "differences", "status", "fit_measures"):
            here, there = (getattr(fits[slice], table) for fits in (on_driver, on_executors))
            pd.testing.assert_frame_equal(here, there, check_exact=True)


def run(spark, folder, **asked) -> dict[str, int]:
    """The tables that the stage gives for a factor of four items, and their rows."""
    model = folder / "model.lav"
    model.write_text("f =~ a + b + c + d")
    random = np.random.default_rng(2)
    answers = random.normal(size=(60, 1)) + random.normal(size=(60, 4))
    rows = pd.DataFrame(answers, columns=list("abcd")).assign(firm_id=range(60), group="all", **SLICE.keys)
    linked = spark.createDataFrame(rows).withColumn("excluded_by", F.lit(None).cast("string"))
    settings = SliceSettings.model_construct(
        **{"country": "NL", "wave": "w", "survey": "there", "model": str(model)},
        fit=sections.FitSettings(clusters=(), **asked),
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Batch, "read", lambda self, table: linked)
        results = fit.run(Batch(lambda: spark, None, "work", {SLICE: settings}))
    for error in results.failures.values():
        raise error
    return {name: rows.num_rows for name, rows in results.frames.items()}


@pytest.mark.parametrize("asked", [{"missing": "fiml"}, {"diagnosis": True}, {"bootstrap": 100}])
def test_above_the_limit_only_complete_cases_and_normal_likelihood_go(spark, tmp_path, asked):
    with pytest.raises(
        SettingsError, match=r"60 firms are more than fit\.collect_limit \(59\), and only estimator ml"
    ):
        run(spark, tmp_path, collect_limit=59, **asked)


def test_a_diagnosis_is_given_where_it_is_asked_for(spark, tmp_path):
    written = run(spark, tmp_path, diagnosis=True)
    assert set(written) == set(fit.TABLES) - set(BOOTSTRAP)
    # Six pairs of four items; the factor; six covariances of errors, the first loading is no candidate;
    # four loadings, four errors and the factor's variance by two kinds of error.
    assert {name: written[name] for name in DIAGNOSIS} == {
        **{"residuals": 6, "reliability": 1, "modification_indices": 6, "standardised": 18}
    }


def test_a_bootstrap_is_given_where_it_is_asked_for(spark, tmp_path):
    written = run(spark, tmp_path, bootstrap=100)
    assert set(written) == set(fit.TABLES) - set(DIAGNOSIS)
    # Four loadings, four errors and the factor's variance, plain but for the first loading, which is fixed,
    # and standardised; one group, so no difference.
    assert {name: written[name] for name in BOOTSTRAP} == {
        **{"bootstrap_estimates": 8 + 9, "bootstrap_differences": 0, "bootstrap_status": 1}
    }


def test_what_is_not_asked_for_has_no_frame(spark, tmp_path):
    """What an earlier run left in them is then removed, and a table that does not exist is not made."""
    written = run(spark, tmp_path)
    assert set(written) == set(fit.TABLES) - {*DIAGNOSIS, *BOOTSTRAP}
    assert written["estimates"] > 0
