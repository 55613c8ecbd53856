"""Progress: plain lines where there is no terminal, a bar where there is one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from jobs.run.progress import Progress


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


def test_parts_done_are_a_line_each_quarter(screen):
    with Progress(Console(file=screen)).counted("bootstrap") as told:
        for done in range(1, 11):
            told(done, 10)
    assert screen.getvalue().splitlines() == [f"bootstrap: {share} %" for share in (30, 50, 80, 100)]


def test_parts_done_are_a_bar_on_a_terminal(screen):
    with Progress(Console(file=screen, force_terminal=True, width=80)).counted("bootstrap") as told:
        told(5, 10)
        told(10, 10)
    assert "100%" in screen.getvalue() and "bootstrap" in screen.getvalue()


def test_nothing_is_said_where_nothing_is_counted(screen):
    with Progress(Console(file=screen)).counted("bootstrap"):
        pass
    assert screen.getvalue() == ""
