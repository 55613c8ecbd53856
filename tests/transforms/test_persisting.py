"""Firms in two waves, counted by hand."""

from __future__ import annotations

from jobs.spark.frames import local
from jobs.transforms.persisting import PAIRS, in_both

SURVEY = "country string, wave string, firm_id string, innovator boolean"


def test_firms_of_a_country_that_stand_in_both_waves(spark):
    rows = [
        *[("NL", "w1", firm, innovates) for firm, innovates in (("a", True), ("b", True), ("c", None))],
        *[("NL", "w2", firm, innovates) for firm, innovates in (("a", True), ("b", False), ("d", True))],
        *[("NL", "w3", firm, innovates) for firm, innovates in (("c", True), ("e", True))],
        ("BE", "w2", "c", True),  # another country's firm of the same name
    ]
    pairs = [("NL", "w2", "w1"), ("NL", "w3", "w2"), ("BE", "w2", "w1")]
    came = in_both(local(spark, rows, SURVEY), local(spark, pairs, PAIRS)).collect()
    assert [tuple(row) for row in came] == [("NL", "w2", "w1", 2, 1)]
