"""The declared tables: they load, they hang together, and stages write what they declare."""

from __future__ import annotations

import pytest
from pyspark.sql.types import DecimalType, LongType, StringType

from jobs.publish.tables import PUBLISHED
from jobs.sem.bootstrap import replicates
from jobs.sem.groups import rows as groups
from jobs.settings import schemas
from jobs.spark.frames import local
from jobs.stages.order import STAGES

pytestmark = pytest.mark.usefixtures("spark")  # types are parsed by Spark
KNOWN_FIRM = {"influences", "moments", "support", "answers", "harmonised", "survey", "linked", "quarantine"}


@pytest.mark.parametrize("name", schemas.names())
def test_a_table_loads_and_its_keys_are_columns(name):
    table = schemas.table(name)
    assert set(table.slices) <= set(table.key) <= set(table.names)
    required = {column.name for column in table.columns if not column.nullable}
    assert set(table.slices) <= required, "a slice is a partition and is never null"
    assert len(table.struct.fields) == len(table.columns)
    assert all(column.meaning for column in table.columns) and table.meaning


def test_tables_of_firms_are_marked_as_micro_data():
    assert {name for name in schemas.names() if schemas.table(name).micro} == KNOWN_FIRM
    for name in schemas.names():
        table = schemas.table(name)
        assert table.micro or not any(column.confidential for column in table.columns), name
    assert not KNOWN_FIRM & set(PUBLISHED)


def test_every_table_a_stage_writes_is_declared_and_the_others_are_published():
    written = {table for name in list(STAGES)[:-1] for table in STAGES[name].TABLES}
    assert written <= set(schemas.names())
    assert set(schemas.names()) - written == {
        *("partner_origin", "code_numbers", "indicator_changes", "persisting_firms"),
        *("pooled_paths", "equal_paths", "equality_tests"),
    }


def test_the_statistics_fill_the_columns_that_are_declared():
    made = {
        **{"estimates": groups.ESTIMATES, "fit_measures": groups.MEASURES},
        **{"group_differences": groups.DIFFERENCES, "fit_status": groups.STATUS},
        **groups.DIAGNOSIS,
        **replicates.TABLES,
        **{"influences": groups.INFLUENCES, "moments": groups.MOMENTS},
    }
    for name, columns in made.items():
        assert set(schemas.table(name).names) == {"country", "wave", *columns}, name


def test_types_are_sparks():
    fields = {field.name: field for field in schemas.table("flows").struct}
    assert fields["value"].dataType == DecimalType(24, 9) and not fields["value"].nullable
    assert {field.name: field.dataType for field in schemas.table("quarantine").struct}[
        "row_number"
    ] == LongType()


def test_a_frame_is_put_in_the_tables_order_and_types(spark):
    frame = local(
        spark,
        [(1, "x", "cfi", "w", "g", "NL")],
        "value int, more string, measure string, wave string, group string, country string",
    )
    made = schemas.table("fit_measures").conform(frame)
    assert made.columns == ["country", "wave", "group", "measure", "value"]
    assert tuple(made.first()) == ("NL", "w", "g", "cfi", 1.0)
    assert made.schema["country"].dataType == StringType()


def test_a_table_that_is_not_declared_is_no_table():
    with pytest.raises(FileNotFoundError):
        schemas.table("nothing")
