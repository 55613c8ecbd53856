"""The fit stage collects a sample up to the limit, sums a larger one, and refuses what sums cannot give."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from jobs.errors import SettingsError
from jobs.sem import FitSettings
from jobs.stages import fit

MODEL = "y ~ x"


def context(limit: int) -> SimpleNamespace:
    return SimpleNamespace(settings=SimpleNamespace(fit=SimpleNamespace(collect_limit=limit)))


@pytest.fixture(scope="module")
def sample(spark):
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(60, 2)), columns=["x", "y"])
    return spark.createDataFrame(frame.assign(firm_id=range(60), group="all"))


def test_the_limit_decides_the_way_and_not_the_result(sample):
    at, at_way = fit._fitted(context(60), sample, MODEL, FitSettings())
    above, above_way = fit._fitted(context(59), sample, MODEL, FitSettings())
    assert at_way == "60 firms were collected"
    assert above_way == "60 firms were summed on the executors"
    pd.testing.assert_frame_equal(at.estimates, above.estimates, rtol=1e-8)


def test_above_the_limit_only_complete_cases_and_normal_likelihood_go(sample):
    with pytest.raises(SettingsError, match=r"more than fit\.collect_limit \(59\), and only estimator ml"):
        fit._fitted(context(59), sample, MODEL, FitSettings(missing="fiml"))
