"""What a command leaves when it fails: one line on stderr and the exit code of its kind of error."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.errors import INTERRUPTED, DiamantError, SlicesFailed, scrub
from jobs.spark import failures


def guarded(command: Callable[[], Any]) -> None:
    """Run `command`; an error becomes one line, and the process ends with the exit code of its kind."""
    if not sys.warnoptions:  # libraries warn of their own matters between the lines of progress
        warnings.simplefilter("ignore")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        command()
    except SlicesFailed as error:
        for sentence in error.sentences:
            print(f"diamant: {sentence}", file=sys.stderr)
        sys.exit(error.exit_code)
    except DiamantError as error:
        print(f"diamant: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        if refused := failures.explained(error):
            print(f"diamant: {refused}", file=sys.stderr)
            sys.exit(refused.exit_code)
        # Only the place in the program is shown: the message of an exception may quote the data.
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "jobs" in Path(frame.filename).parts]
        place = (own or frames)[-1]
        print(
            f"diamant: internal error ({scrub(error)}) in {Path(place.filename).name}, line {place.lineno}; "
            "the tables are as they were before this stage. Please report this line.",
            file=sys.stderr,
        )
        sys.exit(1)


def interrupt(_signal: int = 0, _frame: Any = None) -> None:
    """End at once: a run can be killed at any point, and the JVM ends when this process does."""
    cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # the spinner hides it
    line = f"{cursor}diamant: interrupted; the same command takes it up again.\n"
    os.write(2, line.encode())
    os._exit(INTERRUPTED)
