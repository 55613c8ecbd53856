"""Commonality in the cluster indicators: shares of innovators among firms, protected together.

The share of a region's sector is withheld where its firms are few or answer alike, or where a few weights
make the share. Firms and innovators of the sectors add up to those of the region, and the regions' to the
country's. A reader is taken to know these numbers of every cell that is shown, and the totals: a share of
three digits beside a known weight leaves few whole numbers. So the cells of a region (and the regions of a
country) that are withheld together have so many firms, innovators and others that any of them may have had
any share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from jobs.publish.linked import BESIDE, integer_program
from jobs.publish.rules import (
    ALIKE,
    DOMINATED,
    FEW,
    SHARE_DIGITS,
    WITHHELD,
    dominated,
    extreme,
    rounded_down,
    too_few,
)
from jobs.settings.sections import DisclosureSettings
from jobs.transforms.indicators import ALL

KINDS = ("within", "general")
SMALL = 1e-4  # a firm, where a cell counts 1: of choices that withhold as many cells the smaller ones go
REASONS = ["country", "wave", "region", "sector", "reason"]
PARTS = ("innovators", "numerator", "denominator")
OF_REASONS = (
    *("commonality_within_firms", "commonality_within", "commonality_within_denominator"),
    *("commonality_within_innovators", "weights"),
)
OF_SHARES = ["region", "sector", "commonality_within_firms", "commonality_within_innovators", "protected"]


@dataclass(frozen=True)
class Cells:
    """Firms and innovators of the cells that add up to one total (k each), and which are protected."""

    firms: NDArray[np.float64]
    innovators: NDArray[np.float64]
    protected: NDArray[np.bool_]


@dataclass(frozen=True)
class Shares:
    """The cells of one country's wave (columns OF_SHARES) whose shares are protected together.

    `protected`: those that a rule protects.
    """

    cells: pd.DataFrame
    threshold: int

    def content(self) -> list[str]:
        """All that the answer depends on, as text."""
        return [self.cells.to_json(double_precision=15), str(self.threshold)]


Choose = Callable[[list[Shares]], list[list[bool]]]


def in_turn(waves: list[Shares]) -> list[list[bool]]:
    return [withheld(shares) for shares in waves]


def protect(
    cells: pd.DataFrame, weights: pd.DataFrame, rules: DisclosureSettings, choose: Choose = in_turn
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """cluster_indicators with withheld shares, and for the office which they are and why (columns REASONS).

    New columns are commonality_within_status and commonality_general_status. `cells` as
    schemas/cluster_indicators, `weights` as transforms.indicators.largest_weights. Counts of firms
    are rounded down to the threshold; counts of innovators and weighted sums are left out.
    `choose` is `withheld` of each of a list.
    """
    frame = cells.merge(weights, how="left", on=["country", "wave", "region", "sector"], sort=False)
    reasons = _reasons(frame, rules)
    frame["protected"] = reasons != ""
    waves = [part for _, part in frame[OF_SHARES].groupby([frame.country, frame.wave], sort=True)]
    chosen = choose([Shares(part.reset_index(drop=True), rules.threshold) for part in waves])
    frame["hidden"] = False
    for part, own in zip(waves, chosen, strict=True):
        frame.loc[part.index, "hidden"] = own
    hidden = frame.hidden.to_numpy()
    # The share in general stands in the row of each sector too.
    region = ["country", "wave", "region"]
    whole = frame.loc[(frame.sector == ALL) & frame.hidden, region]
    regions = set(whole.itertuples(index=False, name=None))
    general = np.array(
        [key in regions for key in frame[region].itertuples(index=False, name=None)], dtype=bool
    )
    for kind, hide in (("within", hidden), ("general", general)):
        name = f"commonality_{kind}"
        firms = frame[f"{name}_firms"].astype("Int64")
        hide = hide & firms.notna().to_numpy()
        frame[f"{name}_status"] = np.where(hide, WITHHELD, "")
        frame[name] = frame[name].astype(float).where(~hide).round(SHARE_DIGITS)
        frame[f"{name}_firms"] = rounded_down(firms, rules.threshold).where(~hide)
        frame = frame.drop(columns=[f"{name}_{part}" for part in PARTS])
    audit = frame.loc[hidden, REASONS[:-1]].assign(reason=reasons[hidden])
    audit["reason"] = audit.reason.replace("", BESIDE)
    return frame.drop(columns=["weights", "protected", "hidden"]), audit.reset_index(drop=True)


def _reasons(frame: pd.DataFrame, rules: DisclosureSettings) -> NDArray[np.object_]:
    """The rule that protects each cell; empty where none does."""
    reasons = []
    for row in frame[list(OF_REASONS)].itertuples():
        firms, share = row.commonality_within_firms, row.commonality_within
        weights = list(row.weights) if isinstance(row.weights, list | np.ndarray) else []
        if pd.isna(firms) or not firms:
            reasons.append("")
        elif too_few(firms, rules):
            reasons.append(FEW)
        elif pd.isna(share) or dominated(row.commonality_within_denominator, weights, rules):
            reasons.append(DOMINATED)
        elif row.commonality_within_innovators in (0, firms) or extreme(share):
            reasons.append(ALIKE)
        else:
            reasons.append("")
    return np.array(reasons, dtype=object)


def withheld(shares: Shares) -> list[bool]:
    """Which cells of a country's wave are withheld, so that nothing gives a protected share away."""
    frame = shares.cells.assign(hidden=shares.cells.protected)
    counted = frame[frame.commonality_within_firms.fillna(0) > 0]
    wholes = counted[counted.sector == ALL]
    for name, sectors in counted[counted.sector != ALL].groupby("region", sort=True):
        enough = _withhold(frame, sectors, shares.threshold)
        if not enough:  # not even all sectors together are enough: the region goes with them
            frame.loc[wholes.index[wholes.region == name], "hidden"] = True
    _withhold(frame, wholes, shares.threshold)
    return frame.hidden.tolist()


def _withhold(frame: pd.DataFrame, rows: pd.DataFrame, threshold: int) -> bool:
    """Withhold further ones of the `rows` that add up to one total; False where all are not enough."""
    cells = Cells(
        rows.commonality_within_firms.to_numpy(dtype=float),
        rows.commonality_within_innovators.to_numpy(dtype=float),
        frame.hidden[rows.index].to_numpy(),
    )
    if not cells.protected.any():
        return True
    chosen = together(cells, threshold)
    frame.loc[rows.index, "hidden"] = True if chosen is None else chosen
    return chosen is not None


def together(cells: Cells, threshold: int) -> NDArray[np.bool_] | None:
    """Which cells to withhold (k), the fewest; None where all together are not enough.

    At least two, each of at least one firm, such that the firms of one may be any number up to the threshold
    and more, and that both its innovators and its other firms may be none or all of them (up to the
    threshold), whatever the others are.
    """
    most = min(threshold, cells.firms[cells.protected].max(initial=0.0))
    others = cells.firms - cells.innovators
    rows = np.vstack([np.ones_like(cells.firms), cells.firms - 1, cells.innovators, others])
    least = [2.0, float(threshold), most, most]
    result = integer_program(
        1 + SMALL * cells.firms,
        integrality=np.ones(len(cells.firms)),
        bounds=optimize.Bounds(cells.protected.astype(float), np.ones(len(cells.firms))),
        constraints=optimize.LinearConstraint(rows, least, np.inf),
    )
    return None if result.x is None else np.round(result.x).astype(bool)
