"""Models that must not leave, and what of others.

A group's model is withheld whole where one of its figures would tell of few firms, since its other estimates
carry the same information. Rules: Ritchie, Green and Smith 2023 (SACRO guide) for regressions, read for
models of several equations; the figures behind them are the table `support` (see sem.groups.support).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np
import pandas as pd

from jobs.publish.rules import WITHHELD, dominated
from jobs.settings.sections import DisclosureSettings

Group = tuple[str, str, str]  # country, wave, group
Groups = AbstractSet[Group]
KEYS = ["country", "wave", "group"]
ORDERED = {"estimates", "standardised", "bootstrap_estimates"}  # tables that may hold thresholds
FIRMS = "too few firms"
DEGREES = "too few degrees of freedom"
ANSWERS = "a variable that too few firms answered"
CATEGORY = "a variable of two values, one of which too few firms have"
LEVERAGE = "a variable whose variation too few firms make"


def withheld(status: pd.DataFrame, support: pd.DataFrame, rules: DisclosureSettings) -> dict[Group, str]:
    """The groups whose models are withheld, each with the first rule that it breaks."""
    return {**_weak(support, rules), **few_firms(status, rules)}


def few_firms(status: pd.DataFrame, rules: DisclosureSettings) -> dict[Group, str]:
    """Groups of too few firms, or of too few more than the model has free parameters.

    `status` as schemas/fit_status, where parameters are all that is estimated with the model.
    """
    free = status.cases_used - status.parameters.fillna(0)
    rows = zip(named(status), status.cases_used, free, strict=True)
    few = {}
    for group, firms, degrees in rows:
        if pd.isna(firms):
            continue  # withheld already
        if firms < rules.threshold:
            few[group] = FIRMS
        elif degrees < rules.degrees_of_freedom:
            few[group] = DEGREES
    return few


def _weak(support: pd.DataFrame, rules: DisclosureSettings) -> dict[Group, str]:
    """Groups with a variable that rests on few firms. Groups fitted from sums alone have no support."""
    weak: dict[Group, str] = {}
    counts = ["answered", "fewest_together", "categories", "smallest_category", "bearing_cases"]
    support = support.astype(dict.fromkeys(counts, float))
    for group, row in zip(named(support), support.itertuples(), strict=True):
        if min(row.answered, row.fewest_together) < rules.threshold:
            weak.setdefault(group, ANSWERS)
        elif row.categories == 2 and row.smallest_category < rules.threshold:
            weak.setdefault(group, CATEGORY)
        elif row.bearing_cases < rules.threshold or dominated(1.0, row.largest, rules):
            weak.setdefault(group, LEVERAGE)
    return weak


def without_thresholds(
    estimates: pd.DataFrame, support: pd.DataFrame, rules: DisclosureSettings
) -> pd.DataFrame:
    """The table without the thresholds of items of which too few firms gave one of the answers.

    A threshold is the share of firms below it, so that thresholds count the firms of each answer.
    """
    few = support[support.smallest_category.astype(float) < rules.threshold]
    items = set(few[[*KEYS, "variable"]].itertuples(index=False, name=None))
    few_rows = np.array(estimates.op == "|", dtype=bool)
    thresholds = estimates.loc[few_rows, [*KEYS, "lhs"]].itertuples(index=False, name=None)
    few_rows[few_rows] = [row in items for row in thresholds]
    return estimates[~few_rows]


def named(frame: pd.DataFrame) -> list[Group]:
    """Country, wave and group of each row."""
    return list(frame[KEYS].itertuples(index=False, name=None))


def telling(tables: dict[str, pd.DataFrame], rules: DisclosureSettings) -> Groups:
    """Groups of too few firms for the residuals that `tables` have of them.

    Residuals and model together are the sample's moments: the p (p + 1) / 2 variances and covariances of p
    variables count as parameters then, of which there are p (p - 1) / 2 residuals, and so do the means
    behind the intercepts that are shown.
    """
    pairs = tables["residuals"].groupby(KEYS).size()
    estimates = tables["estimates"]
    means = estimates[estimates.op == "~1"].groupby(KEYS).lhs.nunique().reindex(pairs.index, fill_value=0)
    moments = pairs + (1 + np.sqrt(1 + 8 * pairs)) / 2 + means
    used = tables["fit_status"].set_index(KEYS).cases_used.reindex(pairs.index).astype(float)
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


def protected(
    tables: dict[str, pd.DataFrame], support: pd.DataFrame, hidden: Groups, rules: DisclosureSettings
) -> dict[str, pd.DataFrame]:
    """The tables of fits without the groups `hidden`, and without what of others would tell of few firms."""
    out = without_groups(tables, hidden)
    for name in ORDERED & out.keys():
        out[name] = without_thresholds(out[name], support, rules)
    return {**out, **without_residuals(out, rules)}


def without_groups(tables: dict[str, pd.DataFrame], hidden: Groups) -> dict[str, pd.DataFrame]:
    """The tables of the fits without the groups `hidden`; of their status the fact."""
    out = dict(tables)
    status = tables["fit_status"].copy()
    withheld = _are(status, "group", hidden)
    status["status"] = status.status.where(~withheld, WITHHELD)
    status["max_gradient"] = status.max_gradient.where(~withheld)
    status["detail"] = status.detail.where(~withheld, "too few firms for publication")
    out["fit_status"] = status
    for name, side in of_groups(tables):
        out[name] = out[name][~_are(out[name], side, hidden)]
    return out


def without_residuals(tables: dict[str, pd.DataFrame], rules: DisclosureSettings) -> dict[str, pd.DataFrame]:
    """What the model misses, without the groups whose residuals would tell too much; empty without them."""
    if "residuals" not in tables:
        return {}
    groups = telling(tables, rules)
    names = ("residuals", "modification_indices")
    return {name: tables[name][~_are(tables[name], "group", groups)] for name in names}


def _are(frame: pd.DataFrame, side: str, groups: Groups) -> np.ndarray:
    """Which rows are of one of the groups, by the column `side` (n, bool)."""
    rows = frame[["country", "wave", side]].itertuples(index=False, name=None)
    return np.array([row in groups for row in rows], dtype=bool)
