"""Several groups at once beside lavaan's recorded figures (tests/reference/sem/multigroup.R)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.joint.fit import MultigroupFit, fit_multigroup
from jobs.sem.joint.hypotheses import difference_test, wald_test
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors.trust import ENOUGH
from jobs.sem.trouble import ModelError

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
SCRIPT = (REFERENCE / "multigroup.R").read_text()


def of_script(name: str) -> str:
    """The model of this name in the script that recorded the figures."""
    return SCRIPT.split(f'{name} <- "')[1].split('"')[0]


THREE = of_script("three")
FACTORS = {"visual": "x1 + x2 + x3", "textual": "x4 + x5 + x6", "speed": "x7 + x8 + x9"}
METRIC, SCALAR = ("loadings",), ("loadings", "intercepts")
STRICT = (*SCALAR, "residuals")
STEPS = {
    "configural": (),
    "metric": METRIC,
    "scalar": SCALAR,
    "strict": STRICT,
    "means": (*STRICT, "means"),
    "all": (*STRICT, "lv.variances", "lv.covariances"),
}
FIML, MLR = {"missing": "fiml"}, {"estimator": "mlr"}
FREED = ("visual=~x2", "x7 ~1", "x3~~x3")
# case: model, data, group, settings, equal, partial, kind of error
CASES = {
    **{f"ml_{name}": (THREE, "school", {}, equal, (), "expected") for name, equal in STEPS.items()},
    **{f"mlr_{name}": (THREE, "school", MLR, STEPS[name], (), "robust") for name in list(STEPS)[:4]},
    **{f"fiml_{name}": (THREE, "holes", FIML, STEPS[name], (), "observed") for name in list(STEPS)[:4]},
    "fiml_mlr": (THREE, "holes", FIML | MLR, SCALAR, (), "robust"),
    "weighted": (THREE, "school", MLR | {"weights": "w"}, SCALAR, (), "robust"),
    "partial": (THREE, "school", {}, STRICT, FREED, "expected"),
    "labelled": (of_script("labelled"), "school", {}, (), (), "expected"),
    "labelled_mlr": (of_script("labelled"), "school", MLR, (), (), "robust"),
    "chain": (of_script("chain"), "school", {}, (*SCALAR, "regressions"), (), "expected"),
    "chain_free": (of_script("chain"), "school", {}, SCALAR, (), "expected"),
    "path": (of_script("path"), "half", MLR, (), (), "robust"),
    "path_weights": (of_script("path"), "half", MLR | {"weights": "weight"}, (), (), "robust"),
    "path_cluster": (of_script("path"), "half", MLR | {"clusters": ("cluster",)}, (), (), "cluster:cluster"),
    "path_both": (
        of_script("path"),
        "half",
        MLR | {"clusters": ("cluster",), "weights": "weight"},
        (),
        (),
        "cluster:cluster",
    ),
    "path_regressions": (
        "y1 ~ x1 + w1\ny2 ~ y1 + x2",
        "half",
        {},
        ("regressions", "intercepts"),
        (),
        "expected",
    ),
}


@cache
def data(name: str) -> pd.DataFrame:
    if name == "school":
        weights = pd.read_csv(REFERENCE / "holzinger_weights.csv")
        return pd.read_csv(REFERENCE / "holzinger_swineford.csv").merge(weights)
    return pd.read_csv(REFERENCE / {"holes": "fiml_school.csv", "half": "multigroup_levels.csv"}[name])


@cache
def recorded(name: str) -> pd.DataFrame:
    found = pd.read_csv(REFERENCE / f"multigroup_{name}.csv", skipinitialspace=True)
    return found.fillna({"group": "", "rhs": ""} if name == "estimates" else {})


@cache
def fitted(case: str) -> MultigroupFit:
    model, name, settings, equal, partial, _ = CASES[case]
    group = "half" if name == "half" else "school"
    return fit_multigroup(model, data(name), group, Method(**settings), equal, partial)


def near(ours: float | None, theirs: float, size: float, rel: float) -> bool:
    """Equal but for `rel` of the larger of lavaan's figure and `size`; no error is zero in lavaan."""
    return abs((0.0 if ours is None or np.isnan(ours) else ours) - theirs) <= rel * max(abs(theirs), size)


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_lavaan(case):
    fit = fitted(case)
    assert (fit.status, fit.detail) == ("converged", "")
    lavaan = {}
    for row in recorded("estimates").query("case == @case").itertuples():
        rhs = "" if row.op == ":=" else row.rhs
        lavaan[row.group, row.lhs, row.op, rhs] = row
        if row.op == "~~":
            lavaan[row.group, rhs, row.op, row.lhs] = row
    ours = fit.estimates().query("error == @CASES[@case][-1]")
    for one in ours.itertuples():
        row = lavaan[one.group, one.lhs, one.op, "" if one.op == ":=" else one.rhs]
        # an estimate near zero is compared on the scale of its error: lavaan stops before the maximum
        assert near(one.est, row.est, row.se, 1e-4), (one, row)
        assert near(one.se, row.se, 0.0, 1e-4), (one, row)
        assert near(one.std_all, row.std_all, row.std_se if row.std_se == row.std_se else 0.0, 1e-4), (
            one,
            row,
        )
        if row.std_se == row.std_se:
            assert near(one.std_se, row.std_se, 1e-6, 1e-4), (one, row)
    # lavaan lists the moments of exogenous variables too, without errors
    assert (ours.se.notna()).sum() == sum(
        row.se > 0 for row in recorded("estimates").query("case == @case").itertuples()
    )

    measures = recorded("measures").query("case == @case").set_index("measure").value
    own = ("clusters_effective", "largest_cluster")  # lavaan has none of these
    for name, value in fit.measures.items():
        if name in own or name.endswith("_adjusted"):
            continue
        theirs = "ntotal" if name == "nobs" else name.replace("_", ".")
        if name.endswith("_scaled") and "_ci_" in name:
            theirs = "rmsea.ci." + name.split("_")[2] + ".scaled"
        assert value == pytest.approx(measures[theirs], rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("kind", ["ml", "mlr", "fiml"])
@pytest.mark.parametrize(
    ("one", "other"), [("configural", "metric"), ("metric", "scalar"), ("scalar", "strict")]
)
def test_difference_tests_agree_with_lavaan(kind, one, other):
    found = difference_test(fitted(f"{kind}_{one}"), fitted(f"{kind}_{other}"))
    lavaan = recorded("tests").set_index("test").loc[f"{kind}_{other}"]
    assert found.statistic == pytest.approx(lavaan.statistic, rel=1e-4)
    assert (found.df, found.df_error) == (lavaan.df, None)
    assert found.pvalue == pytest.approx(lavaan.pvalue, abs=1e-5)


@pytest.mark.parametrize(
    ("test", "case", "hypotheses", "error"),
    [
        ("wald_ml", "labelled", ["b1 == b2"], "expected"),
        ("wald_mlr", "labelled_mlr", ["b1 == b2"], "robust"),
        ("wald_two", "chain_free", ["p1 == p2", "q1 == q2"], "expected"),
        ("wald_cluster", "path_both", ["b1 == b2", "w == 0.3"], "cluster:cluster"),
    ],
)
def test_wald_tests_agree_with_lavaan(test, case, hypotheses, error):
    found = wald_test(fitted(case), hypotheses, error)
    lavaan = recorded("tests").set_index("test").loc[test]
    assert found.statistic == pytest.approx(lavaan.statistic, rel=1e-4)
    assert found.df == lavaan.df
    if error.startswith("cluster:"):  # lavaan takes the chi-square law however few clusters there are
        assert found.df_error == data("half").cluster.nunique() - 1
        assert found.pvalue > lavaan.pvalue
    else:
        assert found.pvalue == pytest.approx(lavaan.pvalue, abs=1e-4)


def test_clusters_that_span_groups_are_summed_over_them():
    """Two regressions that share clusters, beside least squares on both groups stacked, by hand."""
    random = np.random.default_rng(3)
    region, side = np.repeat(np.arange(30), 20), np.tile(np.repeat(["a", "b"], 10), 30)
    shared = random.normal(size=30)
    x = random.normal(size=600) + shared[region]
    y = 0.5 * x + np.where(side == "a", 1.0, 0.6) * shared[region] * x + random.normal(size=600)
    frame = pd.DataFrame({"side": side, "region": region, "x": x, "y": y})
    fit = fit_multigroup("y ~ c(b1, b2)*x", frame, "side", Method(clusters=("region",)))

    design = np.column_stack([side == "a", side == "b", x * (side == "a"), x * (side == "b")]).astype(float)
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ design.T @ y
    scores = design * (y - design @ slopes)[:, None]
    sums = np.array([scores[region == one].sum(axis=0) for one in range(30)])
    sandwich = inverse @ sums.T @ sums @ inverse * 30 / 29
    variance = sandwich[2, 2] + sandwich[3, 3] - 2 * sandwich[2, 3]
    apart = sandwich[2, 2] + sandwich[3, 3]  # as if the groups had nothing in common
    found = wald_test(fit, ["b1 == b2"], "cluster:region")
    assert found.statistic == pytest.approx((slopes[2] - slopes[3]) ** 2 / variance, rel=1e-8)
    assert abs(variance / apart - 1) > 0.3
    table = fit.estimates().query("error == 'cluster:region' and op == '~'")
    mlr = Method(estimator="mlr", clusters=("region",))
    equal = fit_multigroup("y ~ c(b, b)*x", frame, "side", mlr)
    # of one restriction the scaling factor is its variance over that of the normal model, near the truth
    mean = (y - design @ slopes) ** 2 @ design[:, :2] / design[:, :2].sum(axis=0)
    normal = inverse[2, 2] * mean[0] + inverse[3, 3] * mean[1]
    assert equal.measures["df"] == 1
    assert equal.measures["chisq_scaling_factor"] == pytest.approx(variance / normal, rel=0.1)
    assert list(table.se) == pytest.approx(np.sqrt(np.diag(sandwich)[2:]), rel=1e-8)
    assert (table.df == 29).all()
    reduced = fit.estimates().query("error == 'bias_reduced:region' and op == '~'")
    assert list(table.reliable) == [df >= ENOUGH for df in reduced.df]


def test_units_and_order_of_the_data_do_not_matter():
    frame = data("school")
    moved = frame.sample(frac=1.0, random_state=1)
    moved = moved.assign(x2=-1e4 * frame.x2 + 7, x5=-frame.x5, x9=frame.x9 * 1e-3)
    one = fitted("ml_scalar")
    other = fit_multigroup(THREE, moved, "school", Method(), SCALAR)
    assert other.measures["chisq"] == pytest.approx(one.measures["chisq"], rel=1e-8)
    tables = [fit.estimates().set_index(["group", "lhs", "op", "rhs", "error"]) for fit in (one, other)]
    gap = (tables[0].std_all.abs() - tables[1].std_all.abs()).drop("~1", level="op")
    assert np.abs(gap).max() < 1e-7


def test_a_factor_has_its_unit_from_its_variance_or_from_a_loading():
    """NA frees the first loading in every group: the same fit, and the same standardised loadings."""
    lines = [f"{name} =~ c(NA, NA)*{items}\n{name} ~~ c(1, 1)*{name}" for name, items in FACTORS.items()]
    one, other = (
        fit_multigroup(model, data("school"), "school", Method()) for model in (THREE, "\n".join(lines))
    )
    assert other.measures["df"] == one.measures["df"] == 48
    assert other.measures["chisq"] == pytest.approx(one.measures["chisq"], rel=1e-7)
    names = ["group", "lhs", "rhs"]
    tables = [
        fit.estimates().query("error == 'expected' and op == '=~'").set_index(names).std_all
        for fit in (one, other)
    ]
    pd.testing.assert_series_equal(*tables, rtol=1e-5)
    assert (tables[1] != 1).all()


def test_weights_count_by_their_sum():
    """Weight 3 for a group's cases is the group three times over: the same estimates."""
    frame = data("school")
    three = frame.school.map({"Pasteur": 3.0, "Grant-White": 1.0})
    repeated = pd.concat([frame, *[frame[frame.school == "Pasteur"]] * 2])
    weighted = fit_multigroup(THREE, frame.assign(three=three), "school", Method(weights="three"), SCALAR)
    plain = fit_multigroup(THREE, repeated, "school", Method(), SCALAR)
    tables = [fit.estimates().query("error == 'expected'") for fit in (weighted, plain)]
    assert tables[0].est.to_numpy() == pytest.approx(tables[1].est.to_numpy(), abs=1e-7)


def test_means_of_latent_variables_recover_the_truth():
    """A simulation: factor means 0 and 0.8, equal loadings and intercepts; its error covers the truth."""
    random = np.random.default_rng(11)
    n = 2000
    factor = random.normal(size=2 * n) + np.repeat([0.0, 0.8], n)
    items = {
        f"x{k}": k + [1.0, 0.7, 1.3, 0.9][k - 1] * factor + random.normal(size=2 * n) for k in range(1, 5)
    }
    frame = pd.DataFrame({"g": np.repeat([1.0, 2.0], n), **items})
    fit = fit_multigroup("f =~ x1 + x2 + x3 + x4", frame, "g", Method(), SCALAR)
    table = fit.estimates().query("error == 'expected'")
    first, mean = table.query("lhs == 'f' and op == '~1'").itertuples()
    assert fit.groups == ["1", "2"] and (first.group, first.est) == ("1", 0.0)
    assert mean.se < 0.05 and abs(mean.est - 0.8) < 3 * mean.se
    assert fit.measures["pvalue"] > 0.001


def exact(correlation: np.ndarray, n: int = 60) -> pd.DataFrame:
    """Cases whose sample correlations are these."""
    raw = np.random.default_rng(8).normal(size=(n, len(correlation)))
    raw = np.linalg.qr(raw - raw.mean(axis=0))[0]
    return pd.DataFrame(raw @ np.linalg.cholesky(correlation).T * np.sqrt(n), columns=list("abc"))


def test_what_cannot_be_trusted_is_a_status():
    frame = data("school")
    settings = Method()
    still = frame.assign(x9=frame.x9.where(frame.school == "Pasteur", 3.0))
    found = fit_multigroup(THREE, still, "school", settings)
    assert (found.status, found.detail) == (
        "constant indicator",
        "in Grant-White, x9 does not vary; leave it out of the model.",
    )
    assert found.estimates().empty and found.measures == {}
    loose = THREE + "\nvisual ~ c(NA, NA)*1"  # a mean beside all intercepts
    found = fit_multigroup(loose, frame, "school", settings)
    assert found.status == "not identified" and "visual ~1 (" in found.detail
    few = pd.concat([frame[frame.school == "Pasteur"], frame[frame.school == "Grant-White"].head(8)])
    assert fit_multigroup(THREE, few, "school", settings).status == "too few cases"
    # three items with correlations .9, .9, .7: the first has the communality .9 * .9 / .7 > 1
    correlation = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, 0.7], [0.9, 0.7, 1.0]])
    usual = np.array([[1.0, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 1.0]])
    both = pd.concat([exact(correlation).assign(g="odd"), exact(usual).assign(g="usual")])
    found = fit_multigroup("f =~ a + b + c", both, "g", settings)
    assert found.status == "heywood" and found.detail.startswith("in odd, the variance of ")
    assert not found.estimates().reliable.any()


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (THREE, {"equal": ("loading",)}, "loading cannot be equal; choose from loadings"),
        (THREE, {"equal": METRIC, "partial": ("visual=~x4",)}, "visual=~x4 is no free parameter"),
        (THREE + "\nx10 ~ 1", {}, "intercept of x10 is no parameter"),
        (THREE + "\nd := a", {}, "d is defined by a, which is no label"),
        (THREE.replace("x9", "x99"), {}, "the model names x99, which is no column"),
        (
            THREE,
            {"method": Method(estimator="dwls", ordered=("x1",)), "equal": SCALAR},
            "intercepts are not made equal in models with ordered items",
        ),
        (THREE, {"group": "grade9"}, "the settings name grade9, which is no column"),
        (THREE, {"group": "one"}, "one has fewer than two groups"),
    ],
)
def test_settings_that_are_not_right_are_refused(model, options, words):
    arguments = {"group": "school", "method": Method()} | options
    with pytest.raises(ModelError, match=words):
        fit_multigroup(model, data("school").assign(one=1), **arguments)


def test_tests_that_say_nothing_are_refused_or_explained():
    free, metric = fitted("ml_configural"), fitted("ml_metric")
    assert "not more restricted" in difference_test(metric, free).detail
    with pytest.raises(ModelError, match="not of the same groups and cases"):
        difference_test(free, fitted("path"))
    labelled = fitted("labelled")
    with pytest.raises(ModelError, match="zz, which is no label"):
        wald_test(labelled, ["b1 == zz"], "expected")
    with pytest.raises(ModelError, match="has no =="):
        wald_test(labelled, ["b1"], "expected")
    with pytest.raises(ModelError, match="no errors cluster:region"):
        wald_test(labelled, ["b1 == b2"], "cluster:region")
    assert "say the same twice" in wald_test(labelled, ["b1 == b2", "2*b1 == 2*b2"], "expected").detail
