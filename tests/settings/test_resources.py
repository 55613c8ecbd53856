"""Files of settings: where they are found, and what is no plain YAML."""

from __future__ import annotations

import hashlib
import os

import pytest

from jobs.errors import SettingsError
from jobs.settings import resources


def test_a_file_of_ones_own_wins_over_the_packages(tmp_path, monkeypatch):
    name = "conf/models/cluster_within.lav"
    packaged = resources.find(name).read_text()
    monkeypatch.chdir(tmp_path)
    assert resources.find(name).read_text() == packaged
    (tmp_path / "conf" / "models").mkdir(parents=True)
    (tmp_path / name).write_text("mine")
    assert resources.find(name).read_text() == "mine"


@pytest.mark.parametrize("name", ["conf/nowhere.yaml", "/nowhere/at/all.yaml"])
def test_what_is_no_file_is_refused_by_name(name):
    with pytest.raises(SettingsError, match=f"{name} does not exist here or in the package"):
        resources.find(name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2\n", "own.yaml, line 2"),
        ("a: [1\n", "own.yaml, line"),
        ("a: !!python/object/apply:os.getcwd []\n", "own.yaml"),
        ("a: *missing\n", "own.yaml, line 1"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(tmp_path, text, words):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        resources.read_yaml(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize("content", [b"a: 1\nb: \xff", "a: 1\nb: ü".encode("latin-1")])
def test_a_file_that_is_not_utf_8_is_refused_by_its_line(tmp_path, content):
    (tmp_path / "own.yaml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"own\.yaml, line 2: it is no text in UTF-8"):
        resources.read_yaml(str(tmp_path / "own.yaml"))


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    (tmp_path / "own.yaml").write_bytes("\ufeffa: 1\n".encode())
    assert resources.read_yaml(str(tmp_path / "own.yaml")) == {"a": 1}


def test_a_folder_a_pipe_and_a_device_are_no_files(tmp_path):
    """To open a pipe would wait for its writer for ever."""
    os.mkfifo(tmp_path / "pipe")
    for name in (str(tmp_path), str(tmp_path / "pipe"), "/dev/zero"):
        with pytest.raises(SettingsError, match="is no file, but a folder, a device or a pipe"):
            resources.find(name)


@pytest.mark.parametrize("name", ["", "x" * 5000, "a/" * 3000, "a\0b", "~nobody-of-this-name/run.yaml"])
def test_a_name_that_no_file_has_is_refused(name):
    with pytest.raises(SettingsError) as refused:
        resources.find(name)
    assert len(str(refused.value)) < 250


def test_a_file_of_settings_of_megabytes_is_refused(tmp_path):
    (tmp_path / "own.yaml").write_text("#" * (resources.MAX_YAML_BYTES + 1))
    with pytest.raises(SettingsError, match="is larger than"):
        resources.read_yaml(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("true", True), ("'1'", "1"), ("[a, b]", ["a", "b"]), ("null", None)]
)
def test_a_value_of_the_command_line_is_yaml(text, value):
    assert resources.yaml_value(text) == value


def test_the_digest_is_of_the_bytes(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"a: 1\n")
    assert resources.digest(str(tmp_path / "a.yaml")) == hashlib.sha256(b"a: 1\n").hexdigest()
