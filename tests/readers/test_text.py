"""Separated text: what is read, what is set aside, what is refused."""

from __future__ import annotations

import gzip

import pytest

from jobs.errors import InputError
from jobs.readers import text


def rows(spark, path, wanted, **given):
    options = {"separator": ";", "encoding": "utf-8", **given}
    frame, notes = text.read(spark, str(path), wanted=wanted, **options)
    return [tuple(row) for row in frame.orderBy("row_number").collect()], notes


def write(path, content: str, encoding="utf-8"):
    path.write_bytes(content.encode(encoding))
    return path


def test_columns_are_chosen_by_name_and_numbered_by_their_row(spark, tmp_path):
    file = write(tmp_path / "a.csv", "b;x;a\n1;;one\n2;y; two \n")
    read, notes = rows(spark, file, ["a", "b"])
    assert read == [(2, "one", "1", None), (3, "two", "2", None)]
    assert notes == ["1 columns of the file are not used: x"]


def test_a_quoted_line_break_is_one_row(spark, tmp_path):
    file = write(tmp_path / "a.csv", 'a;b\n"two\nlines";"say ""so"""\nz;w\n')
    assert rows(spark, file, ["a", "b"])[0] == [(2, "two\nlines", 'say "so"', None), (3, "z", "w", None)]


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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a;a\n1;2\n", "names 'a' twice"),
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
    with pytest.raises(InputError, match="no known encoding"):
        rows(spark, file, ["b"], encoding="latin-99")


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
