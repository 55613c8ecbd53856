"""Clusters drawn again, fitted again, and the intervals that follow.

Here stands what others have to know of it, so that its modules load for a bootstrap alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

FEWEST_REPLICATES = 100  # with fewer, the ends of an interval are a matter of chance
RESULTS = ["est", "bias", "se", "ci_lower", "ci_upper", "bca_lower", "bca_upper", "replicates", "reliable"]
TABLES = {  # columns of the tables it gives
    "bootstrap_estimates": ["group", "lhs", "op", "rhs", "label", "quantity", *RESULTS],
    "bootstrap_differences": ["lhs", "op", "rhs", "quantity", "group_a", "group_b", *RESULTS],
    "bootstrap_status": ["group", "status", "detail", "units", "replicates", "failed"],
}


def in_turn(function: Callable[[Any], Any], tasks: Iterable[Any]) -> list[Any]:
    """The tasks one after the other, here."""
    return [function(task) for task in tasks]
