"""The ratios of turnover in Table 1, protected together.

The turnover of a firm is known to many, and so are the sums behind the ratios; what a publication must not
tell is how much of it came from new products. A withheld ratio follows from those of the rows and columns
that it is in. So further ratios are withheld until it may as well lie p % higher, and p % lower (see linked;
the protection levels of Fischetti and Salazar 2001).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jobs.publish.linked import Array, Figure, Key, Linked, Protected, Safeguard
from jobs.publish.rules import (
    ALIKE,
    DOMINATED,
    FEW,
    HALF,
    PARTS,
    SHARE_DIGITS,
    dominated,
    extreme,
    too_few,
)
from jobs.settings.sections import DisclosureSettings
from jobs.transforms.origins import ALL, EXCLUSIVE

ROW = 5.0  # cost of a ratio over all sizes, beside 1 for one of a size class
SCALE = 1_000.0  # what all turnover is set to, for the search


def guard(cells: pd.DataFrame, rules: DisclosureSettings) -> tuple[set[Key], list[Safeguard]]:
    """Keys ("ratio", size class, origin) to withhold, and what is behind each.

    `cells`: Table 1 of one wave (see counts.Counted).
    """
    inner = cells[cells.origin.isin(EXCLUSIVE) & (cells.size_class != ALL) & (cells.mass > 0)]
    total = inner.mass.sum()
    if not total > 0:
        return set(), []
    masses = inner.mass.to_numpy(dtype=float) * SCALE / total
    amounts = np.clip(inner.innovative.to_numpy(dtype=float) * SCALE / total, 0.0, masses)
    sizes, origins = inner.size_class.to_numpy(), inner.origin.to_numpy()
    figures, protected, mass = [], [], {}
    for row in cells.itertuples():
        if not row.mass > 0:
            continue
        members = (
            ((row.size_class == ALL) | (sizes == row.size_class)) & np.isin(origins, PARTS[row.origin])
        ).astype(float)
        key = ("ratio", row.size_class, row.origin)
        mass[key] = float(members @ masses)
        value = float(members @ amounts) / mass[key]
        figures.append(_ratio(key, members, masses, amounts, value, row.firms))
        reason = _reason(row, value, rules)
        if reason:
            protected += _both_ways(key, members, masses, value, rules, reason)
    system = Linked(amounts, -amounts, masses - amounts, figures, whole=False)
    system.protect(protected)
    return system.withheld, [
        each._replace(promised=each.promised / mass[each.key], apart=each.apart / mass[each.key])
        for each in system.safeguards(protected)
    ]


def _ratio(key: Key, members: Array, masses: Array, amounts: Array, value: float, firms: int) -> Figure:
    """A ratio bounds one sum of amounts, since the masses are known."""
    mass = float(members @ masses)
    shown = round(value, SHARE_DIGITS)
    ends = np.array([(shown - HALF) * mass]), np.array([(shown + HALF) * mass])
    cost = (ROW if key[1] == ALL else 1.0) + 1e-6 * firms
    return Figure(key, members[None, :], *ends, cost)


def _reason(row: Any, value: float, rules: DisclosureSettings) -> str:
    """The rule that protects a ratio; empty where none does."""
    if too_few(row.firms, rules) or too_few(row.answered, rules):
        return FEW
    if dominated(row.turnover, row.turnovers, rules) or dominated(row.mass, row.masses, rules):
        return DOMINATED
    return ALIKE if extreme(value) else ""


def _both_ways(
    key: Key, members: Array, masses: Array, value: float, rules: DisclosureSettings, reason: str
) -> list[Protected]:
    """The ratio may be p % higher and p % lower; one near an end of 0 to 1 as far as it can go."""
    mass = float(members @ masses)
    share = rules.p_percent / 100
    if round(value, SHARE_DIGITS) == 0.0:
        return [Protected(key, members, share * mass, (1,), reason)]
    up = min(value * (1 + share), 1.0) - value
    down = Protected(key, members, share * value * mass, (-1,), reason)
    return [Protected(key, members, up * mass, (1,), reason), down] if up > 0 else [down]
