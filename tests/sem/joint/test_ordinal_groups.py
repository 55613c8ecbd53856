"""Ordered items in several groups beside lavaan's recorded figures (tests/reference/sem/ordinal_groups.R)."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from ordinal_figures import dwls, of_script, recorded, survey

from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import MultigroupFit, fit_multigroup
from jobs.sem.joint.hypotheses import difference_test, wald_test
from jobs.sem.trouble import ModelError

METRIC, PATHS = ("loadings",), ("loadings", "regressions")
# case: model, settings, equal, partial
CASES = {
    "configural": ("three", {}, (), ()),
    "metric": ("three", {}, METRIC, ()),
    "metric_weights": ("three", {"weights": "weight"}, METRIC, ()),
    "partial": ("three", {}, ("loadings", "lv.variances", "lv.covariances"), ("info=~i2",)),
    "equal_variances": ("three", {}, ("loadings", "lv.variances", "lv.covariances"), ()),
    "mixed_free": ("mixed", {}, (), ()),
    "mixed": ("mixed", {}, PATHS, ()),
    "mixed_residuals": ("mixed", {}, ("loadings", "residuals"), ()),
    "pairwise": ("mixed", {"missing": "pairwise"}, PATHS, ()),
    "labelled": ("labelled", {}, (), ()),
    "path": ("path", {}, (), ()),
}


@cache
def fitted(case: str) -> MultigroupFit:
    name, settings, equal, partial = CASES[case]
    model = of_script("ordinal_groups", name)
    return fit_multigroup(model, survey(), "side", dwls(model, **settings), equal, partial)


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_lavaan(case):
    fit = fitted(case)
    assert (fit.status, fit.detail) == ("converged", "")
    lavaan = {}
    for row in recorded("ordinal_groups_estimates").query("case == @case").itertuples():
        rhs = "" if row.op == ":=" else row.rhs
        lavaan[row.group, row.lhs, row.op, rhs] = row
        if row.op == "~~":
            lavaan[row.group, rhs, row.op, row.lhs] = row
    ours = fit.estimates().query("error == 'robust'")
    for one in ours.itertuples():
        row = lavaan[one.group, one.lhs, one.op, "" if one.op == ":=" else one.rhs]
        # an estimate near zero is compared on the scale of its error: lavaan stops before the minimum
        assert one.est == pytest.approx(row.est, rel=1e-4, abs=1e-4 * row.se), (one, row)
        assert (0.0 if np.isnan(one.se) else one.se) == pytest.approx(row.se, rel=1e-3), (one, row)
        if row.std_se == row.std_se:
            # lavaan divides the variances of exogenous variables by n - 1, in standardised values alone
            near = 1e-4 if CASES[case][0] == "three" else 1 / 390
            assert one.std_all == pytest.approx(row.std_all, rel=near, abs=1e-4 * row.std_se), (one, row)
            std_se = 0.0 if np.isnan(one.std_se) else one.std_se
            assert std_se == pytest.approx(row.std_se, rel=1e-3 + near, abs=1e-6), (one, row)

    measures = recorded("ordinal_groups_measures").query("case == @case").set_index("measure").value
    for name, value in fit.measures.items():
        theirs = name.replace("_", ".")
        if name in ("nobs", "chisq_shift"):  # lavaan lists neither
            continue
        if name.endswith("_scaled") and "_ci_" in name:
            theirs = "rmsea.ci." + name.split("_")[2] + ".scaled"
        assert value == pytest.approx(measures[theirs], rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize(
    ("case", "hypotheses"), [("labelled", ["b1 == b2", "m1 == m2"]), ("path", ["p1 == p2"])]
)
def test_wald_tests_agree_with_lavaan(case, hypotheses):
    found = wald_test(fitted(case), hypotheses, "robust")
    lavaan = recorded("ordinal_groups_tests").set_index("case").loc[case]
    # a statistic near zero is compared on the scale of its law
    assert found.statistic == pytest.approx(lavaan.statistic, rel=1e-3, abs=1e-4)
    assert found.df == lavaan.df
    assert found.pvalue == pytest.approx(lavaan.pvalue, abs=1e-3)


@pytest.mark.parametrize(
    ("one", "other"), [("configural", "metric"), ("metric", "equal_variances"), ("mixed_free", "mixed")]
)
def test_difference_tests_agree_with_lavaan(one, other):
    found = difference_test(fitted(one), fitted(other))
    lavaan = recorded("ordinal_groups_tests").set_index("case").loc[f"{one} {other}"]
    assert found.statistic == pytest.approx(lavaan.statistic, rel=1e-4)
    assert found.df == lavaan.df
    assert found.pvalue == pytest.approx(lavaan.pvalue, abs=1e-4)


def test_clusters_that_span_groups_are_summed_over_them():
    """The same cases in both groups are no new evidence: by case, errors are those of one group."""
    once = survey().query("side == 'east'").assign(case=range(len(survey().query("side == 'east'"))))
    twice = pd.concat([once.assign(copy="a"), once.assign(copy="b")])
    model = of_script("ordinal_groups", "mixed")
    settings = dwls(model, clusters=("case", "region"))
    alone = fit_groups(model, once, None, settings).estimates
    equal = (*PATHS, "residuals", "lv.variances")
    both = fit_multigroup(model, twice, "copy", settings, equal).estimates()
    names = ["lhs", "op", "rhs"]
    for error in ("cluster:case", "cluster:region"):
        wanted = alone[(alone.error == error) & alone.op.isin(["=~", "~"])].set_index(names)
        found = both[(both.error == error) & (both.group == "a")].set_index(names).loc[wanted.index]
        np.testing.assert_allclose(found.est, wanted.est, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(found.se.astype(float), wanted.se.astype(float), rtol=1e-5)
        assert (found.clusters == wanted.clusters).all()
    robust = both[(both.error == "robust") & (both.group == "a")].set_index(names).loc[wanted.index]
    by_case = both[(both.error == "cluster:case") & (both.group == "a")].set_index(names).loc[wanted.index]
    moving = robust.se.notna()
    ratio = (by_case.se / robust.se)[moving].astype(float)
    np.testing.assert_allclose(ratio, np.sqrt(2), rtol=2e-3)  # but for n / (n - 1)


@pytest.mark.parametrize(
    ("text", "equal", "words"),
    [
        ("", (*METRIC, "intercepts"), "intercepts are not made equal in models with ordered items"),
        ("e1 ~ c(0, NA)*1", METRIC, "the intercept of e1 cannot be set"),
        ("effort ~ c(0, NA)*1", METRIC, "the intercept of effort cannot be set"),
    ],
)
def test_what_thresholds_do_not_allow_is_refused(text, equal, words):
    model = of_script("ordinal_groups", "three")
    with pytest.raises(ModelError, match=words):
        fit_multigroup(f"{model}\n{text}", survey(), "side", dwls(model), equal)


def test_what_cannot_be_trusted_is_a_status():
    model = of_script("ordinal_groups", "three")
    still = survey().assign(e3=lambda table: table.e3.where(table.side == "west", 1))
    found = fit_multigroup(model, still, "side", dwls(model), METRIC)
    assert found.status == "constant indicator" and found.detail.startswith("in east, e3 ")
    assert found.estimates().empty and found.measures == {}
    loose = "effort =~ c(NA, NA)*e1 + e2 + e3"
    found = fit_multigroup(loose, survey(), "side", dwls(loose))
    assert found.status == "not identified"
    assert "effort =~ e1 (" in found.detail
