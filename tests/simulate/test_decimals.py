"""Numbers rounded half up on their decimal digits, as Spark casts them, and their texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyspark.sql import functions as F

from jobs.simulate.decimals import rounded_texts, units, whole_texts


def test_half_a_unit_is_rounded_away_from_zero():
    """1.0005 and 2.675 lie below the half in binary, 1e15 + 0.5 exactly on it."""
    values = np.array([1.0005, 2.675, 0.0005, -0.0005, 0.00049999, 1e15 + 0.5, 0.0])
    assert units(values, 3).tolist() == [1001, 2675, 1, -1, 0, 1e18 + 500, 0]
    assert units(np.array([2.675, 1.005, -1.005]), 2).tolist() == [268, 101, -101]


@given(st.integers(-(10**11), 10**11), st.sampled_from([1, 3, 6]))
@example(5, 3)
def test_a_number_that_is_a_half_in_decimals_is_rounded_up(halves, places):
    """(2n + 1) / 2 units are n + 1, whatever its nearest binary number is."""
    value = (2 * abs(halves) + 1) * 5 / 10 ** (places + 1)
    assert units(np.array([value]), places)[0] == abs(halves) + 1


def test_texts_are_what_spark_casts_to(spark):
    draw = np.random.default_rng(1)
    near = np.round(draw.uniform(-1000, 1000, 300), 4) + np.repeat([0, 1e-13, -1e-13], 100)
    values = np.concatenate([draw.uniform(-50, 50, 300), near, [0.0, -0.0, 1e-7, 123456789.0005, 5e-4]])
    frame = spark.createDataFrame([(float(value),) for value in values], "value double")
    for places in (1, 3, 6):
        cast = F.replace(F.col("value").cast(f"decimal(18,{places})").cast("string"), F.lit("."), F.lit(","))
        known = [row[0] for row in frame.select(cast).collect()]
        assert rounded_texts(values, places).to_pylist() == known


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_number_of_the_file_is_left_empty(value):
    assert rounded_texts(np.array([value, 1.5]), 1).to_pylist() == [None, "1,5"]
    if np.isnan(value):
        assert whole_texts(np.array([value, 3.0])).to_pylist() == [None, "3"]
