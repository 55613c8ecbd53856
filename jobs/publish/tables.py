"""The published tables: through disclosure control, and sorted by their keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from jobs.publish import commonality, counts, models, safeguards
from jobs.publish.counts import Counted, Guarded
from jobs.sem.bootstrap.replicates import TABLES as BOOTSTRAP
from jobs.sem.groups.rows import DIAGNOSIS
from jobs.settings.sections import DisclosureSettings
from jobs.transforms.origins import ORIGINS, size_classes

PUBLISHED = (
    *("partner_origin", "cluster_indicators", "estimates", "fit_measures"),
    *("group_differences", "fit_status", *DIAGNOSIS, *BOOTSTRAP, "sample_waterfall"),
)
Guard = Callable[[list[Counted]], list[Guarded]]
Names = tuple[dict[str, str], dict[str, str]]  # of regions and of sectors, by code


def _in_turn(slices: list[Counted]) -> list[Guarded]:
    return [counts.guard(counted) for counted in slices]


def names(diagnosis: bool, bootstrap: bool) -> list[str]:
    """The published tables; those of a diagnosis or bootstrap where asked for: empty files help nobody."""
    unasked = {*(() if diagnosis else DIAGNOSIS), *(() if bootstrap else BOOTSTRAP)}
    return [name for name in PUBLISHED if name not in unasked]


def protected(
    raw: dict[str, pd.DataFrame],
    rules: DisclosureSettings,
    edges: Sequence[int],
    guard: Guard = _in_turn,
    choose: commonality.Choose = commonality.in_turn,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The tables `raw` after disclosure control, and its audit (see safeguards.audit).

    `raw` holds beside the published tables `support`, `in_the_sample` and `largest_weights`;
    `edges` are those of the size classes. `guard` is counts.guard of each of a list, `choose`
    commonality.withheld.
    """
    hidden = models.withheld(raw["fit_status"], raw["support"], rules)
    origins = sorted_cells(counts.whole_table(raw["partner_origin"]), edges)
    slices = safeguards.slices(origins, raw, hidden.keys(), rules)
    guarded = dict(zip(slices, guard(list(slices.values())), strict=True))
    tables_of_fits = {name: raw[name] for name in PUBLISHED if name in raw}
    fits = models.protected(tables_of_fits, raw["support"], hidden.keys(), rules)
    shares = raw["cluster_indicators"], raw["largest_weights"]
    indicators, reasons = commonality.protect(*shares, rules, choose)
    tables = {
        **fits,
        "partner_origin": safeguards.origins(origins, guarded),
        "cluster_indicators": indicators,
        "sample_waterfall": safeguards.waterfall(raw["sample_waterfall"], guarded),
        "fit_status": safeguards.status(fits["fit_status"], raw["fit_status"], guarded),
    }
    published = {name: tables[name].reset_index(drop=True) for name in PUBLISHED if name in raw}
    return published, safeguards.audit(guarded, reasons, hidden)


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


def sorted_cells(cells: pd.DataFrame, edges: Sequence[int]) -> pd.DataFrame:
    """The origins of partners by size class, in the order of their classes."""
    cells = cells.copy()
    order = {"size_class": size_classes(edges), "origin": list(ORIGINS)}
    for column, values in order.items():
        cells[column] = pd.Categorical(cells[column], values, ordered=True)
    cells = cells.sort_values(["country", "wave", "size_class", "origin"]).reset_index(drop=True)
    return cells.astype({"size_class": str, "origin": str})
