"""Residual correlations beside lavaan's lavResiduals() (tests/reference/sem/diagnosis.R)."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jobs.sem.diagnosis.residuals import ordinal_residuals
from jobs.sem.groups.fit import fit_groups
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.least_squares import LeastSquares
from jobs.sem.routes.method import Method


def by_pair(table: pd.DataFrame) -> pd.DataFrame:
    pairs = [" ".join(sorted(pair)) for pair in zip(table.lhs, table.rhs, strict=True)]
    return table.assign(pair=pairs).set_index("pair")


@pytest.mark.parametrize(
    "case",
    [
        "holzinger",
        "democracy",
        "twolevel",
        "path",
        "weighted",
        "fiml",
        "mlr",
        "survey",
        "items",
        "study",
        "mixed",
    ],
)
def test_agrees_with_lavaan(diagnosed, lavaan, case):
    """Normal errors of complete and incomplete data; robust ones with weights, MLR and ordered items.

    lavaan has no errors for ordered items with predictors (study, mixed).
    """
    found, wanted = by_pair(diagnosed(case).residuals), by_pair(lavaan("residuals", case))
    assert set(found.index) == set(wanted.index) and len(found) == len(wanted)
    assert list(found.residual.abs()) == sorted(found.residual.abs(), reverse=True)
    found = found.loc[wanted.index]
    np.testing.assert_allclose(found.residual, wanted.residual, atol=1e-5)
    known = found.z.notna()
    # a residual of less than 1e-4 has no z; lavaan's search leaves 5e-6 in the others
    assert (known == (found.residual.abs() > 1e-4)).all()
    if case not in ("study", "mixed"):
        theirs = (wanted.residual / wanted.z)[known]
        np.testing.assert_allclose((found.residual / found.z)[known], theirs, rtol=1e-3)


@pytest.mark.parametrize("case", ["mlr", "mixed"])
def test_cluster_robust_by_hand(case_of, case):
    """Every case doubled within its cluster: errors are those of the single cases, times G/(G-1)."""
    model, frame, settings = case_of(case)
    complete = frame.dropna().assign(firm=lambda one: range(len(one)))
    twice = pd.concat([complete, complete], ignore_index=True)
    plain = by_pair(fit_groups(model, complete, None, settings).residuals)
    found = by_pair(fit_groups(model, twice, None, replace(settings, clusters=("firm",))).residuals)
    found, clusters = found.loc[plain.index], len(complete)
    np.testing.assert_allclose(found.residual, plain.residual, atol=1e-7)
    np.testing.assert_allclose(found.z * np.sqrt(clusters / (clusters - 1)), plain.z, rtol=1e-4)


def test_errors_of_ordered_items_with_predictors():
    """Simulated: x moves the ordered y through m alone, so z of r(x, y) has a deviation of one."""
    random = np.random.default_rng(11)
    settings = Method(estimator="dwls", ordered=("y",))
    found = []
    for _ in range(80):
        x = random.normal(size=300)
        m = 0.6 * x + random.normal(size=300)
        y = np.searchsorted([-0.8, 0.2, 1.0], 0.7 * m + random.normal(size=300))
        frame = pd.DataFrame({"x": x, "m": m, "y": y})
        way = LeastSquares(structure_of("m ~ x\ny ~ m"), frame, settings)
        way.fit()
        found.append(by_pair(ordinal_residuals(way.fitted, way.statistics)).z["x y"])
    found = np.nan_to_num(found)  # a residual below 1e-4 has no z
    assert np.std(found) == pytest.approx(1.0, abs=0.2) and abs(np.mean(found)) < 0.3


def test_one_missing_arrow_by_hand():
    """Three standard variables, x and y related by .5 only through m: the model leaves r(x, y) - .25."""
    covariance = np.array([[1.0, 0.5, 0.4], [0.5, 1.0, 0.5], [0.4, 0.5, 1.0]])
    random = np.random.default_rng(3).normal(size=(400, 3))
    random -= random.mean(axis=0)
    whitened = random @ np.linalg.inv(np.linalg.cholesky(random.T @ random / 400)).T
    frame = pd.DataFrame(whitened @ np.linalg.cholesky(covariance).T, columns=["x", "m", "y"])
    found = by_pair(fit_groups("m ~ x\ny ~ m", frame, None, Method(diagnosis=True)).residuals)
    assert found.residual["x y"] == pytest.approx(0.4 - 0.25, abs=1e-6)
    assert found.residual[["m x", "m y"]].abs().max() < 1e-6
    assert found.index[0] == "x y"


def test_units_of_the_data_do_not_matter(case_of):
    model, frame, settings = case_of("holzinger")
    plain = by_pair(fit_groups(model, frame, None, settings).residuals)
    frame = frame.assign(x2=lambda one: one.x2 * 1e4, x7=lambda one: one.x7 * 1e-3)
    scaled = by_pair(fit_groups(model, frame, None, settings).residuals).loc[plain.index]
    np.testing.assert_allclose(scaled.residual, plain.residual, atol=1e-7)
    np.testing.assert_allclose(scaled.z, plain.z, rtol=1e-5)
