"""Which figures a publication has: path diagrams by country, forests and series of the run, maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from jobs.output import diagram
from jobs.output.file_names import FileNames
from jobs.output.forest import heterogeneity
from jobs.publish.figures import Figure
from jobs.publish.grids import words
from jobs.publish.rules import WITHHELD
from jobs.sem.groups.pooled_slices import ALL
from jobs.settings.classifications import WHOLE
from jobs.settings.sections import FitSettings

SLICE = ["country", "wave", "group"]
INDICATORS = ("complementarity_general", "commonality_general")
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its files, its caption, and the country it is of (none: of the run)."""

    stem: str
    figure: Figure
    caption: str
    country: str = ""


def path_diagrams(shown: Tables, fit_of: Callable[[str, str], FitSettings]) -> list[Picture]:
    """One a country, wave and group; `fit_of` gives how a country's wave was fitted."""
    names = FileNames()
    status = shown["fit_status"].set_index(SLICE)
    pictures = []
    for (country, wave, group), rows in shown["estimates"].groupby(SLICE, sort=True):
        fit = fit_of(country, wave)
        primary = rows[rows.error == fit.primary_error]
        firms = int(status.loc[(country, wave, group), "cases_used"])
        title = f"{str(group).capitalize()} firms, {country} {wave}"
        note = f"N = {firms:,}; standardised; errors {fit.primary_error}; * p < 0.05, ** 0.01, *** 0.001"
        if not primary[primary.op == "~"].reliable.all():
            note += f"; {diagram.UNRELIABLE}"
        figure = Figure("path diagram", primary, title, note, (fit.level,))
        stem = names.stem("path", country, wave, group)
        pictures.append(Picture(stem, figure, f"{title}, N = {firms:,}", country))
    return pictures


def forests(parts: pd.DataFrame, pooled: pd.DataFrame, country: str = "") -> list[Picture]:
    """One a path and group: each country's mean over its waves, or each wave of `country`; the mean of all.

    Both as the table pooled_paths.
    """
    names, pictures = FileNames(), []
    for row in _shown(pooled).itertuples():
        own = _of(parts, row).rename(columns={"pool": "name"})
        rows = pd.concat([own, pd.DataFrame([row._asdict()])], ignore_index=True)
        rows = rows.assign(group=rows.name.fillna(ALL), groups=rows.slices)
        title = f"{words(row.rhs)} → {words(row.lhs)}, {row.group} firms"
        figure = Figure("forest", rows, title, heterogeneity(pd.Series(row._asdict())))
        caption = f"{title}: {row.slices} slices of {row.countries} countries"
        pictures.append(Picture(names.stem("forest", row.group, row.lhs, row.rhs), figure, caption, country))
    return pictures


def series(by_wave: pd.DataFrame, waves: Sequence[str], breaks: Sequence[str]) -> list[Picture]:
    """One a path: each wave's mean over the countries in every group; `breaks`: waves that begin anew."""
    names, pictures = FileNames(), []
    for (lhs, rhs), rows in by_wave.groupby(["lhs", "rhs"], sort=True):
        if rows.est.notna().sum() < 2:
            continue
        title = f"{words(rhs)} → {words(lhs)}"
        note = "means over the countries with their intervals"
        note += "; dashed: a break in the series" if breaks else ""
        figure = Figure(
            "series", rows.rename(columns={"pool": "wave"}), title, note, (tuple(waves), tuple(breaks))
        )
        pictures.append(Picture(names.stem("series", lhs, rhs), figure, title))
    return pictures


def maps(indicators: pd.DataFrame, shapes: Mapping[str, Any], country: str = "") -> list[Picture]:
    """One a wave and indicator in general: the regions of `country`, or of all countries of the run.

    `indicators`: the published table cluster_indicators; `shapes`: the rings of each region by its code.
    """
    names, pictures = FileNames(), []
    whole = indicators[indicators.sector == WHOLE]
    for wave, rows in whole.groupby("wave", sort=True):
        known = rows[rows.region.isin(shapes.keys())]
        for name in INDICATORS:
            if known.empty or known[name].isna().all():
                continue
            status = rows.get(f"{name}_status", pd.Series("", index=rows.index))
            shown = pd.DataFrame({"region": rows.region, "value": rows[name].astype(float)})
            shown["withheld"] = status == WITHHELD
            title = f"{words(name).capitalize()}, {wave}"
            note = "share; hatched: withheld; grey: undefined"
            more = tuple((region, shapes[region]) for region in known.region)
            figure = Figure("map", shown.reset_index(drop=True), title, note, more)
            stem = names.stem("map", *([country] if country else []), wave, name)
            pictures.append(Picture(stem, figure, title, country))
    return pictures


def _shown(pooled: pd.DataFrame) -> pd.DataFrame:
    return pooled[pooled.est.notna()]


def _of(pooled: pd.DataFrame, row: Any) -> pd.DataFrame:
    same = (pooled.group == row.group) & (pooled.lhs == row.lhs) & (pooled.rhs == row.rhs)
    return pooled[same & (pooled.op == row.op)]
