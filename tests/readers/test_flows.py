"""Input-output tables in their layouts give the same cells."""

from __future__ import annotations

import gzip

import pytest

from jobs.errors import InputError, SettingsError
from jobs.readers import flows
from jobs.settings.inputs import LABELS, FlowsInput
from jobs.settings.slices import Slice

SLICE = Slice("NL", "w")


def cells(spark, **given):
    scanned = flows.scanned(FlowsInput(**given))
    rows = flows.read(spark, {SLICE: scanned}, lambda frame, _: frame).collect()
    assert len(rows) == scanned.count and {(row["country"], row["wave"]) for row in rows} == {SLICE}
    return sorted([(*[row[label] for label in LABELS], row["value"]) for row in rows], key=str)


def test_long(spark, tmp_path):
    (tmp_path / "f.csv").write_text("von;ind;nach;an;wert\nA;1;B;2;3,5\n")
    names = ("origin_region", "origin_sector", "destination_region", "destination_sector", "value")
    columns = dict(zip(names, ("von", "ind", "nach", "an", "wert"), strict=True))
    read = cells(spark, layout="long", paths={"flows": str(tmp_path / "f.csv")}, columns=columns)
    assert read == [("A", "1", "B", "2", "3,5")]


def test_wide_is_the_long_table_folded(spark, tmp_path):
    (tmp_path / "w.csv").write_text(";;A;A;B;B\n;;1;2;1;2\nA;1;1.0;2.0;3.0;4.0\nB;2;5.0;6.0;7.0;8.0\n")
    read = cells(spark, layout="wide", paths={"flows": str(tmp_path / "w.csv")})
    expected = [
        *(("A", "1", "A", "1", "1.0"), ("A", "1", "A", "2", "2.0")),
        *(("A", "1", "B", "1", "3.0"), ("A", "1", "B", "2", "4.0")),
        *(("B", "2", "A", "1", "5.0"), ("B", "2", "A", "2", "6.0")),
        *(("B", "2", "B", "1", "7.0"), ("B", "2", "B", "2", "8.0")),
    ]
    assert read == expected


def test_a_wide_row_that_is_cut_short_is_marked(spark, tmp_path):
    (tmp_path / "w.csv").write_text(";;A;B\n;;1;1\nA;1;1.0;2.0\nB;1;3.0\n")
    scanned = flows.scanned(FlowsInput(layout="wide", paths={"flows": str(tmp_path / "w.csv")}))
    frame = flows.read(spark, {SLICE: scanned}, lambda frame, _: frame)
    assert [row["_corrupt"] for row in frame.where("_corrupt is not null").collect()] == ["B;1;3.0"]


def test_wide_heads_that_do_not_fit_are_refused(spark, tmp_path):
    (tmp_path / "w.csv").write_text(";;A;B\n;;1\nA;1;1.0;2.0\n")
    with pytest.raises(InputError, match="header rows do not fit"):
        cells(spark, layout="wide", paths={"flows": str(tmp_path / "w.csv")})


def test_a_pair_of_own_and_rest(spark, tmp_path):
    """What a region's industries buy at home, from the rest, and what its products sell to the rest."""
    (tmp_path / "own.csv").write_text("region;product;industry;value\nA;1;2;10\nA;1;OUT;4\n")
    (tmp_path / "rest.csv").write_text("region;product;industry;value\nA;2;1;5\n")
    paths = {role: str(tmp_path / f"{role}.csv") for role in ("own", "rest")}
    read = cells(spark, layout="biregional", paths=paths, exports="OUT")
    assert read == [
        ("A", "1", "A", "2", "10"),
        ("A", "1", "REST", None, "4"),
        ("REST", "2", "A", "1", "5"),
    ]


def test_a_pair_without_its_second_file_is_refused(spark, tmp_path):
    (tmp_path / "own.csv").write_text("region;product;industry;value\nA;1;2;10\n")
    with pytest.raises(SettingsError, match="rest is missing"):
        cells(spark, layout="biregional", paths={"own": str(tmp_path / "own.csv")})


WIDE = ";;A;A;B;B\n;;1;2;1;2\nA;1;1;2;3;4\nA;2;5;6;7;8\nB;1;9;10;11;12\nB;2;13;14;15;16\n"


@pytest.mark.parametrize(
    ("name", "content", "encoding"),
    [
        ("w.csv", WIDE, "utf-8"),
        ("w.csv", WIDE, "utf-8-sig"),
        ("w.csv", WIDE, "utf-16"),
        ("w[1].csv", WIDE, "utf-8"),
        ("w:1.csv", WIDE, "latin-1"),
        ("w.csv", WIDE.replace("\n", "\r\n"), "utf-8"),
        ("w.csv", WIDE.replace("\n", "\r\n", 3), "utf-8"),
        ("w.csv", WIDE.replace(";", " ; "), "utf-8"),
        ("w.csv", WIDE + "\n\n", "utf-8"),
        ("w.csv", WIDE.replace("A", '"A"'), "utf-8"),
        ("w.csv", WIDE + WIDE.split("A;1")[0], "utf-8"),
        ("w.csv", "".join(f'"{line}"\n' for line in WIDE.replace(";", '";"').splitlines()), "utf-8"),
    ],
)
def test_a_matrix_in_any_writing_gives_the_same_cells(spark, tmp_path, name, content, encoding):
    (tmp_path / name).write_bytes(content.encode(encoding))
    (tmp_path / "w1.csv").write_text(WIDE.replace("16", "17"))
    read = cells(spark, layout="wide", paths={"flows": str(tmp_path / name)}, encoding=encoding)
    assert {cell[:4]: cell[4] for cell in read} == {
        (f"{'AABB'[row]}", f"{'1212'[row]}", f"{'AABB'[column]}", f"{'1212'[column]}"): str(
            4 * row + column + 1
        )
        for row in range(4)
        for column in range(4)
    }


def test_a_stray_quote_in_a_matrix_stops_it_by_its_row(spark, tmp_path):
    (tmp_path / "w.csv").write_text(WIDE.replace("B;1;9", 'B;"1;9'))
    with pytest.raises(InputError, match=r"w\.csv, row 5: a double quote stands where no text"):
        cells(spark, layout="wide", paths={"flows": str(tmp_path / "w.csv")})


def test_a_packed_matrix(spark, tmp_path):
    (tmp_path / "w.csv.gz").write_bytes(gzip.compress(WIDE.encode()))
    assert len(cells(spark, layout="wide", paths={"flows": str(tmp_path / "w.csv.gz")})) == 16


def test_a_folder_of_matrices_is_read_whole(spark, tmp_path):
    heads, body = WIDE.splitlines(True)[:2], WIDE.splitlines(True)[2:]
    (tmp_path / "1.csv").write_text("".join([*heads, *body[:2]]))
    (tmp_path / "2.csv").write_text("".join([*heads, *body[2:]]))
    whole = cells(spark, layout="wide", paths={"flows": str(tmp_path)})
    assert len(whole) == 16 and ("B", "2", "B", "2", "16") in whole


def test_long_tables_in_parts_of_another_order_of_columns(spark, tmp_path):
    names = list(LABELS)
    (tmp_path / "1.csv").write_text(f"{';'.join([*names, 'value'])}\nA;1;B;2;3\n")
    (tmp_path / "2.csv").write_text(f"value;{';'.join(reversed(names))}\n5;2;A;1;B\n")
    read = cells(spark, layout="long", paths={"flows": str(tmp_path)})
    assert read == [("A", "1", "B", "2", "3"), ("B", "1", "A", "2", "5")]


def test_headers_alone_tell_what_will_not_fit(tmp_path):
    (tmp_path / "f.csv").write_text("von;value\nA;1\n")
    with pytest.raises(InputError, match=r"f\.csv has no column origin_region, origin_sector, destination_"):
        flows.demand(FlowsInput(layout="long", paths={"flows": str(tmp_path / "f.csv")}))
    (tmp_path / "w.csv").write_text(WIDE)
    flows.demand(FlowsInput(layout="wide", paths={"flows": str(tmp_path / "w.csv")}))
