"""What is written while a stream is silenced is lost; what is written before and after is not."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from jobs.output.silence import silenced


@pytest.mark.parametrize("descriptor", [1, 2])
def test_what_is_written_meanwhile_is_lost(capfd, descriptor):
    def write(text: str) -> None:
        os.write(descriptor, f"{text} by the system\n".encode())
        print(f"{text} by Python", file=(sys.stdout, sys.stderr)[descriptor - 1])
        subprocess.run(["sh", "-c", f"echo {text} by a process >&{descriptor}"], check=True)
        if descriptor == 1:
            ctypes.CDLL(None).puts(f"{text} by C".encode())

    write("before")
    with silenced(descriptor):
        write("meanwhile")
    write("after")
    ctypes.CDLL(None).fflush(None)
    lines = capfd.readouterr()[descriptor - 1].splitlines()
    writers = {"system", "Python", "process", *(["C"] if descriptor == 1 else [])}
    assert {line.split()[0] for line in lines} == {"before", "after"}
    assert {line.split()[-1] for line in lines} == writers and len(lines) == 2 * len(writers)


def test_an_error_goes_through_and_the_stream_is_back(capfd):
    with pytest.raises(ValueError, match="as it was"), silenced(1):
        raise ValueError("as it was")
    print("heard")
    assert capfd.readouterr().out == "heard\n"


def test_a_closed_stream_is_no_error():
    code = "import os; os.close(1)\nfrom jobs.output.silence import silenced\nwith silenced(1): pass"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stderr == b""
