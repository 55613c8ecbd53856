"""Primary disclosure rules, and the complementary suppression that keeps them from being undone.

Rules and their defaults are those output checkers use (ACRO; Ritchie, Green and Smith 2023: SACRO guide):
threshold (fewest firms behind a cell), dominance (n largest hold at most k of a total), p % (what is left
beside the two largest is at least p % of the largest), degrees of freedom behind a model. Counts are of
firms in the sample, unweighted: weights hide nobody. A withheld cell is `c`, its figures are left out.
"""

from __future__ import annotations

import pandas as pd

from jobs.errors import DisclosureStopped
from jobs.settings import DisclosureSettings

WITHHELD = "c"


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

    A cell is withheld for too few firms, or for the turnover behind it. Since domestic only, foreign
    only and both add up to all, and the size classes to the total, a single withheld one would follow by
    subtraction: the smallest published one beside it is withheld too, until none stands alone. The
    overlapping origins are sums of exclusive ones and are withheld with any part of them.
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
    for _, table in frame.groupby(["country", "wave"], sort=True):
        _complement(frame, table.index, rules)
    return frame


def _complement(frame: pd.DataFrame, index: pd.Index, rules: DisclosureSettings) -> None:
    """Withhold further cells of one wave's table until no withheld cell stands alone on a line."""
    exclusive = frame.origin.isin(["domestic only", "foreign only", "both", "unknown"])
    while True:
        before = frame.loc[index, "status"].tolist()
        table = frame.loc[index]
        # A total is withheld only for itself; lines run over its parts.
        lines = [part.index for _, part in table[exclusive].groupby("size_class")]
        lines += [part.index for _, part in table[(table.size_class != "all")].groupby("origin")]
        for line in lines:
            cells = frame.loc[line]
            hidden = cells[cells.status == WITHHELD]
            if len(hidden) == 1 or (len(hidden) and hidden.firms.sum() < rules.threshold):
                shown = cells[(cells.status != WITHHELD) & (cells.firms > 0)].sort_values(
                    ["firms", "origin", "size_class"]
                )
                if len(shown):
                    frame.loc[shown.index[0], "status"] = WITHHELD
        parts = {"any domestic": ("domestic only", "both"), "any foreign": ("foreign only", "both")}
        for whole, of in parts.items():
            for _, part in frame.loc[index].groupby("size_class"):
                status = part.set_index("origin").status
                if any(status.get(name) == WITHHELD for name in of) and whole in status.index:
                    place = part.index[part.origin == whole]
                    # any domestic = all known less foreign only: shown, it would give its hidden part away
                    frame.loc[place, "status"] = WITHHELD
        if frame.loc[index, "status"].tolist() == before:
            return


def protect_indicators(cells: pd.DataFrame, rules: DisclosureSettings) -> pd.DataFrame:
    """Cluster indicators with withheld shares of firms.

    Commonality of a cell is withheld where it has fewer firms than the threshold, or where all or none
    of its firms innovate (it would tell what every one of them did). Counts of firms are rounded to
    threes so that no cell follows from its region's total; weighted sums are left out for the same reason.
    Complementarity comes from published tables of deliveries and is shown.
    """
    frame = cells.copy()
    for kind in ("within", "general"):
        name = f"commonality_{kind}"
        firms, innovators = frame[f"{name}_firms"], frame[f"{name}_innovators"]
        hide = (firms > 0) & (firms < rules.threshold) | (firms > 0) & (
            (innovators == 0) | (innovators == firms)
        )
        frame[f"{name}_status"] = hide.map({True: WITHHELD, False: ""})
        frame.loc[hide, name] = None
        for column in (f"{name}_firms", f"{name}_innovators"):
            rounded = (frame[column].astype("Float64") / 3).round() * 3
            frame[column] = rounded.where(~hide).astype("Int64")
        frame = frame.drop(columns=[f"{name}_numerator", f"{name}_denominator"])
    return frame


def protect_waterfall(steps: pd.DataFrame, rules: DisclosureSettings) -> pd.DataFrame:
    """The waterfall with counts below the threshold withheld.

    What a filter took is the difference of the rows beside it, so these are rounded to the threshold
    from the first withheld step on.
    """
    frame = steps.copy()
    frame["status"] = ""
    for _, part in frame.groupby(["country", "wave"], sort=True):
        small = part.rows_taken.map(lambda count: too_few(count, rules)) | part.rows_out.map(
            lambda count: too_few(count, rules)
        )
        frame.loc[part.index[small], "status"] = WITHHELD
        if small.any():
            for column in ("rows_in", "rows_out"):
                rounded = (part[column] / rules.threshold).round().astype(int) * rules.threshold
                frame.loc[part.index, column] = rounded
    for column in ("rows_taken",):
        frame[column] = frame[column].astype("Int64").where(frame.status != WITHHELD)
    return frame


def unpublishable(status: pd.DataFrame, rules: DisclosureSettings) -> set[tuple[str, str, str]]:
    """Country, wave and group of the models with too few degrees of freedom or too few firms."""
    parameters = status.parameters.fillna(0)
    hide = (status.cases_used - parameters < rules.degrees_of_freedom) | (status.cases_used < rules.threshold)
    return set(status.loc[hide, ["country", "wave", "group"]].itertuples(index=False, name=None))


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
        if indicators.loc[hidden, [name, f"{name}_firms", f"{name}_innovators"]].notna().any(axis=None):
            raise DisclosureStopped(
                f"cluster_indicators holds a withheld {name}; nothing was published, please report."
            )
    waterfall = tables["sample_waterfall"]
    if waterfall.rows_taken.dropna().map(lambda count: too_few(count, rules)).any():
        raise DisclosureStopped("sample_waterfall shows too few firms; nothing was published, please report.")
    hidden_groups = unpublishable(tables["fit_status"], rules) if len(tables["fit_status"]) else set()
    for name in ("estimates", "fit_measures"):
        groups = set(tables[name][["country", "wave", "group"]].itertuples(index=False, name=None))
        if groups & hidden_groups:
            raise DisclosureStopped(
                f"{name} shows a model of too few firms; nothing was published, please report."
            )
