"""Constraints by all routes, against figures recorded from lavaan (reference/sem/constraints_routes.R)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.routes.method import Method

REFERENCE = Path(__file__).parents[1] / "reference" / "sem"
KEY = ["group", "lhs", "op", "rhs"]
MODELS = pd.read_csv(REFERENCE / "constraints_routes_models.csv")
ESTIMATES = pd.read_csv(
    REFERENCE / "constraints_routes_estimates.csv", keep_default_na=False, na_values=["NA"]
)
MEASURES = pd.read_csv(REFERENCE / "constraints_routes_measures.csv")
BY_CLUSTER = ("cluster",)
ROUTES = {  # settings, and the errors that lavaan's are
    "ml": (Method(), "expected"),
    "mlr": (Method(estimator="mlr"), "robust"),
    "cluster": (Method(clusters=BY_CLUSTER), "cluster:cluster"),
    "fiml": (Method(missing="fiml"), "observed"),
    "fiml_mlr": (Method(missing="fiml", estimator="mlr"), "robust"),
    "fiml_cluster": (Method(missing="fiml", clusters=BY_CLUSTER), "cluster:cluster"),
    "dwls": (Method(estimator="dwls", ordered=("y2", "y3")), "robust"),
}
CASES = [
    (route, entry.case, entry.model)
    for entry in MODELS.itertuples()
    for route in dict.fromkeys(ESTIMATES.query("case == @entry.case").route)
    if route.startswith("groups") == entry.groups
]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """The data that the R script makes: complete, with holes, with two items in four categories."""
    data = pd.read_csv(REFERENCE / "twolevel.csv")
    data["side"] = np.where(data.cluster % 2 == 0, "b", "a")
    row = np.arange(1, len(data) + 1)
    holes = data.assign(y1=data.y1.where(row % 7 != 0), y2=data.y2.where(row % 5 != 0))
    ends = [-1, 0.5, 1.5]
    items = data.assign(**{name: np.digitize(data[name], ends, right=True) + 1 for name in ("y2", "y3")})
    return {"complete": data, "fiml": holes, "dwls": items}


@pytest.mark.parametrize(("route", "case", "model"), CASES, ids=lambda part: part if "~" not in part else "")
def test_against_figures_recorded_from_lavaan(tables, route, case, model):
    kind = route.removeprefix("groups_")
    data, (method, error) = tables.get(kind.split("_")[0], tables["complete"]), ROUTES[kind]
    if route.startswith("groups"):
        fit = fit_multigroup(model, data, "side", method)
        assert fit.status == "converged", fit.detail
        estimates, values = fit.estimates(), fit.measures
    else:
        report = fit_groups(model, data, None, method)
        assert report.status.status.tolist() == ["converged"], report.status.detail[0]
        estimates = report.estimates.assign(group="")
        values = dict(zip(report.fit_measures.measure, report.fit_measures.value, strict=True))
    own = estimates[estimates.error == error].assign(rhs=lambda table: table.rhs.where(table.op != ":=", ""))
    wanted = ESTIMATES.query("route == @route and case == @case").copy()
    wanted["rhs"] = wanted.rhs.where(wanted.op != ":=", "")
    both = own.merge(wanted, on=KEY, suffixes=("", "_r"))
    assert len(both) >= 10
    np.testing.assert_allclose(both.est, both.est_r, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(both.se.fillna(0).astype(float), both.se_r.fillna(0), rtol=1e-3, atol=1e-5)
    for name, value in _measures(route, case).items():
        assert values[name] == pytest.approx(value, rel=1e-3, abs=1e-3), name


def _measures(route: str, case: str) -> dict[str, float]:
    """lavaan's measures of a fit by the names they have here."""
    names = {"chisq.scaling.factor": "chisq_scaling_factor", "chisq.shift.parameter": "chisq_shift"}
    table = MEASURES.query("route == @route and case == @case")
    if route in ("mlr", "cluster"):  # only one of the two sides has the means, which are fitted exactly
        table = table[~table.measure.isin(["npar", "logl", "aic", "bic", "srmr"])]
    return {
        names.get(name, name.replace(".", "_")): value
        for name, value in zip(table.measure, table.value, strict=True)
    }
