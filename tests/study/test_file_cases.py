"""Survey files as offices deliver them: rows, quotes, parts, encodings, names and formats.

As in test_input_cases.py, each case is drawn as what differs from the small study.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from functools import partial

import pytest
from small_runs import Case, check, put, rewritten, without
from small_study import Row, answers, csv, firms

from jobs.errors import InputError, SettingsError, ValidationStopped

COLUMNS = list(answers(firms(1))[0])
REFUSED = dict(error=InputError)


def half(rows: list[Row], second: list[str] = COLUMNS, **changes: str) -> dict[str, str | bytes]:
    """Two parts, thirty rows each; `changes` are texts in the second one to be replaced."""
    text = csv(rows[30:], columns=second)
    for old, new in changes.items():
        text = text.replace(old, new)
    return {"a.csv": csv(rows[:30]), "b.csv": text}


def at_line(number: int, change: Callable[[str], str]) -> Callable[[list[Row]], str]:
    """The file with its line `number` changed."""

    def write(rows: list[Row]) -> str:
        lines = csv(rows).splitlines(keepends=True)
        lines[number - 1] = change(lines[number - 1])
        return "".join(lines)

    return write


def headed(*lines: str) -> Callable[[list[Row]], str]:
    """The file with lines above its header."""
    return lambda rows: "".join(f"{line}\n" for line in lines) + csv(rows)


def mixed_ends(rows: list[Row]) -> str:
    lines = csv(rows).splitlines()
    return "".join(line + ("\n", "\r\n", "\r")[place % 3] for place, line in enumerate(lines))


def encoded(encoding: str) -> Callable[[list[Row]], bytes]:
    return lambda rows: csv(rows).encode(encoding)


def zipped(rows: list[Row], files: int = 1) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(files):
            archive.writestr(f"survey{number}.csv", csv(rows))
    return packed.getvalue()


def two_waves(rows: list[Row]) -> str:
    return csv([*rows, *rows])


QUOTES = [
    Case("the plain file", until="validate"),
    Case(
        "a name opens a quote that nothing closes",
        put("name", "@Acme"),
        lambda rows: csv(rows).replace("@", '"'),
        stops=r"survey\.csv, row 5: a double quote opens a text that nothing closes",
        **REFUSED,
    ),
    Case(
        "two names open a quote",
        put("name", "@Acme", "@Bolt", step=20),
        lambda rows: csv(rows).replace("@", '"'),
        stops=r"survey\.csv, row 5.*double quote",
        **REFUSED,
    ),
    Case(
        "two regions open a quote",
        lambda rows: None,
        lambda rows: csv(rows).replace("F011;", 'F011;"').replace("F031;", 'F031;"'),
        stops=r"survey\.csv, row 12.*quote",
        **REFUSED,
    ),
    Case("names hold quotes as they should", put("name", 'the "best" Kft', '"', '""', 'say "so"')),
    Case(
        "names hold quotes that are not doubled",
        put("name", "Acme @the@ best"),
        lambda rows: csv(rows).replace("@", '"'),
    ),
    Case("names hold separators and line breaks", put("name", "a;b", "two\nlines", "two\r\nlines", "a\n\nb")),
    Case("each field is in quotes", written=partial(csv, quoted=True)),
    Case(
        "the row of a bad number is that of the file, line breaks in names counted",
        lambda rows: (put("name", "two\nlines", "three\n\nlines")(rows), put("emp", *"xxxx", first=40)(rows)),
        stops=r"emp is no number \(4 rows, the first is 44\)",
        error=ValidationStopped,
    ),
]

ROWS = [
    Case(
        "three blank lines, and a bad number in line 25 of the file",
        put("emp", *"xxxx", first=21),
        lambda rows: csv(rows).replace("F010;", "\n\n\nF010;"),
        stops=r"emp is no number \(4 rows, the first is 25\)",
        error=ValidationStopped,
    ),
    Case("blank lines at the end", written=lambda rows: csv(rows) + "\n\n\r\n"),
    Case("an empty line above the header", written=headed("")),
    Case(
        "title lines above the header",
        written=headed("Survey", "of 1996", ""),
        stops="has no column",
        **REFUSED,
    ),
    Case(
        "title lines above the header, and declared",
        written=headed("Survey", 'of "1996', ""),
        settings={"skip": 3},
    ),
    Case("the first line is sep=;", written=headed("sep=;")),
    Case("the first line is sep=,", written=headed("sep=,"), stops="names ',' as its separator", **REFUSED),
    Case("title lines below sep=;", written=headed("sep=;", "Survey"), settings={"skip": 1}),
    Case(
        "a footnote below the rows",
        written=lambda rows: csv(rows) + "\nSource: the office; 1996\n",
        settings={"until": "Source:"},
    ),
    Case(
        "notes below a blank row", written=lambda rows: csv(rows) + "\nA;B\nC\n", settings={"until": "blank"}
    ),
    Case(
        "a footnote that is not declared",
        written=lambda rows: csv(rows) + "Source: the office\n",
        settings={"max_quarantined": 0},
        stops="1 of 61 rows aside",
        error=ValidationStopped,
    ),
    Case("rows of separators between the rows", written=at_line(9, lambda line: line + ";" * 24 + "\n")),
    Case("no header", written=lambda rows: csv(rows).split("\n", 1)[1], stops="has no column", **REFUSED),
    Case(
        "no row", written=lambda rows: ";".join(COLUMNS) + "\n", stops="has a header and no rows", **REFUSED
    ),
    Case("nothing", written=lambda rows: "", stops="is empty", **REFUSED),
    Case("lines end in CRLF", written=partial(csv, end="\r\n")),
    Case("lines end in CR", written=partial(csv, end="\r")),
    Case("lines end in each way", written=mixed_ends),
    Case("a CRLF header over LF rows", written=at_line(1, lambda line: line.replace("\n", "\r\n"))),
    Case(
        "15 fields too many in one row",
        written=at_line(5, lambda line: line.replace("\n", ";note" * 15 + "\n")),
        known=without("F004"),
        notes=r"1 rows set aside: the row has too few or too many fields \(1 rows, the first is 5\)",
    ),
    Case(
        "1,500 fields too many in one row, and none may be set aside",
        written=at_line(5, lambda line: line.replace("\n", ";x" * 1500 + "\n")),
        settings={"max_quarantined": 0},
        stops=r"1 of 60 rows aside.* too few or too many fields \(1 rows, the first is 5\)",
        error=ValidationStopped,
    ),
    Case(
        "the last row is cut",
        written=lambda rows: csv(rows)[:-40],
        known=without("F060"),
        notes=r"too few or too many fields \(1 rows, the first is 61\)",
    ),
    Case(
        "a separator at the end of the header only",
        written=at_line(1, lambda line: line.replace("\n", ";\n")),
    ),
    Case(
        "a separator at the end of each row",
        written=lambda rows: csv(rows).replace("Kft\n", "Kft;\n"),
    ),
    Case("two empty columns at the end", written=lambda rows: csv(rows).replace("\n", ";;\n")),
    Case(
        "a column that is not used stands twice",
        written=lambda rows: csv(rows).replace("Kft\n", "Kft;x\n").replace(";name\n", ";name;name\n"),
    ),
    Case(
        "a column that is used stands twice",
        written=lambda rows: csv(rows).replace("Kft\n", "Kft;1\n").replace(";name\n", ";name;emp\n"),
        stops="the header names 'emp' twice",
        **REFUSED,
    ),
    Case(
        "the header in capitals",
        written=at_line(1, str.upper),
        notes="24 column names differ in capital letters",
    ),
    Case(
        "blanks around the names of columns",
        written=at_line(1, lambda line: line.replace(";emp;", "; emp ;")),
    ),
    Case(
        "a header field of 130 KiB",
        written=at_line(1, lambda line: line.replace("name", "n" * 133_120)),
        stops="row 1: a field is longer than",
        **REFUSED,
    ),
    Case(
        "a null character in some regions",
        put("region", *["HU\x0011"] * 4),
        stops=r"row 5.* null character|region is no code of the regions \(4 rows, the first is 5\)",
    ),
    Case(
        "two waves in one file",
        written=two_waves,
        until="validate",
        stops="60 of 120 rows aside.* the firm stands in the file more than once.* the first is 62",
        error=ValidationStopped,
    ),
    Case("separated by tabs", written=partial(csv, separator="\t"), settings={"separator": "tab"}),
    Case(
        "separated by tabs, written as \\t",
        written=partial(csv, separator="\t"),
        settings={"separator": "\\t"},
    ),
    Case("separated by bars", written=partial(csv, separator="|"), settings={"separator": "|"}),
    Case("the separator is another", settings={"separator": ","}, stops="has no column", **REFUSED),
    *(
        Case(
            f"the separator is {mark!r}", settings={"separator": mark}, stops="separator", error=SettingsError
        )
        for mark in ("", ";;", '"', "\n", "\\", "abc")
    ),
    Case(
        "columns with odd names",
        rewritten(("emp",), str),
        lambda rows: csv(rows).replace(";emp;", ";`e.m p`;"),
        rules={"employees": {"number": "`e.m p`"}},
    ),
]

PARTS = [
    Case("two parts", written=half),
    Case("the second part has its columns in another order", written=lambda rows: half(rows, COLUMNS[::-1])),
    Case(
        "the second part has a column more",
        written=lambda rows: half(rows, **{"Kft\n": "Kft;x\n", ";name\n": ";name;more\n"}),
    ),
    Case(
        "the second part lacks a column",
        written=lambda rows: half(rows, [name for name in COLUMNS if name != "turn"]),
        stops=r"b\.csv has no column turn",
        **REFUSED,
    ),
    Case(
        "the second part has no header",
        written=lambda rows: half(rows, **{";".join(COLUMNS) + "\n": ""}),
        stops=r"b\.csv has no column",
        **REFUSED,
    ),
    Case(
        "a part is delivered twice",
        written=lambda rows: {"a.csv": csv(rows), "b.csv": csv(rows)},
        stops=r"a\.csv and b\.csv are the same file",
        **REFUSED,
    ),
    Case(
        "a part is delivered twice, the second time with a blank line",
        written=lambda rows: {"a.csv": csv(rows), "b.csv": csv(rows) + "\n"},
        until="validate",
        stops=r"60 of 120 rows aside.* the firm stands in the file more than once.* 2 of b\.csv",
        error=ValidationStopped,
    ),
    Case(
        "a part is hidden",
        written=lambda rows: {"a.csv": csv(rows[:30]), "_b.csv": csv(rows[30:])},
        stops=r"holds _b\.csv",
        **REFUSED,
    ),
    Case(
        "a bad number in a part is known by its part and row",
        put("emp", *"xxxx", first=31, step=1),
        half,
        stops=r"emp is no number \(4 rows, the first is 2 of b\.csv\)",
        error=ValidationStopped,
    ),
    Case(
        "the second archive is cut",
        written=lambda rows: {
            "a.csv.gz": gzip.compress(csv(rows[:30]).encode()),
            "b.csv.gz": gzip.compress(csv(rows[30:]).encode())[:-20],
        },
        stops=r"b\.csv\.gz is damaged",
        **REFUSED,
    ),
]

ENCODINGS = [
    *(
        Case(f"encoded as {name}", written=encoded(name), settings={"encoding": name})
        for name in ("latin-1", "windows-1252", "utf-8-sig", "utf-16", "mac_latin2")
    ),
    Case("a byte order mark that nothing tells of", written=encoded("utf-8-sig")),
    Case(
        "another encoding than the run file says",
        written=encoded("cp1250"),
        stops=r"row 2, is not in utf-8; declare the encoding",
        **REFUSED,
    ),
    *(
        Case(f"the encoding {name!r}", settings={"encoding": name}, stops="encoding", error=SettingsError)
        for name in ("klingon", "", "utf-7", "undefined", "base64", "idna", "utf-8\0")
    ),
]

NAMES = [
    Case(f"a file named {name}", file=name)
    for name in (
        *("survey[12].csv", "s{a,b}*?.csv", "a b,100%.csv", "a:b.csv", "a\\b.csv", "_Ő.csv", "survey"),
    )
]
NAMES += [
    Case("packed as .GZ", written=lambda rows: gzip.compress(csv(rows).encode()), file="survey.csv.GZ"),
    Case("packed as .gz", written=lambda rows: gzip.compress(csv(rows).encode()), file="survey.csv.gz"),
    Case(
        "packed without the ending of an archive",
        written=lambda rows: gzip.compress(csv(rows).encode()),
        stops=r"is a gzip archive",
        **REFUSED,
    ),
    Case(
        "packed as .zst",
        written=lambda rows: b"\x28\xb5\x2f\xfd" + bytes(20),
        file="survey.csv.zst",
        stops="packed",
        **REFUSED,
    ),
    Case("packed as .zip", written=zipped, file="survey.zip"),
    Case(
        "two files in a .zip",
        written=partial(zipped, files=2),
        file="s.zip",
        stops="holds 2 files",
        **REFUSED,
    ),
    Case("a workbook under the name of a CSV", written=zipped, stops="Excel workbook", **REFUSED),
]


@pytest.mark.parametrize("case", [*QUOTES, *ROWS, *PARTS, *ENCODINGS, *NAMES], ids=str)
def test_each_firm_comes_out_once_or_the_file_is_refused(spark, tmp_path, case):
    check(case, spark, tmp_path)


def test_a_pattern_for_a_name_reads_no_other_file(spark, tmp_path):
    """survey[12].csv is read, and neither survey1.csv nor survey2.csv beside it."""
    rows = answers(firms())
    for name in ("survey1.csv", "survey2.csv"):
        (tmp_path / name).write_text(csv(rows[:10]))
    check(Case("a name with brackets", file="survey[12].csv"), spark, tmp_path)
