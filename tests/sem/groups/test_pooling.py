"""Random-effects pooling: the BCG trials, figures recorded from R, hand calculations, a simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jobs.sem.groups.pooling import counted, pool, pool_paths

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"


def inputs(name: str) -> tuple[np.ndarray, np.ndarray]:
    frame = pd.read_csv(REFERENCE / "pooling_inputs.csv").query("set == @name")
    return frame.est.to_numpy(), frame.se.to_numpy()


@pytest.mark.parametrize("name", ["bcg", "few", "alike"])
def test_against_figures_recorded_from_r(name):
    y, se = inputs(name)
    found = pool(y, np.diag(se**2))
    wanted = pd.read_csv(REFERENCE / "pooling_results.csv").set_index("set").loc[name]
    assert found.tau2 == pytest.approx(wanted.tau2, rel=1e-5, abs=1e-9)
    assert found.est == pytest.approx(wanted.est, rel=1e-6)
    # Never narrower than the error that takes the variances as known.
    assert found.se == pytest.approx(max(wanted.se_hartung_knapp, wanted.se_known), rel=1e-6)
    assert (found.q, found.q_pvalue) == pytest.approx((wanted.q, wanted.q_pvalue), rel=1e-6)


def test_the_published_figures_of_the_bcg_trials():
    """Colditz et al. (1994), log relative risks: restricted likelihood and the Hartung-Knapp interval."""
    y, se = inputs("bcg")
    found = pool(y, np.diag(se**2))
    assert found.est == pytest.approx(-0.7145, abs=5e-5)
    assert found.tau2 == pytest.approx(0.3132, abs=5e-5)
    assert found.q == pytest.approx(152.2330, abs=5e-5)
    assert found.se == pytest.approx(0.1808, abs=1e-4)
    assert (found.ci_lower, found.ci_upper) == pytest.approx((-1.108, -0.321), abs=1e-3)


def test_two_estimates_of_the_same_precision_by_hand():
    """Both variances v: tau2 is (y1 - y2)^2 / 2 - v, the error |y1 - y2| / 2, with t of one degree."""
    found = pool(np.array([0.1, 0.5]), np.diag([0.01, 0.01]))
    assert found.tau2 == pytest.approx(0.16 / 2 - 0.01)
    assert (found.est, found.se) == pytest.approx((0.3, 0.2))
    assert found.ci_upper == pytest.approx(0.3 + 12.7062 * 0.2, rel=1e-5)
    assert (found.q, found.i2) == pytest.approx((8.0, 7 / 8))


def test_equal_estimates_have_no_variance_between_groups():
    found = pool(np.full(4, 0.2), np.diag(np.full(4, 0.01)))
    assert (found.tau2, found.i2, found.q) == pytest.approx((0, 0, 0), abs=1e-12)
    assert found.se == pytest.approx(0.1 / 2)


def test_units_do_not_matter():
    y, se = inputs("bcg")
    one, other = pool(y, np.diag(se**2)), pool(1e6 * y, 1e12 * np.diag(se**2))
    assert other.est == pytest.approx(1e6 * one.est, rel=1e-9)
    assert other.tau2 == pytest.approx(1e12 * one.tau2, rel=1e-9)
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-9)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """2,000 pools of five groups of unequal precision that truly differ."""
    random = np.random.default_rng(11)
    hits = 0
    for _ in range(2000):
        se = random.uniform(0.05, 0.2, 5)
        found = pool(random.normal(0.3, np.sqrt(0.02 + se**2)), np.diag(se**2))
        hits += found.ci_lower < 0.3 < found.ci_upper
    assert stats.binomtest(hits, 2000, 0.95).pvalue > 0.001


def test_dependent_estimates_against_figures_recorded_from_r():
    given = pd.read_csv(REFERENCE / "pooling_dependent_inputs.csv")
    wanted = pd.read_csv(REFERENCE / "pooling_dependent_results.csv").iloc[0]
    found = pool(given.est.to_numpy(), given.drop(columns="est").to_numpy())
    assert found.tau2 == pytest.approx(wanted.tau2, rel=1e-5)
    assert (found.est, found.q) == pytest.approx((wanted.est, wanted.q), rel=1e-6)
    assert found.se == pytest.approx(max(wanted.se_hartung_knapp, wanted.se_known), rel=1e-6)


def test_two_dependent_estimates_by_hand():
    """Variances v, covariance c: tau2 is d^2 / 2 - (v - c), the error of the mean squared d^2 / 4 + c."""
    found = pool(np.array([0.1, 0.5]), np.array([[0.01, 0.004], [0.004, 0.01]]))
    assert found.tau2 == pytest.approx(0.08 - 0.006)
    assert (found.est, found.se**2) == pytest.approx((0.3, (0.08 + 0.008) / 2))
    assert found.q == pytest.approx(0.16 / (2 * 0.006))


@pytest.mark.parametrize(
    ("est", "covariance"),
    [
        ([0.1], [[0.1]]),
        ([0.1, 0.2], [[0.1, 0.0], [0.0, 0.0]]),
        ([0.1, 0.2], [[0.1, 0.1], [0.1, 0.1]]),
        ([0.1, 0.2], [[0.1, np.nan], [np.nan, 0.1]]),
    ],
)
def test_what_cannot_be_weighted_is_refused(est, covariance):
    with pytest.raises(ValueError, match="pooling needs two estimates"):
        pool(np.array(est), np.array(covariance))


def test_covariances_follow_from_the_errors_of_differences():
    frame = pd.DataFrame({"group": ["2012", "2014"], "lhs": "y", "op": "~", "rhs": "x", "label": None})
    frame = frame.assign(est=[0.1, 0.5], se=[0.1, 0.1], df=np.nan, reliable=True)
    pair = {"lhs": "y", "op": "~", "rhs": "x", "group_a": "2014", "group_b": "2012"}
    pools = {"2012": "all", "2014": "all"}

    def pooled(error: float) -> pd.Series:
        difference = pd.DataFrame([pair | {"se": error}])
        return pool_paths(frame, pools, {"all"}, difference).iloc[0]

    # A covariance of 0.004: 0.01 + 0.01 - 2 * 0.004.
    found = pooled(np.sqrt(0.012))
    assert found.reliable and found.se**2 == pytest.approx((0.08 + 0.008) / 2)
    lost = pooled(0.0)  # estimates that move as one
    assert not lost.reliable and np.isnan(lost.est) and "too few" in lost.detail


def test_groups_without_a_reliable_estimate_are_left_out_and_counted():
    names = ["NL a", "BE a", "DK a", "NL b", "BE b"]
    frame = pd.DataFrame({"group": names, "lhs": "y", "op": "~", "rhs": "x", "label": None})
    frame = frame.assign(
        est=[0.1, 0.5, 9.0, 0.3, np.nan], se=[0.1, 0.1, 0.1, 0.1, np.nan], df=np.nan, reliable=True
    )
    frame.loc[2, "reliable"] = False
    pools = {name: name[-1] for name in [*names, "DK b"]}  # the last one has no estimates at all
    found = pool_paths(frame, pools, {"a"}).set_index("group")
    assert found.groups.to_dict() == {"a": 2, "b": 1}
    assert found.left_out.to_dict() == {"a": 1, "b": 2}
    assert found.est["a"] == pytest.approx(0.3)
    assert np.isnan(found.est["b"])
    assert "fewer than two groups" in found.detail["b"]
    assert "clusters of the same name" in found.detail["a"]
    assert not found.reliable.any()


def test_errors_of_few_degrees_of_freedom_weigh_unless_groups_share_clusters():
    degrees = [1.9, 2.0, 9.0, 10.0, np.nan, np.nan]
    frame = pd.DataFrame({"se": [0.1, 0.1, 0.1, 0.1, 0.1, np.nan], "df": degrees, "reliable": True})
    assert counted(frame).tolist() == [False, True, True, True, True, False]
    assert counted(frame, dependent=True).tolist() == [False, False, False, True, True, False]
    assert not counted(frame.assign(reliable=False)).any()


@pytest.mark.parametrize("groups", [6, 20])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_intervals_hold_the_truth_with_errors_of_four_degrees_of_freedom(groups, spread):
    """Twelve regions a group give some four degrees: 1,500 pools of groups that were all left out before."""
    random = np.random.default_rng(groups)
    hits = 0
    for _ in range(1500):
        est = random.normal(0.3, np.sqrt(1 + spread), groups)
        found = pool(est, np.diag(random.chisquare(4, groups) / 4))
        hits += found.ci_lower < 0.3 < found.ci_upper
    assert 0.925 < hits / 1500 < 0.985
