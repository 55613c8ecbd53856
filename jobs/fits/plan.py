"""How a model is fitted to the groups of a table: the one description that `run` and `fit` share."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from jobs.sem.routes.method import Method

FEW = 10  # groups that are fitted together, so that their differences are tested


@dataclass(frozen=True)
class FitPlan:
    """What is computed of the groups of a table of cases.

    `model` is the text in lavaan syntax, `method` how it is fitted, `error` the kind of standard error that
    hypotheses are judged by. `group` is the column of the groups' names. `key` is a column that identifies
    a case: cases are put in its order, and it enters no fit. Without it they are ordered by their values.
    `replicates` of a bootstrap (0 is none) follow from `seed`. `joint` fits all groups at once, with the
    kinds of parameters in `equal` the same in all but for those in `free`, and tests `hypotheses` on them;
    `invariance` takes the steps of measurement invariance. Above `collect_limit` cases only sums are
    collected, which a few methods can be fitted from (see `from_sums`); None collects any number.
    """

    model: str
    method: Method
    error: str
    group: str
    key: str | None = None
    replicates: int = 0
    seed: int = 1
    joint: bool = False
    equal: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    hypotheses: tuple[str, ...] = ()
    invariance: bool = False
    collect_limit: int | None = None

    @property
    def from_sums(self) -> bool:
        """Whether sums over the cases are enough for what is asked."""
        plain = self.method.from_moments and not self.method.diagnosis
        return plain and not (self.joint or self.invariance or self.replicates)

    def in_order(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Cases in the order of their key, which is left out then, or of their values."""
        by = [self.key] if self.key else list(rows.columns)
        cases = rows.sort_values(by, kind="stable").reset_index(drop=True)
        return cases.drop(columns=self.key) if self.key else cases

    def is_summed(self, cases: int) -> bool:
        """Whether a table with so many cases is summed by Spark instead of being collected."""
        return self.collect_limit is not None and cases > self.collect_limit
