"""Labels into numbers; what is dropped, what is at fault, and in what words."""

from __future__ import annotations

import pytest

from jobs.classifications import Classification
from jobs.transforms.flows import numbered

REGIONS = Classification(
    version="t", source="t", items=[{"code": "A", "name": "a"}, {"code": "B", "name": "b"}]
)
SECTORS = Classification(
    version="t",
    source="t",
    items=[{"code": "1", "name": "one", "industrial": True}, {"code": "2", "name": "two"}],
)
CELL = (
    "part string, row_number long, origin_region string, origin_sector string, destination_region string, "
    "destination_sector string, value string, _corrupt string"
)


def one(spark, *cell, corrupt=None, **given):
    frame = spark.createDataFrame([(None, 0, *cell, corrupt)], CELL)
    return numbered(frame, REGIONS, SECTORS, **given).first()


def test_labels_become_their_places(spark):
    row = one(spark, "A", "1", "B", "2", "3,25", decimal=",")
    assert tuple(row)[2:7] == (1, 1, 2, 2, row["value"]) and float(row["value"]) == 3.25
    assert row["faults"] == [] and not row["dropped"]


def test_the_rest_of_the_country_is_region_0_and_its_unknown_buyer_sector_0(spark):
    row = one(spark, "A", "1", "REST", None, "1")
    assert (row["destination_region"], row["destination_sector"], row["faults"]) == (0, 0, [])


def test_final_demand_is_sector_0(spark):
    assert one(spark, "A", "1", "A", "Households", "1", final=("Households",))["destination_sector"] == 0


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (("A", "1", "B", "Total", "1"), "destination sector 'Total' is in neither the run's sectors"),
        (("X", "1", "B", "2", "1"), "origin region 'X' is in neither the run's regions"),
        (("A", "1", "B", "2", "n/a"), "the value is no number"),
        (("A", "1", "B", "2", "NaN"), "the value is no number"),
        (("A", "1", "B", "2", "Infinity"), "the value is no number"),
        (("A", "1", "B", "2", "1e400"), "the value is no number"),
        (("A", "1", "B", "2", None), "the value is no number"),
        (("A", "1", "B", "2", "-1"), "the value is negative"),
    ],
)
def test_faults_name_the_label_and_never_the_value(spark, cell, words):
    (fault,) = one(spark, *cell)["faults"]
    assert words in fault["reason"]


def test_what_is_on_the_drop_list_is_dropped_without_fault(spark):
    row = one(spark, "A", "1", "B", "Total", "not even a number", drop=("Total",))
    assert row["dropped"] and row["faults"] == []
