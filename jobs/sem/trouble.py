"""Why a model, or a group, gives no estimates."""

from __future__ import annotations

from numpy.linalg import LinAlgError


class ModelError(ValueError):
    """The model's text cannot be fitted; the message says which part."""


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
