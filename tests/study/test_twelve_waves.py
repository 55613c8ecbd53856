"""Twelve waves of three countries, in three versions of NUTS and two classifications: one panel.

The plain study and its translation (see twelve_waves) hold the same firms and deliveries, so that the run
that converts has to publish the figures of the run that has nothing to convert.
"""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
import twelve_waves
from rich.console import Console

from jobs.run import execute, workfolder
from jobs.run.context import Context
from jobs.run.progress import Progress
from jobs.settings import reading
from jobs.simulate import named, studies
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES

COUNTRIES, WAVES = ("AA", "BB", "CC"), named.waves("12")
REQUEST = {
    **{"countries": list(COUNTRIES), "waves": list(WAVES), "regions": 3, "sectors": 3},
    **{"firms": 400, "layout": "long"},
}


def run(spark, conf: Path) -> Context:
    chosen = reading.read(str(conf), ["pool.one_model=false", "defaults.fit.max_failed_groups=1000"])
    workfolder.claim(Path(chosen.work))
    context = Context(lambda: spark, chosen, Tables(lambda: spark, f"{chosen.work}/tables"), STAGES)
    execute.run(context, Progress(Console(file=io.StringIO())))
    return context


@pytest.fixture(scope="module")
def both(spark, tmp_path_factory) -> tuple[Path, Path]:
    """The folders of the plain run and of the translated one."""
    plain, translated = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("translated")
    studies.studies(spark, studies.wanted(REQUEST), plain)
    conf = twelve_waves.write(plain, translated, COUNTRIES, tuple(WAVES))
    run(spark, plain / "europe.yaml")
    run(spark, conf)
    return plain / "published", translated / "published"


@pytest.mark.parametrize(
    "name", ["estimates", "pooled_paths", "cluster_indicators", "indicator_changes", "sample_waterfall"]
)
def test_what_is_published_is_that_of_files_that_need_no_conversion(both, name):
    plain, translated = (folder / f"{name}.csv" for folder in both)
    if name == "indicator_changes":  # the translated run knows where sectors come from another file
        first, second = (pd.read_csv(path).drop(columns="series_break") for path in (plain, translated))
        pd.testing.assert_frame_equal(first, second)
    else:
        assert plain.read_bytes() == translated.read_bytes()


def test_changes_over_another_classification_are_marked(both):
    rows = pd.read_csv(both[1] / "indicator_changes.csv")
    marked = rows[rows.series_break.fillna("").str.contains("another classification")]
    assert set(marked.wave) == {"cis2008"} and set(marked.before) == {"cis2006"}


def test_waves_without_questions_on_partners_have_no_origins_of_partners(both):
    waves = {path: set(pd.read_csv(path / "partner_origin.csv").query("firms > 0").wave) for path in both}
    assert waves[both[0]] - waves[both[1]] <= set(twelve_waves.GAPS)
    assert not waves[both[1]] & set(twelve_waves.GAPS)


def test_the_pages_say_which_versions_and_parts_there_were(both):
    page = (both[1] / "country_AA.html").read_text(encoding="utf-8")
    assert "flows_cis3.csv: regions are of NUTS 2010" in page
    assert "flows_cis2020.csv: regions are of NUTS 2021" in page
    assert "of the firms have a code of activity that stands for no one sector" in page


def test_pooled_paths_hold_the_truth(both):
    truth = pd.read_csv(both[1].parent.parent / both[0].parent.name / "AA" / "truth.csv")
    pooled = pd.read_csv(both[1] / "pooled_paths.csv").query("pool == 'all slices'")
    paths = truth.merge(pooled, on=["group", "lhs", "op", "rhs"]).dropna(subset=["se"])
    assert len(paths) == 8
    # Eight paths: a true one is outside 99.9 % limits once in more than a hundred draws.
    assert ((paths.value - paths.est).abs() < 3.3 * paths.se).all(), paths
