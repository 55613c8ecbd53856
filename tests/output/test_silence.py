"""What is written while a stream is silenced is lost; what is written before and after is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

WRITING = """
import ctypes, os, subprocess, sys
from jobs.output.silence import silenced

def write(text, descriptor):
    os.write(descriptor, f"{text} by the system\\n".encode())
    print(f"{text} by Python", file=(sys.stdout, sys.stderr)[descriptor - 1])
    subprocess.run(["sh", "-c", f"echo {text} by a process >&{descriptor}"], check=True)
    if descriptor == 1:
        ctypes.CDLL(None).puts(f"{text} by C".encode())

for descriptor in (1, 2):
    write("before", descriptor)
    try:
        with silenced(descriptor):
            write("meanwhile", descriptor)
            raise ValueError
    except ValueError:
        write("after", descriptor)
"""
CLOSED = """
import os
from jobs.output.silence import silenced
os.close(1)
with silenced(1):
    pass
"""


def written(code: str) -> list[str]:
    """What Python writes on its streams, output before errors."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [done.stdout, done.stderr]


@pytest.mark.parametrize(("stream", "writers"), [(0, ["system", "Python", "process", "C"]), (1, ["Python"])])
def test_what_is_written_meanwhile_is_lost(stream, writers):
    lines = written(WRITING)[stream].splitlines()
    assert {line.split()[0] for line in lines} == {"before", "after"}
    for moment in ("before", "after"):
        assert {line.split()[-1] for line in lines if line.startswith(moment)} >= set(writers)


def test_a_closed_stream_is_no_error():
    assert written(CLOSED) == ["", ""]
