"""The page of a run of several countries: every slice's state, pooled paths, series, what is withheld."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from jobs.publish import over_slices
from jobs.publish.grids import grid, whole, words
from jobs.publish.pages import Drawing, drawings, rendered

WORDS = {"published": "✓", "as before": "as before", "failed": "failed", "absent": "–"}


@dataclass(frozen=True)
class Overview:
    """What the page shows.

    `states`: of each country and wave one of WORDS. `failures`: why, of slices that failed. `pages`: the
    page of each country that has one. `pooled`: the tables of over_slices by name. `withheld`: withheld
    cells by published table. `libraries`: versions.
    """

    title: str
    study: str
    version: str
    states: Mapping[tuple[str, str], str]
    failures: Mapping[tuple[str, str], str]
    pages: Mapping[str, str]
    withheld: Mapping[str, int]
    libraries: Mapping[str, str]
    pooled: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    forests: Sequence[Drawing] = field(default_factory=list)
    series: Sequence[Drawing] = field(default_factory=list)
    maps: Sequence[Drawing] = field(default_factory=list)


def render(overview: Overview) -> str:
    """The page, one file that needs no network."""
    countries = list(dict.fromkeys(country for country, _ in overview.states))
    waves = list(dict.fromkeys(wave for _, wave in overview.states))
    contents = [
        ("states", "Countries and waves", True),
        ("pooled", "Paths", "pooled_paths" in overview.pooled),
        ("equal", "One model", "equal_paths" in overview.pooled),
        ("forests", "Country by country", bool(overview.forests)),
        ("series", "Over the waves", bool(overview.series)),
        ("maps", "Maps", bool(overview.maps)),
        ("withheld", "Withheld", True),
        ("provenance", "Provenance", True),
    ]
    return rendered(
        "overview.html.j2",
        title=overview.title,
        study=overview.study,
        version=overview.version,
        contents=[(place, name) for place, name, there in contents if there],
        countries=[_country(country, waves, overview) for country in countries],
        waves=waves,
        counts=_counts(overview.states.values()),
        failures=[f"{country} {wave}: {why}" for (country, wave), why in overview.failures.items()],
        **over_slices.grids(overview.pooled),
        forests=drawings(overview.forests),
        forests_by="country",
        series=drawings(overview.series),
        maps=drawings(overview.maps),
        withheld=grid(
            "Withheld cells by table",
            ["table", "cells"],
            [[words(name), whole(cells)] for name, cells in overview.withheld.items()],
        ),
        versions=grid(
            "Versions", ["library", "version"], [list(pair) for pair in overview.libraries.items()], 2
        ),
    )


def _country(country: str, waves: list[str], overview: Overview) -> dict[str, Any]:
    """A row of the table of states."""
    states = []
    for wave in waves:
        kind = overview.states.get((country, wave), "absent")
        why = overview.failures.get((country, wave), "")
        states.append({"kind": kind.replace(" ", "-"), "word": WORDS[kind], "why": why})
    return {"name": country, "page": overview.pages.get(country, ""), "states": states}


def _counts(states: Any) -> str:
    counts = Counter(states)
    named = [(counts[word], word) for word in WORDS if counts[word] and word != "absent"]
    return ", ".join(f"{count} slices {word}" for count, word in named) + "."
