"""Constraints, against figures recorded from lavaan (tests/reference/sem/constraints.R) and by laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.bootstrap.replicates import Drawing, bootstrap
from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.routes.method import Method
from jobs.sem.trouble import ModelError

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
MODELS = pd.read_csv(REFERENCE / "constraints_models.csv").set_index("case").model
KEY = ["lhs", "op", "rhs"]
CLUSTERED = Method(clusters=("cluster",))
FACTOR = "f =~ y1 + l2*y2 + l3*y3\nf ~ p*x1 + q*x2 + s*w1\n"


@pytest.fixture(scope="module")
def twolevel() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "twolevel.csv")


@pytest.mark.parametrize("case", MODELS.index)
def test_against_figures_recorded_from_lavaan(twolevel, case):
    report = fit_groups(MODELS[case], twolevel, None, CLUSTERED)
    assert report.status.status.tolist() == ["converged"]
    estimates = pd.read_csv(REFERENCE / "constraints_estimates.csv").query("case == @case")
    for error, column in (("expected", "se"), ("robust", "robust"), ("cluster:cluster", "cluster")):
        ours = report.estimates[report.estimates.error == error].merge(estimates, on=KEY, suffixes=("", "_r"))
        assert len(ours) >= 10
        free = ours.se.notna()
        np.testing.assert_allclose(ours.est, ours.est_r, rtol=1e-4, atol=1e-5)
        wanted = ours["se_r" if column == "se" else column].fillna(0)  # lavaan has none of what is fixed
        np.testing.assert_allclose(ours.se[free], wanted[free], rtol=1e-3, atol=1e-6)
        assert (wanted[~free] < 1e-6).all()
    measures = pd.read_csv(REFERENCE / "constraints_measures.csv").set_index("case").loc[case]
    values = report.fit_measures.set_index("measure").value
    for name, wanted in measures.items():
        assert values[name] == pytest.approx(wanted, rel=1e-4, abs=1e-4), name


@pytest.mark.parametrize("weights", [None, "w"])
def test_a_constraint_gives_what_one_label_gives(twolevel, weights):
    """Every kind of error and every measure, of `l2 - l3 == 0` and of a label that both loadings have."""
    data = twolevel.assign(w=np.random.default_rng(2).uniform(0.5, 2, len(twolevel)))
    method = Method(clusters=("cluster",), weights=weights)
    tied = fit_groups(FACTOR + "l2 - l3 == 0", data, None, method)
    shared = fit_groups(FACTOR.replace("l3", "l2"), data, None, method)
    for table, columns in (("estimates", ["est", "se", "std_all", "df"]), ("fit_measures", ["value"])):
        ours, wanted = getattr(tied, table), getattr(shared, table)
        for column in columns:
            np.testing.assert_allclose(
                ours[column].astype(float), wanted[column].astype(float), rtol=2e-5, atol=1e-6
            )
    assert any(kind.startswith("bias_reduced") for kind in tied.estimates.error)


def test_an_inequality_that_the_estimate_keeps_anyway_changes_nothing(twolevel):
    free = fit_groups(FACTOR, twolevel, None, CLUSTERED)
    kept = fit_groups(FACTOR + "l2 > 0\np < 5", twolevel, None, CLUSTERED)
    for column in ("est", "se", "df"):
        np.testing.assert_allclose(
            kept.estimates[column].astype(float), free.estimates[column].astype(float), rtol=1e-5, atol=1e-7
        )
    pd.testing.assert_series_equal(kept.fit_measures.value, free.fit_measures.value, rtol=1e-6)


def test_units_do_not_matter(twolevel):
    text = FACTOR + "s == p*q\nl2 < 0.5"
    unit = 1e7
    names = ["y1", "y2", "y3", "x1", "w1"]
    wide = twolevel.assign(**{name: unit * twolevel[name] for name in names})
    # f has the unit of y1: p and s are as they were, q and the product with it are 1e7 times as large.
    usual = fit_groups(text, twolevel, None, Method())
    scaled = fit_groups(text.replace("p*q", "p*q/1e7"), wide, None, Method())
    ours, wanted = (report.estimates[report.estimates.error == "expected"] for report in (scaled, usual))
    np.testing.assert_allclose(ours.std_all, wanted.std_all, atol=1e-6)
    assert scaled.fit_measures.value.iloc[2] == pytest.approx(usual.fit_measures.value.iloc[2], rel=1e-6)


@pytest.mark.parametrize(
    "constraint", ["l2 + l3 == 2\nl2 + l3 == 3", "exp(l2) == 0", "log(l2) == 0 - 1000", "l2 > 1\nl2 < 0.5"]
)
def test_constraints_that_nothing_keeps_are_a_status(twolevel, constraint):
    status = fit_groups(FACTOR + constraint, twolevel, None, Method()).status.iloc[0]
    assert status.status == "not converged" and "constraints" in status.detail


ITEMS = {"estimator": "dwls", "ordered": ("y2", "y3")}


@pytest.fixture(scope="module")
def some(twolevel) -> pd.DataFrame:
    """Few cases with a hole in each fifth; two items in categories."""
    data = twolevel.head(600).reset_index(drop=True)
    data["y1"] = data.y1.where(data.index % 5 > 0)
    return data.assign(**{f"o{item}": np.digitize(data[item], [-1, 0.5, 1.5]) for item in ("y2", "y3")})


@pytest.mark.parametrize(
    "settings", [{}, {"missing": "fiml", "clusters": ("cluster",)}, {"estimator": "mlr"}, ITEMS]
)
def test_a_diagnosis_under_a_constraint_is_that_of_one_label(some, settings):
    data = some.assign(y2=some.oy2, y3=some.oy3) if settings is ITEMS else some
    method = Method(**settings, diagnosis=True)
    tied = fit_groups(FACTOR + "l2 - l3 == 0", data, None, method)
    shared = fit_groups(FACTOR.replace("l3", "l2"), data, None, method)
    for name in ("residuals", "modification_indices", "standardised", "estimates", "fit_measures"):
        ours, wanted = getattr(tied, name), getattr(shared, name)
        for column in ours.select_dtypes("number"):
            np.testing.assert_allclose(ours[column], wanted[column], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("settings", [{}, {"missing": "fiml"}, ITEMS])
def test_a_bootstrap_under_a_constraint_is_that_of_one_label(some, settings):
    data = (some.assign(y2=some.oy2, y3=some.oy3) if settings is ITEMS else some).head(160)
    method = Method(**settings, clusters=("cluster",))
    tied = bootstrap(FACTOR + "l2 - l3 == 0", data, None, method, Drawing(4, 3)).estimates
    shared = bootstrap(FACTOR.replace("l3", "l2"), data, None, method, Drawing(4, 3)).estimates
    both = tied.merge(shared, on=["lhs", "op", "rhs", "quantity"])
    assert len(both) == len(shared)
    for column in ("est", "se", "ci_lower", "ci_upper"):
        np.testing.assert_allclose(both[f"{column}_x"], both[f"{column}_y"], rtol=1e-4, atol=1e-6)


def test_every_replicate_keeps_an_inequality(some):
    drawn = bootstrap(FACTOR + "p < 0.4", some, None, CLUSTERED, Drawing(20, 3)).estimates
    row = drawn.query("lhs == 'f' and rhs == 'x1' and quantity == 'est'").iloc[0]
    assert row.replicates == 20 and row.ci_lower < row.est < 0.4
    assert row.ci_upper == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("constraint", "method", "words"),
    [
        ("l2 == 2*m", Method(), "l2 == 2[*]m names m, which is no label"),
        ("l2 == 2*v", Method(**ITEMS), "l2 == 2[*]v ties v, the residual variance of an ordered item"),
        ("twice := 2*v; l2 > twice", Method(**ITEMS), "l2 > twice ties v, the residual variance"),
    ],
)
def test_what_is_not_supported_is_said_with_its_line(twolevel, constraint, method, words):
    with pytest.raises(ModelError, match=words) as told:
        fit_groups(FACTOR + "y2 ~~ v*y2\n\n" + constraint, twolevel, None, method)
    assert told.value.line == 5


TURNED = "f =~ NA*y1 + u*y2 + v*y3\nf ~~ 1*f\nf ~ x1 + x2 + w1\n"


@pytest.mark.parametrize("settings", [{}, {"missing": "fiml"}, ITEMS])
def test_a_constraint_on_the_sign_of_a_factor_turns_it(some, settings):
    """The search begins where loadings are positive; the model fits as well with all of them negative."""
    data = some.assign(y2=some.oy2, y3=some.oy3) if settings is ITEMS else some
    method = Method(**settings)
    free, kept = (fit_groups(TURNED + end, data, None, method) for end in ("", "u < 0"))
    np.testing.assert_allclose(kept.fit_measures.value, free.fit_measures.value, rtol=1e-5, atol=1e-6)
    assert kept.estimates.query("op == '=~'").est.lt(0).all()
    assert free.estimates.query("op == '=~'").est.gt(0).all()


@pytest.mark.parametrize("settings", [{}, ITEMS])
def test_a_constraint_on_the_sign_of_a_factor_turns_it_in_all_groups(some, settings):
    data = some.assign(y2=some.oy2, y3=some.oy3) if settings is ITEMS else some
    data = data.assign(side=np.where(data.index % 2, "a", "b"))
    fits = [fit_multigroup(TURNED + end, data, "side", Method(**settings)) for end in ("", "u < 0")]
    assert [fit.status for fit in fits] == ["converged", "converged"]
    assert fits[1].measures["chisq"] == pytest.approx(fits[0].measures["chisq"], rel=1e-6)
    assert fits[1].estimates().query("op == '=~'").est.lt(0).all()


def test_a_model_that_no_data_determine_is_told_from_constraints_that_do_not_agree(some):
    text = "f =~ y1 + u*y2\nf ~~ g\ng =~ y3\ny1 ~~ y2\nu > 0.1\nu < 9"
    for missing in ("listwise", "fiml"):
        status = fit_groups(text, some, None, Method(missing=missing)).status.iloc[0]
        assert status.status == "not identified" and "f ~~ f" in status.detail
