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
    """A group that cannot be estimated: one of the statuses, and a sentence with what to do.

    The sentence names variables, never values of cases.
    """

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status


TROUBLES = (ValueError, LinAlgError, FloatingPointError)  # what a fit may raise; see `verdict`
NOT_FINITE = "infs or NaNs"  # how numpy and scipy refuse a matrix with such entries


def verdict(error: Exception) -> tuple[str, str]:
    """Status and sentence of a fit that ended with one of TROUBLES.

    A ValueError that no data can explain is a fault of the program and is raised again: to call the group
    'failed' would hide it.
    """
    if isinstance(error, Trouble):
        return error.status, str(error)
    if isinstance(error, ModelError):
        return "failed", f"{error}."
    if isinstance(error, (LinAlgError, FloatingPointError)):
        return "not converged", "the search met a matrix without inverse; simplify the model."
    if NOT_FINITE in str(error):
        return "not converged", "the search met values that are not finite; simplify the model."
    raise error
