"""The adjusted test of fit beside all of its possible draws, and beside the chi-square of many units."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jobs.sem.cases.moments import moments
from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.ml import fit as ml
from jobs.sem.ml.adjusted import MANY_UNITS, adjusted
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method

MODEL = "f =~ y0 + y1 + y2 + y3\nf ~ x\nz ~ f + x"
WEBB = [sign * root for sign in (-1, 1) for root in np.sqrt([0.5, 1.0, 1.5])]
OF_CHANCE = 0.035  # three standard errors of a share of 1,999 draws


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    region = rng.choice(12, 300, p=np.arange(12, 0, -1) / 78)
    effect = rng.normal(size=(12, 6))[region]
    x = rng.normal(size=300)
    f = 0.5 * x + 0.6 * effect[:, 5] + rng.normal(size=300)
    items = {f"y{k}": f * (0.5 + 0.2 * k) + rng.normal(size=300) + 0.3 * effect[:, k] for k in range(4)}
    z = f + rng.standard_t(4, size=300)
    return pd.DataFrame({"x": x, **items, "z": z, "region": region, "w": rng.uniform(0.5, 3, 300)})


def measures(frame: pd.DataFrame, **settings) -> pd.Series:
    fit = fit_groups(MODEL, frame, None, Method(**settings))
    return fit.fit_measures.set_index("measure").value.astype(float)


def residual_moments(frame: pd.DataFrame) -> np.ndarray:
    """By hand: each region's part in the residual moments (G x p^2), without the directions of the model."""
    structure = structure_of(MODEL)
    sample = moments(frame, structure.observed, None, ("region",))
    estimate = ml.fit(structure, sample.covariance)
    root = np.linalg.inv(np.linalg.cholesky(estimate.sigma))
    moves = [root @ move @ root.T for move in estimate.derivatives]
    moves.append(root @ np.outer(*2 * [np.eye(structure.p)[structure.exogenous[0]]]) @ root.T)
    moves = np.array(moves).reshape(len(moves), -1).T
    each = []
    for code in np.unique(sample.clusters["region"]):
        rows = sample.deviations[sample.clusters["region"] == code] @ root.T
        vector = (rows.T @ rows - len(rows) * np.eye(structure.p)).ravel() / np.sqrt(2 * sample.n)
        each.append(vector - moves @ np.linalg.lstsq(moves, vector, rcond=None)[0])
    return np.array(each)


def test_it_is_the_share_of_all_draws_that_reach_the_statistic(firms):
    """Five regions: 6^5 ways to multiply their parts."""
    five = firms[firms.region < 5]
    measured = measures(five, clusters=("region",))
    parts = residual_moments(five)
    squares = ((np.array(list(product(WEBB, repeat=5))) @ parts) ** 2).sum(axis=1)
    share = (squares >= measured["chisq"]).mean()
    assert 0.1 < share < 0.9
    assert measured["pvalue_adjusted"] == pytest.approx(share, abs=OF_CHANCE)


@pytest.mark.parametrize("missing", ["listwise", "fiml"])
@pytest.mark.parametrize("settings", [{"weights": "w"}, {"clusters": ("region",)}])
def test_order_of_rows_names_of_clusters_and_scale_of_weights_are_irrelevant(firms, settings, missing):
    method = {**settings, "missing": missing}
    otherwise = firms.sample(frac=1, random_state=1).assign(w=7 * firms.w, region=(5 * firms.region) % 12)
    before, after = measures(firms, **method), measures(otherwise, **method)
    assert after["pvalue_adjusted"] == pytest.approx(before["pvalue_adjusted"], abs=0.001)


@pytest.mark.parametrize("clusters", [(), ("region",)])
def test_full_information_of_complete_cases_is_the_same_test(firms, clusters):
    settings = {"clusters": clusters, "weights": "w"}
    ours, full = measures(firms, **settings), measures(firms, missing="fiml", **settings)
    assert full["pvalue_adjusted"] == pytest.approx(ours["pvalue_adjusted"], abs=0.001)


def test_groups_without_common_clusters_add_up(firms):
    """Nothing equal: the squares of the joint draws are the sums of the groups' own."""
    data = firms.assign(side=np.where(firms.region < 5, "a", "b"))
    joint = fit_multigroup(MODEL, data, "side", Method(clusters=("region",), missing="fiml")).measures
    rng, squares = np.random.default_rng(1), np.zeros(20_000)
    for _, side in data.groupby("side"):
        parts = residual_moments(side)
        squares += ((rng.choice(WEBB, (20_000, len(parts))) @ parts) ** 2).sum(axis=1)
    share = (squares >= joint["chisq"]).mean()
    assert 0.05 < share < 0.95
    assert joint["pvalue_adjusted"] == pytest.approx(share, abs=OF_CHANCE)


def test_groups_that_share_clusters_count_them_once(firms):
    """The same firms twice, as two groups: the statistic and each draw's square double."""
    twice = pd.concat([firms.assign(side="a"), firms.assign(side="b")], ignore_index=True)
    method = Method(clusters=("region",), missing="fiml")
    alone = measures(firms, clusters=("region",), missing="fiml")
    joint = fit_multigroup(MODEL, twice, "side", method).measures
    assert joint["pvalue_adjusted"] == pytest.approx(alone["pvalue_adjusted"], abs=0.001)


@pytest.mark.parametrize("count", [500, MANY_UNITS, MANY_UNITS + 1])
def test_of_many_like_units_it_is_the_chi_square_test(count):
    rng = np.random.default_rng(count)
    parts = rng.normal(size=(count, 9)) / np.sqrt(count)
    basis = np.linalg.qr(rng.normal(size=(9, 3)))[0]
    for chisq in (3.0, 6.0, 12.0):
        ours = adjusted([parts[:100], parts[100:]], basis, chisq)["pvalue_adjusted"]
        assert ours == pytest.approx(stats.chi2.sf(chisq, 6), abs=OF_CHANCE + 0.02), chisq


def test_a_wrong_model_is_rejected(firms):
    """Two items with a cause in common that the model does not know of."""
    cause = 1.5 * np.random.default_rng(2).normal(size=len(firms))
    wrong = firms.assign(y0=firms.y0 + cause, y1=firms.y1 + cause)
    assert measures(wrong, clusters=("region",))["pvalue_adjusted"] < 0.05
    assert measures(wrong, weights="w")["pvalue_adjusted"] < 0.01
