"""The page of a run of several countries: every slice's state, pooled paths, series, what is withheld."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

from jobs.output.diagram import DAGGER
from jobs.publish.grids import Table, grid, number, p_value, whole, words
from jobs.publish.pages import rendered
from jobs.sem.groups.pooled_slices import ALL

WORDS = {"published": "✓", "as before": "as before", "failed": "failed", "absent": "–"}
Picture = dict[str, str]  # svg and caption


@dataclass(frozen=True)
class Overview:
    """What the page shows.

    `states`: of each country and wave one of WORDS. `failures`: why, of slices that failed. `pages`: the
    page of each country that has one. `pooled`, `equal`, `tests`: as the tables
    pooled_paths, equal_paths, equality_tests. `withheld`: withheld cells by
    published table. `libraries`: versions.
    """

    title: str
    study: str
    version: str
    states: Mapping[tuple[str, str], str]
    failures: Mapping[tuple[str, str], str]
    pages: Mapping[str, str]
    withheld: Mapping[str, int]
    libraries: Mapping[str, str]
    pooled: pd.DataFrame | None = None
    equal: pd.DataFrame | None = None
    tests: pd.DataFrame | None = None
    forests: Sequence[Picture] = field(default_factory=list)
    series: Sequence[Picture] = field(default_factory=list)


def render(overview: Overview) -> str:
    """The page, one file that needs no network."""
    countries = list(dict.fromkeys(country for country, _ in overview.states))
    waves = list(dict.fromkeys(wave for _, wave in overview.states))
    contents = [
        ("states", "Countries and waves", True),
        ("pooled", "Paths", overview.pooled is not None),
        ("equal", "One model", overview.equal is not None),
        ("forests", "Country by country", bool(overview.forests)),
        ("series", "Over the waves", bool(overview.series)),
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
        pooled=_pooled(overview.pooled, of_all=True),
        apart=_pooled(overview.pooled, of_all=False),
        equal=_equal(overview.equal),
        tests=_tests(overview.tests),
        forests=_pictures(overview.forests),
        series=_pictures(overview.series),
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


def _pooled(pooled: pd.DataFrame | None, of_all: bool) -> list[Table]:
    """A table a pool and group: each path's mean over all slices, or those of countries and of waves."""
    if pooled is None:
        return []
    chosen = pooled[(pooled.pool == ALL) == of_all]
    columns = ["path", "mean", "error", "interval", "p", "slices", "left out", "tau²", "I²"]
    tables = []
    for (pool, group), part in chosen.groupby(["pool", "group"], sort=True):
        rows = [
            [
                f"{words(row.rhs)} → {words(row.lhs)}",
                number(row.est, 4) + ("" if row.reliable or pd.isna(row.est) else DAGGER),
                number(row.se, 4),
                _interval(row),
                p_value(row.pvalue),
                whole(row.slices),
                whole(row.left_out),
                number(row.tau2, 4),
                number(row.i2, 2),
            ]
            for row in part.itertuples()
        ]
        tables.append(grid(f"{group} firms, {pool}", columns, rows))
    return tables


def _equal(equal: pd.DataFrame | None) -> list[Table]:
    """A table a pool and group: the paths that all slices share."""
    columns = ["path", "estimate", "error", "interval", "p", "slices", "left out"]
    tables = []
    for (pool, group), part in () if equal is None else equal.groupby(["pool", "group"], sort=True):
        rows = [
            [
                f"{words(row.rhs)} → {words(row.lhs)}",
                number(row.est, 4) + ("" if row.reliable or pd.isna(row.est) else DAGGER),
                number(row.se, 4),
                _interval(row),
                p_value(row.pvalue),
                whole(row.slices),
                whole(row.left_out),
            ]
            for row in part.itertuples()
        ]
        tables.append(grid(f"{group} firms, {pool}", columns, rows))
    return tables


def _tests(tests: pd.DataFrame | None) -> list[Table]:
    """The tests that loadings, and then paths, are equal."""
    if tests is None or tests.empty:
        return []
    columns = ["slices of", "firms", "equal", "chi-square", "df", "F", "df", "df of the error", "p"]
    rows = [
        [
            row.pool,
            row.group,
            words(row.equal),
            number(row.chisq, 2),
            whole(row.chisq_df),
            number(row.f, 3),
            number(row.f_df, 1),
            number(row.f_df_error, 1),
            p_value(row.pvalue) if pd.notna(row.pvalue) else row.detail,
        ]
        for row in tests.itertuples()
    ]
    return [grid("Are they equal?", columns, rows, 3)]


def _interval(row: Any) -> str:
    """The ends of an interval, or why there is none."""
    if pd.isna(row.est):
        return str(row.detail)
    return f"{number(row.ci_lower, 4)} to {number(row.ci_upper, 4)}"


def _pictures(pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    return [{"svg": Markup(picture["svg"]), "caption": picture["caption"]} for picture in pictures]
