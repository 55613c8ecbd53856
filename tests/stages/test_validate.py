"""The stage over small tables: what stops the run and in what words, and what stands in the notes.

Three regions and two sectors: the frame of deliveries between all of them has 36 cells.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from carried import carried_out

from jobs.checks import rules
from jobs.errors import ValidationStopped
from jobs.run.context import Context
from jobs.settings import reading as settings
from jobs.spark.frames import local
from jobs.stages import validate
from jobs.stages.order import STAGES
from jobs.transforms import flow_sums

REGIONS = "version: t\nsource: t\nitems:\n" + "".join(
    f"  - {{code: {code}, name: {code}}}\n" for code in ("HU11", "HU12", "HU21")
)
SECTORS = (
    "version: t\nsource: t\nitems:\n"
    "  - {code: '10-12', name: food, industrial: true}\n"
    "  - {code: '28', name: machines, industrial: true}\n"
)
SIDES = list(product((1, 2, 3), (1, 2)))
ALL = [(*origin, *destination) for origin in SIDES for destination in SIDES]
FLOWS = (
    "country string, wave string, origin_region smallint, origin_sector smallint, "
    "destination_region smallint, destination_sector smallint, value decimal(24,9)"
)
SURVEY = (
    "country string, wave string, row_number bigint, firm_id string, region string, employees int, "
    "weight double"
)


@pytest.fixture
def stage(spark, tables, tmp_path):
    """A function that validates cells (and firms) and gives the outcome."""

    def run(cells, *changes, firms=()):
        for name, text in (("regions", REGIONS), ("sectors", SECTORS)):
            (tmp_path / f"{name}.yaml").write_text(text)
        given = [
            *("country=HU", f"regions={tmp_path / 'regions.yaml'}", f"sectors={tmp_path / 'sectors.yaml'}"),
            *(f"work={tmp_path / 'work'}", f"out={tmp_path / 'out'}", "simulate=null"),
            "waves.0.flows={layout: long, paths: {flows: flows.csv}}",
            *([] if firms else ["waves.0.survey=null"]),
            *changes,
        ]
        context = Context(lambda: spark, settings.read("conf/runs/demo.yaml", given), tables, STAGES)
        (slice,) = context.slices
        rows = [(*slice, *cell, Decimal(place + 7)) for place, cell in enumerate(cells)]
        flows = local(spark, rows, FLOWS)
        tables.replace("flows", flows, [slice.keys], {})
        tables.replace("flow_sums", flow_sums.sums(flows), [slice.keys], {})
        tables.replace("harmonised", _harmonised(spark, firms), [slice.keys], {})
        return carried_out(context, validate)

    return run


def _harmonised(spark, firms):
    from pyspark.sql import functions as F

    from jobs.settings import schemas

    frame = local(spark, [("HU", "cis2", *firm) for firm in firms], SURVEY)
    for column in schemas.table("harmonised").columns:
        if column.name not in frame.columns:
            frame = frame.withColumn(column.name, F.lit(None).cast(column.type))
    return frame


def stopped(stage, *given) -> str:
    with pytest.raises(ValidationStopped) as error:
        stage(*given)
    assert error.value.exit_code == 4
    return str(error.value)


def test_a_complete_table_passes_without_a_word(stage):
    outcome = stage(ALL)
    assert outcome.notes == () and (outcome.rows_in, outcome.rows_set_aside) == (0, 0)
    assert {result["status"] for result in outcome.detail["results"]} == {"passed"}


def test_tables_without_a_cell_stop_the_run(stage):
    with pytest.raises(ValidationStopped, match="flows: no cell of the tables is left"):
        stage([])


def test_absent_cells_stop_the_run_and_are_named(stage):
    """Cut short: HU21 does not deliver 28, and 10-12 to HU11 only."""
    words = stopped(stage, sorted(ALL)[:26])
    assert words == (
        "flows: cells of the frame (regions x sectors both ways) are absent: HU21 28 delivers (6 of 6), HU21 "
        "10-12 delivers (4 of 6); 10 in all; rule frame_complete of expectations/flows.yaml stopped the run. "
        "Mend flows.csv, or set flows.absent: zero where absent cells are zero."
    )


def test_at_most_five_names_are_shown(stage):
    words = stopped(stage, [cell for cell in ALL if cell[0] != cell[2] or cell[1] != cell[3]])
    assert "HU11 10-12 delivers (1 of 6), HU11 28 delivers (1 of 6), HU12 10-12" in words
    assert "HU21 10-12 delivers (1 of 6), and 1 more;" in words


def test_a_region_that_only_buys_stops_the_run_whatever_absent_cells_mean(stage):
    cells = [cell for cell in ALL if cell[0] != 3]
    words = stopped(stage, cells, "waves.0.flows.absent=zero")
    assert words.startswith("flows: a region only delivers, only buys, or neither: HU21 delivers nothing;")
    assert "rule regions_deliver of expectations/flows.yaml stopped the run. Mend" in words
    assert "stopped the run (1 more rules failed)" in stopped(stage, cells), "its cells are absent too"


def test_absent_cells_that_are_zero_are_counted_in_a_note(stage):
    """HU11 does not deliver 28 at all, and HU12 not to HU21."""
    cells = [cell for cell in ALL if cell[:2] != (1, 2) and cell != (2, 1, 3, 1)]
    outcome = stage(cells, "waves.0.flows.absent=zero")
    assert outcome.notes == (
        "7 of 36 cells of the frame are absent and count as zero",
        "warning: a sector of a region only delivers or only buys: HU11 28 delivers nothing (1)",
    )


def test_a_cell_that_stands_there_twice_is_named(stage):
    words = stopped(stage, [*ALL, (2, 2, 3, 1)])
    assert words.startswith(
        "flows: a cell stands in the tables more than once: HU12 28 to HU21 10-12; rule cell_once"
    )


def test_a_sector_that_stands_nowhere_is_a_warning(stage):
    outcome = stage([cell for cell in ALL if cell[1] == cell[3] == 1])
    assert outcome.notes == ("warning: an industrial sector of the run stands nowhere in the tables: 28 (1)",)


def test_rows_set_aside_are_told_with_their_reasons(stage):
    firms = [(row, f"F{row}", "HU11", 10, 1.0) for row in range(2, 42)]
    firms += [(42, "F2", "HU11", 10, 1.0), (43, None, "HU12", 10, 1.0), (44, None, "HU21", None, 1.0)]
    outcome = stage(ALL, "waves.0.survey.max_quarantined=0.1", firms=firms)
    assert (outcome.rows_in, outcome.rows_out, outcome.rows_set_aside) == (43, 40, 3)
    assert outcome.notes[0] == (
        "3 rows set aside: the firm has no identifier (2 rows, the first is 43); the firm stands in the file "
        "more than once; its first row counts (1 rows, the first is 42)"
    )
    assert "warning: a region has no firm: HU12, HU21 (2)" in outcome.notes


def test_the_views_have_the_columns_that_the_rules_know(spark, tables, tmp_path):
    from jobs.checks import frame, views
    from jobs.settings.classifications import Classification

    some = Classification(version="t", source="t", items=[{"code": "A", "name": "A"}])
    names = [views.Names(None, some, some)]
    flows = local(spark, [], FLOWS)
    seen = {
        "duplicates": views.duplicates(views.repeated(flows), names),
        "totals": views.totals(flow_sums.sums(flows), names),
        "balance": views.balance(flow_sums.sums(flows), names),
    }
    columns = {name: tuple(view.columns)[2:] for name, view in seen.items()}
    columns["frame"] = tuple(column.split()[0] for column in frame.VIEW.split(", "))
    assert columns == {name: columns for name, columns in rules.VIEWS["flows"].items() if columns}
