"""What the parser that Spark is held against makes of a file: its records, or the sentence that stops it."""

from __future__ import annotations

import bz2
import csv
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import InputError
from jobs.readers import files
from jobs.readers.dialect import Dialect
from jobs.readers.quotes import LONGEST_LINE
from jobs.readers.records import records, scan

FIRMS = [f"F{number:03d};Firm {number};HU11;{number * 10}" for number in range(1, 61)]
HEADER = "firm;name;region;turnover"


def written(folder, lines, ends="\n", encoding="utf-8", name="survey.csv"):
    file = folder / name
    file.write_bytes("".join(f"{line}{ends}" for line in lines).encode(encoding))
    return file


def looked_at(file, wanted=("firm",), separator=";", encoding="utf-8"):
    (part,) = files.parts(str(file))
    return scan(str(file), part, Dialect(separator, encoding), list(wanted))


def with_name(place: int, name: str) -> list[str]:
    """The firms with another name in one row; `place` 0 is the row below the header."""
    lines = list(FIRMS)
    firm, _, region, turnover = lines[place].split(";")
    lines[place] = f"{firm};{name};{region};{turnover}"
    return [HEADER, *lines]


def test_a_plain_file_is_left_to_spark(tmp_path):
    known = looked_at(written(tmp_path, [HEADER, *FIRMS]))
    assert (known.records, known.line_records, known.numbered_by_place) == (60, True, True)
    assert known.names == HEADER.split(";") and not known.cut


@pytest.mark.parametrize(
    ("first", "second"),
    [('"Acme', '"Other'), ('"Acme', 'Firm 30"'), ('"Acme', "Firm 30"), (' "Acme', '"Other" Ltd')],
    ids=["two quotes at the start", "the second closes", "nothing closes", "blanks before"],
)
def test_a_stray_quote_that_swallows_rows_stops_the_file(tmp_path, first, second):
    lines = with_name(9, first)
    lines[30] = with_name(29, second)[30]
    with pytest.raises(InputError, match=r"row 11\b.*quote"):
        looked_at(written(tmp_path, lines))


def test_a_stray_quote_in_the_last_row_or_column_stops_the_file(tmp_path):
    for lines in ([HEADER, *FIRMS[:-1], 'F060;"Acme;HU11;1'], [HEADER, 'F001;A;B;"1', *FIRMS]):
        with pytest.raises(InputError, match="quote"):
            looked_at(written(tmp_path, lines))


def test_a_quote_swallows_one_row_boundary_only(tmp_path):
    """The text ends in the same column of the next row, so the record has as many fields as the header."""
    with pytest.raises(InputError, match="row 2, column 2: a double quote swallows the rows up to 3"):
        looked_at(written(tmp_path, [HEADER, 'F001;"Acme;HU11;1', 'F002;Beta";HU12;2', *FIRMS[2:]]))


def test_half_a_pair_of_quotes_beside_a_text_of_two_lines_stops_the_file(tmp_path):
    """The quote that opens here is closed by the one that opens a text with a separator in it."""
    lines = ["a,b,c,d", 'F1,,",', 'F2,,,",1"']
    with pytest.raises(InputError, match="row 2, column 3: a double quote swallows the rows up to 3"):
        looked_at(written(tmp_path, lines), wanted=["a"], separator=",")


def test_a_quote_that_closes_in_another_column_stops_the_file(tmp_path):
    lines = [HEADER, 'F001;"Acme;HU11;1', "F002;Beta;HU12;2", 'F003;Gamma;HU11";3', *FIRMS[3:]]
    with pytest.raises(InputError, match="row 2: a text in double quotes runs to row 4"):
        looked_at(written(tmp_path, lines))


@pytest.mark.parametrize("name", ['Acme "Best" Ltd', 'Acme 5"', 'Acme"', 'A"c"m"e', "'Acme", '"Acme"', '""'])
def test_quotes_inside_a_field_swallow_nothing(tmp_path, name):
    known = looked_at(written(tmp_path, with_name(9, name)))
    assert known.records == 60 and known.line_records


def test_text_behind_a_closing_quote_is_one_record(tmp_path):
    known = looked_at(written(tmp_path, with_name(9, '"Acme" Ltd')))
    assert known.records == 60 and not known.line_records
    (row,) = [record for record in records(known) if record.row == 11]
    assert row.fields == ["F010", "Acme Ltd", "HU11", "100"]


def test_text_over_several_lines_is_one_record_and_keeps_the_rows_of_the_file(tmp_path):
    known = looked_at(written(tmp_path, with_name(0, '"Acme\nand\nSons"')))
    read = list(records(known))
    assert known.records == len(read) == 60 and not known.line_records
    assert [read[0].row, read[1].row, read[0].fields[1]] == [2, 5, "Acme\nand\nSons"]


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path):
    known = looked_at(written(tmp_path, ["", HEADER, FIRMS[0], "", "   ", FIRMS[1], ""]))
    assert known.records == 2 and not known.numbered_by_place
    assert [record.row for record in records(known)] == [3, 6]


def test_blank_lines_at_the_end_change_nothing(tmp_path):
    known = looked_at(written(tmp_path, [HEADER, *FIRMS, "", ""]))
    assert known.records == 60 and known.numbered_by_place and known.line_records


def test_line_ends_of_three_kinds(tmp_path):
    file = tmp_path / "survey.csv"
    file.write_bytes(f"{HEADER}\r\n{FIRMS[0]}\n{FIRMS[1]}\r{FIRMS[2]}\r\n".encode())
    known = looked_at(file)
    assert known.records == 3 and not known.numbered_by_place
    assert [record.fields[0] for record in records(known)] == ["F001", "F002", "F003"]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_row_of_too_many_fields_is_told(tmp_path, ends):
    known = looked_at(written(tmp_path, [HEADER, FIRMS[0], FIRMS[1] + ";x" * 40], ends))
    assert (known.records, known.most_fields) == (2, 44)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (f"{HEADER}\n".encode(), "has a header and no rows"),
        (b"F001;Acme;HU11;1\nF002;Beta;HU11;2\n", r"has no column firm \(it has 4\); check its header"),
        (f"{HEADER};firm\n{FIRMS[0]};x\n".encode(), "names 'firm' twice"),
        (f"{HEADER}\n{FIRMS[0]}\nF002;Caf\xe9;HU11;1\n".encode("latin-1"), "row 3, is not in utf-8"),
        (HEADER.encode() + b"x" * 200_000 + b"\n", "a field is longer than"),
        (f'{HEADER}\n"{"x" * 200_000}";a;b;c\n'.encode(), "row 2: a field is longer than"),
        (b"PK\x03\x04 an archive", "is an Excel workbook or a zip archive"),
        (b"PAR1 columns", "is a Parquet file"),
        (gzip.compress(b"a;b\n", mtime=0), "is a gzip archive; let its name end in .gz"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(tmp_path, content, words):
    (tmp_path / "survey.csv").write_bytes(content)
    with pytest.raises(InputError, match=words):
        looked_at(tmp_path / "survey.csv")


def test_a_headerless_file_is_not_quoted(tmp_path):
    """A company's name in the first row is data, and no message may show it."""
    (tmp_path / "survey.csv").write_text("F001;Acme;Acme;1\nF002;Beta;HU11;2\n")
    with pytest.raises(InputError) as refused:
        looked_at(tmp_path / "survey.csv")
    assert "Acme" not in str(refused.value) and "F001" not in str(refused.value)


def test_names_that_nobody_asked_for_are_quoted_of_a_header_only(tmp_path):
    """A header that lost its line end goes on with the first firm; so does one whose line the file lacks."""
    for lines, headed in (
        ([HEADER, *FIRMS], True),
        ([HEADER, FIRMS[0], FIRMS[1] + ";x"], False),  # half of the rows have its length: no evidence
        ([f"{HEADER};{FIRMS[0]}", *FIRMS[1:]], False),
        (["firm;Acme;HU11;10", *FIRMS[1:]], False),
        (["firm;Acme;;HU11", *FIRMS[1:]], False),
    ):
        assert looked_at(written(tmp_path, lines)).is_headed is headed, lines[0]


def test_a_swallowed_row_is_told_by_the_place_of_its_column_where_its_name_may_be_data(tmp_path):
    lines = ["firm;name;region;Acme", 'F001;A;HU11;"1', 'F002;B;HU11;2"', "F003;C;HU11;3"]
    with pytest.raises(InputError, match="row 2, column 4: a double quote swallows") as refused:
        looked_at(written(tmp_path, lines))
    assert "Acme" not in str(refused.value)


def test_a_column_that_stands_twice_and_is_not_used_does_no_harm(tmp_path):
    assert looked_at(written(tmp_path, [HEADER + ";;", FIRMS[0] + ";;"])).records == 1


def test_a_line_that_no_table_has_is_refused_before_memory_fills(tmp_path):
    with gzip.open(tmp_path / "survey.csv.gz", "wb", compresslevel=1) as stream:
        stream.write(f"{HEADER}\n".encode())
        for _ in range(LONGEST_LINE // (1 << 20) + 1):
            stream.write(b"x" * (1 << 20))
    with pytest.raises(InputError, match="row 2: the line is longer than"):
        looked_at(tmp_path / "survey.csv.gz")


@pytest.mark.parametrize("name", ["s.csv.gz", "s.csv.GZ", "s.csv.bz2", "s.csv.Bz2"])
def test_archives_by_their_ending(tmp_path, name):
    pack = gzip.compress if name.lower().endswith("gz") else bz2.compress
    whole = pack("\n".join([HEADER, *FIRMS * 200, ""]).encode())
    (tmp_path / name).write_bytes(whole)
    assert looked_at(tmp_path / name).records == 12_000
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged: the archive is not whole"):
        looked_at(tmp_path / name)


@pytest.mark.parametrize("name", ["s.csv.zst", "s.csv.xz", "s.csv.lz4"])
def test_other_archives_are_refused_in_words(tmp_path, name):
    written(tmp_path, [HEADER, *FIRMS], name=name)
    with pytest.raises(InputError, match="is packed in a way that is not read"):
        looked_at(tmp_path / name)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf_8", "UTF8", "utf-8-sig", "latin-1", "cp1250", "utf-16", "utf-32-le"]
)
def test_encodings_by_any_of_their_names(tmp_path, encoding):
    lines = [HEADER, "F001;Müller;HU11;1"]
    known = looked_at(written(tmp_path, lines, encoding=encoding), HEADER.split(";"), encoding=encoding)
    assert [record.fields[1] for record in records(known)] == ["Müller"]


CELL = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=6).map(str.strip)
ODD = st.sampled_from(['"', 'a"b', "a;b", "a,b", "two\nlines", "two\r\nlines", 'say "so"', "", " blanks "])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(CELL | ODD, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from([";", ",", "\t", "|"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
def test_what_a_writer_of_csv_makes_is_read_whole_or_refused(
    tmp_path_factory, rows, separator, quoting, ends, encoding
):
    """A row never vanishes and never comes out of nothing, whatever its fields hold."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator=ends)
    writer.writerows([["firm", "name", "note"], *[[f"F{n}", *row[1:]] for n, row in enumerate(rows)]])
    file = tmp_path_factory.getbasetemp() / "drawn.csv"
    file.write_bytes(stream.getvalue().encode(encoding))
    try:
        known = looked_at(file, ["firm", "note"], separator, encoding)
    except InputError as refused:
        assert "quote" in str(refused), "only a text that looks like swallowed rows is refused"
        return
    read = list(records(known))
    assert known.records == len(read) == len(rows)
    assert [record.fields[0].strip() for record in read] == [f"F{n}" for n in range(len(rows))]
    for record, row in zip(read, rows, strict=True):
        assert [field.strip() for field in record.fields[1:]] == [cell.strip() for cell in row[1:]]
