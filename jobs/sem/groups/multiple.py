"""Many tests at once: the family a run declares, and p-values that hold its false discovery rate.

Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from jobs.sem.model.structure import ModelError

OPERATORS = ("=~", "~", "~~", "~1", "|", ":=")


def family(parameters: pd.DataFrame, members: Iterable[str]) -> np.ndarray:
    """Which parameters belong to the family (n, bool); `parameters` has columns lhs, op, rhs, label.

    A member is an operator (`~`: all regression paths), a parameter (`y ~ x`) or a label of the model.
    Raises ModelError where a parameter or label is not there.
    """
    chosen = np.zeros(len(parameters), dtype=bool)
    names = [_names(*row) for row in parameters[["lhs", "op", "rhs", "label"]].itertuples(index=False)]
    for member in members:
        plain = "".join(member.split())
        hit = np.array([plain in name for name in names], dtype=bool)
        if plain not in OPERATORS and not hit.any():
            raise ModelError(f"the family names {member}, which is no operator and no parameter of the model")
        chosen |= hit
    return chosen


def benjamini_hochberg(pvalues: pd.Series, within: np.ndarray) -> pd.Series:
    """P-values adjusted over the tests that are `within` the family and have one; the others are missing.

    All tests with an adjusted p-value below q have a false discovery rate of at most q.
    """
    adjusted = pd.Series(np.nan, index=pvalues.index, dtype=float)
    tested = within & pvalues.notna().to_numpy()
    if tested.any():
        values = np.array(pvalues[tested], dtype=float)
        falling = np.argsort(-values, kind="stable")
        shares = np.arange(len(values), 0, -1) / len(values)
        least = np.minimum.accumulate(values[falling] / shares)
        values[falling] = np.minimum(least, 1.0)
        adjusted[tested] = values
    return adjusted


def _names(lhs: str, op: str, rhs: str, label: str | None) -> set[str]:
    """All that a member of a family may call a parameter."""
    names = {op, f"{lhs}{op}{rhs}"}
    if op == "~~":
        names.add(f"{rhs}{op}{lhs}")
    return names | ({label} if label and not pd.isna(label) else set())
