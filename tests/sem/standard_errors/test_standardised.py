"""Standardised estimates with errors beside lavaan's (tests/reference/sem/diagnosis.R)."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jobs.sem.groups.fit import fit_groups
from jobs.sem.model.structure import structure_of
from jobs.sem.standard_errors.standardised import jacobian, standardised_values

# case: the kind of error that lavaan was asked for
CASES = {
    "holzinger": "expected",
    "uncorrelated": "expected",
    "crossed": "expected",
    "weighted": "robust",
    "democracy": "expected",
    "twolevel": "expected",
    "clustered": "cluster:cluster",
    "path": "expected",
    "fiml": "observed",
    "mlr": "robust",
    "survey": "observed",
    "survey_clustered": "cluster:cell",
    "items": "robust",
    "study": "robust",
    "mixed": "robust",
}


def by_parameter(table: pd.DataFrame) -> pd.DataFrame:
    keys = [
        " ".join((op, *(sorted((lhs, rhs)) if op == "~~" else (lhs, str(rhs)))))
        for lhs, op, rhs in zip(table.lhs, table.op, table.rhs.fillna(""), strict=True)
    ]
    return table.assign(key=keys).set_index("key")


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_lavaan(diagnosed, lavaan, case):
    every = diagnosed(case).standardised
    found = by_parameter(every[every.error == CASES[case]])
    wanted = by_parameter(lavaan("standardised", case)).loc[found.index]
    ordered = case in ("study", "mixed")  # there lavaan has n - 1 in the exogenous variances, n being 1134
    rtol = 5e-4 if ordered else 1e-4
    np.testing.assert_allclose(found.est_std, wanted["est.std"], rtol=rtol, atol=1e-5)
    free = wanted.se > 0
    assert free.any() and found.se[~free].isna().all()
    np.testing.assert_allclose(found.se[free], wanted.se[free], rtol=1e-3)
    np.testing.assert_allclose(found.z[free], wanted.z[free], rtol=1.5e-3, atol=1e-3)
    if not CASES[case].startswith("cluster"):  # there we count clusters: Student's t, not the normal
        np.testing.assert_allclose(found.pvalue[free], wanted.pvalue[free], atol=1e-3)
        np.testing.assert_allclose(found.ci_lower[free], wanted["ci.lower"][free], atol=1e-3)
        np.testing.assert_allclose(found.ci_upper[free], wanted["ci.upper"][free], atol=1e-3)


def test_few_clusters_widen_the_interval(case_of, diagnosed):
    """Student's t with a degree of freedom less than there are clusters."""
    found = diagnosed("clustered").standardised
    row = found[(found.error == "cluster:cluster") & (found.op == "~")].iloc[0]
    clusters = case_of("clustered")[1].cluster.nunique()
    assert row.df == clusters - 1
    width = stats.t(clusters - 1).ppf(0.975) * row.se
    assert (row.ci_lower, row.ci_upper) == pytest.approx((row.est_std - width, row.est_std + width))


def test_slope_of_one_predictor_by_hand():
    """beta = b s_x / s_y with s_x fixed: its derivative by b is s_x / s_y (1 - beta^2)."""
    structure = structure_of("y ~ x")
    structure = structure.with_exogenous(np.array([[4.0, 0.0], [0.0, 4.0]]))
    place = {f"{one.lhs} {one.op} {one.rhs}": number for number, one in enumerate(structure.parameters)}
    b, psi = 0.5, 3.0
    values = np.empty(2)
    for one in structure.parameters:
        values[one.free] = b if one.op == "~" else psi
    total = b**2 * 4 + psi
    beta = b * 2 / np.sqrt(total)
    assert standardised_values(structure, structure.parameters, values)[place["y ~ x"]] == pytest.approx(beta)
    found = jacobian(structure, structure.parameters, values)
    by_b, by_psi = (structure.parameters[place[name]].free for name in ("y ~ x", "y ~~ y"))
    assert found[place["y ~ x"], by_b] == pytest.approx(2 / np.sqrt(total) * (1 - beta**2), rel=1e-9)
    assert found[place["y ~ x"], by_psi] == pytest.approx(-beta / (2 * total), rel=1e-9)


@pytest.mark.parametrize("factor", [1e4, 1e-3])
@pytest.mark.parametrize("case", ["holzinger", "twolevel", "fiml"])
def test_units_of_the_data_do_not_matter(case_of, diagnosed, case, factor):
    model, frame, settings = case_of(case)
    name = {"holzinger": "x2", "twolevel": "w1", "fiml": "x1"}[case]
    report = fit_groups(model, frame.assign(**{name: frame[name] * factor}), None, settings)
    assert list(report.status.status) == ["converged"]
    plain, scaled = diagnosed(case).standardised, report.standardised
    for column in ("est_std", "se"):
        np.testing.assert_allclose(scaled[column], plain[column], rtol=1e-5, atol=1e-7)
