"""The study's model with everything at once: clusters, weights, missing answers, ordered sources.

Figures of lavaan 0.6-14 (tests/reference/sem/survey.R). It has no clusters with ordered items: that
combination has its own test, by the law that holds for it.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method

REFERENCE = Path(__file__).parents[1] / "reference" / "sem"
MODEL = """
effort =~ rd + outlay + people
info =~ clients + suppliers + rivals + fairs
results =~ turnover + position + sales
effort ~ size + commonality
info ~ effort + size
results ~ effort + info + complementarity + commonality
"""
SOURCES = ("clients", "suppliers", "rivals", "fairs")
ORDERED = {"estimator": "dwls", "ordered": SOURCES}
# case: settings, the kind of error that lavaan's is, whether its statistic is scaled
CASES = {
    "fiml": (Method(missing="fiml"), "observed", False),
    "mlr_fiml_weights_cell": (
        Method(estimator="mlr", missing="fiml", weights="weight", clusters=("cell",)),
        "cluster:cell",
        True,
    ),
    "mlr_weights_region": (
        Method(estimator="mlr", weights="weight", clusters=("region",)),
        "cluster:region",
        True,
    ),
    "ml_weights_cell": (Method(weights="weight", clusters=("cell",)), "cluster:cell", False),
    "ordered": (Method(**ORDERED), "robust", True),
    "ordered_weights": (Method(**ORDERED, weights="weight"), "robust", True),
    "ordered_pairwise": (Method(**ORDERED, missing="pairwise"), "robust", True),
}


@pytest.fixture(scope="module")
def survey() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "survey.csv")


@pytest.fixture(scope="module")
def reports(survey):
    return {case: fit_groups(MODEL, survey, None, settings) for case, (settings, _, _) in CASES.items()}


def recorded(table: str, case: str) -> pd.DataFrame:
    found = pd.read_csv(REFERENCE / f"survey_{table}.csv", skipinitialspace=True)
    text = found.select_dtypes(exclude="number").columns
    found = found.assign(**{column: found[column].str.strip() for column in text})
    return found[found.case == case].drop(columns="case")


def by_parameter(table: pd.DataFrame) -> pd.DataFrame:
    keys = [
        " ".join((op, *(sorted((lhs, rhs)) if op == "~~" else (lhs, str(rhs)))))
        for lhs, op, rhs in zip(table.lhs, table.op, table.rhs.fillna(""), strict=True)
    ]
    return table.assign(key=keys).set_index("key")


@pytest.mark.parametrize("case", CASES)
def test_estimates(reports, case):
    report, error = reports[case], CASES[case][1]
    assert list(report.status.status) == ["converged"]
    found = by_parameter(report.estimates[report.estimates.error == error])
    wanted = by_parameter(recorded("estimates", case)).loc[found.index]
    # A value near zero is compared on the scale of its error, where lavaan's search stops.
    gap = (found.est - wanted.est).abs()
    assert (gap <= 1e-4 * np.maximum(wanted.est.abs(), wanted.se)).all()
    # with ordered items lavaan has n - 1 in the exogenous variances: half of 1 / 680 in a standardised slope
    rtol = 8e-4 if case.startswith("ordered") else 1e-4
    np.testing.assert_allclose(found.std_all, wanted["std.all"], rtol=rtol, atol=1e-5)
    free = wanted.se > 0
    np.testing.assert_allclose(found.se[free].astype(float), wanted.se[free], rtol=1e-3)
    if not error.startswith("cluster"):
        np.testing.assert_allclose(found.pvalue[free].astype(float), wanted.pvalue[free], atol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_fit_measures(reports, case):
    found = reports[case].fit_measures.set_index("measure").value
    wanted = recorded("measures", case).set_index("measure").value
    names = ["chisq", "df", "cfi", "tli", "rmsea"]
    if case == "ml_weights_cell":
        # Where there are clusters lavaan counts the means, which fit exactly; here MLR and FIML alone do.
        assert wanted["npar"] == found["npar"] + 10
        assert wanted["srmr"] == pytest.approx(found["srmr"] * np.sqrt(14 / 16), rel=1e-4)
    else:
        names += ["npar", "srmr"] if case.startswith("ordered") else ["npar", "srmr", "aic", "bic"]
    if not case.startswith("ordered"):
        names += ["logl"]
    if CASES[case][2]:
        names += ["chisq_scaled", "pvalue_scaled", "chisq_scaling_factor", "cfi_scaled", "rmsea_scaled"]
    for name in names:
        theirs = wanted[name.replace("_", ".")]
        assert found[name] == pytest.approx(theirs, rel=1e-4, abs=1e-5), name


def test_ordered_items_with_clusters_weights_and_missing_answers(survey):
    """Each firm twice, the pair a cluster: as much is known as from each firm once."""
    settings = Method(**ORDERED, missing="pairwise", weights="weight")
    once = fit_groups(MODEL, survey, None, settings).estimates
    twice = pd.concat([survey, survey]).assign(firm=lambda frame: frame.index)
    settings = Method(**ORDERED, missing="pairwise", weights="weight", clusters=("firm",))
    every = fit_groups(MODEL, twice, None, settings).estimates
    robust, found = once[once.error == "robust"], every[every.error == "cluster:firm"]
    np.testing.assert_allclose(found.est, robust.est, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.se.astype(float), robust.se.astype(float), rtol=1e-6)
    naive = every[every.error == "robust"]
    free = naive.se.notna().to_numpy()
    ratio = (naive.se.to_numpy(dtype=float) / robust.se.to_numpy(dtype=float))[free]
    assert ratio == pytest.approx(np.sqrt(0.5), rel=2e-3)
