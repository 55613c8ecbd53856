"""Why a model, or a group, gives no estimates."""

from __future__ import annotations


class ModelError(ValueError):
    """The model's text cannot be fitted; the message says which part."""


class Trouble(ValueError):
    """A group that can't be estimated: one of the statuses, and a sentence a statistician acts on.

    The sentence names variables, never values of cases.
    """

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
