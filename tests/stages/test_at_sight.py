"""Tables that are read in blocks give the cells, faults and counts that reading them row by row gives."""

from __future__ import annotations

import gzip
import itertools
import re
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from jobs.readers import blocks, flows, in_blocks, one_pass, regular
from jobs.readers.blocks import Reading
from jobs.run import conversions
from jobs.settings.classifications import Classification
from jobs.settings.inputs import FlowsInput
from jobs.settings.slices import Slice
from jobs.stages import at_sight
from jobs.stages.deliveries import sound
from jobs.transforms import flow_sums, plain_cells
from jobs.transforms.flows import Notation, meanings

SLICE = Slice("NL", "w")
HEADER = "origin_region,origin_sector,destination_region,destination_sector,value,year\n"
SELLERS = ["A,1", "B,2", "A ,01", "X,1", "REST,2"]
BUYERS = ["A,1", "B,Total", "REST,", "B,Households", "\u00c4,2"]
VALUES = [
    "3.25",
    "0",
    "0.0",
    "1e3",
    "007",
    "1.2345678905",
    "1234567.0000000004999",
    "12.345",
    "1.234",
    "9.876",
]
ODD = ["-1", "-0.0", "n/a", "", " 3.5", "1e15", "1.5e-12", "2.5e-1", ".5", "1.", "999999999", "1,5", "-"]


def classification(*codes):
    return Classification(version="t", source="t", items=[{"code": code, "name": code} for code in codes])


CODES = [(None, classification("A", "B"), classification("1", "2"))]


def rows(values, years=("2000",)):
    every = itertools.product(SELLERS, BUYERS, values, years)
    return HEADER + "".join(f"{','.join(row)}\n" for row in every)


def shown(frame):
    """The rows; only those at fault have a place in their file. Arrow writes 1e+15 for Spark's 1.0E15."""
    at_fault = F.size("faults") > 0
    frame = frame.withColumns({key: F.when(at_fault, F.col(key)) for key in ("part", "row_number")})
    rows = map(str, frame.select(*sorted(frame.columns)).collect())
    number = re.compile(r'"value":"([-+.0-9]+e[-+0-9]+)"', re.IGNORECASE)
    return sorted(number.sub(lambda of: str(float(of[1])), row) for row in rows)


def plain(cells):
    """Cells that tasks wrote, with the columns of those that are read row by row."""
    keys = {"country": F.lit(SLICE.country), "wave": F.lit(SLICE.wave), "dropped": F.lit(False)}
    of_parts = {"finer": F.lit(None).cast("bigint"), "pattern": F.lit(None).cast("string")}
    return cells.withColumns({**keys, **of_parts, **plain_cells._no_fault()})


def both(spark, monkeypatch, path, **given):
    """The frame and the counts of a table, read in blocks and row by row, which give the same sums."""
    settings = FlowsInput(
        layout=given.pop("layout", "long"),
        separator=given.pop("separator", ","),
        paths={"flows": str(path)},
        **given,
    )
    table, notation = flows.scanned(settings), Notation.of(settings)
    assert flows.is_in_blocks(table)
    reading = Reading(meanings(*CODES[0][1:], notation), settings.where, notation.decimal, notation.zero)
    monkeypatch.setattr(conversions, "codes", lambda batch: CODES)
    by_rows = at_sight._by_rows(SimpleNamespace(spark=spark), {SLICE: table}, notation, "flows")
    folder = Path(tempfile.mkdtemp(dir=path.parent))
    given = flows.blocks(SLICE, table, reading)
    done = one_pass.taken(spark, given, folder)
    quick = at_sight._in_blocks(spark, given, done, CODES, notation, "flows")
    assert quick.counts == by_rows.counts and quick.counts[SLICE].rows == table.count
    files = quick.files[SLICE]
    assert {(file.path, file.size) for file in files} == {
        (f.relative_to(folder).as_posix(), f.stat().st_size) for f in folder.rglob("*.parquet")
    }
    cells = spark.read.option("recursiveFileLookup", "true")
    written = plain(cells.parquet(str(folder))) if files else None
    assert sum(file.rows for file in files) == (written.count() if files else 0)
    frame = at_sight.both(quick.frame, written)
    apart = [Counter(shown(cells.where("not dropped"))) for cells in (frame, by_rows.frame)]
    assert apart[0] - apart[1] == apart[1] - apart[0] == Counter()
    of_rows = flow_sums.sums(sound(by_rows.frame))
    columns = [column for column in of_rows.columns if column != "doubtful"]
    sums = [set(map(str, of.select(*columns).collect())) for of in (quick.sums, of_rows)]
    assert sums[0] == sums[1]
    return frame, quick.counts


def test_all_that_a_cell_can_hold(spark, tmp_path, monkeypatch):
    """Labels with a meaning of their own, faults with their reasons, values of every form, another year."""
    (tmp_path / "f.csv").write_text(
        rows([*VALUES, *(text for text in ODD if "," not in text)], ("2000", "2001"))
    )
    given = {"drop": ("Total",), "final": ("Households",), "zero": ("-",), "where": {"year": ("2000",)}}
    _, counts = both(spark, monkeypatch, tmp_path / "f.csv", **given)
    assert counts[SLICE].aside and counts[SLICE].dropped and counts[SLICE].vanished


def test_a_decimal_comma_and_parts_in_another_encoding(spark, tmp_path, monkeypatch):
    (tmp_path / "parts").mkdir()
    for name, values in (("1.csv", VALUES), ("2.csv.gz", ODD)):
        text = rows([value.replace(",", "|") for value in values]).replace(",", ";").replace("\n", "\r\n")
        content = text.replace(".", ",").replace("|", ".").encode("cp1252")
        packed = gzip.compress(content) if name.endswith("gz") else content
        (tmp_path / "parts" / name).write_bytes(packed)
    given = {"decimal": ",", "encoding": "windows-1252", "separator": ";"}
    frame, _ = both(spark, monkeypatch, tmp_path / "parts", **given)
    assert {row["part"] for row in frame.where("size(faults) > 0").collect()} == {"1.csv", "2.csv.gz"}


@pytest.mark.parametrize(
    "values", [["1.125", "2.250", "3.375", "4.500", "5.625"], ["9", "12", "999999", "999999"]]
)
def test_what_is_odd_about_values_is_told(spark, tmp_path, monkeypatch, values):
    (tmp_path / "f.csv").write_text(HEADER + "".join(f"A,1,B,2,{value},2000\n" for value in values))
    monkeypatch.setattr(regular, "CHUNK", 10)  # a block each row or two
    _, counts = both(spark, monkeypatch, tmp_path / "f.csv")
    assert any(counts[SLICE].doubts.values())


def test_a_label_for_a_region_and_its_sector(spark, tmp_path, monkeypatch):
    names = {"origin": "von", "destination": "nach"}
    (tmp_path / "f.csv").write_text("von,nach,value\nA_1,B_2,3\nA_1,REST,4\nA1,B_2,5\n")
    _, counts = both(spark, monkeypatch, tmp_path / "f.csv", columns=names)
    assert counts[SLICE].aside == 1


def test_a_matrix_with_all_that_a_cell_can_hold(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(regular, "CHUNK", 40)  # a block each row
    monkeypatch.setattr(in_blocks, "SMALL", 0)  # read by tasks, not by the driver
    buyers = ["A,A,B,X,REST,B", "1,2,1,1,,Total"]
    sellers = [
        "A,1,3.25, 4,,5,0,1",
        "A,2,-1,n/a,1e15,1.5,2,3",
        ",,,,,,,",
        "B,1 ,1,2,3,4,5,6",
        "Y,1,1,2,3,4,5,6",
    ]
    (tmp_path / "w.csv").write_text("".join(f"{line}\n" for line in (*(f",,{b}" for b in buyers), *sellers)))
    frame, counts = both(spark, monkeypatch, tmp_path / "w.csv", layout="wide", drop=("Total",))
    assert counts[SLICE].rows == 24 and counts[SLICE].dropped == 4 and counts[SLICE].aside
    assert '"value":""' in "".join(row["record"] or "" for row in frame.collect())


@pytest.mark.parametrize("value", [None, 0.0000000012, float("nan")], ids=["exact", "tiny", "none"])
def test_parquet(spark, tmp_path, monkeypatch, value):
    """Doubles that are few digits, or some that are not; labels that are texts, numbers and absent."""
    doubles = [0.0, 3.25, 1.234, 999.125, 1e3, 123456.789012345, 2e9, 0.1 + 0.2, 1e15, -1.0]
    doubles = [0.0, 3.25, 1.234, 999.125, 1e3] if value is None else [*doubles, value]
    keys = [(*pair.split(","), *other.split(",")) for pair in SELLERS for other in BUYERS]
    columns = [[key[place] or None for key in keys for _ in doubles] for place in range(4)]
    columns[1] = pa.array(columns[1]).dictionary_encode()
    years = [2001 if place % 7 == 1 else 2000 for place in range(len(columns[0]))]
    names = [*HEADER.split(",")[:5], "year"]
    table = pa.table([*columns, doubles * len(keys), years], names=names)
    monkeypatch.setattr(in_blocks, "TASK", 1000)
    pq.write_table(table, tmp_path / "f.parquet", row_group_size=60)
    given = {"format": "parquet", "drop": ("Total",), "final": ("Households",), "where": {"year": ("2000",)}}
    _, counts = both(spark, monkeypatch, tmp_path / "f.parquet", **given)
    assert counts[SLICE].aside and counts[SLICE].dropped


def test_pieces_hold_each_line_once(tmp_path, monkeypatch):
    part = tmp_path / "f.csv"
    part.write_text("head\n" + "".join(f"{number}\n" for number in range(200)))
    size = part.stat().st_size
    monkeypatch.setattr(regular, "CHUNK", 16)
    for step in (7, 8, 61, size):
        begins = list(range(0, size, step))
        ends = [*begins[1:], None]
        read = [regular.pieces(str(part), part, *ends_at) for ends_at in zip(begins, ends, strict=True)]
        assert b"".join(itertools.chain(*read)).split() == [b"%d" % number for number in range(200)]


def test_a_table_is_cut_and_small_ones_are_read_together(tmp_path, monkeypatch):
    monkeypatch.setattr(in_blocks, "TASK", 100)
    tables = []
    for size in (250, 30, 30, 60):
        part = tmp_path / f"{len(tables)}.csv"
        part.write_bytes(b"x" * size)
        tables.append(SimpleNamespace(part=part))
    tasks = in_blocks._tasks(tables)
    assert tasks == [
        [(0, 0, 100)],
        [(0, 100, 200)],
        [(0, 200, None), (1, 0, None)],
        [(2, 0, None), (3, 0, None)],
    ]


def test_values_that_do_not_fit_into_a_long_are_left():
    import numpy as np

    labels = {label: blocks.Texts(["A"], np.zeros(3, int)) for label in blocks.LABELS}
    reading = Reading({label: {"A": 1} for label in blocks.LABELS}, {}, ".", ())
    block = blocks.looked_at(labels, pa.array(["1", "99999999999", "9000000000.5"]), reading, {})
    assert block.unread.tolist() == [False, True, False]
    assert blocks.cells(block)[-1].to_pylist()[1] == 9000000000.5
