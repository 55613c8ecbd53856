"""Ordered items: thresholds, correlations, DWLS beside lavaan's figures (tests/reference/sem/ordinal.R)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from jobs.sem.groups.fit import fit_groups
from jobs.sem.model.structure import ModelError, Structure, structure_of
from jobs.sem.ordinal import fit as ordinal_fit
from jobs.sem.ordinal import marginals as ordinal_marginals
from jobs.sem.ordinal.correlations import _Corner, correlation
from jobs.sem.ordinal.measures import measures
from jobs.sem.ordinal.moments import OrdinalMoments, ordinal_moments
from jobs.sem.routes.method import Method
from jobs.sem.trouble import Trouble

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
ITEMS = ("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4")
MODELS = {
    "three": "effort =~ e1 + e2 + e3\ninfo =~ i1 + i2 + i3\nresult =~ r1 + r2 + r3 + r4",
    "mixed": "effort =~ e1 + e2 + e3 + spend\nresult =~ share + r1 + r2 + r3",
    "study": """
        effort =~ e1 + e2 + e3
        info =~ i1 + i2 + i3
        result =~ r1 + r2 + r3 + r4
        effort ~ size + comm
        info ~ effort + size
        result ~ effort + info + comp + comm""",
    "study_mixed": """
        effort =~ spend + e1 + e2 + e3
        result =~ r1 + r2 + share
        effort ~ size + comm
        result ~ effort + comp + comm""",
    "path": "r1 ~ size + comm + spend\ne1 ~ size + comp\nshare ~ e1 + r1 + size",
}
CASES = {
    **{name: (name, None, "listwise") for name in MODELS},
    **{f"{name}_weights": (name, "weight", "listwise") for name in MODELS if name != "path"},
    "pairwise": ("study_mixed", None, "pairwise"),
}


def table(name: str) -> pd.DataFrame:
    found = pd.read_csv(REFERENCE / f"{name}.csv", skipinitialspace=True)
    text = found.select_dtypes(exclude="number").columns
    return found.assign(**{column: found[column].str.strip() for column in text})


def survey() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "ordinal_survey.csv")


def sampled(model: str, weights: str | None, missing: str) -> tuple[Structure, OrdinalMoments]:
    structure = structure_of(MODELS[model])
    x = [structure.observed[place] for place in structure.exogenous]
    y = [name for name in structure.observed if name not in x]
    data = survey()
    if missing == "listwise":
        data = data[data[structure.observed].notna().all(axis=1)]
    weight = data[weights].to_numpy() if weights else np.ones(len(data))
    return structure, ordinal_moments(data, y, ITEMS, x, weight * len(data) / weight.sum())


@pytest.mark.parametrize("case", CASES)
def test_statistics_and_their_uncertainty(case):
    """Thresholds, slopes, polychoric and polyserial correlations, and their covariance matrix."""
    _, sample = sampled(*CASES[case])
    recorded = table("ordinal_statistics").query("case == @case")
    kinds = {op: [k for k, one in enumerate(sample.statistics) if one.op == op] for op in ("~", "~~")}
    heads = [k for k, one in enumerate(sample.statistics) if one.op in ("|", "~1")]
    # lavaan has another order of variables: match the sorted figures
    ours = np.concatenate([sample.value[heads], sample.value[kinds["~"]], sample.value[kinds["~~"]]])
    gamma = np.diag(sample.gamma())[[*heads, *kinds["~"], *kinds["~~"]]]
    negative = np.array([sample.statistics[k].op == "~1" for k in heads] + [False] * (len(ours) - len(heads)))
    ours = np.where(negative, -ours, ours)  # lavaan writes an intercept as a threshold
    lavaan = recorded.sort_values("value")
    order = np.argsort(ours)
    assert ours[order] == pytest.approx(lavaan["value"].to_numpy(), rel=1e-5, abs=1e-6)
    assert np.sort(gamma) == pytest.approx(np.sort(recorded["gamma"].to_numpy()), rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_fit_agrees_with_lavaan(case):
    structure, sample = sampled(*CASES[case])
    fit = ordinal_fit.fit(structure, sample)
    assert fit.estimate.converged and fit.estimate.identified
    recorded = table("ordinal_estimates").query("case == @case")
    by_key = recorded.set_index(["lhs", "op", "rhs"])
    errors = np.sqrt(np.diag(fit.covariance()))
    for parameter in structure.parameters:
        if parameter.free is None:
            continue
        key = (parameter.lhs, parameter.op, parameter.rhs)
        row = by_key.loc[key if key in by_key.index else key[::-1]]
        # a path near zero is compared on the scale of its error
        assert abs(fit.estimate.x[parameter.free] - row.est) < 2e-5 * max(abs(row.est), row.se), key
        assert errors[parameter.free] == pytest.approx(row.se, rel=1e-5), key
    for place, label in enumerate(fit.above):
        rows = recorded[(recorded.lhs == label.lhs) & (recorded.op == label.op)]
        row = (rows[rows.rhs == label.rhs] if label.op == "|" else rows).iloc[0]
        assert fit.above_value[place] == pytest.approx(row.est, rel=1e-5, abs=1e-6), label
        assert errors[structure.q + place] == pytest.approx(row.se, rel=1e-5), label

    found = measures(fit, sample)
    theirs = table("ordinal_measures").query("case == @case").set_index("measure")["value"]
    for name, value in found.items():
        other = name.replace("_", ".")
        if name.endswith("_scaled") and "_ci_" in name:
            other = "rmsea.ci." + name.split("_")[2] + ".scaled"
        if other in theirs.index:
            assert value == pytest.approx(theirs[other], rel=2e-5, abs=2e-6), name


@pytest.mark.parametrize("rho", [-0.95, -0.4, 0.0, 0.3, 0.9])
def test_bivariate_normal_distribution(rho):
    """Beside scipy's own integration, on and off the axes."""
    grid = np.array([-2.1, -0.7, 0.0, 0.4, 1.8])
    h, k = (axis.ravel() for axis in np.meshgrid(grid, grid))
    law = stats.multivariate_normal(cov=[[1, rho], [rho, 1]])
    assert _Corner(h, k).at(rho)[0] == pytest.approx(law.cdf(np.column_stack([h, k])), abs=1e-7)
    _, by_rho, bend = _Corner(h, k).at(rho)
    up, down = _Corner(h, k).at(rho + 1e-5), _Corner(h, k).at(rho - 1e-5)
    assert by_rho == pytest.approx((up[0] - down[0]) / 2e-5, abs=1e-6)
    assert bend == pytest.approx((up[1] - down[1]) / 2e-5, abs=1e-4)
    ends = np.array([np.inf, -np.inf, 1.0, 1.0]), np.array([1.0, 1.0, np.inf, -np.inf])
    assert _Corner(*ends).at(rho)[0] == pytest.approx([stats.norm.cdf(1), 0, stats.norm.cdf(1), 0])


def test_thresholds_by_hand():
    """Half, a quarter, a quarter: the normal quantiles of 0.5 and 0.75."""
    values = np.array([0, 0, 1, 2] * 10, dtype=float)
    one, levels = ordinal_marginals.ordered("item", values, np.zeros((40, 0)), np.ones(40))
    assert one.parameters == pytest.approx([0.0, 0.6744897501960817])
    assert list(levels) == [0, 1, 2]


def test_tetrachoric_by_hand():
    """Margins of one half: the share both high is 1/4 + asin(rho) / 2 pi (Sheppard 1899)."""
    table = np.repeat([[0, 0], [1, 1], [0, 1], [1, 0]], [30, 30, 20, 20], axis=0).astype(float)
    weights, none = np.ones(100), np.zeros((100, 0))
    margins = [ordinal_marginals.ordered(name, table[:, k], none, weights)[0] for k, name in enumerate("ab")]
    found = correlation(margins[0], margins[1], weights)
    assert found.value == pytest.approx(np.sin(2 * np.pi * (0.30 - 0.25)), rel=1e-10)


def test_scores_are_derivatives():
    """The sum of a margin's scores vanishes, and a pair's derivatives match differences of its likelihood."""
    data = survey().dropna()
    x = data[["size", "comm"]].to_numpy()
    weights = data["weight"].to_numpy()
    item, _ = ordinal_marginals.ordered("i1", data["i1"].to_numpy(dtype=float), x, weights)
    spend = ordinal_marginals.number("spend", data["spend"].to_numpy(), x, weights)
    for margin in (item, spend):
        assert weights @ margin.scores == pytest.approx(0, abs=1e-7)
    found = correlation(item, spend, weights)
    assert weights @ found.scores == pytest.approx(0, abs=1e-7)


def test_weights_count_cases():
    """A case of weight two is the same as the case twice; as one cluster also for the errors."""
    data = survey().dropna().reset_index(drop=True).head(300)
    structure = structure_of(MODELS["study_mixed"])
    y = [structure.observed[k] for k in range(structure.p) if k not in structure.exogenous]
    x = [structure.observed[k] for k in structure.exogenous]
    once = ordinal_moments(data, y, ITEMS, x, np.ones(len(data)))
    twice = ordinal_moments(pd.concat([data, data]), y, ITEMS, x, np.ones(2 * len(data)))
    assert twice.value == pytest.approx(once.value, rel=1e-9, abs=1e-9)
    codes = np.tile(np.arange(len(data)), 2)
    fits = ordinal_fit.fit(structure, once), ordinal_fit.fit(structure, twice)
    assert fits[1].covariance(codes) == pytest.approx(fits[0].covariance(), rel=1e-6, abs=1e-9)
    alone = np.arange(len(data))
    assert fits[0].covariance(alone) == pytest.approx(fits[0].covariance(), rel=1e-12)
    scaled = measures(fits[1], twice, codes)["chisq_scaled"]
    assert scaled == pytest.approx(measures(fits[0], once)["chisq_scaled"], rel=0.01)


def test_groups_with_weights_clusters_and_missing_values():
    """The whole route: two groups that share regions, by both clusters, with a test of the difference."""
    data = survey()
    data["group"] = np.where(data["size"] > 0, "large", "small")
    settings = Method(
        estimator="dwls",
        missing="pairwise",
        ordered=("e1", "e2", "e3", "r1", "r2"),
        clusters=("cell", "region"),
        weights="weight",
    )
    report = fit_groups(MODELS["study_mixed"], data, "group", settings)
    assert list(report.status.status) == ["converged", "converged"]
    assert report.status.cases_used.sum() == len(data)
    estimates = report.estimates
    assert set(estimates.error) == {"robust", "cluster:cell", "cluster:region"}
    by_region = estimates[estimates.error == "cluster:region"]
    assert set(by_region.clusters) == {12} and set(by_region.df.dropna()) == {11}  # what is fixed has none
    assert set(estimates.op) == {"=~", "~", "~~", "|", "~1"}
    free = estimates.query("op == '~'")
    assert free.se.notna().all() and free.std_all.abs().max() < 1
    left = estimates.query("lhs == rhs and lhs == 'e1' and error == 'robust'")
    assert left.se.isna().all()  # what is left of the unit variance has no error of its own
    differences = report.differences[report.differences.error == "cluster:cell"]
    assert len(differences) == 5 + 5 and differences.pvalue.between(0, 1).all()
    again = fit_groups(MODELS["study_mixed"], data, "group", settings)
    pd.testing.assert_frame_equal(again.estimates, report.estimates, check_exact=True)

    whole = data[data[["share", "e1", "e2", "e3", "r1", "r2"]].notna().all(axis=1)]
    listwise = fit_groups(MODELS["study_mixed"], data, None, replace(settings, missing="listwise"))
    complete = fit_groups(MODELS["study_mixed"], whole, None, settings)
    assert list(listwise.status.cases_missing) == [len(data) - len(whole)]
    pd.testing.assert_frame_equal(listwise.estimates, complete.estimates)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Method(ordered=("e1",)), "ordered items need the estimator dwls"),
        (Method(estimator="dwls"), "needs ordered items"),
        (Method(estimator="dwls", ordered=("e1",), missing="fiml"), "no full-information likelihood"),
        (Method(estimator="dwls", ordered=("z",)), "the ordered item z is not in the model"),
        (Method(estimator="dwls", ordered=("size",)), "size is a predictor only"),
        (Method(missing="pairwise"), "pairwise deletion is for ordered items"),
        (Method(estimator="gls"), "not gls"),
    ],
)
def test_settings_that_do_not_go_together(settings, words):
    with pytest.raises(ModelError, match=words):
        fit_groups(MODELS["study_mixed"], survey(), None, settings)


def test_units_of_numbers_and_predictors_do_not_matter():
    data = survey().dropna()
    moved = data.assign(spend=data.spend * 1e4, size=data["size"] * 1e-3 + 5, share=data.share / 1e3)
    found = []
    for one in (data, moved):
        structure = structure_of(MODELS["study_mixed"])
        x = [structure.observed[k] for k in structure.exogenous]
        y = [name for name in structure.observed if name not in x]
        sample = ordinal_moments(one, y, ITEMS, x, np.ones(len(one)))
        fit = ordinal_fit.fit(structure, sample)
        assert fit.estimate.converged
        found.append(measures(fit, sample)["chisq_scaled"])
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_what_cannot_be_estimated_is_said():
    data = survey().dropna()
    ones = np.ones(len(data))

    def of(frame: pd.DataFrame, names: list[str], x: list[str]) -> None:
        ordinal_moments(frame, names, tuple(names), x, ones)

    with pytest.raises(Trouble, match="e1 takes one category only") as caught:
        of(data.assign(e1=1), ["e1", "e2"], [])
    assert caught.value.status == "constant indicator"
    with pytest.raises(Trouble, match="e1 and e2 are perfectly related"):
        of(data.assign(e2=data.e1), ["e1", "e2"], [])
    with pytest.raises(Trouble, match="an ordered item has at most 20"):
        of(data, ["spend", "e2"], [])
    with pytest.raises(Trouble, match="size, twin are linearly dependent"):
        of(data.assign(twin=data["size"]), ["e1", "e2"], ["size", "twin"])
    with pytest.raises(Trouble, match="tell the categories of e3 apart"):
        of(data.assign(size=data.e3 * 2.0), ["e3", "e2"], ["size"])
    structure = structure_of("f =~ e1 + e2 + e3 + r1\ne1 ~~ 0.5*e1")
    sample = ordinal_moments(data, ["e1", "e2", "e3", "r1"], ITEMS, [], ones)
    with pytest.raises(ModelError, match="the variance of the ordered item e1 follows from the model"):
        ordinal_fit.fit(structure, sample)


def test_one_ordered_outcome_is_a_probit():
    """No correlation is left to fit; slopes and thresholds are those of statsmodels' ordered probit."""
    data = pd.read_csv(REFERENCE / "ordinal_survey.csv").dropna(subset=["e1"])
    settings = Method(estimator="dwls", ordered=("e1",))
    found = fit_groups("e1 ~ size + comm", data, None, settings).estimates.set_index(["op", "rhs"]).est
    probit = OrderedModel(data.e1, data[["size", "comm"]], distr="probit").fit(method="bfgs", disp=False)
    assert list(found["~"][["size", "comm"]]) == pytest.approx(
        list(probit.params[["size", "comm"]]), rel=1e-4
    )
    cuts = probit.model.transform_threshold_params(probit.params.to_numpy())[1:-1]
    assert list(found["|"]) == pytest.approx(list(cuts), rel=1e-4, abs=1e-5)
