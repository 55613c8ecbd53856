"""Small models that went wrong once, beside lavaan 0.6-14: real files, which lie beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.routes.method import Method
from jobs.sem.trouble import ModelError

ALIKE = (  # a covariance of predictors in the text, outcomes of two kinds, one indicator, signs of a marker
    *("a11_latent_observed_cov", "a13_latent_and_observed_outcome", "a29_single_indicator"),
    *("a47_exo_cov_explicit", "b01_exo_cov_overid", "b03_exo_cov_zero", "c02_wrong_optimum_2"),
)
MEASURES = ("chisq", "df", "cfi", "rmsea", "srmr", "logl", "aic", "npar")


@pytest.fixture
def case(shared):
    def of(name: str) -> Path:
        folder = shared / "sem-cases" / name
        if not folder.is_dir():
            pytest.skip(f"the case {name} is not beside the checkout")
        return folder

    return of


def fit(folder: Path, **settings):
    return fit_groups(
        (folder / "model.lav").read_text(), pd.read_csv(folder / "data.csv"), None, Method(**settings)
    )


def keyed(table: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """By parameter, a covariance whichever side is named first."""
    sides = [
        sorted((row.lhs, row.rhs)) if row.op == "~~" else [row.lhs, row.rhs] for row in table.itertuples()
    ]
    named = table.assign(lhs=[lhs for lhs, _ in sides], rhs=[rhs for _, rhs in sides])
    return named.set_index([*keys, "lhs", "op", "rhs"])[["est", "se"]].astype(float)


def compare(ours: pd.DataFrame, lavaan: pd.DataFrame, tolerance: float = 1e-4) -> int:
    """Estimates and errors of what both have; how many these are."""
    both = ours.join(lavaan, rsuffix="_lavaan", how="inner")
    np.testing.assert_allclose(both.est, both.est_lavaan, rtol=tolerance, atol=tolerance)
    errors = both[both.se_lavaan > 0]
    np.testing.assert_allclose(errors.se, errors.se_lavaan, rtol=1e-3)
    return len(errors)


@pytest.mark.parametrize("name", ALIKE)
def test_estimates_errors_and_measures_are_lavaans(case, name):
    folder = case(name)
    report = fit(folder)
    assert report.status.status.tolist() == ["converged"]
    lavaan = pd.read_csv(folder / "expected_lavaan.csv")
    lavaan = lavaan[lavaan.op != "~1"]
    ours = report.estimates[report.estimates.error == "expected"]
    assert compare(keyed(ours), keyed(lavaan)) == (lavaan.se > 0).sum(), "no parameter is left out"
    lines = (folder / "expected_lavaan_measures.txt").read_text().splitlines()
    expected = dict(line.split() for line in lines if len(line.split()) == 2)
    measures = report.fit_measures.set_index("measure").value
    for measure in MEASURES:
        assert measures[measure] == pytest.approx(float(expected[measure]), rel=1e-3, abs=1e-6), measure


def test_reversed_ordered_items_end_where_lavaan_ends(case):
    folder = case("b32_ord_first_reversed")
    report = fit(folder, estimator="dwls", ordered=("y1", "y2", "y3", "y4"))
    ours = report.estimates[report.estimates.error == "robust"]
    assert compare(keyed(ours), keyed(pd.read_csv(folder / "expected_lavaan.csv"))) > 10


@pytest.mark.parametrize(("name", "kind"), [("fuzz_0273_fiml", "observed"), ("fuzz_0343_dwls", "robust")])
def test_searches_that_stopped_early_end(case, name, kind):
    folder = case(name)
    ordered = tuple(json.loads((folder / "spec.json").read_text())["ordered"])
    settings = {"estimator": "dwls", "ordered": ordered} if ordered else {"missing": "fiml"}
    ours = fit(folder, **settings).estimates
    lavaan = pd.DataFrame(json.loads((folder / "theirs.json").read_text())["est"])
    of_model = lavaan[lavaan.op.isin(["=~", "~", "~~"])]
    assert compare(keyed(ours[ours.error == kind]), keyed(of_model), 3e-4) > 25  # lavaan stops a little early


def test_groups_of_fewer_cases_than_parameters_are_fitted_at_once(case):
    folder = case("fuzz_0407_multi")
    spec = json.loads((folder / "spec.json").read_text())
    data = pd.read_csv(folder / "data.csv")
    result = fit_multigroup(
        (folder / "model.lav").read_text(), data, spec["group"], Method(), tuple(spec["equal"])
    )
    assert result.status == "converged"
    ours = result.estimates()
    lavaan = pd.DataFrame(json.loads((folder / "theirs.json").read_text())["est"])
    lavaan["group"] = [result.groups[int(number) - 1] for number in lavaan.group]
    ours, lavaan = (table[table.op != "~1"] for table in (ours[ours.error == "expected"], lavaan))
    assert compare(keyed(ours, "group"), keyed(lavaan, "group"), 5e-4) > 100


def test_residuals_that_correlate_by_more_than_one_are_told(case):
    report = fit(case("c01_theta_not_pd"))
    assert report.status.status.tolist() == ["heywood"]
    assert report.status.detail[0].startswith("the residuals of y1, y2 correlate by more than one can")


def test_labels_may_begin_with_an_underscore(case):
    """By least squares: three slopes, of which none is another."""
    folder = case("a48_label_underscore")
    data = pd.read_csv(folder / "data.csv")
    predictors = data[["x1", "x2", "x3"]].to_numpy()
    design = np.column_stack([np.ones(len(data)), predictors])
    slopes = np.linalg.lstsq(design, data.x9.to_numpy(), rcond=None)[0][1:]
    paths = fit(folder).estimates.query("op == '~' and error == 'expected'").set_index("rhs").est
    np.testing.assert_allclose(paths[["x1", "x2", "x3"]], slopes, rtol=1e-6)


def test_a_factor_with_the_name_of_a_column_is_refused(case):
    with pytest.raises(ModelError, match="the factor x9 is also a column"):
        fit(case("b12_factor_named_like_column"))
