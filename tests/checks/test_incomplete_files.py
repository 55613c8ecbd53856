"""Files of input-output tables that are incomplete or oddly written, from the text to the frame.

Three regions and two sectors deliver to one another, 36 cells; absent is what was left out of the file.
"""

from __future__ import annotations

from itertools import product

import pytest
from pyspark.sql import functions as F

from jobs.checks import frame, views
from jobs.readers import flows
from jobs.settings.classifications import Classification
from jobs.settings.inputs import FlowsInput
from jobs.settings.slices import Slice
from jobs.transforms import flow_sums
from jobs.transforms.doubts import doubts
from jobs.transforms.flows import Notation, notes_on_values, numbered, odd_values

SLICE = Slice("HU", "w")

REGIONS = Classification(
    version="t", source="t", items=[{"code": code, "name": code} for code in ("HU11", "HU12", "HU21")]
)
CODES = ("01", "10-12")
SECTORS = Classification(
    version="t", source="t", items=[{"code": code, "name": code, "industrial": True} for code in CODES]
)
SIDES = [(region, sector) for region in REGIONS.numbers for sector in CODES]
HEAD = "origin_region;origin_sector;destination_region;destination_sector;value\n"


def value(place: int) -> str:
    return f"{place + 1}.{place % 7}5"


def long(label=lambda region, sector: f"{region};{sector}", written=value) -> list[str]:
    """The rows of a long file."""
    cells = product(SIDES, SIDES)
    return [f"{label(*a)};{label(*b)};{written(place)}\n" for place, (a, b) in enumerate(cells)]


def wide() -> list[str]:
    """The rows of a matrix below its two header rows."""
    return [
        ";".join([*side, *(value(6 * row + column) for column in range(6))]) + "\n"
        for row, side in enumerate(SIDES)
    ]


WIDE_HEAD = "".join(";;" + ";".join(labels) + "\n" for labels in zip(*SIDES, strict=True))


def check(spark, folder, text, layout="long", **notation):
    """The frame, the words of faults, and the notes on a file."""
    (folder / "flows.csv").write_text(text, encoding="utf-8")
    scanned = flows.scanned(FlowsInput(layout=layout, paths={"flows": str(folder / "flows.csv")}))
    cells = flows.read(spark, {SLICE: scanned}, lambda frame, _: frame)
    given = Notation(**notation)
    read = numbered(cells, [(None, REGIONS, SECTORS)], given).persist()
    accepted = read.where((F.size("faults") == 0) & ~F.col("dropped"))
    counts = frame.count(flow_sums.sums(accepted), views.repeated(accepted))
    compared = frame.compare(counts[SLICE], REGIONS.codes)
    faults = {fault["reason"] for row in read.collect() for fault in row["faults"]}
    (odd,) = read.agg(*odd_values()).collect()
    return compared, faults, notes_on_values(odd["vanished"], doubts(odd["tallies"]), given)


def named(compared) -> list[str]:
    region, sector = REGIONS.codes, SECTORS.codes
    return [
        f"{region[gap.region]} {sector[gap.sector]} {gap.side} {gap.absent} of {gap.expected}"
        for gap in compared.gaps
    ]


def test_whole_files_lack_nothing(spark, tmp_path):
    for text, layout in ((HEAD + "".join(long()), "long"), (WIDE_HEAD + "".join(wide()), "wide")):
        compared, faults, notes = check(spark, tmp_path, text, layout)
        assert (compared.expected, compared.absent, faults, notes) == (36, 0, set(), [])


def test_a_long_file_that_ends_in_the_middle_of_a_number(spark, tmp_path):
    """The cut row still reads as a cell; the 11 after it are absent."""
    text = (HEAD + "".join(long()[:25])).removesuffix("5\n")
    compared, faults, _ = check(spark, tmp_path, text)
    assert faults == set()
    assert named(compared) == ["HU21 10-12 delivers 6 of 6", "HU21 01 delivers 5 of 6"]


def test_a_long_file_without_one_deliverer(spark, tmp_path):
    rows = [row for row in long() if not row.startswith("HU21")]
    compared, _, _ = check(spark, tmp_path, HEAD + "".join(rows))
    assert compared.silent_regions == (("delivers", 3),) and compared.absent == 12


def test_a_long_file_without_one_sector_of_a_region(spark, tmp_path):
    rows = [row for row in long() if not row.startswith("HU11;10-12")]
    compared, _, _ = check(spark, tmp_path, HEAD + "".join(rows))
    assert named(compared) == ["HU11 10-12 delivers 6 of 6"]


def test_a_long_file_without_one_buyer(spark, tmp_path):
    rows = [row for row in long() if ";HU12;01;" not in row]
    compared, _, _ = check(spark, tmp_path, HEAD + "".join(rows))
    assert named(compared) == ["HU12 01 buys 6 of 6"]


def test_a_matrix_without_its_last_rows(spark, tmp_path):
    compared, _, _ = check(spark, tmp_path, WIDE_HEAD + "".join(wide()[:4]), "wide")
    assert compared.silent_regions == (("delivers", 3),)
    assert named(compared) == ["HU21 01 delivers 6 of 6", "HU21 10-12 delivers 6 of 6"]


def test_a_matrix_that_is_cut_in_its_last_row(spark, tmp_path):
    text = (WIDE_HEAD + "".join(wide()))[:-20]
    compared, faults, _ = check(spark, tmp_path, text, "wide")
    assert faults == {"the row has too few or too many fields"}
    assert named(compared) == ["HU21 10-12 delivers 6 of 6"]


def test_a_matrix_with_an_empty_cell(spark, tmp_path):
    """What is set aside is absent: a blank is no zero."""
    text = WIDE_HEAD + "".join(wide()).replace(value(7), "")
    compared, faults, _ = check(spark, tmp_path, text, "wide")
    assert faults == {"the value is no number"} and named(compared) == ["HU11 10-12 delivers 1 of 6"]


@pytest.mark.parametrize("sector", ["1", "1.0", "001"])
def test_sectors_that_lost_their_leading_zero(spark, tmp_path, sector):
    rows = long(lambda region, code: f"{region};{code.replace('01', sector)}")
    compared, faults, _ = check(spark, tmp_path, HEAD + "".join(rows))
    assert (compared.absent, faults, compared.sectors) == (0, set(), {1, 2})


def test_labels_that_are_quoted_and_padded(spark, tmp_path):
    rows = long(lambda region, code: f'"{region} ";"\u00a0{code}"')
    compared, faults, _ = check(spark, tmp_path, HEAD + "".join(rows))
    assert (compared.absent, faults) == (0, set())


def test_a_point_of_thousands_that_is_taken_for_a_decimal_mark(spark, tmp_path):
    rows = HEAD + "".join(long(written=lambda place: f"{place + 1}.{100 + place}"))
    _, _, notes = check(spark, tmp_path, rows)
    assert len(notes) == 1 and "set flows.thousands" in notes[0]
    compared, faults, notes = check(spark, tmp_path, rows, decimal=",", thousands=".")
    assert (compared.absent, faults, notes) == (0, set(), [])
