"""Primary rules: which figures must not leave, one by one.

Those that output checkers use (ACRO; Ritchie, Green and Smith 2023, SACRO guide; Hundepool et al. 2012):
threshold (fewest firms behind a figure), dominance (the n largest hold at most a share of a total), p % (what
is left beside the two largest is at least p % of the largest), and group disclosure (all firms answer alike).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from jobs.transforms.origins import ALL, EXCLUSIVE

if TYPE_CHECKING:  # a run file's sections take longer to load than a small table
    from jobs.settings.sections import DisclosureSettings

Count = TypeVar("Count", int, pd.Series)

WITHHELD = "c"
SHARE_DIGITS = 3  # decimals of a published share
HALF = 0.5 * 10.0**-SHARE_DIGITS  # what rounding takes or adds at most
PARTS = {  # the exclusive origins an origin is the sum of
    **{origin: (origin,) for origin in EXCLUSIVE},
    "any domestic": ("domestic only", "both"),
    "any foreign": ("foreign only", "both"),
    ALL: EXCLUSIVE,
}

COMMONALITY = ("commonality_within", "commonality_general")
STATUS = {  # the figures that may be withheld, and the column that says so
    "partner_origin": {
        "firms": "status",
        "share": "share_status",
        "innovative_turnover": "innovative_turnover_status",
    },
    "cluster_indicators": {
        **{name: f"{name}_status" for name in COMMONALITY},
        **{f"{name}_firms": f"{name}_status" for name in COMMONALITY},
    },
    "sample_waterfall": {"rows_in": "rows_in_status", "rows_taken": "status", "rows_out": "rows_out_status"},
    "fit_status": {name: f"{name}_status" for name in ("cases_in", "cases_used", "cases_missing")},
}


FEW = "fewer firms than the threshold"
ALIKE = "all firms answer alike"
DOMINATED = "a few firms or weights make the figure"


def too_few(count: float | None, rules: DisclosureSettings) -> bool:
    """Fewer firms than the threshold, but some: an empty cell tells of nobody."""
    return count is not None and 0 < count < rules.threshold


def rounded_down(count: Count, threshold: int) -> Count:
    """The largest multiple of the threshold that is no larger than a count, or than each of several."""
    return count // threshold * threshold


def dominated(total: float, largest: Sequence[float], rules: DisclosureSettings) -> bool:
    """The dominance rule or the p % rule is broken; `largest`: the largest contributions, falling."""
    if not total > 0:
        return False
    first, second = [*largest, 0.0, 0.0][:2]
    top = sum(largest[: rules.dominance_firms])
    return top > rules.dominance_share * total or total - first - second < rules.p_percent / 100 * first


def extreme(share: float) -> bool:
    """A share that is shown as 0 or 1 tells the answer of every firm behind it."""
    return round(share, SHARE_DIGITS) in (0.0, 1.0)
