"""The published tables: through disclosure control, and sorted by their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from jobs.publish import disclosure
from jobs.sem.bootstrap.replicates import TABLES as BOOTSTRAP
from jobs.sem.groups.rows import DIAGNOSIS
from jobs.settings.sections import DisclosureSettings
from jobs.transforms.partner_origin import ORIGINS, size_classes

PUBLISHED = (
    *("partner_origin", "cluster_indicators", "estimates", "fit_measures"),
    *("group_differences", "fit_status", *DIAGNOSIS, *BOOTSTRAP, "sample_waterfall"),
)
Names = tuple[dict[str, str], dict[str, str]]  # of regions and of sectors, by code
NOT_PUBLISHED = ["answered", "turnover", "largest", "second"]


def names(diagnosis: bool, bootstrap: bool) -> list[str]:
    """The published tables; those of a diagnosis or bootstrap where asked for: empty files help nobody."""
    unasked = {*(() if diagnosis else DIAGNOSIS), *(() if bootstrap else BOOTSTRAP)}
    return [name for name in PUBLISHED if name not in unasked]


def protected(
    raw: dict[str, pd.DataFrame], rules: DisclosureSettings, edges: Sequence[int]
) -> dict[str, pd.DataFrame]:
    """The tables `raw` after disclosure control; `edges` are those of the size classes."""
    hidden = disclosure.unpublishable(raw["fit_status"], rules)
    fits = without_groups({name: table for name, table in raw.items() if name != "partner_origin"}, hidden)
    tables = {
        "partner_origin": _origins(raw["partner_origin"], rules, edges),
        **fits,
        **without_residuals(fits, rules),
        "cluster_indicators": disclosure.protect_indicators(raw["cluster_indicators"], rules),
        "sample_waterfall": disclosure.protect_waterfall(raw["sample_waterfall"], rules, hidden),
    }
    return {name: tables[name].reset_index(drop=True) for name in PUBLISHED if name in raw}


def with_names(indicators: pd.DataFrame, names: Mapping[tuple[str, str], Names]) -> pd.DataFrame:
    """The table cluster_indicators with the names of regions and sectors behind their codes.

    `names`: of a country and wave, those of its regions and of its sectors by code.
    """
    slices = list(zip(indicators.country, indicators.wave, strict=True))
    out = indicators.copy()
    for place, kind in enumerate(("region", "sector")):
        known = [names[slice][place].get(code) for slice, code in zip(slices, out[kind], strict=True)]
        out.insert(out.columns.get_loc(kind) + 1, f"{kind}_name", pd.Series(known, out.index, dtype=object))
    return out


def _origins(cells: pd.DataFrame, rules: DisclosureSettings, edges: Sequence[int]) -> pd.DataFrame:
    """The origins of partners by size class, in the order of their classes."""
    cells = cells.copy()
    order = {"size_class": size_classes(edges), "origin": list(ORIGINS)}
    for column, values in order.items():
        cells[column] = pd.Categorical(cells[column], values, ordered=True)
    cells = cells.sort_values(["country", "wave", "size_class", "origin"]).reset_index(drop=True)
    cells = cells.astype({"size_class": str, "origin": str})
    origins = disclosure.protect_origins(cells, rules).drop(columns=NOT_PUBLISHED)
    origins["firms"] = origins.firms.astype("Int64")
    shown = origins.status != disclosure.WITHHELD
    for figure in ("firms", "share", "innovative_turnover"):
        origins[figure] = origins[figure].where(shown)
    return origins


def without_groups(tables: dict[str, pd.DataFrame], hidden: disclosure.Groups) -> dict[str, pd.DataFrame]:
    """The tables of the fits without the groups `hidden`; of their status the fact.

    The firms of the other groups that did not answer are left out in their waves, so that a hidden group
    does not follow from the sample's size.
    """
    out = dict(tables)
    status = tables["fit_status"].copy()
    withheld = _are(status, "group", hidden)
    beside = status.wave.isin({wave for _, wave, _ in hidden}).to_numpy()
    status["status"] = status.status.where(~withheld, disclosure.WITHHELD)
    for column in ("cases_used", "max_gradient"):
        status[column] = status[column].where(~withheld)
    for column in ("cases_in", "cases_missing"):
        status[column] = status[column].where(~beside)
    status["detail"] = status.detail.where(~withheld, "too few firms for publication")
    out["fit_status"] = status
    for name, side in disclosure.of_groups(tables):
        out[name] = out[name][~_are(out[name], side, hidden)]
    return out


def without_residuals(tables: dict[str, pd.DataFrame], rules: DisclosureSettings) -> dict[str, pd.DataFrame]:
    """What the model misses, without the groups whose residuals would tell too much; empty without them."""
    if "residuals" not in tables:
        return {}
    groups = disclosure.telling(tables, rules)
    names = ("residuals", "modification_indices")
    return {name: tables[name][~_are(tables[name], "group", groups)] for name in names}


def _are(frame: pd.DataFrame, side: str, groups: disclosure.Groups) -> np.ndarray:
    """Which rows are of one of the groups, by the column `side` (n, bool)."""
    rows = frame[["country", "wave", side]].itertuples(index=False, name=None)
    return np.array([row in groups for row in rows], dtype=bool)
