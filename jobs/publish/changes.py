"""How published indicators change from wave to wave, in regions that are the same in both.

A change is made of two published figures and nothing else, so that it tells no more than these two tell.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pandas as pd

from jobs.publish.grids import Table, grid, percent
from jobs.settings.classifications import WHOLE
from jobs.settings.sections import FAMILIES

INDICATORS = tuple(f"{family}_{kind}" for family in FAMILIES for kind in ("within", "general"))
KEYS = ["country", "region", "sector"]
COLUMNS = (
    *("country", "wave", "before", "region", "sector", "indicator"),
    *("value", "value_before", "change", "series_break"),
)
BETWEEN = "; "  # reasons of a break
OTHER_SECTORS = "sectors come from another classification"


@dataclass(frozen=True)
class Measured:
    """How a slice measures: its regions, and by family where its sectors come from and what begins anew."""

    regions: Hashable
    sectors: Mapping[str, Hashable]
    breaks: Mapping[str, Sequence[str]]


def changes(indicators: pd.DataFrame, measured: Mapping[tuple[str, str], Measured]) -> pd.DataFrame:
    """The table indicator_changes from the published table cluster_indicators.

    `measured` holds the slices by country and wave, waves in their order. Waves whose regions differ have no
    changes; a sector of a region as a whole has no figure within itself.
    """
    pairs = _pairs(set(zip(indicators.country, indicators.wave, strict=True)), measured)
    if not pairs:
        return pd.DataFrame(columns=list(COLUMNS))
    both = indicators.merge(pd.DataFrame(pairs), on=["country", "wave"]).merge(
        indicators.rename(columns={"wave": "before"}), on=[*KEYS, "before"], suffixes=("", "_before")
    )
    order = ["country", "wave", "region", "sector", "indicator"]
    parts = [_of_indicator(both, name) for name in INDICATORS]
    return pd.concat(parts, ignore_index=True).sort_values(order, ignore_index=True)


def _pairs(
    there: AbstractSet[tuple[str, str]], measured: Mapping[tuple[str, str], Measured]
) -> list[dict[str, str | None]]:
    """Waves that are compared: country, wave, the wave before, and of each family why its series breaks."""
    pairs: list[dict[str, str | None]] = []
    before: dict[str, str] = {}
    for (country, wave), own in measured.items():
        if (country, wave) not in there:
            continue
        last = before.get(country)
        before[country] = wave
        if last is not None and measured[country, last].regions == own.regions:
            why = {_break(family): _breaks(family, own, measured[country, last]) for family in FAMILIES}
            pairs.append({"country": country, "wave": wave, "before": last, **why})
    return pairs


def _break(family: str) -> str:
    """The column of why the series of a family of indicators breaks."""
    return f"break of {family}"


def _of_indicator(both: pd.DataFrame, name: str) -> pd.DataFrame:
    family, _, kind = name.rpartition("_")
    # The figure in general stands in the rows of all sectors; it is shown once.
    rows = both[(both.sector == WHOLE) == (kind == "general")]
    value, earlier = rows[name].astype(float), rows[f"{name}_before"].astype(float)
    why = rows[_break(family)].astype(object)
    out = rows[["country", "wave", "before", "region", "sector"]].assign(
        indicator=name,
        value=value,
        value_before=earlier,
        change=value - earlier,
        series_break=why.where(why.notna(), None),
    )
    return out.loc[value.notna() & earlier.notna(), list(COLUMNS)]


def _breaks(family: str, own: Measured, before: Measured) -> str | None:
    why = list(own.breaks.get(family, ()))
    if own.sectors.get(family) != before.sectors.get(family):
        why.append(OTHER_SECTORS)
    return BETWEEN.join(why) or None


def tables(of_changes: pd.DataFrame) -> list[Table]:
    """Changes in general for the report, a table a wave: percentage points a region."""
    shown = []
    whole = of_changes[of_changes.sector == WHOLE]
    for (wave, before), part in whole.groupby(["wave", "before"], sort=False):
        rows = []
        for region, of_region in part.groupby("region", sort=True):
            by_name = of_region.set_index("indicator")
            row = [str(region)]
            for family in FAMILIES:
                name = f"{family}_general"
                known = name in by_name.index
                row += _words(by_name.loc[name]) if known else ["", ""]
            rows.append(row)
        why = dict.fromkeys(reason for said in part.series_break.dropna() for reason in said.split(BETWEEN))
        caption = f"{wave} against {before}"
        caption += f"; a break in the series: {BETWEEN.join(why)}" if why else ""
        columns = ["region", *[head for family in FAMILIES for head in (family, "points")]]
        shown.append(grid(caption, columns, rows))
    return shown


def _words(row: pd.Series) -> list[str]:
    return [percent(row["value"]), f"{100 * row['change']:+.1f}".replace("-", "\u2212")]
