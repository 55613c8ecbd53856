"""Twelve waves of three countries, in three versions of NUTS and two classifications: one panel.

The plain study and its translation (see twelve_waves) hold the same firms and deliveries, so that the run
that converts has to publish the figures of the run that has nothing to convert.
"""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import twelve_waves
from rich.console import Console

from jobs.run import execute, workfolder
from jobs.run.context import Context
from jobs.run.progress import Progress
from jobs.sem.groups.pooled_slices import ALL
from jobs.settings import reading
from jobs.simulate import named, studies
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES


@dataclass(frozen=True)
class Size:
    """What is simulated: the whole of the issue takes some ten minutes, a wave of each kind two."""

    countries: tuple[str, ...]
    waves: tuple[str, ...]
    regions: int
    sectors: int
    firms: int

    def __str__(self) -> str:
        return f"{len(self.waves)} waves"

    @property
    def request(self) -> dict[str, Any]:
        return {**vars(self), "countries": list(self.countries), "waves": list(self.waves), "layout": "long"}


THREE = Size(("AA", "BB"), ("cis2006", "cis2012", "cis2018"), 3, 3, 400)
TWELVE = Size(("AA", "BB", "CC"), tuple(named.waves("12")), 6, 5, 1200)


def run(spark, conf: Path) -> Context:
    of_survey = "defaults.survey.identifiers=persistent"
    chosen = reading.read(
        str(conf), ["pool.one_model=false", "defaults.fit.max_failed_groups=1000", of_survey]
    )
    workfolder.claim(Path(chosen.work))
    context = Context(lambda: spark, chosen, Tables(lambda: spark, f"{chosen.work}/tables"), STAGES)
    execute.run(context, Progress(Console(file=io.StringIO())))
    return context


@dataclass(frozen=True)
class Both:
    """The folders of the plain run and of the translated one."""

    size: Size
    plain: Path
    translated: Path

    def table(self, name: str, plain: bool = False) -> pd.DataFrame:
        return pd.read_csv((self.plain if plain else self.translated) / "published" / f"{name}.csv")


@pytest.fixture(scope="module", params=[THREE, pytest.param(TWELVE, marks=pytest.mark.long)], ids=str)
def both(request, spark, tmp_path_factory) -> Both:
    size = request.param
    plain, translated = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("translated")
    studies.studies(studies.wanted(size.request), plain)
    conf = twelve_waves.write(plain, translated, size.countries, size.waves)
    run(spark, plain / "europe.yaml")
    run(spark, conf)
    return Both(size, plain, translated)


PUBLISHED = ["estimates", "pooled_paths", "cluster_indicators", "indicator_changes", "persisting_firms"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_published_is_that_of_files_that_need_no_conversion(both, name):
    first, second = both.table(name, plain=True), both.table(name)
    if name == "indicator_changes":  # the translated run knows where sectors come from another file
        first, second = (changes.drop(columns="series_break") for changes in (first, second))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_firms_in_two_waves_are_those_that_were_accepted_in_both(spark, both):
    firms: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in spark.read.format("delta").load(str(both.plain / "work" / "tables" / "survey")).collect():
        firms[row["country"], row["wave"]].add(row["firm_id"])
    came = both.table("persisting_firms")
    assert len(came) == len(both.size.countries) * (len(both.size.waves) - 1)
    for row in came.itertuples():
        number = len(firms[row.country, row.wave] & firms[row.country, row.before])
        assert row.firms_in_both % 10 == 0 and 0 <= number - row.firms_in_both < 10
        assert 0 < row.innovators_in_both < row.firms_in_both


def test_changes_over_another_classification_are_marked(both):
    rows = both.table("indicator_changes")
    marked = rows[rows.series_break.fillna("").str.contains("another classification")]
    old = [wave in twelve_waves.OLD_SECTORS for wave in both.size.waves]
    first = old.index(False)
    assert set(marked.wave) == {both.size.waves[first]} and set(marked.before) == {both.size.waves[first - 1]}


def test_waves_without_questions_on_partners_have_no_origins_of_partners(both):
    def with_partners(plain: bool) -> set[str]:
        origins = both.table("partner_origin", plain)
        return set(origins[(origins.origin == "any domestic") & (origins.firms > 0)].wave)

    assert with_partners(plain=True) == set(both.size.waves)
    assert with_partners(plain=False) == set(both.size.waves) - set(twelve_waves.GAPS)


def test_the_pages_say_which_versions_and_parts_there_were(both):
    page = (both.translated / "published" / "country_AA.html").read_text(encoding="utf-8")
    assert "flows_cis2006.csv: regions are of NUTS 2010" in page
    assert "flows_cis2018.csv: regions are of NUTS 2021" in page
    assert "of the firms have a code of activity that stands for no one sector" in page


def test_pooled_paths_hold_the_truth(both):
    truth = pd.read_csv(both.plain / "AA" / "truth.csv")
    pooled = both.table("pooled_paths")
    paths = truth.merge(pooled[pooled.pool == ALL], on=["group", "lhs", "op", "rhs"])
    if both.size == TWELVE:  # slices of 400 firms have few reliable paths
        assert len(paths) == 8 and paths.se.notna().all()
    paths = paths.dropna(subset=["se"])
    # Eight paths: a true one is outside 99.9 % limits once in more than a hundred draws.
    assert ((paths.value - paths.est).abs() < 3.3 * paths.se).all(), paths
