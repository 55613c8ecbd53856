"""What the log of a Delta table says, read without Spark: its commits, its columns, its files.

The log is a folder of numbered JSON files, one a commit (https://github.com/delta-io/delta/blob/master/PROTOCOL.md).
Reading it here finds damage and names it before Spark would stumble over it, in milliseconds. Tables of
this program keep every commit for a hundred years, so that the log is whole from its first number on.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.places.place import Location, Place

COMMIT = re.compile(r"(\d{20})\.json")
LATER = re.compile(r"\.?(\d{20})\.(?:json|crc)(?:\.crc)?")  # a commit and the checksums that belong to it
CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
ADDED, REMOVED = "numFiles", "numFilesTaken"  # what a commit says of its actions; Delta says the first, too
COUNTED = ((ADDED, "add"), (REMOVED, "remove"))

Keys = tuple[str, ...]  # the values of a slice's columns


class Damaged(Exception):
    """The table cannot be read as it was written; the message says what is wrong, as half a sentence."""


@dataclass(frozen=True)
class File:
    """A data file of the newest state: its path below the table, bytes, rows, values of the slices."""

    path: str
    size: int
    rows: int
    slice: dict[str, str]


@dataclass
class State:
    """The table's newest state."""

    version: int = -1
    columns: list[dict[str, Any]] = field(default_factory=list)  # name, type, nullable
    slices: list[str] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)  # paths of all files that it ever had
    commits: list[tuple[int, dict[str, Any]]] = field(
        default_factory=list
    )  # version and what it says of itself

    def of_slice(self, slice: Mapping[str, str]) -> list[File]:
        if slice.keys() == set(self.slices):
            return self.by_slice.get(tuple(slice[column] for column in self.slices), [])
        return [file for file in self.files.values() if slice.items() <= file.slice.items()]

    @cached_property
    def by_slice(self) -> dict[Keys, list[File]]:
        """The files of each slice, by the values of its columns in their order, once all commits are read."""
        files: dict[Keys, list[File]] = {}
        for file in self.files.values():
            files.setdefault(tuple(file.slice[column] for column in self.slices), []).append(file)
        return files


def read(table: Path) -> State:
    """The newest state of the table in a folder. Raises Damaged where the log is not whole."""
    log = table / "_delta_log"
    names = sorted(entry.name for entry in log.iterdir()) if log.is_dir() else []
    versions = [int(match[1]) for name in names if (match := COMMIT.fullmatch(name))]
    if not versions:
        raise Damaged("its log is gone")
    _demand_all_commits(versions, names)
    newest = max((int(match[1]) for name in names if (match := CHECKPOINT.fullmatch(name))), default=-1)
    state = State()
    for version in versions:
        _apply(state, version, log / f"{version:020}.json")
        if version == newest:
            _check_checkpoint(log, version, state)
    _check_pointer(log)
    if not state.columns:
        raise Damaged("its log names no columns")
    return state


def signature(table: Location) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the log's files: as long as they stay, so does the table's state."""
    log = table / "_delta_log"
    if isinstance(log, Place):
        listed = log.listed() if log.is_dir() else []
        return tuple((name, own.st_size, own.st_mtime_ns) for name, own in listed)
    files = [(entry.name, entry.stat()) for entry in os.scandir(log)] if log.is_dir() else []
    return tuple(sorted((name, state.st_size, state.st_mtime_ns) for name, state in files))


def checksum_of(path: str) -> str:
    """Where Hadoop keeps the checksums of a file."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.crc"


def checksums_beside(path: Path) -> Path:
    """Where Hadoop keeps the checksums of a file of this machine."""
    return Path(checksum_of(str(path)))


def whole(table: Location, file: File) -> bool:
    """Whether a data file is there with the size the log says, and fits its checksum file if it has one.

    A file system elsewhere keeps checksums itself.
    """
    path = table / file.path
    if isinstance(path, Place):
        return path.is_file() and path.stat().st_size == file.size
    return path.is_file() and path.stat().st_size == file.size and fits_checksum(path)


def add_checksum(path: Path, covered: int = 512) -> None:
    """Write the checksum file that `fits_checksum` reads beside a file, a sum for each `covered` bytes."""
    content = path.read_bytes()
    sums = [zlib.crc32(content[start : start + covered]) for start in range(0, len(content), covered)]
    checksums_beside(path).write_bytes(struct.pack(f">4si{len(sums)}I", b"crc\0", covered, *sums))


def fits_checksum(path: Path) -> bool:
    """Whether a file's bytes are those of Hadoop's checksum beside it; true where there is none.

    The checksum file holds `crc`, a zero, the bytes a checksum covers, and a CRC-32 for each such piece.
    Spark refuses to read a file that it does not fit.
    """
    beside = checksums_beside(path)
    if not beside.is_file():
        return True
    content = beside.read_bytes()
    if len(content) < 8 or content[:4] != b"crc\0":
        return False
    (covered,) = struct.unpack(">i", content[4:8])
    sums = content[8:]
    if covered <= 0 or len(sums) != 4 * -(-path.stat().st_size // covered):
        return False
    with path.open("rb") as stream:
        for start in range(0, len(sums), 4):
            if zlib.crc32(stream.read(covered)) != int.from_bytes(sums[start : start + 4], "big"):
                return False
    return True


def counted(added: Collection[File], removed: Collection[File]) -> dict[str, str]:
    """What a commit says of its actions, by which it shows that one of them was lost."""
    return {ADDED: str(len(added)), REMOVED: str(len(removed))}


def _demand_all_commits(versions: list[int], names: list[str]) -> None:
    for number, version in enumerate(versions):
        if number != version:
            raise Damaged(f"commit {number} of its log is gone")
    mentioned = [int(match[1]) for name in names if (match := LATER.fullmatch(name))]
    mentioned += [int(match[1]) for name in names if (match := CHECKPOINT.fullmatch(name))]
    if max(mentioned) > versions[-1]:
        raise Damaged(f"commit {max(mentioned)} of its log is gone")


def _apply(state: State, version: int, commit: Path) -> None:
    """Carry out the actions of a commit on the state."""
    damaged = Damaged(f"commit {version} of its log is damaged")
    try:
        actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines() if line]
        if not actions or not fits_checksum(commit):
            raise damaged
        numbers = Counter[str]()
        for action in actions:
            ((kind, said),) = action.items()
            numbers[kind] += 1
            if kind == "commitInfo":
                state.commits.append((version, said))
            elif kind == "metaData":
                state.columns = json.loads(said["schemaString"])["fields"]
                state.slices = list(said["partitionColumns"])
            elif kind == "add":
                rows = int(json.loads(said.get("stats") or "{}").get("numRecords", 0))
                file = File(unquote(said["path"]), int(said["size"]), rows, dict(said["partitionValues"]))
                state.files[file.path] = file
                state.known.add(file.path)
            elif kind == "remove":
                state.files.pop(unquote(said["path"]), None)
        metrics = state.commits[-1][1].get("operationMetrics", {})
        lost = any(str(metrics.get(name, numbers[kind])) != str(numbers[kind]) for name, kind in COUNTED)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        raise damaged from None
    if state.commits[-1][0] != version or lost:
        raise damaged
    state.version = version


def _check_checkpoint(log: Path, version: int, state: State) -> None:
    """Spark starts from the newest checkpoint: it has to hold the files that the commits up to it left."""
    file = log / f"{version:020}.checkpoint.parquet"
    damaged = Damaged(f"checkpoint {version} of its log is damaged")
    if not fits_checksum(file):
        raise damaged
    try:
        adds = pq.read_table(file).column("add").to_pylist()
        held = {unquote(add["path"]): int(add["size"]) for add in adds if add}
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        raise damaged from None
    if held != {path: entry.size for path, entry in state.files.items()}:
        raise damaged


def _check_pointer(log: Path) -> None:
    """The file that names the newest checkpoint."""
    pointer = log / "_last_checkpoint"
    if not pointer.exists():
        return
    try:
        version = int(json.loads(pointer.read_bytes())["version"])
    except (ValueError, TypeError, KeyError, OSError, RecursionError):
        raise Damaged("the pointer to its log's checkpoint is damaged") from None
    if not fits_checksum(pointer) or not any(log.glob(f"{version:020}.checkpoint*.parquet")):
        raise Damaged("the pointer to its log's checkpoint is damaged")
