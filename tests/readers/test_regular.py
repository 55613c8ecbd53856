"""Files that are counted by their bytes, held against the parser; and those that are left to it."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.readers import records, regular
from jobs.readers.dialect import Dialect

PLAIN = Dialect(",", "utf-8")
THREE = "region,sector,value\nNL11,15,3.5\nNL12,16,4\nNL13,17,0\n"


def counted(tmp_path, content, dialect=PLAIN, width=3, name="table.csv"):
    part = tmp_path / name
    part.write_bytes(content if isinstance(content, bytes) else content.encode())
    return regular.count(str(part), part, dialect, width)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lines_that_are_alike_are_counted_with_the_header(tmp_path, ends):
    assert counted(tmp_path, THREE.replace("\n", ends))[:2] == (4, True)


def test_letters_beyond_ascii_are_told(tmp_path):
    assert counted(tmp_path, THREE.replace("NL11", "NLÉ"))[:2] == (4, False)


def test_lines_are_counted_in_a_packed_file_and_beyond_one_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(regular, "CHUNK", 7)
    assert counted(tmp_path, gzip.compress(THREE.encode()), name="table.csv.gz")[:2] == (4, True)


@pytest.mark.parametrize(
    "content",
    [
        THREE.replace("NL12", '"NL12"'),  # quotes
        THREE.replace("NL12,16,4", "NL12,16"),  # a field too few
        THREE.replace("NL12,16,4\nNL13,17,0", "NL12,16\nNL13,17,0,1"),  # one too few, then one too many
        THREE.replace("NL12", ""),  # perhaps a blank row
        THREE + "\n",  # a blank line
        THREE[:-1],  # a file that was cut
        THREE.replace("4\n", "4\r\n"),  # two kinds of line ends
        THREE.replace("4\n", "4\r"),
        THREE.replace("4", "\0"),
        THREE.replace("NL12", "É").encode("cp1252"),  # no utf-8
        "",
    ],
)
def test_any_other_file_is_left_to_the_parser(tmp_path, content):
    assert counted(tmp_path, content) is None


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(",", "utf-16"),
        Dialect(",", "utf-8", skip=1),
        Dialect(",", "utf-8", until="Source"),
        Dialect("\u00a7", "utf-8"),
    ],
)
def test_tables_with_something_around_them_are_left_to_the_parser(tmp_path, dialect):
    assert counted(tmp_path, THREE, dialect) is None


def test_a_line_that_names_the_separator_of_two_columns_is_no_row(tmp_path):
    part = tmp_path / "table.csv"
    part.write_text("sep=;\nregion;value\nNL11;3\nNL12;4\n")
    known = records.scan(str(part), part, Dialect(";", "utf-8"), ["value"])
    assert (known.records, known.is_regular) == (2, False)
    assert list(records.rows(known, ["value"])) == [(3, ["3"], None), (4, ["4"], None)]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_columns_are_those_of_the_parser(tmp_path, monkeypatch, ends):
    monkeypatch.setattr(regular, "CHUNK", 7)
    part = tmp_path / "table.csv"
    part.write_bytes(THREE.replace("NL11", "NLÉ").replace("\n", ends).encode())
    known = records.scan(str(part), part, PLAIN, ["region", "value"])
    columns = regular.columns(known.path, known.part, PLAIN, known.names)
    parsed = [cells for _, cells, _ in records.rows(known, known.names)]
    assert known.is_regular and [list(row) for row in zip(*columns.values(), strict=True)] == parsed
    assert columns["region"] == ["NLÉ", "NL12", "NL13"]


@pytest.mark.parametrize("header", ['"region","sector","value"', '\ufeffregion,"sec,tor",value'])
def test_a_header_may_have_quotes(tmp_path, header):
    part = tmp_path / "table.csv"
    part.write_text(THREE.replace("region,sector,value", header))
    known = records.scan(str(part), part, PLAIN, ["region", "value"])
    assert (known.records, known.is_regular) == (3, True)
    assert regular.columns(known.path, known.part, PLAIN, known.names)["value"] == ["3.5", "4", "0"]


CELLS = st.text(alphabet='ab1- é\u00a0,;"\r\n', max_size=4)


HEADERS = ["a,b", '"a",b', "\ufeffa,b", "a,b,", '"a\n",b', "\na,b", "sep=,\na,b", 'a," b"']


@given(
    header=st.sampled_from(HEADERS),
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=5),
    ends=CELLS,
)
def test_what_is_counted_is_what_the_parser_counts(tmp_path_factory, header, rows, ends):
    part = tmp_path_factory.mktemp("drawn") / "table.csv"
    part.write_text(f"{header}\n" + "".join(f"{','.join(row)}\n" for row in rows) + ends, newline="")
    by_bytes = records._scan_of_lines(str(part), part, PLAIN, ["a", "b"])
    if by_bytes is not None:
        by_parser = records._scan(str(part), part, PLAIN, ["a", "b"], strict=True)
        assert replace(by_bytes, is_bare=False, is_regular=False, before=()) == by_parser
