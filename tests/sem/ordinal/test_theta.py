"""The theta parameterisation beside lavaan's figures (tests/reference/sem/ordinal_theta.R)."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from ordinal_figures import dwls, of_script, recorded, survey

from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.joint.hypotheses import difference_test
from jobs.sem.routes.method import Method
from jobs.sem.trouble import ModelError

CASES = {  # the model of the script, and how it is fitted
    "three": ("three", {}),
    "three_weights": ("three", {"weights": "weight"}),
    "study": ("study", {}),
    "study_weights": ("study", {"weights": "weight"}),
    "mixed": ("mixed", {}),
    "pairwise": ("mixed", {"missing": "pairwise"}),
    "residual": ("residual", {}),
    "path": ("path", {}),
}
TOGETHER = {
    "groups_three": ("three", {}, ()),
    "groups_loadings": ("three", {}, ("loadings",)),
    "groups_weights": ("three", {"weights": "weight"}, ("loadings",)),
    "groups_mixed": ("mixed", {}, ("loadings", "regressions")),
    "groups_labelled": ("labelled", {}, ()),
}


def model(name: str) -> str:
    return of_script("ordinal_theta", name)


def theta(text: str, **settings) -> Method:
    return dwls(text, parameterization="theta", **settings)


@cache
def fitted(case: str):
    name, settings, equal = TOGETHER[case]
    return fit_multigroup(model(name), survey(), "side", theta(model(name), **settings), equal)


def compare(case: str, ours: pd.DataFrame, measures: dict[str, float]) -> None:
    """Each estimate with its error, and each measure that was recorded."""
    lavaan = {}
    for row in recorded("ordinal_theta_estimates").query("case == @case").itertuples():
        rhs = "" if row.op == ":=" else row.rhs
        lavaan[row.group, row.lhs, row.op, rhs] = lavaan[row.group, rhs, row.op, row.lhs] = row
    for row in ours.itertuples():
        wanted = lavaan[
            "" if row.group == "all" else row.group, row.lhs, row.op, "" if row.op == ":=" else row.rhs
        ]
        # an estimate near zero is compared on the scale of its error: lavaan stops before the minimum
        assert row.est == pytest.approx(wanted.est, rel=1e-4, abs=2e-4 * wanted.se), (row, wanted)
        se = 0.0 if row.se is None or np.isnan(row.se) else row.se
        assert se == pytest.approx(wanted.se, rel=1e-3), (row, wanted)
    for name, value in (
        recorded("ordinal_theta_measures").query("case == @case").set_index("measure").value.items()
    ):
        assert measures[name.replace(".", "_")] == pytest.approx(value, rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("case", CASES)
def test_one_group_agrees_with_lavaan(case):
    name, settings = CASES[case]
    report = fit_groups(model(name), survey(), None, theta(model(name), **settings))
    assert report.status.detail.tolist() == [""]
    compare(case, report.estimates.query("error == 'robust'"), report.fit_measures.set_index("measure").value)


@pytest.mark.parametrize("case", TOGETHER)
def test_groups_fitted_at_once_agree_with_lavaan(case):
    fit = fitted(case)
    assert (fit.status, fit.detail) == ("converged", "")
    compare(case, fit.estimates().query("error == 'robust'"), fit.measures)


def test_the_difference_of_two_models_agrees_with_lavaan():
    test = difference_test(fitted("groups_three"), fitted("groups_loadings"))
    (wanted,) = recorded("ordinal_theta_tests").itertuples()
    assert (test.statistic, test.df) == (pytest.approx(wanted.statistic, rel=1e-3), wanted.df)
    assert test.pvalue == pytest.approx(wanted.pvalue, abs=1e-4)


def test_what_does_not_depend_on_the_scale_of_responses_is_the_same_in_delta():
    """With clusters, weights and predictors: standardised values with errors, reliability, the statistic."""
    text, settings = model("study"), {"clusters": ("cell",), "weights": "weight", "diagnosis": True}
    delta = Method(estimator="dwls", ordered=theta(text).ordered, **settings)
    reports = [fit_groups(text, survey(), None, method) for method in (delta, theta(text, **settings))]
    for name, columns in {
        "estimates": ["std_all"],
        "standardised": ["est_std", "se"],
        "reliability": ["omega", "omega_std", "ave"],
        "modification_indices": ["mi", "mi_robust"],
        "fit_measures": ["value"],
    }.items():
        first, second = (getattr(report, name)[columns].astype(float) for report in reports)
        np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-7, err_msg=name)
    assert not np.allclose(*(report.estimates.est for report in reports))


def test_modification_indices_agree_with_lavaan():
    report = fit_groups(model("three"), survey(), None, theta(model("three"), diagnosis=True))
    ours = {frozenset((row.lhs, row.rhs)): row for row in report.modification_indices.itertuples()}
    for wanted in recorded("ordinal_theta_modification").itertuples():
        row = ours[frozenset((wanted.lhs, wanted.rhs))]
        # lavaan counts a case less, which is one in a thousand, in the score and in its variance
        assert np.sqrt(row.mi) == pytest.approx(np.sqrt(wanted.mi), rel=1e-3)
        assert row.epc == pytest.approx(wanted.epc, rel=1e-3)


def test_it_is_refused_where_nothing_is_ordered():
    with pytest.raises(ModelError, match="theta is one of ordered items"):
        fit_groups("f =~ e1 + e2 + e3", survey(), None, Method(parameterization="theta"))
