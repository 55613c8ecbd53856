"""Which models are withheld: by hand, and the attacks on models that are shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from published import diagnosis
from published import tables as small
from scipy import stats

from jobs.publish import models
from jobs.sem.groups.fit import fit_groups
from jobs.sem.groups.rows import FitReport
from jobs.sem.groups.support import SUPPORT, support
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method
from jobs.settings.sections import DisclosureSettings

RULES = DisclosureSettings()
SLICE = {"country": "NL", "wave": "w"}
NOBODY = pd.DataFrame(columns=["country", "wave", *SUPPORT])


def status(cases: list[int], parameters: list[int | None]) -> pd.DataFrame:
    groups = [f"g{place}" for place in range(len(cases))]
    return pd.DataFrame({**SLICE, "group": groups, "cases_used": cases, "parameters": parameters})


def withheld(report: FitReport) -> str | None:
    """The rule that withholds the only group of a fit; None where it is shown."""
    tables = [table.assign(**SLICE) for table in (report.status, report.support)]
    return models.withheld(*tables, RULES).get(("NL", "w", "all"))


def estimate(report: FitReport, lhs: str, op: str, rhs: str) -> float:
    rows = report.estimates
    return float(rows[(rows.lhs == lhs) & (rows.op == op) & (rows.rhs == rhs)].est.iloc[0])


def test_a_model_needs_ten_more_firms_than_parameters():
    hidden = models.withheld(status([40, 39, 9], [30, 30, None]), NOBODY, RULES)
    assert hidden == {("NL", "w", "g1"): models.DEGREES, ("NL", "w", "g2"): models.FIRMS}


def regression(firms: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=firms), "d": 0.0})
    return frame.assign(y=0.5 * frame.x + rng.normal(size=firms))


def test_a_dummy_of_one_firm_is_that_firms_answer():
    """The attack: intercept, slope and the firm's own x give its y, to the last digit."""
    data = regression(60)
    data.loc[0, "d"] = 1.0
    data.loc[5:9, "y"] = np.nan
    report = fit_groups("y ~ x + d", data, None, Method(missing="fiml"))
    intercept = estimate(report, "y", "~1", "")
    answer = intercept + estimate(report, "y", "~", "x") * data.x[0] + estimate(report, "y", "~", "d")
    assert answer == pytest.approx(data.y[0], abs=1e-6)
    assert withheld(report) == models.CATEGORY
    data.loc[: 2 * RULES.threshold, "d"] = 1.0
    assert withheld(fit_groups("y ~ x + d", data, None, Method())) is None


def test_one_firm_far_from_all_others_makes_a_slope():
    data = regression(60)
    data.loc[0, "x"] = 1000.0
    assert withheld(fit_groups("y ~ x", data, None, Method())) == models.LEVERAGE


@pytest.mark.parametrize(("few", "rule"), [(9, models.LEVERAGE), (12, None)])
def test_a_slope_is_withheld_where_fewer_firms_than_the_threshold_make_it(few, rule):
    data = regression(200).assign(x=0.0)
    data.loc[: few - 1, "x"] = np.linspace(5, 6, few)
    assert withheld(fit_groups("y ~ x", data, None, Method())) == rule


def test_an_improper_fit_is_judged_too():
    """Its estimates are shown beside the status: a dummy of one firm tells no less in them."""
    a, e, u = np.random.default_rng(3).normal(size=(3, 80))
    data = pd.DataFrame({"a": a, "b": 0.8 * a + 0.6 * e, "c": 0.8 * a - 0.5 * e + 0.3 * u, "d": 0.0})
    data.loc[0, "d"] = 1.0
    report = fit_groups("f =~ a + b + c\nf ~ d", data, None, Method())
    assert report.status.status[0] == "heywood" and len(report.estimates)
    assert withheld(report) == models.CATEGORY


def test_a_weight_that_makes_the_variation_is_seen():
    data = regression(60).assign(w=1.0)
    data.loc[0, "w"] = 100_000.0
    assert withheld(fit_groups("y ~ x", data, None, Method(weights="w"))) == models.LEVERAGE


def test_a_variable_that_four_firms_answered_is_theirs():
    """The attack: under FIML the four's regression on x, and what is left of their answers, is published."""
    data = regression(60)[["x", "y"]].assign(z=np.nan)
    data.loc[:3, "z"] = [1.0, 4.0, 2.0, 7.0]
    report = fit_groups("z ~ x\ny ~ x\nz ~~ 0*y", data, None, Method(missing="fiml"))
    slope, intercept = np.polyfit(data.x[:4], data.z[:4], 1)
    left = data.z[:4] - intercept - slope * data.x[:4]
    assert estimate(report, "z", "~1", "") == pytest.approx(intercept, abs=1e-4)
    assert estimate(report, "z", "~~", "z") == pytest.approx((left**2).mean(), abs=1e-4)
    assert report.support.set_index("variable").answered["z"] == 4
    assert withheld(report) == models.ANSWERS


def test_two_variables_that_few_firms_answered_together_are_seen():
    data = regression(60)[["x", "y"]]
    data.loc[:27, "x"] = np.nan
    data.loc[32:, "y"] = np.nan
    rows = support("g0", data, structure_of("f =~ 1*x + 1*y"), None, "fiml").assign(**SLICE)
    assert rows.fewest_together.tolist() == [4, 4]
    assert models.withheld(status([60], [3]), rows, RULES) == {("NL", "w", "g0"): models.ANSWERS}


def items(firms: int) -> pd.DataFrame:
    """Three ordered items of one factor; one firm alone gave the third item's highest answer."""
    rng = np.random.default_rng(5)
    factor = rng.normal(size=firms)
    ends = [-0.7, 0.6]
    answers = {name: np.digitize(factor + rng.normal(size=firms), ends) for name in ("a", "b", "c")}
    frame = pd.DataFrame(answers).astype(float)
    frame.loc[frame.c == 2, "c"] = 1.0
    frame.loc[0, "c"] = 2.0
    return frame


def test_thresholds_of_ordered_items_count_firms():
    """The attack: (1 - Phi(t2)) n is the number of firms with the highest answer, to the last digit."""
    report = fit_groups("f =~ a + b + c", items(210), None, Method(estimator="dwls", ordered=("a", "b", "c")))
    firms = (1 - stats.norm.cdf(estimate(report, "c", "|", "t2"))) * 210
    assert firms == pytest.approx(1.0, abs=1e-6)
    tables = [table.assign(**SLICE) for table in (report.estimates, report.support)]
    shown = models.without_thresholds(*tables, RULES)
    assert set(shown[shown.op == "|"].lhs) == {"a", "b"}
    assert len(shown[shown.op != "|"]) == len(report.estimates[report.estimates.op != "|"])


def test_intercepts_and_thresholds_are_parameters_too():
    """30 firms: a factor of three numbers has 6 parameters, and 3 means with FIML; of ordered items 9."""
    data = items(30)
    plain = fit_groups("f =~ a + b + c", data, None, Method()).status.parameters[0]
    data.loc[0, "a"] = np.nan
    fiml = fit_groups("f =~ a + b + c", data, None, Method(missing="fiml")).status.parameters[0]
    assert (plain, fiml) == (6, 9)
    dwls = fit_groups("f =~ a + b + c", items(210), None, Method(estimator="dwls", ordered=("a", "b", "c")))
    assert dwls.status.parameters[0] == 3 + 6, "loadings or variance, and two thresholds an item"


def test_support_is_of_the_cases_that_are_used():
    data = regression(30)[["x", "y"]]
    data.loc[:4, "x"] = np.nan
    rests_on = fit_groups("y ~ x", data, None, Method()).support.set_index("variable")
    assert rests_on.answered.tolist() == [25, 25]
    used = data.x[5:]
    parts = (used - used.mean()) ** 2
    falling = (parts / parts.sum()).sort_values(ascending=False)
    bearing = rests_on.bearing_cases["x"]
    assert falling[:bearing].sum() >= 0.9 > falling[: bearing - 1].sum()
    assert rests_on.largest["x"][0] == pytest.approx(parts.max() / parts.sum())


def residuals(groups: dict[str, int]) -> pd.DataFrame:
    """As many residuals as given of each group."""
    rows = [{**SLICE, "group": name} for name, pairs in groups.items() for _ in range(pairs)]
    return pd.DataFrame(rows, columns=["country", "wave", "group"])


def intercepts(groups: dict[str, int]) -> pd.DataFrame:
    """Estimates of as many intercepts as given of each group, with two kinds of error each."""
    rows = [
        {**SLICE, "group": name, "lhs": f"y{place}", "op": "~1", "error": error}
        for name, count in groups.items()
        for place in range(count)
        for error in ("observed", "robust")
    ]
    return pd.DataFrame(rows, columns=["country", "wave", "group", "lhs", "op", "error"])


def test_residuals_need_ten_more_firms_than_moments():
    """Four variables have six residuals and ten variances and covariances."""
    tables = {"residuals": residuals({"g0": 6, "g1": 6}), "fit_status": status([20, 19], [8, 8])}
    tables["estimates"] = intercepts({"g0": 0, "g1": 0})
    assert models.telling(tables, RULES) == {("NL", "w", "g1")}
    tables["residuals"] = residuals({})
    assert models.telling(tables, RULES) == set()


def test_residuals_beside_intercepts_need_a_firm_more_for_each_mean():
    """With the means of four variables there are fourteen moments; of each intercept there are two errors."""
    tables = {"residuals": residuals({"g0": 6, "g1": 6}), "fit_status": status([24, 23], [8, 8])}
    tables["estimates"] = intercepts({"g0": 4, "g1": 4})
    assert models.telling(tables, RULES) == {("NL", "w", "g1")}


def test_a_group_of_too_few_firms_is_left_out_in_its_wave_only():
    frames = {
        "fit_status": pd.DataFrame(
            {
                **{"country": "NL", "wave": ["v", "w", "w"], "group": ["g", "g", "h"], "status": "converged"},
                **{"detail": "", "cases_in": 9, "cases_used": 9, "cases_missing": 0, "max_gradient": 0.0},
            }
        ),
        "estimates": pd.DataFrame({"country": "NL", "wave": ["v", "w", "w"], "group": ["g", "g", "h"]}),
        "fit_measures": pd.DataFrame({"country": "NL", "wave": ["w"], "group": ["g"]}),
        "residuals": pd.DataFrame({"country": "NL", "wave": ["w", "w"], "group": ["g", "h"]}),
        "group_differences": pd.DataFrame(
            {"country": "NL", "wave": ["v", "w"], "group_a": ["g", "g"], "group_b": ["h", "h"]}
        ),
    }
    made = models.without_groups(frames, {("NL", "w", "g")})
    assert made["estimates"].wave.tolist() == ["v", "w"] and made["estimates"].group.tolist() == ["g", "h"]
    assert made["group_differences"].wave.tolist() == ["v"]
    assert made["fit_measures"].empty and made["residuals"].group.tolist() == ["h"]
    status = made["fit_status"]
    assert status.status.tolist() == ["converged", "c", "converged"]
    assert status.max_gradient.isna().tolist() == [False, True, False]
    assert status.detail[1] == "too few firms for publication"
    empty = {name: frame.iloc[:0] for name, frame in frames.items()}
    assert models.without_groups(empty, set())["group_differences"].empty


def test_residuals_that_tell_too_much_are_left_out_with_the_modification_indices():
    made = {**small(), **diagnosis(10)}  # ten pairs: of five variables, that have fifteen moments
    made["fit_status"] = made["fit_status"].assign(cases_used=25)
    kept = models.without_residuals(made, RULES)
    assert [len(kept[name]) for name in ("residuals", "modification_indices")] == [10, 10]
    made["fit_status"] = made["fit_status"].assign(cases_used=24)
    left = models.without_residuals(made, RULES)
    assert [len(left[name]) for name in ("residuals", "modification_indices")] == [0, 0]
    assert models.without_residuals(small(), RULES) == {}
