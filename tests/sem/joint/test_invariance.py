"""The sequence of models with growing equality, beside lavaan's figures and simulated truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.joint.invariance import invariance
from jobs.sem.routes.method import Method

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
STEPS = ["configural", "metric", "scalar", "strict"]


@pytest.fixture(scope="module")
def school() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "holzinger_swineford.csv")


def simulated(loading: float, intercept: float, deviation: float) -> pd.DataFrame:
    """Two groups of 1,000; in the second x3 has the loading, intercept and residual deviation given."""
    random = np.random.default_rng(5)
    parts = []
    for group, (a, b, c) in {"one": (1.0, 0.0, 1.0), "two": (loading, intercept, deviation)}.items():
        f = random.normal(size=1000)
        items = {f"x{k}": f + random.normal(size=1000) for k in (1, 2, 4)}
        parts.append(pd.DataFrame({"group": group, **items, "x3": b + a * f + c * random.normal(size=1000)}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("kind", "suffix"), [("ml", ""), ("mlr", ".scaled")])
def test_agrees_with_lavaan(school, kind, suffix):
    table = invariance(THREE, school, "school", Method(estimator=kind)).set_index("model")
    measures = pd.read_csv(REFERENCE / "multigroup_measures.csv", skipinitialspace=True)
    tests = pd.read_csv(REFERENCE / "multigroup_tests.csv", skipinitialspace=True).set_index("test")
    assert list(table.index) == STEPS
    before = None
    for step in STEPS:
        lavaan = measures[measures.case == f"{kind}_{step}"].set_index("measure").value
        for name in ("chisq", "pvalue", "cfi", "rmsea"):
            assert table.loc[step, name] == pytest.approx(lavaan[name + suffix], rel=1e-4, abs=1e-9)
        assert table.loc[step, "df"] == lavaan["df"]
        if before is not None:
            test = tests.loc[f"{kind}_{step}"]
            assert table.loc[step, "delta_chisq"] == pytest.approx(test.statistic, rel=1e-4)
            assert table.loc[step, "delta_df"] == test.df
            assert table.loc[step, "delta_pvalue"] == pytest.approx(test.pvalue, abs=1e-5)
            assert table.loc[step, "delta_cfi"] == pytest.approx(lavaan["cfi" + suffix] - before, abs=1e-6)
        before = lavaan["cfi" + suffix]
    assert table.verdict["metric"].startswith("Equality of the loadings is not rejected")
    assert table.verdict["scalar"].startswith("The intercepts differ between the groups")
    assert table.verdict["strict"] == "Not judged: the intercepts differ between the groups already."


def test_partial_invariance(school):
    """Free intercepts of x3 and x7: chi-square 129.422, 58 df (lavaan's published tutorial)."""
    table = invariance(THREE, school, "school", Method(), partial=("x3~1", "x7~1")).set_index("model")
    assert table.chisq["scalar"] == pytest.approx(129.422, abs=5e-4)
    assert table.df["scalar"] == 58
    assert table.verdict["scalar"].endswith("latent means can be compared.")


@pytest.mark.parametrize(
    ("truth", "fails"),
    [
        ((1.0, 0.0, 1.0), None),
        ((0.4, 0.0, 1.0), "metric"),
        ((1.0, 0.8, 1.0), "scalar"),
        ((1.0, 0.0, 2.0), "strict"),
    ],
)
def test_the_step_that_does_not_hold_is_found(truth, fails):
    table = invariance("f =~ x1 + x2 + x3 + x4", simulated(*truth), "group", Method()).set_index("model")
    differ = [step for step in STEPS if "differ between the groups; free" in table.verdict[step]]
    assert differ == ([fails] if fails else [])
    for step in STEPS[1 : STEPS.index(fails) if fails else None]:
        assert "is not rejected" in table.verdict[step]


def test_steps_that_cannot_be_fitted_say_why(school):
    still = school.assign(x9=school.x9.where(school.school == "Pasteur", 3.0))
    table = invariance(THREE, still, "school", Method())
    assert list(table.status) == ["constant indicator"] * 4
    assert table[["chisq", "delta_chisq", "delta_cfi"]].isna().all(axis=None)
    assert (
        table.verdict[1]
        == "No verdict on the loadings: in Grant-White, x9 does not vary; leave it out of the model."
    )
