"""Full-information maximum likelihood beside lavaan's recorded figures (tests/reference/sem/fiml.R)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem import covariance, fiml, fiml_fit
from jobs.sem.fiml_measures import measures
from jobs.sem.structure import Structure
from jobs.sem.trouble import Trouble

REFERENCE = Path(__file__).parents[1] / "reference" / "sem"
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
    "school_expected": (SCHOOL, "fiml_school", None, None, "expected"),
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


def fitted(model: str, data: str, weights: str | None, cluster: str | None):
    clusters = (cluster,) if cluster else ()
    structure = Structure(model)
    sample, values = fiml_fit.incomplete_moments(
        pd.read_csv(REFERENCE / f"{data}.csv"), structure, weights, clusters
    )
    return fiml_fit.fit(structure, sample, values), sample


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_lavaan(case):
    model, data, weights, cluster, kind = CASES[case]
    fit, sample = fitted(model, data, weights, cluster)
    estimate, q = fit.estimate, fit.estimate.structure.q
    inner = np.linalg.inv(sample.n * fit.hessian_full)
    if kind == "expected":
        errors = covariance.expected(estimate, sample.n)
    elif kind == "observed":
        errors = inner
    elif cluster:
        errors = covariance.clustered(estimate, sample, fit.scores, sample.clusters[cluster])
    else:
        errors = covariance.robust(estimate, sample, fit.scores)
    lavaan = table("fiml_estimates").query("case == @case").set_index(["lhs", "op", "rhs"])
    for parameter in estimate.structure.parameters:
        if parameter.free is None:
            continue
        key = (parameter.lhs, parameter.op, parameter.rhs)
        row = lavaan.loc[key if key in lavaan.index else key[::-1]]
        # a path near zero is compared on the scale of its error: lavaan stops at 1e-10 of the likelihood
        assert abs(estimate.x[parameter.free] - row.est) < 1e-4 * max(abs(row.est), row.se), key
        assert np.sqrt(errors[parameter.free, parameter.free]) == pytest.approx(row.se, rel=1e-4), key

    names, values, jacobian = fiml_fit.intercepts(fit)
    by_name = lavaan.xs("~1", level="op").droplevel("rhs")
    if kind == "observed":
        variances = np.diag(jacobian @ inner @ jacobian.T)[q:]
        assert np.sqrt(variances) == pytest.approx(by_name.loc[names, "se"].to_numpy(), rel=1e-4)
    assert values == pytest.approx(by_name.loc[names, "est"].to_numpy(), abs=1e-5)

    found = measures(fit, sample, cluster, robust=kind == "robust")
    recorded = table("fiml_measures").query("case == @case").set_index("measure")["value"]
    for name, value in found.items():
        theirs = "ntotal" if name == "nobs" else name.replace("_", ".")
        if name.endswith("_scaled") and "_ci_" in name:
            theirs = "rmsea.ci." + name.split("_")[2] + ".scaled"
        assert value == pytest.approx(recorded[theirs], rel=1e-4, abs=1e-6), name


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
    sample, values = fiml_fit.incomplete_moments(data, Structure(STUDY), "weight", ("region",))
    assert (sample.cases_in, sample.n, sample.cases_missing) == (619, 611, 8)
    assert len(values) == 611 and np.isnan(values).any()
    assert sample.weights.sum() == pytest.approx(611)
    with pytest.raises(ValueError, match="the column e2 holds text"):
        fiml_fit.incomplete_moments(data.assign(e2="a"), Structure(STUDY))
    with pytest.raises(ValueError, match="weights in weight are negative"):
        fiml_fit.incomplete_moments(data.assign(weight=-1.0), Structure(STUDY), "weight")
