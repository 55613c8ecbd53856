"""Why a model, or a group, gives no estimates."""

from __future__ import annotations

from numpy.linalg import LinAlgError

LONGEST = 80  # characters of a model's text that a message repeats


class ModelError(ValueError):
    """The model's text cannot be fitted; the message says which part, `line` where it stands (from 1)."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def excerpt(text: str) -> str:
    """A part of a model's text for a message: one line, cut where it is long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


class Trouble(ValueError):
    """A group that can't be estimated: one of the statuses, and a sentence a statistician acts on.

    The sentence names variables, never values of cases.
    """

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status


TROUBLES = (ValueError, LinAlgError, FloatingPointError)  # what a fit may raise for what its data are like


def verdict(error: Exception) -> tuple[str, str]:
    """Status and sentence of a fit that ended with one of TROUBLES."""
    if isinstance(error, Trouble):
        return error.status, str(error)
    if isinstance(error, (LinAlgError, FloatingPointError)):
        return "not converged", "the search met a matrix without inverse; simplify the model."
    return "failed", f"{error}."
