"""Separated text: what is read, what is set aside, what is refused."""

from __future__ import annotations

import gzip

import pytest

from jobs.errors import InputError
from jobs.readers import regular, text
from jobs.readers.dialect import Dialect
from jobs.settings import encodings
from jobs.settings.slices import Slice

SLICE = Slice("NL", "w")


def rows(spark, path, wanted, separator=";", encoding="utf-8", splittable=False):
    """The rows as (row number, columns, what does not fit), in the order of the file; and the notes."""
    scans = text.scanned(str(path), Dialect(separator, encoding), wanted)
    frame = text.read(spark, {SLICE: scans}, wanted, splittable)
    with text.files_apart(spark):
        collected = [tuple(row) for row in frame.collect()]
    assert {row[:2] for row in collected} == {SLICE} and len(collected) == text.counted(scans)
    ordered = sorted((row[2:] for row in collected), key=lambda row: (row[0] or "", row[1]))
    return [row[1:] for row in ordered], text.notes(scans, wanted)


def write(path, content: str, encoding="utf-8"):
    path.write_bytes(content.encode(encoding))
    return path


def test_columns_are_chosen_by_name_and_numbered_by_their_row(spark, tmp_path):
    file = write(tmp_path / "a.csv", "b;x;a\n1;;one\n2;y; two \n")
    read, notes = rows(spark, file, ["a", "b"])
    assert read == [(2, "one", "1", None), (3, "two", "2", None)]
    assert notes == ["1 columns of the file are not used: x"]


@pytest.mark.parametrize(
    ("header", "ends"), [("firm;b", "\n"), ("firm;b", "\r\n"), ('\ufeff"firm";"b"', "\n")]
)
@pytest.mark.parametrize("piece", [*range(5, 14), 40, 200])
def test_rows_of_a_file_in_pieces_have_their_numbers(spark, tmp_path, monkeypatch, piece, header, ends):
    """Lines of 4 to 7 bytes: pieces begin in a line, at a line, at a line end, or hold no beginning."""
    monkeypatch.setattr(regular, "PIECE", piece)
    firms = [f"{number}é;{number % 7 * 'x'}" for number in range(1, 30)]
    file = write(tmp_path / "a.csv", "".join(line + ends for line in [header, *firms]))
    read, _ = rows(spark, file, ["firm"])
    assert read == [(number + 1, f"{number}é", None) for number in range(1, 30)]
    assert len(text.scanned(str(file), Dialect(";", "utf-8"), ["firm"])[0].before) == -(
        -file.stat().st_size // piece
    )


def test_the_settings_that_keep_files_apart_are_put_back(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(regular, "PIECE", 10)
    keys = [*text.SIZES, text.MOST_PARTITIONS]
    before = [spark.conf.get(key, None) for key in keys]
    spark.conf.set(text.MOST_PARTITIONS, "2")
    file = write(tmp_path / "a.csv", "a;b\n" + "".join(f"{number};1\n" for number in range(2, 40)))
    assert [row[:2] for row in rows(spark, file, ["a"])[0]] == [
        (number, str(number)) for number in range(2, 40)
    ]
    assert spark.conf.get(text.MOST_PARTITIONS) == "2"
    spark.conf.unset(text.MOST_PARTITIONS)
    assert [spark.conf.get(key, None) for key in keys] == before


def test_a_packed_file_is_one_piece(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(regular, "PIECE", 10)
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress(b"a;b\n1;2\n3;4\n5;6\n7;8\n"))
    assert [row[:2] for row in rows(spark, file, ["a"])[0]] == [(2, "1"), (3, "3"), (4, "5"), (5, "7")]


def test_a_quoted_line_break_is_one_row(spark, tmp_path):
    file = write(tmp_path / "a.csv", 'a;b\n"two\nlines";"say ""so"""\nz;w\n')
    assert rows(spark, file, ["a", "b"])[0] == [(2, "two\nlines", 'say "so"', None), (4, "z", "w", None)]


def test_latin_1_and_windows_encodings(spark, tmp_path):
    for encoding, word in (("ISO-8859-1", "Zoë"), ("windows-1252", "Zoë €"), ("utf-8", "Zoë €")):
        file = write(tmp_path / f"{encoding}.csv", f"a;b\n{word};1\n", encoding)
        assert rows(spark, file, ["a"], encoding=encoding)[0] == [(2, word, None)]


def test_a_byte_order_mark_is_no_part_of_the_header(spark, tmp_path):
    file = write(tmp_path / "a.csv", "\ufeffa;b\n1;2\n")
    assert rows(spark, file, ["a"])[0] == [(2, "1", None)]


def test_rows_with_too_few_or_many_fields_are_marked(spark, tmp_path):
    file = write(tmp_path / "a.csv", "a;b\n1;2\n3\n4;5;6\n")
    corrupt = [row[-1] for row in rows(spark, file, ["a", "b"])[0]]
    assert corrupt == [None, "3", "4;5;6"]


def test_headers_with_dots_and_blanks(spark, tmp_path):
    file = write(tmp_path / "a.csv", "a.b; c d ;e\n1;2;3\n")
    read, notes = rows(spark, file, ["a.b", "c d"])
    assert read == [(2, "1", "2", None)]
    assert "1 column names had stray blanks: c d" in notes


def test_the_first_firm_is_not_quoted_where_the_header_lost_its_line_end(spark, tmp_path):
    file = write(tmp_path / "a.csv", "a;b; note ;CANARY; 918273645 ;\nx;1;n\ny;2;n\n")
    notes = "\n".join(rows(spark, file, ["a", "b"])[1])
    assert "CANARY" not in notes and "918273645" not in notes
    assert "3 columns of the file are not used" in notes and "2 column names had stray blanks" in notes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a;a\n1;2\n", "names 'a' twice"),
        ("a;b\n", "a header and no rows"),
        ("x;y\n1;2\n", "has no column a"),
        ("a,b\n1,2\n", "has no column a"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(spark, tmp_path, content, words):
    file = write(tmp_path / "a.csv", content)
    with pytest.raises(InputError, match=words):
        rows(spark, file, ["a"])


def test_a_missing_file_and_a_wrong_encoding_are_refused(spark, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        rows(spark, tmp_path / "none.csv", ["a"])
    file = write(tmp_path / "a.csv", "ë;b\n1;2\n", "ISO-8859-1")
    with pytest.raises(InputError, match="is not in utf-8"):
        rows(spark, file, ["b"])


def test_a_folder_of_parts_is_one_input(spark, tmp_path):
    write(tmp_path / "part-0.csv", "a;b\n1;2\n")
    write(tmp_path / "part-1.csv", "a;b\n3;4\n")
    (tmp_path / "_SUCCESS").touch()
    assert [row[1] for row in sorted(rows(spark, tmp_path, ["a"])[0])] == ["1", "3"]


def test_a_truncated_archive_is_refused(spark, tmp_path):
    whole = gzip.compress(b"a;b\n" + b"1;2\n" * 50_000)
    file = tmp_path / "a.csv.gz"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged"):
        rows(spark, file, ["a"])


def test_a_whole_archive_is_read(spark, tmp_path):
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress(b"a;b\n1;2\n"))
    assert rows(spark, file, ["a"])[0] == [(2, "1", None)]


ODD_NAMES = [
    *("survey[12].csv", "a*b.csv", "a?.csv", "a{1,2}.csv", "a b.csv", "a,b.csv", "a:b.csv", "a%20b.csv"),
    *("a%.csv", "a#b+c.csv", "a\\b.csv", "é.csv", "_a.csv", ".a.csv", "a=b.csv", "'a\"`$.csv", "~a.csv"),
]


@pytest.mark.parametrize("splittable", [False, True])
def test_a_name_is_a_name_and_no_pattern(spark, tmp_path, splittable):
    """Each file is read itself, though names beside it fit it as a pattern."""
    for name in (*ODD_NAMES, "survey1.csv", "axb.csv", "a1.csv", "ab.csv"):
        write(tmp_path / name, f"a;b\n{name.encode().hex()};1\n")
    for name in ODD_NAMES:
        read, _ = rows(spark, tmp_path / name, ["a"], splittable=splittable)
        assert [row[1] for row in read] == [name.encode().hex()], name


def test_a_folder_with_an_odd_name(spark, tmp_path):
    folder = tmp_path / "waves[1]: {a}"
    folder.mkdir()
    write(folder / "part*.csv", "a;b\n1;2\n")
    write(folder / "part1.csv", "a;b\n3;4\n")
    assert [row[1] for row in rows(spark, folder, ["a"])[0]] == ["1", "3"]


def test_each_part_is_read_by_its_own_header(spark, tmp_path):
    write(tmp_path / "1.csv", "firm;size;turnover\nA;10;100\n")
    write(tmp_path / "2.csv", "turnover;note;firm;size\n200;x;B;20\n")
    read, notes = rows(spark, tmp_path, ["firm", "size", "turnover"])
    assert read == [(2, "A", "10", "100", None), (2, "B", "20", "200", None)]
    assert "the 2 parts have 2 different headers; each is read by its own" in notes


def test_rows_tell_their_part(spark, tmp_path):
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, f"firm\n{name}\n")
    scans = text.scanned(str(tmp_path), Dialect(";", "utf-8"), ["firm"])
    frame = text.read(spark, {SLICE: scans}, ["firm"])
    assert {(row["_part"], row["firm"]) for row in frame.collect()} == {
        ("a.csv", "a.csv"),
        ("b.csv", "b.csv"),
    }


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ("B;20\n", "2.csv has no column firm, size"),  # a part without a header loses no row
        ("firm;note\nB;x\n", "2.csv has no column size"),
        ("", "2.csv is empty"),
        ("firm;size\n", "2.csv has a header and no rows"),
    ],
)
def test_a_part_that_does_not_fit_stops_the_input_by_its_name(spark, tmp_path, second, words):
    write(tmp_path / "1.csv", "firm;size\nA;10\n")
    write(tmp_path / "2.csv", second)
    with pytest.raises(InputError, match=words):
        rows(spark, tmp_path, ["firm", "size"])


def test_rows_of_one_file_with_everything_unusual(spark, tmp_path):
    """Blank lines, lines in quotes, three line ends and far too many fields: rows keep their place."""
    content = 'a;b\r\n1;x\n\n"two\nlines";y\r3;z' + ";note" * 15 + "\n4;w\n"
    read, _ = rows(spark, write(tmp_path / "a.csv", content), ["a", "b"])
    assert read == [
        (2, "1", "x", None),
        (4, "two\nlines", "y", None),
        (6, None, None, "3;z" + ";note" * 15),
        (7, "4", "w", None),
    ]


@pytest.mark.parametrize("splittable", [False, True])
def test_far_too_many_fields_are_marked(spark, tmp_path, splittable):
    file = write(tmp_path / "a.csv", "a;b\n1;2\n3;4" + ";note" * 15 + "\n5;6\n")
    read, _ = rows(spark, file, ["a"], splittable=splittable)
    assert [row[-1] is None for row in sorted(read, key=str)].count(False) == 1 and len(read) == 3


def test_blanks_around_cells_are_no_part_of_them(spark, tmp_path):
    file = write(tmp_path / "a.csv", 'a;b\n" x ";1\n\u00a0x\u00a0;2\n"x\t";3\n x ;4\n')
    assert [row[1] for row in rows(spark, file, ["a"])[0]] == ["x"] * 4


def test_names_with_backticks_dots_and_blanks(spark, tmp_path):
    names = ["a`b", "c.d", "e f", "`", "part", "row_number"]
    file = write(tmp_path / "a.csv", f"{';'.join(names)}\n1;2;3;4;5;6\n\n7;8;9;10;11;12\n")
    read, _ = rows(spark, file, names)
    assert read == [(2, *"123456", None), (4, *"789", "10", "11", "12", None)]


def test_a_name_of_the_reader_itself_is_refused(spark, tmp_path):
    with pytest.raises(InputError, match="the column name _row is the program's own"):
        rows(spark, write(tmp_path / "a.csv", "_row;b\n1;2\n"), ["_row"])


def test_a_file_without_its_last_line_end_is_told(spark, tmp_path):
    _, notes = rows(spark, write(tmp_path / "a.csv", "a;b\n1;2\n3;4"), ["a", "b"])
    assert notes == ["a.csv: the last line has no line end; check that the file is whole"]


@pytest.mark.parametrize("splittable", [False, True])
def test_java_reads_each_encoding_as_python_writes_it(spark, tmp_path, splittable):
    for encoding in sorted(encodings.JAVA):
        letter = next(letter for letter in "éžηйşяאجe" if _has(letter, encoding))
        file = write(tmp_path / f"{encoding}.csv", f"a;b\n{letter}1;2\n", encoding)
        read, _ = rows(spark, file, ["a"], encoding=encoding, splittable=splittable)
        assert [row[1] for row in read] == [f"{letter}1"], encoding


def _has(letter: str, encoding: str) -> bool:
    try:
        return bool(letter.encode(encoding))
    except UnicodeEncodeError:
        return False
