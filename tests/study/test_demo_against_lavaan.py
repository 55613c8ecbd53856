"""The demo's two groups against lavaan 0.6-14 (tests/reference/study/demo.R)."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from study_runs import REPOSITORY

from jobs.spark.tables import Tables

REFERENCE = REPOSITORY / "tests" / "reference" / "study"
SLICE = {"country": "NL", "wave": "cis2"}


def published(demo, name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(demo.published[f"{name}.csv"]))


def fitted(demo, name: str) -> pd.DataFrame:
    """The table as the fit left it, in all digits."""
    folder = demo.folder / "work" / "tables"
    rows = Tables(lambda: pytest.fail("a few rows need no Spark"), str(folder)).rows(name, SLICE)
    return pd.DataFrame(rows)


def keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """A covariance is the same whichever side is named first."""
    sides = frame[["lhs", "rhs"]].to_numpy()
    ordered = np.where((frame.op == "~~").to_numpy()[:, None], np.sort(sides.astype(str), axis=1), sides)
    return frame.assign(lhs=ordered[:, 0], rhs=ordered[:, 1])


def test_estimates_and_errors(demo):
    recorded = keyed(pd.read_csv(REFERENCE / "demo_estimates.csv"))
    ours = keyed(fitted(demo, "estimates"))
    both = recorded.merge(ours, on=["group", "error", "lhs", "op", "rhs"], suffixes=("_lavaan", ""))
    assert set(both.error) == {"expected", "robust", "cluster:cell", "cluster:region"}
    # lavaan lists the fixed moments of the exogenous variables as well; all that is estimated is there.
    assert len(both) == 2 * 4 * 26
    free = both[both.se_lavaan > 0]
    assert len(free) == 2 * 4 * 23
    np.testing.assert_allclose(free.est, free.est_lavaan, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(free.se, free.se_lavaan, rtol=1e-4)
    np.testing.assert_allclose(both.std_all, both["std.all"], rtol=1e-4, atol=1e-6)
    normal = free[free.error.isin(["expected", "robust"])]  # lavaan takes the normal law for clusters too
    np.testing.assert_allclose(normal.pvalue, normal.pvalue_lavaan, atol=1e-4)


def test_fit_measures(demo):
    recorded = pd.read_csv(REFERENCE / "demo_measures.csv")
    both = recorded.merge(fitted(demo, "fit_measures"), on=["group", "measure"], suffixes=("_lavaan", ""))
    assert len(both) == len(recorded) == 2 * 13
    np.testing.assert_allclose(both.value, both.value_lavaan, rtol=1e-4, atol=1e-6)


def test_published_figures_are_these_in_fewer_digits(demo):
    keys = ["group", "error", "lhs", "op", "rhs"]
    both = fitted(demo, "estimates").merge(published(demo, "estimates"), on=keys, suffixes=("_fitted", ""))
    free = both[both.se > 0]
    assert len(free) == len(fitted(demo, "estimates").query("se > 0"))
    assert ((free.est - free.est_fitted).abs() <= 0.0051 * free.se).all()
    assert ((free.se - free.se_fitted).abs() <= 0.0051 * free.se).all()
    assert ((free.z - free.est / free.se).abs() <= 0.0006).all()
    measures = fitted(demo, "fit_measures").merge(
        published(demo, "fit_measures"), on=["group", "measure"], suffixes=("_fitted", "")
    )
    whole = measures.measure == "clusters_effective"
    assert ((measures.value - measures.value_fitted).abs() <= np.where(whole, 0.5, 0.0051)).all()
    assert whole.any() and "largest_cluster" not in set(measures.measure)
