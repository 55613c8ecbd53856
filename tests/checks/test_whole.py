"""Whether all rows came out of the reader, and all parts of a cell are there."""

from __future__ import annotations

import pytest

from jobs.checks.whole import Counts, demand_all_parts, demand_whole
from jobs.errors import InputError


def test_rows_that_vanish_between_file_and_frame_stop_the_slice():
    """The file's own count stands against what came out of the reader, whatever the reader did."""
    with pytest.raises(InputError, match=r"s\.csv holds 2 rows, and 1 came out"):
        demand_whole("s.csv", Counts(rows=1), 2)
    demand_whole("s.csv", Counts(rows=1), 1)


def test_cells_that_lack_parts_stop_the_slice_unless_absent_cells_are_zero():
    with pytest.raises(InputError, match="3 cells of the run's regions and sectors are made of finer ones"):
        demand_all_parts("f.csv", Counts(rows=9, lacking=3), "stop")
    demand_all_parts("f.csv", Counts(rows=9, lacking=3), "zero")
    demand_all_parts("f.csv", Counts(rows=9), "stop")
