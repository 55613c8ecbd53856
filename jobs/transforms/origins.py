"""Where the partners of a firm are, and its size class: the words of the study's Table 1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

ALL = "all"
EXCLUSIVE = ("domestic only", "foreign only", "both", "unknown")
OVERLAPPING = ("any domestic", "any foreign")
ORIGINS = (*EXCLUSIVE, *OVERLAPPING, ALL)


def size_classes(edges: Sequence[int]) -> list[str]:
    """All size classes in their order, the total last."""
    between = [f"{low}-{high - 1}" for low, high in pairwise(edges)]
    return [f"<{edges[0]}", *between, f"{edges[-1]}+", "unknown", ALL]
