"""Full-information maximum likelihood beside lavaan's recorded figures (tests/reference/sem/fiml.R)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.cases import incomplete
from jobs.sem.fiml import fit as fiml_fit
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.groups.fit import fit_groups
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors import covariance
from jobs.sem.trouble import Trouble

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
SCHOOL = """
visual =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9
"""
STUDY = """
effort =~ e1 + e2 + e3 + e4 + e5
info =~ i1 + i2 + i3 + i4 + i5
result =~ r1 + r2 + r3 + r4 + r5
info ~ effort + size
effort ~ size + comm
result ~ effort + info + comp + comm
"""
# case: model, data, weights, cluster, kind of error
CASES = {
    "school_ml": (SCHOOL, "fiml_school", None, None, "observed"),
    "school_mlr": (SCHOOL, "fiml_school", None, None, "robust"),
    "survey_ml": (STUDY, "fiml_survey", None, None, "observed"),
    "survey_mlr": (STUDY, "fiml_survey", None, None, "robust"),
    "survey_weights": (STUDY, "fiml_survey", "weight", None, "robust"),
    "survey_cluster": (STUDY, "fiml_survey", None, "region", "robust"),
    "survey_weights_cluster": (STUDY, "fiml_survey", "weight", "cell", "robust"),
}


def table(name: str) -> pd.DataFrame:
    found = pd.read_csv(REFERENCE / f"{name}.csv", skipinitialspace=True)
    text = found.select_dtypes(exclude="number").columns
    return found.assign(**{column: found[column].str.strip() for column in text})


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_lavaan(case):
    model, data, weights, cluster, kind = CASES[case]
    settings = Method(
        estimator="ml" if kind == "observed" else "mlr",
        missing="fiml",
        weights=weights,
        clusters=(cluster,) if cluster else (),
    )
    report = fit_groups(model, pd.read_csv(REFERENCE / f"{data}.csv"), None, settings)
    assert list(report.status.status) == ["converged"]
    error = f"cluster:{cluster}" if cluster else kind
    estimates = report.estimates[report.estimates.error == error]
    lavaan = (
        table("fiml_estimates").query("case == @case").fillna({"rhs": ""}).set_index(["lhs", "op", "rhs"])
    )
    for ours in estimates.itertuples():
        key = (ours.lhs, ours.op, ours.rhs)
        row = lavaan.loc[key if key in lavaan.index else key[::-1]]
        # a path near zero is compared on the scale of its error: lavaan stops at 1e-10 of the likelihood
        assert abs(ours.est - row.est) < 1e-4 * max(abs(row.est), row.se), key
        assert ours.std_all == pytest.approx(row["std.all"], rel=1e-4, abs=1e-5), key
        if row.se:
            assert ours.se == pytest.approx(row.se, rel=1e-4), key
    fixed = lavaan.query("op != '~~' and op != '~1' and se == 0")
    assert len(estimates) == report.fit_measures.set_index("measure").value["npar"] + len(fixed)

    recorded = table("fiml_measures").query("case == @case").set_index("measure")["value"]
    own = ("clusters_effective", "largest_cluster")  # lavaan has none of these
    for name, value in report.fit_measures[["measure", "value"]].itertuples(index=False):
        if name in own or name.endswith("_adjusted"):
            continue
        theirs = "ntotal" if name == "nobs" else name.replace("_", ".")
        if name.endswith("_scaled") and "_ci_" in name:
            theirs = "rmsea.ci." + name.split("_")[2] + ".scaled"
        assert value == pytest.approx(recorded[theirs], rel=1e-4, abs=1e-6), name


def test_expected_information_agrees_with_lavaan():
    structure = structure_of(SCHOOL)
    sample, values = incomplete.incomplete_moments(pd.read_csv(REFERENCE / "fiml_school.csv"), structure)
    estimate = fiml_fit.fit(structure, sample, values).estimate
    errors = np.sqrt(np.diag(covariance.expected(estimate, sample.n)))
    recorded = table("fiml_estimates").query("case == 'school_expected'").set_index(["lhs", "op", "rhs"])
    for one in structure.parameters:
        if one.free is not None:
            key = (one.lhs, one.op, one.rhs)
            row = recorded.loc[key if key in recorded.index else key[::-1]]
            assert errors[one.free] == pytest.approx(row.se, rel=1e-5)


def test_complete_data_give_lavaans_mlr():
    """Holzinger and Swineford, MLR: chi-square 87.132, scaling factor .979 (lavaan 0.6-14)."""
    data = pd.read_csv(REFERENCE / "holzinger_swineford.csv")
    found = fit_groups(SCHOOL, data, None, Method(estimator="mlr")).fit_measures.set_index("measure").value
    assert found["chisq"] == pytest.approx(85.306, abs=5e-4)
    assert found["chisq_scaled"] == pytest.approx(87.132, abs=5e-4)
    assert found["chisq_scaling_factor"] == pytest.approx(0.979, abs=5e-4)


def test_groups_with_trouble_leave_the_others_alone():
    data = pd.read_csv(REFERENCE / "fiml_school.csv")
    apart = data.assign(school="apart")
    apart.loc[apart.x1.notna(), "x2"] = np.nan
    still = data.assign(school="still", x9=3.0)
    few = data.head(15).assign(school="few")
    every = pd.concat([data.assign(school="good"), apart, still, few])
    report = fit_groups(SCHOOL, every, "school", Method(missing="fiml"))
    status = report.status.set_index("group")
    assert status.status.to_dict() == {
        "apart": "not identified",
        "few": "too few cases",
        "good": "converged",
        "still": "constant indicator",
    }
    assert status.detail["apart"] == "x1 and x2 are never observed in the same case."
    assert set(report.estimates.group) == {"good"}


def simulated(n: int, p: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    data = random.normal(size=(n, p)) @ (np.eye(p) + 0.3) + 2.0
    data[random.random((n, p)) < share] = np.nan
    data = data[~np.isnan(data).all(axis=1)]
    return data, random.exponential(size=len(data))


def test_gradient_and_information_are_derivatives():
    data, weights = simulated(60, 4, 0.3)
    sample = fiml.patterns(data, weights)
    beta = np.concatenate([np.full(4, 1.8), (np.eye(4) + 0.2)[fiml.vech_index(4)]])

    def at(f, vector):
        return f(vector[:4], fiml.from_vech(vector[4:], 4), sample)

    steps = 1e-5 * np.eye(len(beta))
    slope = [(at(fiml.log_likelihood, beta + h) - at(fiml.log_likelihood, beta - h)) / 2e-5 for h in steps]
    assert at(fiml.gradient, beta) == pytest.approx(np.array(slope), rel=1e-6, abs=1e-6)
    curve = [(at(fiml.gradient, beta + h) - at(fiml.gradient, beta - h)) / 2e-5 for h in steps]
    assert at(fiml.information, beta) == pytest.approx(-np.array(curve), rel=1e-6, abs=1e-5)
    scores = fiml.case_scores(beta[:4], fiml.from_vech(beta[4:], 4), data, sample)
    assert weights @ scores == pytest.approx(at(fiml.gradient, beta), abs=1e-9)


def test_one_pattern_by_hand():
    """Two variables, the second missing for one of three cases: three densities, added."""
    sample = fiml.patterns(np.array([[1.0, 2.0], [0.0, 0.0], [3.0, np.nan]]))
    mean, sigma = np.array([1.0, 1.0]), np.array([[2.0, 1.0], [1.0, 2.0]])
    # (0,1) and (-1,-1) under the two-variable normal: squares 2/3 and 2/3, determinant 3; then 2^2/2
    by_hand = 2 * (-np.log(2 * np.pi) - 0.5 * np.log(3) - 0.5 * 2 / 3)
    by_hand += -0.5 * np.log(2 * np.pi) - 0.5 * np.log(2) - 0.5 * 2
    assert fiml.log_likelihood(mean, sigma, sample) == pytest.approx(by_hand, rel=1e-12)


def test_saturated_maximum_and_complete_data():
    data, weights = simulated(300, 6, 0.2)
    sample = fiml.patterns(data, weights)
    found = fiml.saturated(sample, list("abcdef"))
    assert np.abs(fiml.gradient(found.mean, found.cov, sample)).max() < 1e-5 * sample.total
    whole = data[~np.isnan(data).any(axis=1)]
    found = fiml.saturated(fiml.patterns(whole), list("abcdef"))
    assert found.mean == pytest.approx(whole.mean(axis=0), rel=1e-9)
    assert found.cov == pytest.approx(np.cov(whole.T, bias=True), rel=1e-7)


def test_order_of_cases_does_not_matter():
    data, weights = simulated(200, 5, 0.2)
    order = np.random.default_rng(1).permutation(len(data))
    one = fiml.saturated(fiml.patterns(data, weights), list("abcde"))
    other = fiml.saturated(fiml.patterns(data[order], weights[order]), list("abcde"))
    assert one.cov == pytest.approx(other.cov, rel=1e-10)


def test_what_cannot_be_estimated_is_said():
    apart = np.array([[1.0, np.nan, 2.0], [np.nan, 2.0, 1.0], [2.0, np.nan, 0.5], [np.nan, 1.0, 0.0]])
    with pytest.raises(Trouble, match="a and b are never observed in the same case"):
        fiml.saturated(fiml.patterns(apart), list("abc"))
    with pytest.raises(ValueError, match="without any observed value"):
        fiml.patterns(np.array([[np.nan, np.nan], [1.0, 2.0]]))


def test_cases_left_out_are_counted():
    data = pd.read_csv(REFERENCE / "fiml_survey.csv")
    sample, values = incomplete.incomplete_moments(data, structure_of(STUDY), "weight", ("region",))
    assert (sample.cases_in, sample.n, sample.cases_missing) == (619, 611, 8)
    assert len(values) == 611 and np.isnan(values).any()
    assert sample.weights.sum() == pytest.approx(611)
    with pytest.raises(ValueError, match="the column e2 holds text"):
        incomplete.incomplete_moments(data.assign(e2="a"), structure_of(STUDY))
    with pytest.raises(ValueError, match="weights in weight are negative"):
        incomplete.incomplete_moments(data.assign(weight=-1.0), structure_of(STUDY), "weight")
