"""Digits of published models: by hand, and that few digits leave a reader with many answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jobs.publish import digits
from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method

KEYS = {"country": "NL", "wave": "w"}


def published(name: str, table: pd.DataFrame, firms: int = 500) -> pd.DataFrame:
    """The table as it is published of groups g and h of so many firms."""
    status = pd.DataFrame({**KEYS, "group": ["g", "h"], "cases_used": [firms, 1000]})
    return digits.published({name: table, "fit_status": status})[name]


def estimates(est: float, se: float | None, df: float | None = None) -> pd.DataFrame:
    ends = {"ci_lower": est - 2 * (se or 0), "ci_upper": est + 2 * (se or 0)}
    row = {"est": est, "std_all": 0.123456, "se": se, "z": None, "pvalue": None, "df": df, **ends}
    return pd.DataFrame([row]).astype(float).assign(**KEYS, group="g")


@pytest.mark.parametrize(
    ("est", "se", "shown_est", "shown_se"),
    [
        (0.357123, 0.123456, 0.357, 0.123),
        (1234.567, 45.678, 1234.6, 45.7),
        (0.00012345678, 0.0000456789, 0.0001235, 0.0000457),
        (1.0, 0.0999999, 1.0, 0.1),
        (123456.7, 1234.5, 123460.0, 1230.0),
        (0.5, None, 0.5, None),  # fixed
        (0.123456, None, 0.123, None),
    ],
)
def test_an_estimate_ends_where_its_error_does(est, se, shown_est, shown_se):
    row = published("estimates", estimates(est, se)).iloc[0]
    assert row.est == pytest.approx(shown_est, rel=1e-12)
    assert row.std_all == 0.123
    assert np.isnan(row.se) if shown_se is None else row.se == pytest.approx(shown_se, rel=1e-12)


def test_what_follows_is_computed_from_the_rounded_figures():
    row = published("estimates", estimates(0.357123, 0.123456, 17.123)).iloc[0]
    assert row.z == round(0.357 / 0.123, 3)
    assert row.pvalue == round(2 * stats.t.sf(0.357 / 0.123, 17.123), 4)
    assert row.ci_lower == round(0.357123 - 2 * 0.123456, 3)
    table = pd.DataFrame({"difference": [0.357123], "se": [0.123456], "statistic": [0.0], "df": [20.0]})
    table = table.assign(pvalue=0.0, **KEYS, group_a="h", group_b="g")
    assert published("group_differences", table).statistic[0] == round((0.357 / 0.123) ** 2, 3)
    assert published("group_differences", table, firms=99).se[0] == 0.12, "the smaller group's digits"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_rounding_moves_an_estimate_by_less_than_a_hundredth_of_its_error(est, se):
    row = published("estimates", estimates(est, se)).iloc[0]
    assert abs(row.est - est) <= 0.006 * se
    assert abs(row.se - se) <= 0.006 * se


def test_measures_have_few_decimals_and_counts_all():
    names = ["chisq", "logl", "bic", "rmsea", "pvalue", "nobs", "cfi"]
    values = [35.4672699, -2094.614562, 4332.889579, 0.02497393525, 0.6743448148, 516.0, np.nan]
    shown = published("fit_measures", pd.DataFrame({"measure": names, "value": values}))
    assert shown.value[:6].tolist() == [35.467, -2094.61, 4332.89, 0.025, 0.6743, 516.0]


def test_the_share_of_the_largest_cluster_is_left_out_and_the_effective_number_is_whole():
    """0.15 of 60 firms are the 9 firms of one region."""
    measures = pd.DataFrame({"measure": ["clusters_effective", "largest_cluster"], "value": [9.4, 0.15]})
    shown = published("fit_measures", measures)
    assert shown.measure.tolist() == ["clusters_effective"] and shown.value.tolist() == [9.0]


def test_tables_without_rows_and_of_no_model_stay():
    origins = pd.DataFrame({"share": [1 / 3]})
    assert published("partner_origin", origins) is origins
    assert published("estimates", estimates(1, 1).iloc[:0]).empty


def sums(slope: float, residual: float, slope_half: float, residual_half: float, firms: int) -> int:
    """How many sums of squares and products of answers 0 to 3 fit a published slope and residual variance.

    n times each centred sum is a whole number, below (3 n / 2) squared: a, b and c of x x, x y and y y.
    """
    most = (3 * firms) ** 2 // 4
    count = 0
    for a in range(1, most + 1):
        low = np.ceil((slope - slope_half) * a - 1e-6)
        high = np.floor((slope + slope_half) * a + 1e-6)
        for b in np.arange(low, high + 1):
            ends = [(residual + sign * residual_half) * firms**2 + b * b / a for sign in (-1, 1)]
            count += max(int(np.floor(min(ends[1], most) + 1e-6) - np.ceil(max(ends[0], 0) - 1e-6)) + 1, 0)
    return count


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_answers_of_a_small_group_do_not_follow_from_its_estimates(seed):
    """20 firms, answers 0 to 3, y on x: all digits fit a handful of sums, the published ones thousands."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, 20)
    data = pd.DataFrame({"x": x, "y": np.clip(x + rng.integers(-1, 2, 20), 0, 3)}).astype(float)
    report = fit_groups("y ~ x", data, None, Method())
    frame = report.estimates[report.estimates.error == "expected"].assign(**KEYS, group="g")
    keys = ["lhs", "op", "rhs"]
    exact, shown = frame.set_index(keys).est, published("estimates", frame, firms=20).set_index(keys)
    slope, residual = ("y", "~", "x"), ("y", "~~", "y")
    assert sums(exact[slope], exact[residual], 1e-9, 1e-9, 20) <= 40, "multiples of one ratio"
    halves = [0.5 * 10.0 ** -(1 - np.floor(np.log10(shown.se[key]))) for key in (slope, residual)]
    assert sums(shown.est[slope], shown.est[residual], *halves, 20) > 1000
