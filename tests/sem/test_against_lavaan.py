"""Estimates, errors and fit against figures recorded from lavaan 0.6-14 (tests/reference/sem/record.R)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method

REFERENCE = Path(__file__).parent.parent / "reference" / "sem"
HOLZINGER = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
DEMOCRACY = """
ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ ind60
dem65 ~ ind60 + dem60
y1 ~~ y5
y2 ~~ y4 + y6
y3 ~~ y7
y4 ~~ y8
y6 ~~ y8
"""
TWOLEVEL = "f =~ y1 + y2 + y3\nf ~ x1 + x2 + x3 + w1 + w2"
PATH = "y1 ~ x1 + x2\ny2 ~ y1 + w1\ny3 ~ y1 + x3"
CASES = {
    "holzinger": (HOLZINGER, "holzinger_swineford"),
    "democracy": (DEMOCRACY, "political_democracy"),
    "twolevel": (TWOLEVEL, "twolevel"),
    "path": (PATH, "twolevel"),
    "saturated": ("y1 ~ x1 + x2", "twolevel"),
}
NAMES = {"rmsea.ci.lower": "rmsea_ci_lower", "rmsea.ci.upper": "rmsea_ci_upper"}


def data(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"{name}.csv")


def recorded(name: str) -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / f"{name}.csv")
    frame["key"] = [key(*row) for row in frame[["lhs", "op", "rhs"]].itertuples(index=False)]
    return frame.set_index("key")


def key(lhs: str, op: str, rhs: str) -> str:
    return f"{lhs} {op} {rhs}" if op != "~~" else " ~~ ".join(sorted((lhs, rhs)))


def ours(report, error: str) -> pd.DataFrame:
    frame = report.estimates[report.estimates.error == error].copy()
    frame["key"] = [key(*row) for row in frame[["lhs", "op", "rhs"]].itertuples(index=False)]
    return frame.set_index("key")


@pytest.mark.parametrize("case", CASES)
def test_estimates_and_expected_errors(case):
    model, file = CASES[case]
    found = ours(fit_groups(model, data(file), None, Method()), "expected")
    wanted = recorded(f"{case}_estimates")
    wanted = wanted[wanted.index.isin(found.index)]
    assert len(wanted) == len(found)
    np.testing.assert_allclose(found.est[wanted.index], wanted.est, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.std_all[wanted.index], wanted["std.all"], rtol=1e-4, atol=1e-6)
    free = wanted.se > 0
    np.testing.assert_allclose(found.se[wanted.index][free].astype(float), wanted.se[free], rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_fit_measures(case):
    model, file = CASES[case]
    report = fit_groups(model, data(file), None, Method())
    found = report.fit_measures.set_index("measure")["value"]
    wanted = pd.read_csv(REFERENCE / f"{case}_measures.csv").set_index("measure")["value"].rename(NAMES)
    for measure, value in wanted.items():
        if case == "saturated" and measure in ("pvalue", "chisq"):
            continue  # nothing is tested with 0 degrees of freedom
        assert found[measure] == pytest.approx(value, rel=1e-4, abs=2e-6), measure


@pytest.mark.parametrize(
    ("case", "kind", "error", "settings"),
    [
        ("holzinger", "robust", "robust", Method()),
        ("democracy", "robust", "robust", Method()),
        ("twolevel", "robust", "robust", Method()),
        ("twolevel", "cluster", "cluster:cluster", Method(clusters=("cluster",))),
        ("holzinger", "cluster", "cluster:place", Method(clusters=("place",))),
        ("holzinger", "weighted", "robust", Method(weights="w")),
    ],
)
def test_robust_errors(case, kind, error, settings):
    model, file = CASES[case]
    frame = data(file)
    if kind == "weighted":
        frame = frame.merge(data("holzinger_weights"), on="id")
    if "place" in settings.clusters:
        frame["place"] = frame.school + " " + frame.agemo.astype(str)
    found = ours(fit_groups(model, frame, None, settings), error)
    wanted = recorded(f"{case}_{kind}")
    wanted = wanted[wanted.index.isin(found.index) & (wanted.se > 0)]
    assert len(wanted) > 5
    np.testing.assert_allclose(found.est[wanted.index], wanted.est, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.se[wanted.index].astype(float), wanted.se, rtol=1e-4)
