"""Model files: bounded, and refused by the line of what is wrong in them."""

from __future__ import annotations

import os

import pytest

from jobs.errors import SettingsError
from jobs.sem.model.structure import ModelError
from jobs.settings import models


def test_line_ends_and_a_byte_order_mark_are_no_matter(tmp_path):
    (tmp_path / "m.lav").write_bytes("\ufefff =~ a\r\ny ~ f\rz ~ y\n".encode())
    assert models.read(tmp_path / "m.lav", "m.lav") == "f =~ a\ny ~ f\nz ~ y\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"y ~ x\nz ~ \xff", r"is no text in UTF-8 \(line 2\)"),
        (b"y ~ x\n\n\0", r"is no text in UTF-8 \(line 3\)"),
        ("y ~ x".encode("utf-16"), r"is no text in UTF-8 \(line 1\)"),
        (b"#" * 200_001, "has more than 200000 bytes"),
    ],
)
def test_what_is_no_text_of_a_model_is_refused(tmp_path, content, words):
    (tmp_path / "m.lav").write_bytes(content)
    with pytest.raises(SettingsError, match=f"--model m {words}"):
        models.read(tmp_path / "m.lav", "--model m")


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none", tmp_path / ("x" * 5000)):
        with pytest.raises(SettingsError, match="m cannot be read; check the path"):
            models.read(path, "m")


def test_the_line_is_told_where_it_is_known():
    with pytest.raises(
        SettingsError, match=r"^m, line 2: the model text cannot be read.*; mend the model\.$"
    ):
        models.structure("y ~ x\nz = x", "m")
    assert str(models.refused(ModelError("no"), "m", "mend it")) == "m: no; mend it."
