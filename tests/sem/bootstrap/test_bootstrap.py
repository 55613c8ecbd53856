"""The cluster bootstrap: its refits, its draws, its intervals, and what it should agree with."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jobs.sem.bootstrap import intervals
from jobs.sem.bootstrap import replicates as bootstrap
from jobs.sem.bootstrap.quantities import quantity_values
from jobs.sem.bootstrap.refits import refit
from jobs.sem.bootstrap.replicates import BootstrapReport, Drawing
from jobs.sem.bootstrap.replicates import bootstrap as run
from jobs.sem.bootstrap.resampling import strata
from jobs.sem.groups.fit import fit_groups
from jobs.sem.ml import batch
from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method
from jobs.sem.routes.routes import route
from jobs.sem.standard_errors.standardised import standardised_values

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
REGIONAL = "f =~ y1 + y2 + y3\nf ~ a*x1 + x2 + x3 + b*w1 + w2\nratio := a/b"
SURVEY = """
effort =~ e1 + e2 + e3 + e4 + e5
info =~ i1 + i2 + i3 + i4 + i5
effort ~ size + comm
info ~ effort + size
"""
ORDERED = "effort =~ e1 + e2 + e3\nresult =~ r1 + r2 + share\neffort ~ size\nresult ~ effort + comp"
CLUSTERED = Method(clusters=("cluster",))


@pytest.fixture(scope="module")
def twolevel() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "twolevel.csv")


def resampled(codes: np.ndarray, seed: int) -> np.ndarray:
    """How often each cluster was drawn."""
    count = codes.max() + 1
    return np.bincount(np.random.default_rng(seed).integers(0, count, count), minlength=count)


def test_a_batch_of_fits_is_what_each_fit_is(twolevel):
    structure = structure_of(REGIONAL)
    values = twolevel[structure.observed].to_numpy()
    whole = ml.fit(structure, np.cov(values.T, bias=True))
    draws = np.random.default_rng(1).integers(0, 400, (6, 400))
    covariances = np.array([np.cov(values[rows].T, bias=True) for rows in draws])
    found, done = batch.fit_all(
        batch.Batch(structure, covariances), whole.x, np.linalg.inv(2 * whole.hessian)
    )
    assert done.all()
    for covariance, x in zip(covariances, found, strict=True):
        np.testing.assert_allclose(x, ml.fit(structure, covariance).x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "file", "settings"),
    [
        (REGIONAL, "twolevel", Method(clusters=("cluster",))),
        (SURVEY, "fiml_survey", Method(missing="fiml", clusters=("cell",))),
        (
            ORDERED,
            "ordinal_survey",
            Method(estimator="dwls", ordered=("e1", "e2", "e3", "r1", "r2"), clusters=("cell",)),
        ),
    ],
)
def test_a_replicate_is_the_fit_of_its_rows(model, file, settings):
    frame = pd.read_csv(REFERENCE / f"{file}.csv").sample(400, random_state=1)
    structure = structure_of(model)
    way = route(structure, frame, settings)
    way.fit()
    way.inference()
    column = settings.clusters[0]
    codes = way.sample.clusters[column]
    counts = resampled(codes, 3)
    one = pickle.loads(pickle.dumps(refit(model, way, codes)))  # as it travels to an executor
    values, reasons = one.values(counts[None, :])
    assert reasons == [""]

    often = dict(zip(way.sample.labels[column], counts, strict=True))
    rows = np.repeat(np.arange(len(frame)), frame[column].map(often).fillna(0).to_numpy(dtype=int))
    again = route(structure_of(model), frame.iloc[rows], settings)
    again.fit()
    np.testing.assert_allclose(values[0], again.inference().values, rtol=1e-4, atol=1e-5)


def test_standardised_values_of_many_replicates_are_those_of_each(twolevel):
    structure = structure_of(REGIONAL)
    covariance = np.cov(twolevel[structure.observed].to_numpy().T, bias=True)
    estimate = ml.fit(structure, covariance)
    structure, x = estimate.structure, estimate.x
    wanted = standardised_values(structure, structure.parameters, x)
    fixed = covariance[np.ix_(structure.exogenous, structure.exogenous)]
    both = np.array([x, np.full_like(x, np.nan)])
    structure = structure.with_exogenous(np.eye(structure.p))  # what was loaded before must not matter
    found = quantity_values(structure, structure.parameters, both, np.array([fixed, fixed]))
    q, labels = structure.q, structure.labels()
    assert set(found[0, :q]) == set(x)
    np.testing.assert_allclose(found[0, q:-1], wanted, rtol=1e-12)
    assert found[0, -1] == pytest.approx(x[labels["a"]] / x[labels["b"]], rel=1e-12)
    assert np.isnan(found[1, [0, -1]]).all()


def test_errors_approach_the_cluster_robust_ones_of_lavaan(twolevel):
    report = run(REGIONAL, twolevel, None, CLUSTERED, drawing=Drawing(1000))
    found = report.estimates[report.estimates.quantity == "est"].set_index(["lhs", "op", "rhs"])
    recorded = pd.read_csv(REFERENCE / "twolevel_cluster.csv").set_index(["lhs", "op", "rhs"])
    both = found.join(recorded, rsuffix="_lavaan", how="inner")
    both = both[both.se_lavaan > 0]
    assert len(both) > 8
    # 1,000 replicates: the error of a bootstrap error is 1/sqrt(2000), 2.2 %; clusters are finite beside it.
    np.testing.assert_allclose(both.se.astype(float), both.se_lavaan, rtol=0.12)
    assert np.abs(both.se / both.se_lavaan - 1).mean() < 0.05
    assert (report.status.failed == 0).all()


def by_table(report: BootstrapReport) -> list[pd.DataFrame]:
    return [report.estimates, report.differences, report.status, report.failures]


def test_the_seed_decides_whatever_the_tasks_and_their_order(twolevel, monkeypatch):
    frame = twolevel.assign(group=np.where(twolevel.index % 2, "a", "b"))

    def backwards(function, tasks):
        return [function(pickle.loads(pickle.dumps(task))) for task in reversed(list(tasks))][::-1]

    first = run(REGIONAL, frame, "group", CLUSTERED, drawing=Drawing(30, 7))
    second = run(REGIONAL, frame, "group", CLUSTERED, drawing=Drawing(30, 7), mapped=backwards)
    other = run(REGIONAL, frame, "group", CLUSTERED, drawing=Drawing(30, 8))
    for one, two in zip(by_table(first), by_table(second), strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert (first.estimates.se != other.estimates.se).any()
    monkeypatch.setattr(bootstrap, "CHUNK", 4)
    third = run(REGIONAL, frame, "group", CLUSTERED, drawing=Drawing(30, 7))
    for one, two in zip(by_table(first), by_table(third), strict=True):
        pd.testing.assert_frame_equal(one, two, rtol=1e-9)


def test_groups_that_share_clusters_draw_them_once(twolevel):
    shared = strata({"a": [1, 2, 3], "b": [2, 3, 4], "c": [9, 8], "d": 5})
    assert [one.groups for one in shared] == [("a", "b"), ("c",), ("d",)]
    counts = shared[0].drawn(seed=1, start=10, stop=12)
    assert counts.shape == (2, 4)
    assert (counts.sum(axis=1) == 4).all()
    a, b = (counts[:, places] for places in shared[0].places)
    np.testing.assert_array_equal(a[:, 1:], b[:, :2])
    np.testing.assert_array_equal(counts[1], shared[0].drawn(seed=1, start=11, stop=12)[0])

    frame = twolevel.assign(group=np.where(twolevel.index % 2, "a", "b"))
    found = run(REGIONAL, frame, "group", CLUSTERED, drawing=Drawing(400)).differences
    wald = fit_groups(REGIONAL, frame, "group", CLUSTERED).differences
    wald = wald[wald.error == "cluster:cluster"]
    keys = ["lhs", "op", "rhs"]
    both = found[found.quantity == "est"].merge(wald, on=keys, suffixes=("", "_wald"))
    assert len(both) == 7
    np.testing.assert_allclose(both.est, both.difference, rtol=1e-10)
    assert np.abs(both.se.astype(float) / both.se_wald.astype(float) - 1).mean() < 0.1


def test_cases_are_drawn_where_there_are_no_clusters(twolevel):
    frame = twolevel.head(200)
    report = run("y1 ~ x1 + x2", frame, None, Method(), drawing=Drawing(1000))
    robust = fit_groups("y1 ~ x1 + x2", frame, None, Method()).estimates
    robust = robust[(robust.error == "robust") & (robust.op == "~")].set_index("rhs").se.astype(float)
    found = report.estimates[(report.estimates.quantity == "est") & (report.estimates.op == "~")]
    np.testing.assert_allclose(found.set_index("rhs").se[robust.index], robust, rtol=0.1)
    assert report.status.units.tolist() == [200]


def test_bca_and_percentile_are_those_of_scipy():
    values = np.random.default_rng(5).exponential(size=40)

    def skewness(sample: np.ndarray, axis: int = -1) -> np.ndarray:
        return stats.skew(sample, axis=axis)

    wanted = stats.bootstrap(
        (values,), skewness, n_resamples=999, confidence_level=0.9, method="BCa", rng=np.random.default_rng(1)
    )
    left_out = np.array([skewness(np.delete(values, place)) for place in range(40)])
    replicates = wanted.bootstrap_distribution
    found = intervals.bca(replicates, float(skewness(values)), left_out - left_out.mean(), 0.9)
    assert found == pytest.approx(tuple(wanted.confidence_interval), rel=1e-10)
    plain = stats.bootstrap(
        (values,), skewness, n_resamples=0, bootstrap_result=wanted, method="percentile", confidence_level=0.9
    )
    assert intervals.percentile(replicates, 0.9) == pytest.approx(tuple(plain.confidence_interval), rel=1e-10)


def test_bca_has_no_ends_where_all_replicates_lie_on_one_side():
    assert np.isnan(intervals.bca(np.array([1.0, 2.0]), 0.5, np.array([-1.0, 1.0]), 0.95)).all()


def test_replicates_that_fail_are_counted_by_reason(twolevel):
    frame = twolevel[twolevel.cluster.isin(twolevel.cluster.unique()[:4])].copy()
    frame["x3"] = np.where(frame.cluster == frame.cluster.min(), frame.x3, 0.0)  # varies in one cluster only
    report = run("y1 ~ x1 + x3", frame, None, CLUSTERED, drawing=Drawing(200, 2))
    (only,) = strata({"all": sorted(frame.cluster.unique())})
    absent = int((only.drawn(2, 0, 200)[:, 0] == 0).sum())
    assert 30 < absent < 95  # of the 200 (3/4)^4 are expected
    assert report.failures.values.tolist() == [["all", "not positive definite", absent]]
    assert report.status.failed.tolist() == [absent]
    assert (report.estimates.replicates <= 200 - absent).all()
    assert not report.estimates.reliable.any()
    assert report.estimates.bca_lower.isna().any()


def test_a_group_that_cannot_be_fitted_has_a_status_and_no_rows(twolevel):
    frame = twolevel.assign(group=np.where(twolevel.index < 400, "a", "b"))
    frame.loc[frame.group == "b", "x1"] = 3.0
    report = run(REGIONAL, frame, "group", CLUSTERED, drawing=Drawing(10))
    assert report.status.status.tolist() == ["converged", "constant indicator"]
    assert set(report.estimates.group) == {"a"}
    assert report.differences.empty
