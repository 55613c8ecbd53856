"""Sketches of sets of firms on Spark: what moves them, and what does not."""

from __future__ import annotations

import pandas as pd
import pytest

from jobs.settings import schemas
from jobs.spark.frames import local
from jobs.transforms.sketches import ANSWERS, sketches

FIRM = {
    **{"country": "NL", "wave": "w", "region": "R", "sector": "S", "industrial": True, "innovator": True},
    **{"cooperates": True, "product_innovator": True, "partners_domestic": True, "partners_foreign": False},
    **{"employees": 20, "weight": 2.0, "turnover": 100.0, "innovative_share": 0.25, "group": "g"},
}


def table(spark, name, firms):
    columns = schemas.table(name).columns
    rows = [tuple(firm.get(column.name) for column in columns) for firm in firms]
    form = ", ".join(f"`{column.name}` {_plain(column.type)}" for column in columns)
    return local(spark, rows, form)


def _plain(kind: str) -> str:
    return "double" if kind.startswith("decimal") else kind


def sketched(spark, firms, key="k") -> pd.DataFrame:
    frame = sketches(table(spark, "survey", firms), table(spark, "linked", firms), (10, 50), key)
    return frame.toPandas().sort_values(["table", "first", "second", "bucket"]).reset_index(drop=True)


@pytest.fixture(scope="module")
def firms():
    return [{**FIRM, "firm_id": f"f{place}"} for place in range(8)]


@pytest.fixture(scope="module")
def usual(spark, firms):
    return sketched(spark, firms)


def moved(one: pd.DataFrame, other: pd.DataFrame, name: str) -> int:
    keys = ["table", "first", "second", "bucket"]
    both = one.merge(other, on=keys, how="outer", suffixes=("", "_other"))
    both = both[both.table == name]
    return int((both.value.fillna(0) != both.value_other.fillna(0)).sum())


def test_each_table_has_its_sets(usual):
    assert usual.groupby(["table", "first", "second"]).firms.sum().to_dict() == {
        ("cluster_indicators", "R", "S"): 8,
        ("estimates", "g", ""): 8,
        ("partner_origin", "10-49", "domestic only"): 8,
    }


def test_one_answer_moves_one_bucket_of_the_sets_it_is_in(spark, firms, usual):
    changed = sketched(spark, [{**firms[0], "turnover": 101.0}, *firms[1:]])
    assert moved(usual, changed, "partner_origin") == 1
    assert moved(usual, changed, "estimates") == moved(usual, changed, "cluster_indicators") == 0


def test_the_order_of_firms_does_not_show_and_the_key_does(spark, firms, usual):
    assert sketched(spark, firms[::-1]).equals(usual)
    assert moved(usual, sketched(spark, firms, "another"), "estimates") > 0


def test_the_answers_are_columns_of_the_linked_firms():
    assert set(ANSWERS) <= set(schemas.table("linked").names)
