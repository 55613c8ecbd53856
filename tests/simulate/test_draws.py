"""Draws: uniform, their own by purpose, and the hashes that XXH64 and Spark give."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import functions as F

from jobs.simulate.draws import Draws, begun, of_numbers, of_texts, uniform

TEXTS = ["", "a", "NL", "15-16", "NL001", "cis2022", "Zoë & Söhne", "x" * 31, "y" * 32, "y" * 33, "é" * 100]


def test_hashes_are_those_that_the_author_of_xxh64_gives():
    """The sanity check of xxHash has these for no bytes with the seeds 0 and 2654435761."""
    for seed, known in ((0, 0xEF46DB3751D8E999), (2654435761, 0xAC75FDA2929B17EF)):
        assert int(of_texts(np.array(seed, np.uint64), [""])[0]) == known


@pytest.mark.parametrize("seed", [1996, -3, 2**40])
def test_keys_are_hashed_as_spark_hashes_columns(spark, seed):
    rows = [(text, number) for text in TEXTS for number in (0, 5, -1, 10**12)]
    columns = [F.xxhash64(F.lit(seed), F.lit("purpose"), "text", "number"), F.xxhash64("number", "text")]
    known = spark.createDataFrame(rows, "text string, number bigint").select(*columns).collect()
    numbers = np.array([0, 5, -1, 10**12])
    texts = of_texts(begun(seed, "purpose"), TEXTS)
    hashes = of_numbers(texts[:, np.newaxis], numbers).ravel()
    assert [int(own) for own in hashes.view(np.int64)] == [row[0] for row in known]
    other_way = of_texts(of_numbers(np.full(4, 42, np.uint64), numbers), TEXTS).T.ravel()
    assert [int(own) for own in other_way.view(np.int64)] == [row[1] for row in known]


def test_a_draw_is_the_number_of_its_key_whatever_is_drawn_beside_it():
    together = Draws(np.arange(100), 1, "NL", "w").uniform("a")
    assert (Draws(np.arange(40, 60), 1, "NL", "w").uniform("a") == together[40:60]).all()
    alone = uniform(of_numbers(begun(1, "a", "NL", "w"), np.arange(40, 60)))
    assert (alone == together[40:60]).all()
    for other in (Draws(np.arange(100), 2, "NL", "w"), Draws(np.arange(100), 1, "NL", "v")):
        assert not (other.uniform("a") == together).any()


def test_draws_are_uniform_and_their_own_by_purpose():
    draws = Draws(np.arange(4000), 1)
    a, b, c = draws.uniform("a"), draws.uniform("b"), draws.bounded("c")
    d = draws.rounded(np.full(4000, 1.25), "d")
    assert a.min() >= 0 and a.max() < 1
    assert abs(a.mean() - 0.5) < 4 * (1 / 12 / 4000) ** 0.5
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / 4000**0.5
    assert np.abs(c).max() <= 3**0.5 and abs(c.std() - 1) < 0.05
    assert set(d) == {1, 2} and abs(d.mean() - 1.25) < 4 * (0.1875 / 4000) ** 0.5
