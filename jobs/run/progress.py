"""Progress, a stage at a time: a spinner on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from jobs.run.context import Outcome

Tell = Callable[[int, int], None]  # hears how many parts are done, and how many there are


class Progress:
    """Says what runs, how many rows went in, out and aside, and how long it took."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)

    @contextmanager
    def stage(self, name: str, wave: str) -> Iterator[Callable[[Outcome], None]]:
        """Show the stage while it runs; the caller hands over its outcome when it is done."""
        started = time.monotonic()

        def report(outcome: Outcome) -> None:
            self.done(name, wave, outcome, time.monotonic() - started)

        if self.console.is_terminal:
            with self.console.status(f"{name} {wave}"):
                yield report
        else:
            yield report

    @contextmanager
    def counted(self, what: str, every: int = 4) -> Iterator[Tell]:
        """Show how many parts are done: a bar on a terminal, elsewhere a line each `every`-th part of all.

        The caller tells the number done and the number there are.
        """
        if self.console.is_terminal:
            from rich import progress as bars  # takes as long to load as a small table to be fitted

            with bars.Progress(
                *bars.Progress.get_default_columns(), console=self.console, transient=True
            ) as bar:
                task = bar.add_task(what, total=None)
                yield lambda done, all: bar.update(task, completed=done, total=all)
            return
        said = 0

        def tell(done: int, all: int) -> None:
            nonlocal said
            if done * every // all > said:
                said = done * every // all
                self.say(f"{what}: {100 * done // all} %")

        yield tell

    def slices(self, number: int) -> Callable[[int], None]:
        """Say, after each batch of a long run, how many of its slices are done and when it will end.

        The caller tells how many were done in the batch.
        """
        started, ready = time.monotonic(), 0

        def tell(done: int) -> None:
            nonlocal ready
            ready += done
            if ready < number:
                left = (time.monotonic() - started) / ready * (number - ready)
                end = datetime.now() + timedelta(seconds=left)
                self.say(
                    f"{ready:,} of {number:,} slices are done; the others until about {end:%H:%M} "
                    f"({_minutes(left)})"
                )

        return tell

    def done(self, name: str, wave: str, outcome: Outcome, seconds: float) -> None:
        """The stage has ended, with this outcome."""
        aside = f", {outcome.rows_set_aside:,} set aside" if outcome.rows_set_aside else ""
        self._line(
            name, wave, f"{outcome.rows_in:,} in, {outcome.rows_out:,} out{aside}", f"{seconds:5.1f} s"
        )
        for note in outcome.notes:
            self.console.print(f"             {note}", style="dim", markup=False)

    def failed(self, slice: str, error: Exception) -> None:
        """A slice leaves the run; why is said again at its end."""
        self.say(f"{slice} leaves the run: {error}")

    def skipped(self, name: str, wave: str) -> None:
        """The stage is up to date: nothing was done."""
        self._line(name, wave, "up to date, skipped", "")

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def _line(self, name: str, wave: str, what: str, seconds: str) -> None:
        self.console.print(f"{name:<12} {wave:<12} {what:<48} {seconds}".rstrip(), markup=False)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
