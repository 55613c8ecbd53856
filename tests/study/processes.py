"""What the system tells of a run's processes: which there are, and where they listen."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

LISTENING = "0A"  # the state of a socket in /proc/net/tcp


def family(root: int) -> set[int]:
    """A process and all that it started, by their numbers."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended meanwhile
    members = {root}
    while more := {own for own, parent in parents.items() if parent in members} - members:
        members |= more
    return members


def listening(root: int) -> set[str]:
    """The addresses on which a process and those that it started listen."""
    inodes = {inode for member in family(root) for inode in _sockets(member)}
    lines = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
    ]
    return {_address(line[1]) for line in lines if line[3] == LISTENING and line[9] in inodes}


def _sockets(process: int) -> set[str]:
    inodes = set()
    try:
        for entry in Path(f"/proc/{process}/fd").iterdir():
            target = os.readlink(entry)
            if target.startswith("socket:["):
                inodes.add(target[len("socket:[") : -1])
    except OSError:
        pass  # it has ended meanwhile, or closed the file
    return inodes


def _address(written: str) -> str:
    """An address as /proc writes it, in words of four bytes with the last byte first."""
    digits = written.split(":")[0]
    words = [bytes.fromhex(digits[place : place + 8])[::-1] for place in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
