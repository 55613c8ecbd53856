"""Primary disclosure rules, and the complementary suppression that keeps them from being undone.

Rules and their defaults are those output checkers use (ACRO; Ritchie, Green and Smith 2023: SACRO guide):
threshold (fewest firms behind a cell), dominance (n largest hold at most k of a total), p % (what is left
beside the two largest is at least p % of the largest), degrees of freedom behind a model. Counts are of
firms in the sample, unweighted: weights hide nobody. A withheld cell is `c`, its figures are left out.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.errors import DisclosureStopped
from jobs.publish.suppression import complementary
from jobs.settings.sections import DisclosureSettings
from jobs.transforms.partner_origin import ALL, EXCLUSIVE

WITHHELD = "c"
Groups = AbstractSet[tuple[str, str, str]]  # country, wave, group
SHARE_DIGITS = 3  # decimals of a published share of firms
PARTS = {  # the exclusive origins an origin is the sum of
    **{origin: (origin,) for origin in EXCLUSIVE},
    "any domestic": ("domestic only", "both"),
    "any foreign": ("foreign only", "both"),
    ALL: EXCLUSIVE,
}


def too_few(count: float | None, rules: DisclosureSettings) -> bool:
    """Fewer firms than the threshold, but some: an empty cell tells of nobody."""
    return count is not None and 0 < count < rules.threshold


def dominated(total: float, largest: float, second: float, rules: DisclosureSettings) -> bool:
    """The dominance rule (for one or two firms) or the p % rule is broken."""
    if not total > 0:
        return False
    top = largest + (second if rules.dominance_firms >= 2 else 0.0)
    return top > rules.dominance_share * total or total - largest - second < rules.p_percent / 100 * largest


def protect_origins(cells: pd.DataFrame, rules: DisclosureSettings) -> pd.DataFrame:
    """Table 1 with its withheld cells: `cells` as partner_origin gives them, plus the column `status`.

    A cell is withheld for too few firms, or for the turnover behind it; further cells are withheld with it
    so that it does not follow from the sums of the table (see suppression).
    """
    frame = cells.copy()
    turnover = frame[["turnover", "largest", "second"]].astype(float).fillna(0.0)
    primary = [
        too_few(firms, rules)
        or too_few(answered, rules)
        or dominated(amounts[0], amounts[1], amounts[2], rules)
        for firms, answered, amounts in zip(
            frame.firms, frame.answered, turnover.itertuples(index=False), strict=True
        )
    ]
    frame["status"] = pd.Series(primary, index=frame.index).map({True: WITHHELD, False: ""})
    frame["share"] = frame.share.astype(float).round(SHARE_DIGITS)
    for _, table in frame.groupby(["country", "wave"], sort=True):
        frame.loc[table.index[_hidden(table, rules)], "status"] = WITHHELD
    return frame


def sums(table: pd.DataFrame) -> NDArray[np.float64]:
    """Which exclusive origins of which size classes each cell of one wave's table is the sum of (0 or 1)."""
    inner = table[_innermost(table)]
    return np.array(
        [
            [
                float(size in (ALL, own) and part in PARTS[origin])
                for own, part in zip(inner.size_class, inner.origin, strict=True)
            ]
            for size, origin in zip(table.size_class, table.origin, strict=True)
        ]
    )


def _innermost(table: pd.DataFrame) -> pd.Series:
    return table.origin.isin(EXCLUSIVE) & (table.size_class != ALL)


def _hidden(table: pd.DataFrame, rules: DisclosureSettings) -> NDArray[np.bool_]:
    """The cells of one wave's table to withhold.

    The weighted shares of a size class add up to one over the firms of a known origin. That number of firms
    therefore counts as published as long as a share of the class is.
    """
    sensitive = (table.status == WITHHELD).to_numpy()
    if not sensitive.any():
        return sensitive
    parts, inner = sums(table), table.firms[_innermost(table)].to_numpy(dtype=float)
    size, has_share = table.size_class.to_numpy(), (~table.origin.isin(["unknown", ALL])).to_numpy()
    sizes = table.size_class.unique()
    known = np.array(
        [parts[(size == size_of_cell) & has_share].max(axis=0, initial=0.0) for size_of_cell in sizes]
    )
    withheld = complementary(
        np.vstack([parts, known]),
        inner,
        np.append(sensitive, np.zeros(len(sizes), dtype=bool)),
        rules.threshold,
    )
    moved = np.isin(size, sizes[withheld[len(table) :]])
    return withheld[: len(table)] | (moved & has_share)


def protect_indicators(cells: pd.DataFrame, rules: DisclosureSettings) -> pd.DataFrame:
    """Cluster indicators with withheld shares of firms.

    Commonality of a cell is withheld where it has fewer firms than the threshold, or where all or none
    of its firms innovate (it would tell what every one of them did). Counts of firms are rounded down to
    the threshold, so that what a region's total leaves for a withheld cell tells no more than that it is
    withheld; counts of innovators and weighted sums are left out for the same reason, and shares have three
    digits, since more would give away the whole numbers they are made of. Complementarity comes from
    published tables of deliveries and is shown.
    """
    frame = cells.copy()
    for kind in ("within", "general"):
        name = f"commonality_{kind}"
        firms, innovators = (frame[f"{name}_{part}"].astype("Int64") for part in ("firms", "innovators"))
        hide = (firms > 0) & ((firms < rules.threshold) | (innovators == 0) | (innovators == firms))
        hide = hide.fillna(False).astype(bool)
        frame[f"{name}_status"] = hide.map({True: WITHHELD, False: ""})
        frame[name] = frame[name].astype(float).where(~hide).round(SHARE_DIGITS)
        frame[f"{name}_firms"] = _rounded(firms, rules).where(~hide)
        frame = frame.drop(columns=[f"{name}_{part}" for part in ("innovators", "numerator", "denominator")])
    return frame


def protect_waterfall(
    steps: pd.DataFrame, rules: DisclosureSettings, hidden_groups: Groups = frozenset()
) -> pd.DataFrame:
    """The waterfall with counts below the threshold withheld.

    A group of too few firms would follow from the sample less the other groups, so the size of its wave's
    sample is withheld with it. The firms all filters took together are known from the counts of the stages.
    So the smallest steps are withheld with a withheld one until they took as many firms as the threshold
    between them, at least two of them; and the firms before and after each step, whose difference is what
    it took, are rounded.
    """
    frame = steps.copy()
    frame["status"] = ""
    taken, left = frame.rows_taken.to_numpy(dtype=int), frame.rows_out.to_numpy(dtype=int)
    waves = {group[:2] for group in hidden_groups}
    for wave, part in frame.groupby(["country", "wave"], sort=True):
        places = frame.index.get_indexer(part.index)
        some = sorted((place for place in places if taken[place]), key=lambda place: (taken[place], place))
        hidden = [place for place in places if too_few(taken[place], rules) or too_few(left[place], rules)]
        if not hidden and wave in waves:
            hidden = some[:1]
        if not hidden:
            continue
        for place in some:
            if place not in hidden and (len(hidden) < 2 or taken[hidden].sum() < rules.threshold):
                hidden.append(place)
        frame.loc[frame.index[hidden], "status"] = WITHHELD
        for column in ("rows_in", "rows_out"):
            frame.loc[part.index, column] = _rounded(part[column], rules).astype(int)
    frame["rows_taken"] = frame["rows_taken"].astype("Int64").where(frame.status != WITHHELD)
    return frame


def protect_facts(facts: dict[str, Any], rules: DisclosureSettings, hidden_groups: Groups) -> dict[str, Any]:
    """What the stages left for the manifest and the report, without the sizes of the groups `hidden_groups`.

    In their slices the counts of the sample are rounded down, as the waterfall's, and the notes on it go.
    """
    slices = dict(facts["slices"])
    for slice in sorted({f"{country} {wave}" for country, wave, _ in hidden_groups}):
        stages = slices[slice] = dict(slices[slice])
        for name in {"link", "fit"} & set(stages):
            stages[name] = {**stages[name], "notes": [], "detail": {}}
        if "fit" in stages:
            counts = [key for key in stages["fit"] if key.startswith("rows_")]
            stages["fit"].update(
                {key: stages["fit"][key] // rules.threshold * rules.threshold for key in counts}
            )
    return {**facts, "slices": slices}


def _rounded(counts: pd.Series, rules: DisclosureSettings) -> pd.Series:
    """Counts rounded down to multiples of the threshold."""
    return counts.astype("Int64") // rules.threshold * rules.threshold


def unpublishable(status: pd.DataFrame, rules: DisclosureSettings) -> Groups:
    """Country, wave and group of the models with too few degrees of freedom or too few firms."""
    parameters = status.parameters.fillna(0)
    hide = (status.cases_used - parameters < rules.degrees_of_freedom) | (status.cases_used < rules.threshold)
    return set(status.loc[hide, ["country", "wave", "group"]].itertuples(index=False, name=None))


def telling(tables: dict[str, pd.DataFrame], rules: DisclosureSettings) -> Groups:
    """Groups of too few firms for the residuals that `tables` have of them.

    Residuals and model together are the sample's moments: the p (p + 1) / 2 variances and covariances of p
    variables count as parameters then, of which there are p (p - 1) / 2 residuals.
    """
    keys = ["country", "wave", "group"]
    pairs = tables["residuals"].groupby(keys).size()
    moments = pairs + (1 + np.sqrt(1 + 8 * pairs)) / 2
    used = tables["fit_status"].set_index(keys).cases_used.reindex(pairs.index).astype(float)
    return set(pairs.index[~(used - moments >= rules.degrees_of_freedom)])


def of_groups(tables: dict[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """Tables that tell of the fit of a group, and their columns with its name; its status has other rules."""
    sides = ("group", "group_a", "group_b")
    return [
        (name, side)
        for name, frame in tables.items()
        if name != "fit_status"
        for side in sides
        if side in frame.columns
    ]


def check(tables: dict[str, pd.DataFrame], rules: DisclosureSettings) -> None:
    """The last gate, on the frames that are written. Raises DisclosureStopped naming the first breach."""
    origins = tables["partner_origin"]
    shown = origins[origins.status != WITHHELD]
    if shown.firms.map(lambda count: too_few(count, rules)).any():
        raise DisclosureStopped(
            "partner_origin shows a cell of too few firms; nothing was published, please report."
        )
    if (
        origins.loc[origins.status == WITHHELD, ["firms", "share", "innovative_turnover"]]
        .notna()
        .any(axis=None)
    ):
        raise DisclosureStopped(
            "partner_origin holds a withheld figure; nothing was published, please report."
        )
    indicators = tables["cluster_indicators"]
    for kind in ("within", "general"):
        name = f"commonality_{kind}"
        hidden = indicators[f"{name}_status"] == WITHHELD
        if indicators.loc[hidden, [name, f"{name}_firms"]].notna().any(axis=None):
            raise DisclosureStopped(
                f"cluster_indicators holds a withheld {name}; nothing was published, please report."
            )
    waterfall = tables["sample_waterfall"]
    if waterfall.rows_taken.dropna().map(lambda count: too_few(count, rules)).any():
        raise DisclosureStopped("sample_waterfall shows too few firms; nothing was published, please report.")
    hidden_groups = unpublishable(tables["fit_status"], rules) if len(tables["fit_status"]) else set()
    for name, side in of_groups(tables):
        groups = set(tables[name][["country", "wave", side]].itertuples(index=False, name=None))
        if groups & hidden_groups:
            raise DisclosureStopped(
                f"{name} shows a model of too few firms; nothing was published, please report."
            )
    if "residuals" in tables and telling(tables, rules):
        raise DisclosureStopped("residuals are of too few firms; nothing was published, please report.")
