"""The scaled statistic of complete cases beside that of full information, which is held against lavaan's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jobs.sem.cases.moments import moments
from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method

MODEL = "f =~ y0 + y1 + y2 + y3\nf ~ x\nz ~ f + x"
SCALED = [
    *("chisq_scaled", "pvalue_scaled", "chisq_scaling_factor", "cfi_scaled", "tli_scaled", "rmsea_scaled"),
    *("rmsea_ci_lower_scaled", "rmsea_ci_upper_scaled"),
]


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    region = rng.integers(0, 20, 300)
    effect = rng.normal(size=20)[region]
    x = rng.normal(size=300)
    f = 0.5 * x + 0.6 * effect + rng.normal(size=300)
    items = {f"y{k}": f * (0.5 + 0.2 * k) + rng.normal(size=300) + 0.3 * effect * (k - 1) for k in range(4)}
    z = f + rng.standard_t(4, size=300)
    return pd.DataFrame({"x": x, **items, "z": z, "region": region, "w": rng.uniform(0.5, 3, 300)})


def measures(frame: pd.DataFrame, **settings) -> pd.Series:
    return fit_groups(MODEL, frame, None, Method(**settings)).fit_measures.set_index("measure").value


@pytest.mark.parametrize(
    "settings", [{"weights": "w"}, {"clusters": ("region",)}, {"weights": "w", "clusters": ("region",)}]
)
def test_it_is_that_of_full_information(firms, settings):
    ours, full = measures(firms, **settings), measures(firms, estimator="mlr", **settings)
    np.testing.assert_allclose(ours[SCALED].astype(float), full[SCALED].astype(float), rtol=1e-6)


def test_independent_firms_of_equal_weight_keep_the_plain_statistic(firms):
    assert not measures(firms).index.str.contains("scaled").any()
    same = measures(firms.assign(w=2.0), weights="w")
    assert same["chisq"] == pytest.approx(measures(firms)["chisq"])


def test_the_adjusted_test_is_that_of_the_residual_moments(firms):
    """By hand, from a full covariance matrix of the clusters' residual moments instead of sums of norms."""
    data = measures(firms, clusters=("region",))
    structure = structure_of(MODEL)
    sample = moments(firms, structure.observed, None, ("region",))
    estimate = ml.fit(structure, sample.covariance)
    root = np.linalg.inv(np.linalg.cholesky(estimate.sigma))
    moves = [root @ move @ root.T for move in estimate.derivatives]
    moves.append(root @ np.outer(*2 * [np.eye(structure.p)[structure.exogenous[0]]]) @ root.T)
    basis = np.linalg.qr(np.array(moves).reshape(len(moves), -1).T)[0]
    each = []
    for code in range(20):
        rows = sample.deviations[sample.clusters["region"] == code] @ root.T
        gap = rows.T @ rows - len(rows) * root @ sample.covariance @ root.T
        vector = gap.ravel() / np.sqrt(2 * sample.n)
        each.append(vector - basis @ (basis.T @ vector))
    gram = np.array(each) @ np.array(each).T * 20 / 19
    off = gram - np.diag(np.diag(gram))
    df = min(np.trace(gram) ** 2 / ((off**2).sum() * 20 / 19), data["df"])
    df_error = 2 * np.trace(gram) ** 2 / ((np.diag(gram) - np.trace(gram) / 20) ** 2).sum()
    f = data["chisq"] / np.trace(gram)
    wanted = [f, df, df_error, stats.f.sf(f, df, df_error)]
    names = ["f_adjusted", "df_adjusted", "df_error_adjusted", "pvalue_adjusted"]
    np.testing.assert_allclose(data[names].astype(float), wanted, rtol=1e-8)


def test_one_cluster_scales_as_none(firms):
    """There is no error by one cluster: the statistic is scaled case by case."""
    one = measures(firms.assign(region=1), clusters=("region",))
    assert one["chisq_scaled"] == pytest.approx(measures(firms, estimator="mlr")["chisq_scaled"], rel=1e-6)


def test_the_adjusted_test_of_full_information_is_that_of_complete_cases(firms):
    settings = {"clusters": ("region",), "weights": "w"}
    ours, full = measures(firms, **settings), measures(firms, missing="fiml", **settings)
    for name in ("f_adjusted", "df_adjusted", "df_error_adjusted"):
        assert full[name] == pytest.approx(ours[name], rel=1e-6), name


def test_the_adjusted_test_of_groups_adds_their_traces_up(firms):
    """Nothing equal and no cluster shared: chi-square over F, the trace, is the sum of the groups'."""
    data = firms.assign(side=np.where(firms.region < 8, "a", "b"))
    method = Method(clusters=("region",), missing="fiml")
    joint = fit_multigroup(MODEL, data, "side", method).measures
    small = {"a": 8 / 7, "b": 12 / 11}
    alone = fit_groups(MODEL, data, "side", method).fit_measures.set_index(["group", "measure"]).value
    traces = [alone[side, "chisq"] / alone[side, "f_adjusted"] / small[side] for side in ("a", "b")]
    assert joint["chisq"] / joint["f_adjusted"] == pytest.approx(20 / 19 * sum(traces), rel=1e-6)


def test_the_adjusted_test_of_groups_that_share_clusters_counts_them_once(firms):
    """The same firms twice, as two groups: statistic and trace double, and the clusters tell no more."""
    twice = pd.concat([firms.assign(side="a"), firms.assign(side="b")], ignore_index=True)
    method = Method(clusters=("region",), missing="fiml")
    alone = measures(firms, clusters=("region",), missing="fiml")
    joint = fit_multigroup(MODEL, twice, "side", method).measures
    assert joint["f_adjusted"] == pytest.approx(alone["f_adjusted"], rel=1e-6)
    assert min(joint["df_adjusted"], alone["df"]) == pytest.approx(alone["df_adjusted"], rel=1e-6)
    assert joint["df_error_adjusted"] == pytest.approx(alone["df_error_adjusted"], rel=1e-6)
