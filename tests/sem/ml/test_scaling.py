"""The scaled statistic of complete cases beside that of full information, which is held against lavaan's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method

MODEL = "f =~ y0 + y1 + y2 + y3\nf ~ x\nz ~ f + x"
SCALED = [
    *("chisq_scaled", "pvalue_scaled", "chisq_scaling_factor", "cfi_scaled", "tli_scaled", "rmsea_scaled"),
    *("rmsea_ci_lower_scaled", "rmsea_ci_upper_scaled"),
]


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    region = rng.integers(0, 20, 300)
    effect = rng.normal(size=20)[region]
    x = rng.normal(size=300)
    f = 0.5 * x + 0.6 * effect + rng.normal(size=300)
    items = {f"y{k}": f * (0.5 + 0.2 * k) + rng.normal(size=300) + 0.3 * effect * (k - 1) for k in range(4)}
    z = f + rng.standard_t(4, size=300)
    return pd.DataFrame({"x": x, **items, "z": z, "region": region, "w": rng.uniform(0.5, 3, 300)})


def measures(frame: pd.DataFrame, **settings) -> pd.Series:
    return fit_groups(MODEL, frame, None, Method(**settings)).fit_measures.set_index("measure").value


@pytest.mark.parametrize(
    "settings", [{"weights": "w"}, {"clusters": ("region",)}, {"weights": "w", "clusters": ("region",)}]
)
def test_it_is_that_of_full_information(firms, settings):
    ours, full = measures(firms, **settings), measures(firms, estimator="mlr", **settings)
    np.testing.assert_allclose(ours[SCALED].astype(float), full[SCALED].astype(float), rtol=1e-6)


def test_independent_firms_of_equal_weight_keep_the_plain_statistic(firms):
    assert not measures(firms).index.str.contains("scaled").any()
    same = measures(firms.assign(w=2.0), weights="w")
    assert same["chisq"] == pytest.approx(measures(firms)["chisq"])


def test_one_cluster_scales_as_none(firms):
    """There is no error by one cluster: the statistic is scaled case by case."""
    one = measures(firms.assign(region=1), clusters=("region",))
    assert one["chisq_scaled"] == pytest.approx(measures(firms, estimator="mlr")["chisq_scaled"], rel=1e-6)
