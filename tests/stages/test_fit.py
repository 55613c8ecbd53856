"""The fit stage collects a sample up to the limit, sums a larger one, and refuses what sums cannot give."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from jobs.errors import SettingsError
from jobs.fits.plan import FitPlan
from jobs.sem.groups.rows import DIAGNOSIS
from jobs.sem.routes.method import Method
from jobs.settings import schemas, sections
from jobs.stages import fit

MODEL = "y ~ x"


def plan(limit: int, **settings) -> FitPlan:
    method = Method(**settings)
    return FitPlan(MODEL, method, "expected", group="group", key="firm_id", collect_limit=limit)


@pytest.fixture(scope="module")
def sample(spark):
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(60, 2)), columns=["x", "y"])
    return spark.createDataFrame(frame.assign(firm_id=range(60), group="all"))


def test_the_limit_decides_the_way_and_not_the_result(sample):
    at, at_way = fit.fitted(sample, plan(60))
    above, above_way = fit.fitted(sample, plan(59))
    assert at_way == "60 firms were collected"
    assert above_way == "60 firms were summed on the executors"
    pd.testing.assert_frame_equal(at.estimates, above.estimates, rtol=1e-8)


def test_above_the_limit_only_complete_cases_and_normal_likelihood_go(sample):
    with pytest.raises(SettingsError, match=r"more than fit\.collect_limit \(59\), and only estimator ml"):
        fit.fitted(sample, plan(59, missing="fiml"))


def test_above_the_limit_there_is_no_diagnosis(sample):
    with pytest.raises(SettingsError, match="no diagnosis works without collecting"):
        fit.fitted(sample, plan(59, diagnosis=True))


class Kept:
    """Tables in memory, of which those of an earlier run exist."""

    def __init__(self, linked, earlier: set[str]) -> None:
        self.linked, self.earlier = linked, earlier
        self.written: dict[str, int] = {}

    def exists(self, name: str) -> bool:
        return name in self.earlier

    def read(self, name: str, slice: dict[str, str]):
        return self.linked

    def replace(self, name: str, frame, slice: dict[str, str], fingerprint: str) -> None:
        self.written[name] = schemas.table(name).conform(frame).count()


def run(sample, tmp_path, earlier: set[str], **asked) -> dict[str, int]:
    """The tables that the stage writes, and their rows."""
    model = tmp_path / "model.lav"
    model.write_text("f =~ a + b + c + d")
    random = np.random.default_rng(2)
    answers = random.normal(size=(60, 1)) + random.normal(size=(60, 4))
    rows = pd.DataFrame(answers, columns=list("abcd")).assign(firm_id=range(60), group="all")
    linked = sample.sparkSession.createDataFrame(rows).withColumn("excluded_by", F.lit(None).cast("string"))
    tables = Kept(linked, earlier)
    chosen = SimpleNamespace(fit=sections.FitSettings(clusters=(), **asked), model=str(model))
    where = SimpleNamespace(
        spark=sample.sparkSession,
        settings=chosen,
        tables=tables,
        slice=lambda wave: {"country": "NL", "wave": wave.wave},
    )
    fit.run(where, SimpleNamespace(wave="w", survey="there"), "mark")
    return tables.written


def test_a_diagnosis_is_written_where_it_is_asked_for(sample, tmp_path):
    written = run(sample, tmp_path, set(), diagnosis=True)
    assert list(written)[-1] == fit.TABLES[-1], "its commit says that the stage is done"
    # Six pairs of four items; the factor; six covariances of errors, the first loading is no candidate;
    # four loadings, four errors and the factor's variance by two kinds of error.
    assert {name: written[name] for name in DIAGNOSIS} == {
        **{"residuals": 6, "reliability": 1, "modification_indices": 6, "standardised": 18}
    }


def test_without_a_diagnosis_that_of_an_earlier_run_is_emptied(sample, tmp_path):
    written = run(sample, tmp_path, {"residuals"})
    assert set(written) == {"residuals", "estimates", "fit_measures", "group_differences", "fit_status"}
    assert written["residuals"] == 0 < written["estimates"]
