"""Differences between groups fitted one by one, of defined parameters too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method

MODEL = "m ~ a*x\ny ~ b*m + x\ntwice := 2*a\nthrough := a*b"


def shared_regions() -> pd.DataFrame:
    random = np.random.default_rng(9)
    region = np.repeat(np.arange(25), 20)
    side = np.where(random.random(500) < 0.5, "one", "two")
    x = random.normal(size=500) + random.normal(size=25)[region]
    m = 0.5 * x + random.normal(size=500) + random.normal(size=25)[region]
    y = 0.4 * m + random.normal(size=500)
    return pd.DataFrame({"side": side, "region": region, "x": x, "m": m, "y": y})


def test_defined_parameters_are_compared_as_those_they_are_made_of():
    report = fit_groups(MODEL, shared_regions(), "side", Method(clusters=("region",)))
    rows = report.differences.set_index(["error", "lhs", "rhs"])
    assert set(report.differences.op) == {"~", ":="}
    estimates = report.estimates.set_index(["error", "group", "rhs"])
    for error in ("expected", "robust", "cluster:region", "bias_reduced:region"):
        path, twice = rows.loc[(error, "m", "x")], rows.loc[(error, "twice", "2*a")]
        assert twice.difference == pytest.approx(2 * path.difference, rel=1e-10)
        assert twice.se == pytest.approx(2 * path.se, rel=1e-10)
        assert (twice.df, twice.pvalue) == pytest.approx((path.df, path.pvalue), rel=1e-8)
        through = [estimates.loc[(error, group, "a*b")] for group in ("one", "two")]
        found = rows.loc[(error, "through", "a*b")]
        assert found.difference == pytest.approx(through[0].est - through[1].est, rel=1e-10)
        apart = np.hypot(through[0].se, through[1].se)
        # groups that share no clusters are independent; those that do are not
        assert (abs(found.se / apart - 1) > 1e-3) == (":" in error)


@pytest.mark.parametrize("missing", ["listwise", "fiml"])
def test_the_effective_number_of_clusters_by_hand(missing):
    """Clusters of 10, 20 and 30 cases tell as much as 60 * 60 / (100 + 400 + 900) clusters of one size."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=60)
    region = np.repeat(["a", "b", "c"], [10, 20, 30])
    data = pd.DataFrame({"x": x, "y": x + draw.normal(size=60), "region": region})
    measures = fit_groups("y ~ x", data, None, Method(clusters=("region",), missing=missing)).fit_measures
    values = measures.set_index("measure").value
    assert values["clusters_effective"] == pytest.approx(3600 / 1400)
    assert values["largest_cluster"] == pytest.approx(0.5)
    alone = fit_groups("y ~ x", data, None, Method(missing=missing)).fit_measures
    assert not set(alone.measure) & {"clusters_effective", "largest_cluster"}
