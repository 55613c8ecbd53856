"""Sums made by Spark give what the collected cases give, and the same bits whatever the partitions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.fits import totals as moments
from jobs.sem.groups.fit import fit_groups, fit_totals
from jobs.sem.groups.rows import FitReport
from jobs.sem.groups.support import KEPT
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method
from jobs.sem.trouble import ModelError

REFERENCE = Path(__file__).parents[1] / "reference" / "sem"
MODEL = "f =~ y1 + y2 + y3\nf ~ x1 + x2 + x3 + w1 + w2"
TIED = "f =~ y1 + a*y2 + b*y3\nf ~ x1 + p*x2 + x3 + w1 + q*w2\na + b == 2*p\nq > 0"
STRUCTURE = structure_of(MODEL)
CLUSTERS = ("cluster", "region")


@pytest.fixture(scope="module")
def cases() -> pd.DataFrame:
    """1,200 cases far from zero, two groups, clusters within and across regions, weights, holes."""
    frame = pd.read_csv(REFERENCE / "twolevel.csv").head(1200)
    random = np.random.default_rng(3)
    frame["x1"] = 1e5 + 100 * frame.x1  # the mean is a thousand standard deviations
    frame["id"] = random.permutation(len(frame))
    frame["region"] = [f"r{cluster % 7}" for cluster in frame.cluster]
    frame["weight"] = random.uniform(0.5, 3, len(frame)).round(2)
    frame["side"] = np.where(random.random(len(frame)) < 0.5, "one", "other")
    frame.loc[frame.id < 20, "side"] = None
    frame.loc[random.random(len(frame)) < 0.05, "y2"] = np.nan
    return frame


@pytest.fixture(scope="module", autouse=True)
def small_buckets():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "BUCKET", 400)
        yield


def from_sums(frame, settings: Method, text: str = MODEL) -> FitReport:
    found, without = moments.totals(frame, "id", "side", STRUCTURE, settings)
    return fit_totals(text, found, "side", settings, without)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (Method(clusters=CLUSTERS, weights="weight"), MODEL),
        (Method(), MODEL),
        (Method(clusters=CLUSTERS, weights="weight", jackknife=True), TIED),
    ],
)
def test_estimates_errors_and_measures_are_those_of_the_cases(spark, cases, settings, text):
    wanted = fit_groups(text, cases, "side", settings)
    found = from_sums(spark.createDataFrame(cases), settings, text)
    assert set(wanted.estimates.error) >= {"expected", "robust", *(f"cluster:{c}" for c in settings.clusters)}
    assert (wanted.status.status == "converged").sum() == 2
    for name in ("estimates", "fit_measures", "differences"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(wanted, name), rtol=1e-8, atol=1e-9)
    assert len(wanted.moments) == (14 if "region" in settings.clusters else 0), "seven regions, two groups"
    assert list(found.moments.cluster) == list(wanted.moments.cluster)
    for sums, of_cases in zip(found.moments.second, wanted.moments.second, strict=True):
        np.testing.assert_allclose(sums, of_cases, rtol=1e-7, atol=1e-5)
    pd.testing.assert_frame_equal(
        found.status.drop(columns="max_gradient"), wanted.status.drop(columns="max_gradient")
    )


def test_on_how_many_cases_a_model_rests_is_told_of_sums_too(spark, cases):
    """A dummy of three cases, and a predictor whose variation is that of one case."""
    big = cases.id[(cases.side == "one") & cases.y2.notna()].iloc[9]
    cases = cases.assign(rare=0.0, x3=cases.x3.where(cases.id != big, 500.0))
    few = cases.index[(cases.side == "one") & cases.y2.notna()][[5, 200, 400]]
    cases.loc[few, "rare"] = 1.0
    text = "f =~ y1 + y2 + y3\nf ~ x1 + x3 + rare"
    settings = Method(weights="weight")
    wanted = fit_groups(text, cases[cases.side.notna()], "side", settings).support
    frame = spark.createDataFrame(cases)
    found, _ = moments.totals(frame, "id", "side", structure_of(text), settings)
    support = found["one"].support
    own = support.set_index("variable")
    assert (own.categories["rare"], own.smallest_category["rare"]) == (2, 3)
    assert own.bearing_cases["x3"] == 1 and own.largest["x3"][0] > 0.9
    for name in ("group", "variable", "answered", "fewest_together", "categories", "smallest_category"):
        assert list(support[name].dropna()) == list(wanted[name].dropna())
    assert list(support.bearing_cases) == list(wanted.bearing_cases.clip(upper=KEPT + 1))
    for left, right in zip(support.largest, wanted.largest, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-7)


def test_the_same_bits_whatever_the_partitions(spark, cases):
    frame = spark.createDataFrame(cases)
    settings = Method(weights="weight", clusters=CLUSTERS)
    first, _ = moments.totals(frame.repartition(1), "id", "side", STRUCTURE, settings)
    second, _ = moments.totals(frame.orderBy("y1").repartition(7), "id", "side", STRUCTURE, settings)
    for name in ("one", "other"):
        a, b = first[name], second[name]
        for left, right in (
            (a.mean, b.mean),
            (a.covariance, b.covariance),
            (a.fourth, b.fourth),
            (a.sums.second, b.sums.second),
            (a.squares.second, b.squares.second),
        ):
            np.testing.assert_array_equal(left, right)
        pd.testing.assert_frame_equal(a.support, b.support)


def test_what_the_cases_would_be_refused_for(spark, cases):
    bad = cases.copy()
    bad.loc[bad.side == "one", "w1"] = np.inf
    bad.loc[bad.side == "other", "weight"] *= -1
    settings = Method(weights="weight")
    found = from_sums(spark.createDataFrame(bad), settings).status
    wanted = fit_groups(MODEL, bad, "side", settings).status
    columns = ["group", "status", "detail", "cases_in"]
    pd.testing.assert_frame_equal(found[columns], wanted[columns])
    with pytest.raises(ModelError, match="y1 holds text"):
        from_sums(spark.createDataFrame(cases.assign(y1="a")), settings)


def test_what_needs_the_cases_is_refused():
    for settings in (Method(missing="fiml"), Method(estimator="mlr"), Method(diagnosis=True)):
        with pytest.raises(ModelError, match="sums alone"):
            fit_totals(MODEL, {}, "side", settings)
