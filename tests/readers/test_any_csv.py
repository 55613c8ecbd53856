"""Any CSV that a writer makes, damaged or not, comes out with the same rows or is refused; never with fewer.

`pytest --hypothesis-profile=long` draws 2,000 files, `make test` 100.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import InputError
from jobs.readers import files, text
from jobs.readers.dialect import Dialect
from jobs.settings.slices import Slice

COLUMNS = ["firm", "name", "region", "size"]
CELL = st.text(st.sampled_from("abé 1.,'|\u00a0"), max_size=5)
ODD = st.sampled_from(['"', 'a"b', 'say "so"', "two\nlines", "two\r\nlines", ";", ",", "x;y", "`", "NA", ""])
DAMAGE = ("none", "quote", "blank lines", "line ends", "extra fields", "same part", "no header", "cut line")


@dataclass(frozen=True)
class Written:
    """A table and how it is written to parts."""

    rows: list[list[str]]
    separator: str
    quoted: bool  # every field, not only those that need it
    encoding: str
    ends: str
    orders: list[list[int]]  # of the columns, a part
    damage: str
    place: int


@st.composite
def tables(draw) -> Written:
    cells = draw(st.lists(st.lists(CELL | ODD, min_size=3, max_size=3), min_size=2, max_size=10))
    return Written(
        rows=[[f"F{number}", *row] for number, row in enumerate(cells)],
        separator=draw(st.sampled_from([";", ",", "\t", "|", " ", ":", "^", "~"])),
        quoted=draw(st.booleans()),
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])),
        ends=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        orders=draw(st.lists(st.permutations(range(4)), min_size=1, max_size=2)),
        damage=draw(st.sampled_from(DAMAGE)),
        place=draw(st.integers(0, 9)),
    )


def lines_of(table: Written, rows: list[list[str]], order: list[int], header: bool = True) -> list[str]:
    """The records of a part, without their line ends."""
    return [
        table.separator.join(_field(row[place], table) for place in order)
        for row in [*([COLUMNS] if header else []), *rows]
    ]


def _field(cell: str, table: Written) -> str:
    special = any(mark in cell for mark in (table.separator, '"', "\n", "\r"))
    return '"' + cell.replace('"', '""') + '"' if special or table.quoted else cell


def damaged(table: Written, lines: list[str]) -> str:
    """The text of the first part with its damage; rows never change in number by it."""
    place, ends = table.place % len(lines), [table.ends] * len(lines)
    if table.damage == "quote":
        cells = lines[place].split(table.separator)
        cells[table.place % len(cells)] = '"' + cells[table.place % len(cells)]
        lines[place] = table.separator.join(cells)
    elif table.damage == "blank lines":
        ends[place] = table.ends * 3
    elif table.damage == "line ends":
        ends[place] = {"\n": "\r\n", "\r\n": "\n", "\r": "\n"}[table.ends]
    elif table.damage == "extra fields" and place:
        lines[place] += (table.separator + "note") * 14
    elif table.damage == "cut line":
        ends[-1] = ""
    return "".join(line + end for line, end in zip(lines, ends, strict=True))


def write(table: Written, folder) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    size = -(-len(table.rows) // len(table.orders))
    for number, order in enumerate(table.orders):
        rows = table.rows[number * size : (number + 1) * size]
        headless = table.damage == "no header" and number == len(table.orders) - 1
        content = damaged(table, lines_of(table, rows, order)) if number == 0 else ""
        if number or headless:
            content = "".join(line + table.ends for line in lines_of(table, rows, order, not headless))
        for name in [f"{number}.csv", *(["2.csv"] if table.damage == "same part" and not number else [])]:
            (folder / name).write_bytes(content.encode(table.encoding, errors="replace"))


@pytest.mark.parametrize("splittable", [False, True])
def test_rows_come_out_whole_or_the_file_is_refused(spark, tmp_path_factory, splittable):
    folder = tmp_path_factory.mktemp("csv") / "drawn"
    kinds_read = set()

    @given(tables())
    def check(table: Written) -> None:
        write(table, folder)
        dialect = Dialect(table.separator, table.encoding)
        try:
            files.sha256(str(folder))
            scans = text.scanned(str(folder), dialect, COLUMNS)
            frame = text.read(spark, {Slice("NL", "w"): scans}, COLUMNS, splittable)
        except InputError as error:
            assert "\n" not in str(error)
            return
        kinds_read.add(table.damage)
        with text.files_apart(spark):
            found = [row.asDict() for row in frame.collect()]
        # A quote before a text of two lines breaks it in two rows, of which one is set aside.
        assert len(found) == text.counted(scans) >= len(table.rows)
        assert len(found) == len(table.rows) or table.damage == "quote"
        by_firm = {row["firm"]: row for row in found if row["_corrupt"] is None}
        corrupt = len(found) - len(by_firm)
        allowed = {"extra fields": 1, "quote": 2}.get(table.damage, 0)
        assert corrupt <= allowed, "only a damaged row is set aside"
        for row in table.rows:
            came = by_firm.get(row[0])
            if came is None:
                assert corrupt or table.damage == "quote", "a stray quote may stay in the cell it stands in"
                continue
            expected = [
                " ".join(cell.replace("\u00a0", " ").split()).encode(table.encoding, "replace")
                for cell in row
            ]
            given_back = [" ".join((came[name] or "").replace("\u00a0", " ").split()) for name in COLUMNS]
            if table.damage != "quote":
                assert given_back == [cell.decode(table.encoding) for cell in expected]

    check()
    assert {"none"} < kinds_read, "what is not damaged is read, and some of what is"
